"""From a citation to the words in an archive: which document, where they stand, on which pages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from docpager.core.errors import ArchiveError, UsageError
from docpager.core.locators import Locator, LocatorKind, parse_locator
from docpager.core.passages import DocumentEntry
from docpager.core.places import Place, place_in
from docpager.run.quotes import QuoteChecker

if TYPE_CHECKING:
    from docpager.archive.archive import Archive
    from docpager.archive.sources import PagePart
    from docpager.run.answer_line import Citation

__all__ = ["CitedPlace", "cited_document", "cited_place", "cited_words", "page_parts"]

_FILE_PAGE = re.compile(r"(?P<name>.+):p(?P<page>[1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class CitedPlace:
    """Words of a document, or a page of it."""

    entry: DocumentEntry
    place: Place
    start: int
    end: int
    """Offsets in the document's text of what is marked; equal where nothing is."""
    quote: str = ""
    """The archive's own wording; empty where a place was named and no words."""
    match: str = ""
    """How the quote was found: `exact`, `normalised` or `repaired`; empty without a quote."""


def cited_words(archive: Archive, citation: Citation) -> CitedPlace:
    """The place of a citation of an answer, which may be of an earlier generation.

    Raises:
        UsageError: its document is not in the archive.
        ArchiveError: its quote does not stand there.
    """
    place = citation.place
    if citation.match == "picture" and place.page is not None:
        return cited_place(archive, f"{_document(archive, place)[0].name}:p{place.page}")
    if not citation.stands:
        raise ArchiveError(
            f"the quote {_brief(citation.quote)} was not found when the answer was checked, so "
            "there is no place to open"
        )
    if place.document_id.startswith(("T", "M")):
        raise _said(place.document_id)
    entry, is_known = _document(archive, place)
    locator = citation.passages[0] if is_known and citation.passages else entry.name
    return _looked_up(archive, locator, citation.quote)


def _said(name: str) -> UsageError:
    return UsageError(f"{name} was said in a chat and stands in no document; its session shows it")


def cited_document(archive: Archive, place: Place) -> DocumentEntry:
    """The document of a place.

    Raises:
        UsageError: it is not in the archive.
    """
    return _document(archive, place)[0]


def _document(archive: Archive, place: Place) -> tuple[DocumentEntry, bool]:
    """The document of a place, and whether it is the one of that id: the answer may have been
    given over another archive."""
    if place.document_id:
        with_id = [each for each in archive.documents() if each.name == place.document_id]
        if with_id and place.document in with_id[0].paths:
            return with_id[0], True
    (number,) = archive.documents_named(place.document)[:1]
    return archive.document(number), False


def cited_place(archive: Archive, written: str, quote: str | None = None) -> CitedPlace:
    """The place that `D3:p8`, `D3:c23` or `FILE:p38` names; with a quote, where it stands there
    or else next to it or elsewhere in the document.

    Raises:
        UsageError: it names nothing in the archive.
        ArchiveError: the quote does not stand in the document.
    """
    locator = _named(archive, written)
    if quote is not None:
        return _looked_up(archive, str(locator), quote)
    entry = archive.document(locator.number)
    if locator.kind is LocatorKind.PDF_PAGES:
        pages = archive.pdf_pages(entry.id)
        if locator.first > len(pages):
            archive.resolve(locator)  # which says what there is
        page = pages[locator.first - 1]
        place = place_in(archive, entry, start=page.start, end=page.start, pdf_page=locator.first)
        return CitedPlace(entry, replace(place, row=None), page.start, page.start)
    passages = archive.load_exactly(locator)
    start, end = passages[0].start, passages[-1].end
    if locator.kind is not LocatorKind.PASSAGES:
        end = start
    pdf_page = passages[0].pdf_page_at(0)
    return CitedPlace(
        entry, place_in(archive, entry, start=start, end=end, pdf_page=pdf_page), start, end
    )


def _named(archive: Archive, written: str) -> Locator:
    try:
        locator = parse_locator(written)
    except UsageError:
        found = _FILE_PAGE.fullmatch(written)
        if found is None:
            (number,) = _single(archive, written)
            return Locator(LocatorKind.DOCUMENT, number)
        (number,) = _single(archive, found["name"])
        page = int(found["page"])
        return Locator(LocatorKind.PDF_PAGES, number, page, page)
    if locator.number < 0:
        raise _said(str(locator))
    if locator.kind is LocatorKind.NOTE:
        raise UsageError(f"{locator} is a note of a run; open the citation of an answer instead")
    return locator


def _single(archive: Archive, name: str) -> list[int]:
    """The one document of a name.

    Raises:
        UsageError: there is none, or several.
    """
    numbers = archive.documents_named(name)
    if len(numbers) > 1:
        listed = ", ".join(str(archive.document(number)) for number in numbers[:8])
        raise UsageError(f"{name!r} names several documents: {listed}; give one of them")
    return numbers


def _looked_up(archive: Archive, locator: str, quote: str) -> CitedPlace:
    checker = QuoteChecker(archive, parse_locator)
    (check,) = checker.check_all([{"locator": locator, "quote": quote}]).checks
    if not check.stands or check.place is None or check.document is None:
        # Where the place itself is none, the archive says why.
        archive.resolve(locator)
        raise ArchiveError(check.problem or f"the quote {_brief(quote)} does not stand there")
    place = check.place
    start = place.start or 0
    return CitedPlace(
        archive.document(check.document), place, start, place.end or start, check.quote, check.match
    )


def _brief(quote: str) -> str:
    text = " ".join(quote.split())
    return repr(text if len(text) <= 60 else text[:57] + "...")


def page_parts(archive: Archive, cited: CitedPlace) -> Sequence[PagePart]:
    """What is marked on each page that the words stand on; of a place without words, its page."""
    return tuple(_parts(archive, cited))


def _parts(archive: Archive, cited: CitedPlace) -> Iterator[PagePart]:
    from docpager.archive.sources import PagePart

    begins = _page_number(archive, cited)
    for page in archive.pdf_pages(cited.entry.id):
        is_touched = page.start < cited.end and page.end > cited.start
        if page.number != begins and not is_touched:
            continue
        text = archive.text(cited.entry.id, page.start, page.end) if page.end > page.start else ""
        start = min(max(cited.start - page.start, 0), len(text))
        end = max(start, min(cited.end - page.start, len(text)))
        if page.number != begins and not text[start:end].strip():
            continue
        yield PagePart(page.number, text, start, end, page.confidence is not None)


def _page_number(archive: Archive, cited: CitedPlace) -> int | None:
    """The page on which the words begin."""
    place = cited.place
    if place.page or place.slide:
        return place.page or place.slide
    pages = archive.pdf_pages(cited.entry.id)
    return next((p.number for p in pages if p.start <= cited.start < p.end), None)
