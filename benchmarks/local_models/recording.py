"""Models that keep what they said, and models that say it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from cattrs import Converter

from docpager.core.errors import ModelError
from docpager.models.messages import ChatModel, FunctionSchema, ModelReply, ModelRequest
from docpager.models.server_tokens import MeasuredCounter, ServerTokens

__all__ = ["Recording", "RecordingModel", "RepeatingModel"]


@dataclass(frozen=True, slots=True)
class Recording:
    """All that a server said during one run."""

    replies: tuple[ModelReply, ...] = ()
    counts: tuple[int, ...] = ()
    """Tokens of the prompts that it was asked to count, in order."""
    counter: str = ""
    """Name of the counter that was measured at it; empty where it could not be."""
    fixed: int = 0
    """Tokens of instructions and functions by its count."""

    def as_json(self) -> dict[str, Any]:
        """The recording as `json.dumps` takes it; what is as usual is left out."""
        usual = asdict(ModelReply())
        replies = [
            {name: value for name, value in asdict(reply).items() if value != usual[name]}
            for reply in self.replies
        ]
        return {"replies": replies, "counts": list(self.counts), "counter": self.counter,
                "fixed": self.fixed}  # fmt: skip

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Recording:
        """What `as_json` wrote."""
        return Converter().structure(written, cls)


class RecordingModel(ChatModel):
    """Asks another model and keeps what its server says."""

    def __init__(self, model: ChatModel) -> None:
        self.name = model.name
        self._model = model
        self._recording = Recording()

    def take(self) -> Recording:
        """What was said since the last call."""
        taken, self._recording = self._recording, Recording()
        return taken

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The model's reply."""
        reply = await self._model.complete(request)
        self._keep(replies=(*self._recording.replies, reply))
        return reply

    async def count_tokens(self, request: ModelRequest) -> int | None:
        """The server's count."""
        tokens = await self._model.count_tokens(request)
        if tokens is not None:
            self._keep(counts=(*self._recording.counts, tokens))
        return tokens

    @property
    def may_measure(self) -> bool:
        return self._model.may_measure

    async def measure_tokens(
        self, instructions: str, functions: tuple[FunctionSchema, ...]
    ) -> ServerTokens | None:
        """How the server counts."""
        tokens = await self._model.measure_tokens(instructions, functions)
        if tokens is not None:
            self._keep(counter=tokens.counter.name, fixed=tokens.fixed)
        return tokens

    async def check(self, *, window: int, max_output: int) -> None:
        await self._model.check(window=window, max_output=max_output)

    async def close(self) -> None:
        await self._model.close()

    def _keep(self, **changes: Any) -> None:
        self._recording = replace(self._recording, **changes)


@dataclass
class RepeatingModel(ChatModel):
    """Says what a recording holds, whatever it is asked: no server is needed."""

    recording: Recording
    name: str = "recorded"
    requests: list[ModelRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._replies, self._counts = iter(self.recording.replies), iter(self.recording.counts)

    async def complete(self, request: ModelRequest) -> ModelReply:
        """The next reply.

        Raises:
            ModelError: the recorded run asked for no more.
        """
        self.requests.append(request)
        reply = next(self._replies, None)
        if reply is None:
            raise ModelError("the recorded run asked for no further reply")
        return reply

    async def count_tokens(self, request: ModelRequest) -> int | None:
        """The next count; None where the server gave none."""
        return next(self._counts, None)

    @property
    def may_measure(self) -> bool:
        return bool(self.recording.counter)

    async def measure_tokens(
        self, instructions: str, functions: tuple[FunctionSchema, ...]
    ) -> ServerTokens | None:
        """How the server counted."""
        counter = MeasuredCounter.named(self.recording.counter)
        return None if counter is None else ServerTokens(counter, self.recording.fixed)
