"""What the executor hands back for each call: typed, so that a journal can feed a run again."""

from __future__ import annotations

from dataclasses import dataclass

from docpager.core.passages import Hit, Passage, PassageId, PassageRange
from docpager.core.places import Place

__all__ = [
    "Found",
    "Listed",
    "Loaded",
    "PassedThrough",
    "QuoteCheck",
    "QuotesChecked",
    "Refused",
    "TooLarge",
    "ToolResult",
]


@dataclass(frozen=True, slots=True)
class Found:
    """Hits of one page of a search or a grep."""

    hits: tuple[Hit, ...]
    paths: tuple[tuple[int, str], ...]
    """(document number, path) of every document among the hits."""
    page: int
    pages: int
    by_words: int
    """Passages that contain a query word; for a grep, passages that match."""
    by_meaning: int
    """Passages found by meaning alone; 0 for a grep."""
    hidden: int = 0
    """Hits of this page left out because they would not have fitted."""
    remark: str = ""
    """What became of a filter that names no document."""
    origins: tuple[int, ...] = ()
    """Documents that turns and memories among the hits came from."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Lines of a document list or of an outline."""

    lines: tuple[str, ...]
    more: int = 0
    """Lines left out because they would not have fitted."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Passages of one range, read from the archive."""

    range: PassageRange
    path: str
    passages: tuple[Passage, ...]
    """Those of the range that were not resident when the call was made."""
    resident: tuple[PassageId, ...] = ()
    """Those of the range that already were."""
    labels: tuple[tuple[int, str], ...] = ()
    """(pdf_page, printed label) where the two differ."""
    page_word: str = "pdf page"
    """What the document's pages are called."""
    origins: tuple[int, ...] = ()
    """Documents that a turn or a memory came from."""


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A range that was not read because it is larger than the call's bound."""

    range: PassageRange
    tokens: int
    """About what it would take."""
    fits: PassageRange | None
    """The beginning of the range that would fit, if any."""


@dataclass(frozen=True, slots=True)
class QuoteCheck:
    """One citation, looked up in the archive."""

    locator: str
    quote: str
    """The archive's own wording where it was found, else the model's."""
    match: str
    """`exact`, `normalised`, `repaired` or `failed`."""
    document: int | None = None
    place: Place | None = None
    """Where the quote begins; where it was not found, the document that was looked in."""
    passages: tuple[PassageId, ...] = ()
    """The passages that the quote stands in."""
    problem: str | None = None
    """A sentence for the model where the match failed, or the place was not seen."""
    seen: bool = True
    """Whether the model had the place, or a note of it, before it when it answered."""
    names_missing: tuple[str, ...] = ()
    """Names and years of the question that stand neither on the cited page nor in the document's
    title or path."""
    doubt: str | None = None
    """Why the text of the cited page may be wrong; None where nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class QuotesChecked:
    """The citations of an answer, in their order."""

    checks: tuple[QuoteCheck, ...]


@dataclass(frozen=True, slots=True)
class PassedThrough:
    """A call that concerns only the run's own state: notes, releases, recall, paging in a note."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A sentence that the model can act on."""

    message: str


ToolResult = Found | Listed | Loaded | TooLarge | QuotesChecked | PassedThrough | Refused
