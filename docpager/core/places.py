"""Place: where something stands in a document, of whatever kind; the one kind that is cited.

A locator names what is in an archive (`D3:p8`). A place is what a person is told, what an answer
line holds and what gold evidence is written as: `report.pdf, page 8 (printed 5)`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

from docpager.core.passages import DocumentEntry

__all__ = [
    "ALIASES",
    "PLACE_FIELDS",
    "Outline",
    "Place",
    "TitledSpan",
    "page_place",
    "parse_place",
    "place_in",
]

ALIASES: Mapping[str, str] = {"pdf_page": "page", "page_label": "label"}
"""Names that fields had in the first version of answer lines and questions, still read."""

_KINDS = ("page", "sheet", "slide", "row", "section", "turn")
_FROM_ONE = ("page", "row", "slide", "turn")
_FROM_ZERO = ("start", "end")
_OPTIONAL = ("document_id", "label", "page_label", "title")
"""Fields that may be written empty where there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Place:
    """A document, or a part of it; which fields are given says what kind of part."""

    document: str
    """Path relative to the ingested root, with as many folders before it as tell it apart from
    another document of that name. In gold evidence the end of such a path will do."""
    page: int | None = None
    """Page of a PDF, counted from 1."""
    label: str | None = None
    """The number printed on that page."""
    sheet: str | None = None
    row: int | None = None
    """Row of that sheet, or of a table without sheets, counted from 1; None for all of it."""
    slide: int | None = None
    """Counted from 1."""
    section: str | None = None
    """Position in the outline, as in `2.1`; in gold evidence its title will do."""
    title: str | None = None
    """Of that section."""
    turn: int | None = None
    """Turn of a conversation, counted from 1."""
    start: int | None = None
    end: int | None = None
    """Offsets in the document's text, in characters; `end` is just past the last one."""
    document_id: str = ""
    """As in D3; empty outside an archive."""

    @property
    def kind(self) -> str:
        """`page`, `sheet`, `slide`, `row` (of a table without sheets), `section` or `turn`;
        `document` where none is given."""
        return next((kind for kind in _KINDS if getattr(self, kind) is not None), "document")

    @property
    def spot(self) -> Place:
        """The place without what differs between two quotes from it: offsets, and the id."""
        return replace(self, document_id="", start=None, end=None)

    def holds(self, other: Place) -> bool:
        """Whether the other place is this one or a part of it; offsets are not compared.

        This one may name its document by the end of its path, and its section by its title.
        """
        if not _same_document(self.document, other.document):
            return False
        match self.kind:
            case "sheet":
                return self.sheet == other.sheet and self.row in (None, other.row)
            case "row":
                return other.sheet is None and self.row == other.row
            case "section":
                return _same_section(self.section or "", other)
            case "document":
                return True
        return bool(getattr(self, self.kind) == getattr(other, self.kind))

    def as_json(self) -> dict[str, Any]:
        """The place as `json.dumps` takes it: its kind, and the fields that it has."""
        given = {name: getattr(self, name) for name in PLACE_FIELDS}
        there = {name: value for name, value in given.items() if value is not None}
        if not self.document_id:
            del there["document_id"]
        return {"kind": self.kind, **there}

    def __str__(self) -> str:
        match self.kind:
            case "page":
                printed = self.label not in (None, str(self.page))
                where = f", page {self.page}" + (f" (printed {self.label})" if printed else "")
            case "sheet":
                where = f", sheet {self.sheet}" + (f", row {self.row}" if self.row else "")
            case "section":
                where = f", section {_titled(self.section or '', self.title)}"
            case "document":
                where = ""
            case kind:
                where = f", {kind} {getattr(self, kind)}"
        return f"{self.document}{where}"


PLACE_FIELDS = tuple(field.name for field in fields(Place))
"""Every field that a place may have in JSON, beside its `kind`."""


