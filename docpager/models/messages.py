"""What is said to a model and what it replies, independent of any provider."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from docpager.core.errors import ModelError
from docpager.core.pictures import Picture, PicturePrice

if TYPE_CHECKING:
    from docpager.models.server_tokens import ServerTokens

__all__ = [
    "AssistantTurn",
    "BatchItem",
    "BatchResult",
    "BatchStatus",
    "CallResult",
    "ChatModel",
    "FunctionSchema",
    "Lost",
    "ModelLike",
    "ModelReply",
    "ModelRequest",
    "ServedContext",
    "SubmittedBatch",
    "ToolCall",
    "Turn",
    "Usage",
    "UserTurn",
]


@dataclass(frozen=True, slots=True)
class FunctionSchema:
    """One function as the model is told of it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments object."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function that the model wants called."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a call gave, as the model reads it."""

    call_id: str
    text: str
    is_error: bool = False
    picture: Picture | None = None
    """Stands behind the text."""


@dataclass(frozen=True, slots=True)
class UserTurn:
    """Results of the calls before it, in their order, then text (never neither), then pictures."""

    text: str = ""
    results: tuple[CallResult, ...] = ()
    shared_length: int = 0
    """Leading characters of `text` that other questions share: the place for a cache breakpoint."""
    pictures: tuple[Picture, ...] = ()
    """Behind the text, each with its label before it."""

    @property
    def all_pictures(self) -> tuple[Picture, ...]:
        """Those of the results and its own, in order."""
        return (*(r.picture for r in self.results if r.picture is not None), *self.pictures)


@dataclass(frozen=True, slots=True)
class AssistantTurn:
    """A reply as it arrived."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    raw: tuple[Mapping[str, Any], ...] = ()
    """The provider's own content blocks, echoed verbatim; empty where there is no provider."""


Turn = UserTurn | AssistantTurn


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Everything the model sees for its next reply."""

    instructions: str
    functions: tuple[FunctionSchema, ...]
    turns: tuple[Turn, ...]
    max_output_tokens: int
    calls_allowed: bool = True
    """False on the last allowed step: the reply must be an answer in plain text."""
    picture_files: Mapping[str, bytes] = field(default_factory=dict, compare=False, repr=False)
    """PNG files by the hash that its turns name: a run knows hashes alone, and whoever sends the
    request adds the bytes."""

    @property
    def pictures(self) -> Iterator[Picture]:
        """The pictures of all turns."""
        for turn in self.turns:
            if isinstance(turn, UserTurn):
                yield from turn.all_pictures


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply. Input is the sum of the three input fields."""

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    source: str = "estimate"
    """`server` where the provider counted, else `estimate`."""
    cache_write_1h_tokens: int = 0
    """The part of `cache_write_tokens` that is kept for an hour, at a higher price."""

    @property
    def prompt_tokens(self) -> int:
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    def __add__(self, other: Usage) -> Usage:
        source = "server" if self.source == other.source == "server" else "estimate"
        return Usage(
            self.input_tokens + other.input_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.output_tokens + other.output_tokens,
            source,
            self.cache_write_1h_tokens + other.cache_write_1h_tokens,
        )


@dataclass(frozen=True, slots=True)
class Lost:
    """Attempts that failed but may have been billed, at their worst case."""

    attempts: int = 0
    tokens: int = 0
    usd: float | None = 0.0
    """None where no price is known."""

    def __add__(self, other: Lost) -> Lost:
        unknown = self.usd is None or other.usd is None
        usd = None if unknown else (self.usd or 0.0) + (other.usd or 0.0)
        return Lost(self.attempts + other.attempts, self.tokens + other.tokens, usd)


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What the model answered."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    stop_reason: str = "end_turn"
    """`tool_use`, `end_turn`, `max_tokens`, `refusal` or whatever else the provider said."""
    usage: Usage | None = None
    """None where the model reports none: the run estimates it."""
    raw: tuple[Mapping[str, Any], ...] = field(default=())
    elapsed_seconds: float = 0.0
    cost_usd: float | None = None
    """None where no price is known; 0.0 for models that cost nothing."""
    lost: Lost = Lost()
    """What failed attempts before this reply may have cost."""
    stop_detail: str = ""
    """What the provider said beside the stop reason, such as the category of a refusal."""
    by_batch: bool = False
    """Whether it came in a message batch, at its price."""

    @property
    def is_cut_off(self) -> bool:
        """Whether its end is missing, so that its last call may be half of one."""
        return self.stop_reason in _CUT_OFF


