"""Every knob of a run, as small frozen values with the reason for each default."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from docpager.core.errors import UsageError
from docpager.core.inputs import check_number, check_whole

__all__ = [
    "DEFAULT_BATCH_USD",
    "DEFAULT_RUN_USD",
    "INTERFACES",
    "MOST_PREFETCHED",
    "PICTURES",
    "PLAIN_UP_TO",
    "READ_AHEAD",
    "SUMMARIES",
    "ChatSettings",
    "PagingSettings",
    "RunLimits",
    "check_dollars",
]

DEFAULT_RUN_USD = 1.0
"""Where a run with a model that costs money stops unless the user says otherwise."""
DEFAULT_BATCH_USD = 10.0
"""The same for a whole batch."""


MOST_PREFETCHED = 10
"""Passages that a run may begin with: a page of search results holds no more."""
INTERFACES = ("auto", "full", "small", "plain")
"""What a model may be offered: eight functions, four, or plain questions about passages; `auto`
chooses by the size of the model."""
PICTURES = ("auto", "on", "off")
"""Whether a model may look at pictures of pages: `auto` lets one that is known to see, where text
of the documents is poor."""
PLAIN_UP_TO = 2_000_000_000
"""Parameters of the largest model that `auto` asks plainly. Measured with models of 0.5 and 1.8
billion (benchmarks/local_models); larger ones were not, and are left the full set."""
READ_AHEAD = 4
"""Passages that a run brings at once to a model which is asked plainly."""


@dataclass(frozen=True, slots=True)
class PagingSettings:
    """How main context is divided and when it is rebuilt.

    Pressure is (prompt + `max_output`) / `window`, in tokens of the model. The arithmetic is in
    `docpager.paging.pressure`.

    Raises:
        UsageError: a value of a wrong type or below 1, or not
            0 < rebuild_to <= warn_at <= rebuild_at <= 1.
    """

    window: int = 32_000
    """Tokens that prompt and reserved output share."""
    max_output: int = 512
    """Tokens reserved for one reply."""
    warn_at: float = 0.7
    """Memory pressure at which the model is warned: MemGPT (arXiv:2310.08560) warns at 0.7 too."""
    rebuild_at: float = 0.9
    """Memory pressure at which an answered warning is followed by a rebuild."""
    rebuild_to: float = 0.2
    """Share of the window up to which pages stay in a rebuild."""
    notes: bool = True
    """False takes `write_note` away: an ablation."""
    pins: bool = True
    """False takes pins away: an ablation."""
    reading_log: bool = True
    """False leaves it out: an ablation."""
    prefetch: int = 0
    """Passages, best first, of a search for the question that are in main context from the
    beginning, as an operating system reads ahead; 0 for none."""
    functions: str = "full"
    """`small` offers four functions under shorter instructions: for models that lose their way
    among eight. `plain` offers none: the run searches by itself, shows passages and asks for a
    quote, for models that lose their way among four. `auto` is `plain` where a server says that its
    model has at most `PLAIN_UP_TO` parameters, else `full`."""
    page_pictures: str = "auto"
    """Whether `view_page` is offered, which shows a page of a PDF as a picture at its price in
    tokens. `auto`: to models that are known to see (Claude), where a page in reach has no usable
    text, doubtful text or recognised text; there a picture says what no passage can, and elsewhere
    it would only cost more than the text. `on`: always, whatever is known of the model.

    What the archive does not know `auto` does not look for: figures on pages of good text. A PDF
    without any text is in the archive only if its pages were recognised."""

    def __post_init__(self) -> None:
        check_whole(self.window, "window")
        check_whole(self.max_output, "max_output")
        check_whole(self.prefetch, "prefetch")
        if not 0 <= self.prefetch <= MOST_PREFETCHED:
            raise UsageError(f"`prefetch=` is a number from 0 to {MOST_PREFETCHED}")
        if self.functions not in INTERFACES:
            raise UsageError(f"`functions=` is one of {', '.join(INTERFACES)}")
        if self.page_pictures not in PICTURES:
            raise UsageError(f"`page_pictures=` is one of {', '.join(PICTURES)}")
        if self.page_pictures == "on" and self.functions in ("small", "plain"):
            raise UsageError(
                f"`page_pictures=on` needs `functions=full`; `functions={self.functions}` leaves "
                "out what shows a page"
            )
        for name in ("warn_at", "rebuild_at", "rebuild_to"):
            check_number(getattr(self, name), name)
        if self.window < 1 or self.max_output < 1:
            raise UsageError("window and max output are numbers of tokens, from 1")
        if not 0 < self.rebuild_to <= self.warn_at <= self.rebuild_at <= 1:
            raise UsageError("rebuild_to, warn_at and rebuild_at rise from above 0 to at most 1")

    @property
    def plain(self) -> bool:
        """Whether the model is asked without functions."""
        return self.functions == "plain"

    @property
    def ahead(self) -> int:
        """Passages that are brought at once without being asked for: plain questions need some."""
        return self.prefetch or (READ_AHEAD if self.plain else 0)


@dataclass(frozen=True, slots=True)
class RunLimits:
    """When a run must come to an end.

    Limits hold before a request is sent: what could exceed one at its worst case is not sent.

    Raises:
        UsageError: a value of a wrong type, or not above 0.
    """

    max_steps: int = 60
    """Replies, the finishing one included."""
    timeout_seconds: float | None = None
    """Seconds of model and executor time; None for no limit."""
    max_usd: float | None = None
    """Dollars, lost attempts included; None for no limit."""
    max_tokens: int | None = None
    """Tokens of all prompts and replies together; None for no limit."""
    timers: bool = True
    """False tells the model nothing of time and money: for comparisons of answers."""

    def __post_init__(self) -> None:
        check_whole(self.max_steps, "max_steps")
        check_whole(self.max_tokens, "max_tokens")
        check_number(self.timeout_seconds, "timeout_seconds")
        if self.max_steps < 1:
            raise UsageError(f"`max_steps=` must be at least 1, not {self.max_steps}")
        if self.timeout_seconds is not None and not self.timeout_seconds > 0:
            raise UsageError(
                f"`timeout_seconds=` must be above 0 seconds, not {self.timeout_seconds:g}"
            )
        check_dollars(self.max_usd)
        if self.max_tokens is not None and self.max_tokens < 1:
            raise UsageError(f"`max_tokens=` must be at least 1, not {self.max_tokens}")


SUMMARIES = ("recursive", "none")
"""What may be kept in main context of turns that leave it."""
MOST_AT_HAND = 0.5
"""Largest share of `room` that a conversation at hand may take: the rest is for reading."""


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """What of a conversation stands in every prompt.

    Shares are of `room`: what is left of the window beside instructions, functions, two replies and
    the smallest results of one step (`docpager.paging.pressure`).

    Raises:
        UsageError: a value of a wrong type, a share that is negative or all three above
            `MOST_AT_HAND`, no such policy of summaries, or a block without a name.
    """

    core_share: float = 0.10
    """Most that core memory takes. MemGPT (arXiv:2310.08560, section 2.1) calls it working context
    and gives it a fixed size; what would exceed it is refused."""
    summary_share: float = 0.07
    """Most that the summary of what left takes."""
    turns_share: float = 0.18
    """Most that the newest turns take; MemGPT's FIFO queue (section 2.2)."""
    leave_to: float = 0.5
    """Share of `turns_share` that turns are reduced to once they no longer fit: leaving one at a
    time would cost a summary each. MemGPT's queue manager evicts about half of the window too."""
    summary: str = "recursive"
    """`recursive`: the model writes a new summary from the old one and the turns that leave
    (MemGPT, section 2.2); `none`: they leave without one, and recall finds them."""
    blocks: tuple[str, ...] = ("human", "persona")
    """Names of the blocks of core memory in a session that begins; MemGPT's two."""
    maintain_after: int | None = None
    """Messages after which maintenance is due; None for never by itself."""

    def __post_init__(self) -> None:
        for name in ("core_share", "summary_share", "turns_share", "leave_to"):
            check_number(getattr(self, name), name)
        check_whole(self.maintain_after, "maintain_after")
        shares = (self.core_share, self.summary_share, self.turns_share)
        if min(shares) < 0 or sum(shares) > MOST_AT_HAND:
            raise UsageError(
                f"core_share, summary_share and turns_share are from 0, together at most "
                f"{MOST_AT_HAND:g}"
            )
        if not 0 <= self.leave_to <= 1:
            raise UsageError("leave_to is a share from 0 to 1")
        if self.summary not in SUMMARIES:
            raise UsageError(f"summary is one of {', '.join(SUMMARIES)}")
        if self.maintain_after is not None and self.maintain_after < 1:
            raise UsageError("maintain_after is a number of messages, from 1")
        names = [name.strip() for name in self.blocks]
        if not all(names) or len(set(names)) != len(names) or isinstance(self.blocks, str):
            raise UsageError("blocks are different names, such as ('human', 'persona')")


def check_dollars(limit: float | None) -> None:
    """Refuse a limit that is none.

    Raises:
        UsageError: it is not above 0, or without end.
    """
    check_number(limit, "max_usd")
    if limit is not None and not limit > 0:
        raise UsageError(f"`max_usd=` must be above 0 dollars, not {limit:g}")
    if limit == inf:
        raise UsageError("`max_usd=` must be a finite number of dollars")
