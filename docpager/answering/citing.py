"""What may be quoted: what was resident, or was copied into a note while it was."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from docpager.answering.citations import flat
from docpager.answering.results import QuoteCheck
from docpager.core.passages import Note, PassageId

__all__ = ["review"]


def review(
    checks: Sequence[QuoteCheck],
    quotes: Sequence[str],
    *,
    resident: Collection[PassageId],
    notes: Sequence[Note],
) -> tuple[QuoteCheck, ...]:
    """The checks, failed where the model had not read what it quotes.

    `quotes` are the model's own wordings, `resident` what it saw when it answered.
    """
    return tuple(
        check
        if check.match == "failed" or _was_read(check, quote, resident, notes)
        else replace(
            check,
            match="failed",
            problem=f"the quote from {check.locator} is neither in main context nor in a note; "
            f"page_in {check.passages[0]} first",
        )
        for check, quote in zip(checks, quotes, strict=True)
    )


def _was_read(
    check: QuoteCheck, quote: str, resident: Collection[PassageId], notes: Sequence[Note]
) -> bool:
    if all(passage in resident for passage in check.passages):
        return True
    wanted = {flat(quote), flat(check.quote)}
    return any(
        set(check.passages) <= set(note.seen) and any(each in flat(note.text) for each in wanted)
        for note in notes
    )
