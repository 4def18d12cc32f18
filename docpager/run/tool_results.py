"""What the executor is given for each call, and what it hands back: typed, so that a journal can
feed a run again."""

from __future__ import annotations

from dataclasses import dataclass, field

from docpager.core.passages import Hit, Passage, PassageId, PassageRange
from docpager.core.pictures import Picture, PictureId
from docpager.core.places import Place
from docpager.models.messages import ToolCall

__all__ = [
    "Found",
    "Listed",
    "Loaded",
    "PassedThrough",
    "PendingCall",
    "QuoteCheck",
    "QuotesChecked",
    "Refused",
    "TooLarge",
    "ToolResult",
    "Viewed",
]


@dataclass(frozen=True, slots=True)
class PendingCall:
    """A call to execute: at most `bound` tokens of result, given what is resident."""

    call: ToolCall
    bound: int
    resident: frozenset[PassageId]
    """What was in main context when the model made the call."""
    pictures: frozenset[PictureId] = frozenset()
    """Pictures that were in main context then."""
    viewed: frozenset[PictureId] = frozenset()
    """Pictures that had been shown to the model by then, also those that have left."""


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
    remark: str = ""
    """Which of its pages are better looked at, where the model may."""
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
class Viewed:
    """A page of a PDF, drawn from its file."""

    path: str
    picture: Picture
    text: str
    """What the archive has of the page's text: that there is none, or why it may be wrong; empty
    where nothing speaks against it."""
    renderer: str = ""
    """What drew it, with its version: another one draws other bytes."""
    png: bytes = field(default=b"", repr=False, compare=False)
    """Not written down with the result: a journal has the hash, the file stands beside it."""

    @property
    def document(self) -> int:
        return self.picture.document


@dataclass(frozen=True, slots=True)
class QuoteCheck:
    """One citation, looked up in the archive."""

    locator: str
    quote: str
    """The archive's own wording where it was found, else the model's."""
    match: str
    """`exact`, `normalised`, `repaired` or `failed`; `picture` where no quote is given, of a page
    without reliable text that the model was shown as a picture: nothing of it was checked."""
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

    @property
    def stands(self) -> bool:
        """Whether the quote was found in the archive."""
        return self.match not in ("failed", "picture")


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


ToolResult = Found | Listed | Loaded | TooLarge | Viewed | QuotesChecked | PassedThrough | Refused