_CUT_OFF = frozenset({"max_tokens", "length", "model_context_window_exceeded"})


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One request of a message batch."""

    custom_id: str
    request: ModelRequest


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of one item: a reply, or why there is none."""

    custom_id: str
    reply: ModelReply | None = None
    error: str = ""
    again: bool = False
    """Whether the item may be sent again (expired, canceled, or an error of the server's)."""
    may_be_billed: bool = False
    """Whether there was a reply that could not be read."""


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """How far a message batch is."""

    ended: bool
    waiting: int
    """Items without a result."""


@dataclass(frozen=True, slots=True)
class SubmittedBatch:
    """A message batch that the server has."""

    id: str
    items: int


class ModelLike(Protocol):
    """The least that can be asked: any object with these two. See `models.as_chat_model`."""

    @property
    def name(self) -> str: ...

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Reply to `request`."""
        ...


@dataclass(frozen=True, slots=True)
class ServedContext:
    """What a server certainly serves of a model now."""

    tokens: int
    """That prompt and reply may use together."""
    server: str
    """Its software and address, in words."""
    how_to_raise: str
    """How its user gives it more, with a place for `{window}`."""


class ChatModel(ABC):
    """A model: one request in, one reply out.

    A subclass has a `name` and `complete`. Everything else has a default, which says that the model
    or its server does not do that; what a subclass overrides is used wherever the model is asked.
    """

    name: str

    batch_ttl: Literal["5m", "1h"] | None = None
    """How long what the requests of a message batch share is cached; None not at all. A batch sets
    it once it knows what caching saves; a model without batches need not look at it."""

    notify: Callable[[str], None] = staticmethod(lambda message: None)
    """Told, a sentence each, what somebody who waits wants to know before the first request: that
    the server still loads its model, that its context may be too small."""

    sees: PicturePrice | None = None
    """How large a picture may be that the model is shown, and what it takes; None where the model
    is not known to see."""

    pictures_were_told = False
    """Whether `notify` was told that the model may look at pictures of pages."""

    size_was_told = False
    """Whether `notify` was told that the model is asked in another way because of its size."""

    @abstractmethod
    async def complete(self, request: ModelRequest) -> ModelReply:
        """Reply to `request`; try once.

        Raises:
            AttemptFailed: this attempt failed; says whether another may succeed.
            ModelError: the model cannot be used at all.
        """

    async def check(self, *, window: int, max_output: int) -> None:
        """See, before the first request, that runs of this size (in tokens) can be asked at all.

        Raises:
            UsageError: the window or the reserved output is larger than the model's.
            ModelError: there are no credentials.
        """
        return

    async def served_context(self) -> ServedContext | None:
        """The context that its server certainly serves; None where nobody can tell."""
        return None

    async def count_tokens(self, request: ModelRequest) -> int | None:
        """Tokens of the prompt by the server's count, at no price; None where it does not count."""
        return None

    @property
    def may_measure(self) -> bool:
        """Whether `measure_tokens` may tell more than the usual estimates."""
        return False

    async def measure_tokens(
        self, instructions: str, functions: tuple[FunctionSchema, ...]
    ) -> ServerTokens | None:
        """How the server counts, asked before a run is planned; None for the usual estimates."""
        return None

    async def parameters(self) -> int | None:
        """How many parameters the model has, where its server says so; None where it does not."""
        return None

    @property
    def rate_limit_left(self) -> float | None:
        """Share (0 to 1) left of its server's tightest rate limit; None where none is told."""
        return None

    async def close(self) -> None:
        """Close connections; the model can be used again all the same."""
        return

    @property
    def why_no_batches(self) -> str:
        """Why the model is not to be asked for message batches; empty where it is."""
        return f"the model {self.name!r} does not take message batches; ask it live"

    async def submit(self, items: Sequence[BatchItem]) -> str:
        """Send a message batch, answered at the price and pace of a batch; returns its id.

        Raises:
            AttemptFailed: the batch may not have arrived.
            ModelError: the server refused it, or takes none.
        """
        raise ModelError(self.why_no_batches)

    async def status(self, batch_id: str) -> BatchStatus:
        """How far the batch is."""
        raise ModelError(self.why_no_batches)

    async def results(self, batch_id: str) -> Sequence[BatchResult]:
        """The results of an ended batch, in no order; an item may be missing or come twice."""
        raise ModelError(self.why_no_batches)

    async def cancel(self, batch_id: str) -> None:
        """Ask the server to stop; what was done already is billed."""
        raise ModelError(self.why_no_batches)

    async def recent(self, since: float) -> Sequence[SubmittedBatch]:
        """Batches that the server got at or after `since` (seconds since 1970), oldest first."""
        raise ModelError(self.why_no_batches)