def parse_place(value: Mapping[str, Any], *, strict: bool = False) -> Place:
    """The place that a JSON object holds; fields that no place has are left alone unless `strict`.

    >>> str(parse_place({"document": "report.pdf", "page": 8, "label": "5"}))
    'report.pdf, page 8 (printed 5)'

    Raises:
        ValueError: it holds none; the message names the field.
    """
    if strict and (strange := value.keys() - {"kind", *PLACE_FIELDS}):
        raise ValueError(f"{min(strange)!r} is not a field of a place")
    given: dict[str, Any] = {}
    for written in (*PLACE_FIELDS, *ALIASES):
        if value.get(written) is not None and (value[written] or written not in _OPTIONAL):
            name = ALIASES.get(written, written)
            if name in given:
                raise ValueError(f"{written!r} is another name of {name!r}; keep one of them")
            given[name] = _checked(value[written], written)
    if "document" not in given:
        raise ValueError("a place needs 'document'")
    kinds = [kind for kind in _KINDS if kind in given]
    if "sheet" in kinds and "row" in kinds:
        kinds.remove("row")
    if len(kinds) > 1:
        raise ValueError(f"both {kinds[0]!r} and {kinds[1]!r}; a place is of one kind")
    place = Place(**given)
    if value.get("kind") not in (None, place.kind):
        raise ValueError(f"'kind' is {value['kind']!r}, but the fields are of a {place.kind}")
    return place


def _checked(value: object, name: str) -> str | int:
    """A field's value.

    Raises:
        ValueError: it is of the wrong type, or too small.
    """
    field = ALIASES.get(name, name)
    number = isinstance(value, int) and not isinstance(value, bool)
    if field in (*_FROM_ONE, *_FROM_ZERO):
        least = int(field in _FROM_ONE)
        if not number or not isinstance(value, int) or value < least:
            raise ValueError(f"{name!r} must be a number from {least}, not {_brief(value)}")
        return value
    if field in ("section", "label", "sheet") and number:
        return str(value)
    if not isinstance(value, str) or (not value.strip() and field != "document"):
        raise ValueError(f"{name!r} must be text, not {_brief(value)}")
    return value


def _brief(value: object) -> str:
    text = json.dumps(value, default=repr)
    return text if len(text) <= 40 else text[:37] + "..."


class TitledSpan(Protocol):
    """A section of an outline, as `docpager.documents.document.Section`."""

    @property
    def number(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


class Outline(Protocol):
    """What tells the pages and sections of documents; an archive does."""

    def page_labels(self, number: int) -> Sequence[str]: ...
    def sections(self, number: int) -> Sequence[TitledSpan]: ...
    def row_at(self, number: int, offset: int) -> int | None: ...


def place_in(
    outline: Outline, entry: DocumentEntry, *, start: int, end: int, pdf_page: int | None
) -> Place:
    """Where the text from `start` to `end` of a document begins: its page, slide or sheet, the row
    of a table, else its section."""
    if entry.kind == "turn":
        return Place(entry.path, turn=-entry.id, start=start, end=end, document_id=entry.name)
    row = outline.row_at(entry.id, start)
    if pdf_page is not None:
        label = outline.page_labels(entry.id)[pdf_page - 1]
        place = page_place(entry, pdf_page, label)
        row = row if place.sheet is not None else None
        return replace(place, row=row, start=start, end=end)
    place = Place(entry.path, start=start, end=end, document_id=entry.name)
    if row is not None:
        return replace(place, row=row)
    # Sections come before their subsections, so the last one around the text is the innermost.
    around = [each for each in outline.sections(entry.id) if each.start <= start < each.end]
    if not around:
        return place
    return replace(place, section=around[-1].number, title=around[-1].title.strip() or None)


def page_place(entry: DocumentEntry, page: int, label: str) -> Place:
    """A page of a document, which is a slide or a sheet in some.

    `label` is what is printed on it, or the name of the sheet.
    """
    place = Place(entry.path, document_id=entry.name)
    match entry.page_word:
        case "sheet":
            return replace(place, sheet=label.strip() or str(page))
        case "slide":
            return replace(place, slide=page)
    return replace(place, page=page, label=label.strip() or None)


def _titled(section: str, title: str | None) -> str:
    """`2.1 Scope`, also where the heading already begins with its number."""
    if not title or title.split()[0].rstrip(".") == section:
        return title or section
    return f"{section} {title}"


def _same_document(wanted: str, given: str) -> bool:
    """Whether a path is the wanted one, or ends with it."""
    wanted, given = wanted.replace("\\", "/").removeprefix("./"), given.replace("\\", "/")
    return given == wanted or given.endswith(f"/{wanted}")


def _same_section(wanted: str, given: Place) -> bool:
    number, title = given.section or "", given.title or ""
    beneath = number == wanted or number.startswith(f"{wanted}.")
    return beneath or " ".join(wanted.lower().split()) == " ".join(title.lower().split())
