"""Passage, Note, Hit and DocumentEntry: what moves from room to room."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

__all__ = [
    "HALF_CHARACTER",
    "PAGE_WORDS",
    "ROW_KINDS",
    "DocumentEntry",
    "Hit",
    "Note",
    "Passage",
    "PassageId",
    "PassageRange",
    "counted",
    "memory_number",
    "number_ranges",
    "source_name",
    "turn_number",
    "written_ranges",
]

HALF_CHARACTER = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair: text that holds one cannot be written as UTF-8."""


PAGE_WORDS: Mapping[str, str] = {
    "pdf": "PDF page",
    "xlsx": "sheet",
    "xls": "sheet",
    "ods": "sheet",
    "pptx": "slide",
    "odp": "slide",
}
"""By kind of document: what people call what it is divided into; `page` for others."""
ROW_KINDS = frozenset({"xlsx", "xls", "ods", "csv"})
"""Kinds of documents whose lines begin with the number of their row: `Row 12: `."""


_MEMORIES = 1_000_000_000
"""Above every number that a locator can hold."""


def turn_number(turn: int) -> int:
    """The document number of turn `turn` of a conversation: what was said is read, searched and
    cited as documents are, and no document has a number below 1."""
    return -turn


def memory_number(memory: int) -> int:
    """The document number of an archived memory."""
    return -_MEMORIES - memory


def source_name(number: int) -> str:
    """What a document number is called: a document, a turn or a memory.

    >>> source_name(3), source_name(turn_number(12)), source_name(memory_number(7))
    ('D3', 'T12', 'M7')
    """
    if number >= 0:
        return f"D{number}"
    return f"M{-number - _MEMORIES}" if number < -_MEMORIES else f"T{-number}"


class PassageId(NamedTuple):
    """A passage's name in one archive: printed as `D3:c120`."""

    document: int
    """Of a turn or a memory: see `turn_number` and `memory_number`."""
    ordinal: int

    def __str__(self) -> str:
        return f"{source_name(self.document)}:c{self.ordinal}"


class PassageRange(NamedTuple):
    """Passages `first` to `last` (both included, counted from 1) of one document."""

    document: int
    first: int
    last: int

    def __str__(self) -> str:
        ordinals = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        return f"{source_name(self.document)}:c{ordinals}"

    def covers(self, passage: PassageId) -> bool:
        """Whether the passage is one of the range."""
        return passage.document == self.document and self.first <= passage.ordinal <= self.last

    def ids(self) -> list[PassageId]:
        """The passages of the range, in reading order."""
        return [PassageId(self.document, n) for n in range(self.first, self.last + 1)]


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun; `plural` where that is not the noun and an s.

    >>> counted(1, "step"), counted(2000, "step"), counted(0, "match", "matches")
    ('1 step', '2,000 steps', '0 matches')
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def written_ranges(passages: Iterable[PassageId]) -> str:
    """Passages in reading order, neighbours joined.

    >>> written_ranges([PassageId(1, 4), PassageId(1, 5), PassageId(2, 9)])
    'D1:c4-5, D2:c9'
    """
    runs: list[PassageRange] = []
    for passage in passages:
        last = runs[-1] if runs else None
        if last and passage == PassageId(last.document, last.last + 1):
            runs[-1] = last._replace(last=passage.ordinal)
        else:
            runs.append(PassageRange(passage.document, passage.ordinal, passage.ordinal))
    return ", ".join(map(str, runs))


def number_ranges(numbers: Iterable[int]) -> list[str]:
    """Rising numbers, neighbours joined.

    >>> number_ranges([1, 2, 3, 7])
    ['1-3', '7']
    """
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return [f"{first}" if first == last else f"{first}-{last}" for first, last in ranges]


@dataclass(frozen=True, slots=True)
class Passage:
    """A slice of one document: the unit that is searched, paged and cited."""

    document: int
    ordinal: int
    """Position in the document, counted from 1, as in D3:c1."""
    text: str
    tokens: int
    """Size by the built-in estimator, at most 330 on every machine."""
    start: int
    """Offset of the first character in the document's text."""
    first_pdf_page: int | None = None
    """PDF page of the first character, counted from 1; None where there are no PDF pages."""
    page_starts: tuple[tuple[int, int], ...] = ()
    """(offset in `text`, pdf_page) of each PDF page that begins inside, in order; offset 0 too."""
    caption: str = ""
    """What is said beside its locator: of a turn who said it, and when."""

    @property
    def id(self) -> PassageId:
        return PassageId(self.document, self.ordinal)

    @property
    def end(self) -> int:
        """Offset just past the last character in the document's text."""
        return self.start + len(self.text)

    @property
    def pdf_pages(self) -> tuple[int, int] | None:
        """First and last PDF page, counted from 1."""
        if self.first_pdf_page is None:
            return None
        return (self.first_pdf_page, self.pdf_page_at(len(self.text)) or self.first_pdf_page)

    def pdf_page_at(self, offset: int) -> int | None:
        """The PDF page on which the character at `offset` of `text` stands."""
        begun = bisect_right(self.page_starts, offset, key=lambda start: start[0])
        return self.page_starts[begun - 1][1] if begun else self.first_pdf_page


@dataclass(frozen=True, slots=True)
class Note:
    """Something the model wrote down, and the places it came from."""

    number: int
    """As in N2."""
    text: str
    sources: tuple[str, ...]
    """Locators, in their written form."""
    seen: tuple[PassageId, ...]
    """Passages that were resident then: what was copied from them may be quoted."""

    @property
    def name(self) -> str:
        return f"N{self.number}"


@dataclass(frozen=True, slots=True)
class Hit:
    """One passage that matched, and the part of it that did."""

    passage: PassageId
    snippet: str
    """The part that matched, on one line; never the whole passage unless that is so short."""
    pdf_page: int | None
    """PDF page of the part that matched, counted from 1."""
    by: str
    """What found it: `words`, `meaning`, `both` or `pattern`."""


@dataclass(frozen=True, slots=True)
class DocumentEntry:
    """What the archive knows of one document without opening it."""

    id: int
    path: str
    """Relative to the ingested root, with `/`, and preceded by as many folders of it as tell it
    apart from the same path under another root; the first by name where files are equal."""
    title: str
    """The document's own title, else the file's stem."""
    kind: str
    """`pdf`, `text`, `record` (one line of a JSONL file), `xlsx` or another kind of file; `turn` or
    `memory` of what was said."""
    passages: int
    tokens: int
    pdf_pages: int
    """Also slides and sheets; 0 where the document has none."""
    unreadable_pdf_pages: tuple[int, ...] = ()
    """PDF pages without usable text, counted from 1."""
    other_paths: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return source_name(self.id)

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path, *self.other_paths)

    @property
    def page_word(self) -> str:
        """What people call its pages: `PDF page`, `sheet`, `slide` or `page`."""
        return PAGE_WORDS.get(self.kind, "page")

    def __str__(self) -> str:
        return f"{self.name} {self.path}"
