"""How a batch is driven. None of it changes an answer."""

from __future__ import annotations

from dataclasses import dataclass

from docpager.core.errors import UsageError
from docpager.core.inputs import check_number, check_whole
from docpager.core.settings import check_dollars

__all__ = ["BatchSettings"]

_LIVE_PLACES = 8


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How many questions are driven: at once, in rounds, for how much. None of it changes an
    answer.

    Raises:
        UsageError: a value of a wrong type, or not above 0, or `finish_live_after_seconds` without
            `by_batches`.
    """

    concurrency: int | None = None
    """Questions under way at once, at most; None for 8 live, 8 for each worker of an engine, and
    500 in rounds."""
    by_batches: bool = False
    """Whether steps are made in message batches."""
    finish_live_after_seconds: float | None = None
    """When the questions that are left are finished without batches."""
    max_usd: float | None = None
    """Dollars for all sessions together."""
    max_tokens: int | None = None
    """Tokens of all prompts and replies of all sessions together."""

    def __post_init__(self) -> None:
        check_whole(self.concurrency, "concurrency")
        check_whole(self.max_tokens, "max_tokens")
        check_number(self.finish_live_after_seconds, "finish_live_after_seconds")
        if self.concurrency is not None and self.concurrency < 1:
            raise UsageError(f"`concurrency=` must be at least 1, not {self.concurrency}")
        check_dollars(self.max_usd)
        if self.max_tokens is not None and self.max_tokens < 1:
            raise UsageError(f"`max_tokens=` must be at least 1, not {self.max_tokens}")
        if self.finish_live_after_seconds is not None and not self.by_batches:
            raise UsageError("`finish_live_after_seconds=` is for `by_batches=True`")

    @property
    def live_places(self) -> int:
        return self.concurrency or _LIVE_PLACES

    def places_on(self, workers: int) -> int:
        """Questions under way at once on an engine of so many workers."""
        return self.concurrency or _LIVE_PLACES * workers

    @property
    def seats(self) -> int:
        """Questions that take part in rounds at once."""
        return self.concurrency or 500
