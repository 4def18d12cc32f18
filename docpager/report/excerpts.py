"""Quotes in the text around them, beside pictures of their pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from docpager.archive.archive import Archive
from docpager.core.errors import ArchiveError, DocpagerError
from docpager.report.page_pictures import PagePictures, ShownPage, shown_pages
from docpager.report.watching import WatchedRun
from docpager.run.answer_line import Citation
from docpager.run.cited_places import CitedPlace

__all__ = ["Excerpt", "Excerpts"]

_AROUND = 700
"""Characters of text before and after a quote, in documents without pages."""
_MOST_OF_PAGE = 6_000
"""Characters of its page before and after a quote: sheets of a workbook have millions."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A quote in the text around it."""

    before: str
    quote: str
    after: str
    source: str
    """Where the text comes from, in words."""
    pages: Sequence[ShownPage] = ()
    """Pictures of the pages that it stands on."""
    problem: str = ""
    """Why there are none, where there should be."""


class Excerpts:
    """Quotes in the text around them, from the archives of the runs where they are still there.

    `pictures` draws their pages; None: they are not wanted.
    """

    def __init__(self, pictures: PagePictures | None = None) -> None:
        self._open: dict[str, Archive | None] = {}
        self._pictures = pictures

    def __enter__(self) -> Excerpts:
        return self

    def __exit__(self, *error: object) -> None:
        for archive in self._open.values():
            if archive is not None:
                archive.close()
        if self._pictures is not None:
            self._pictures.__exit__(*error)

    def of(self, citation: Citation, run: WatchedRun, *, pictures: bool = True) -> Excerpt | None:
        """From the archive, or else from the passages that the run read; None where neither has
        the text that the quote was found in."""
        if not citation.stands:
            return None
        drawing = self._pictures if pictures else None
        try:
            return self._from_archive(citation, run, drawing)
        except DocpagerError as error:
            found = _from_passages(citation, run)
            if found is None or drawing is None or citation.place.page is None:
                return found
            return replace(found, problem=f"There is no picture of the page: {error}")

    def archive_of(self, journal: Path, header: Mapping[str, Any]) -> Archive | None:
        """The archive of a run, where it was or where the journal is now; None where it is gone.
        `header` is that of the journal."""
        return self._archive(journal, header["archive"], header["archive_id"])

    def forgotten(self, journal: Path, header: Mapping[str, Any]) -> tuple[int, ...]:
        """Documents that the archive of a journal has forgotten since."""
        archive = self.archive_of(journal, header)
        return archive.forgotten if archive else ()

    def archive_of_run(self, run: WatchedRun) -> Archive | None:
        """The same of a run that was watched."""
        return self._archive(run.journal, run.header.archive, run.header.archive_id)

    def _from_archive(
        self, citation: Citation, run: WatchedRun, drawing: PagePictures | None
    ) -> Excerpt:
        """The same, from the archive alone.

        Raises:
            DocpagerError: the archive no longer has the text that the run read; says why.
        """
        place = citation.place
        archive = self.archive_of_run(run)
        if archive is None:
            raise ArchiveError(f"the archive '{run.header.archive}' is no longer there")
        id = place.document_id.removeprefix("D")
        if place.start is None or place.end is None or not id.isdecimal():
            raise ArchiveError("the citation does not say where in the document it stands")
        number = int(id)
        entry = archive.document(number)
        # Offsets are of the text that the run read: another reading has other ones.
        if run.texts.get(number) != archive.text_sha256(number):
            raise ArchiveError(f"{entry} was read by other rules since the run")
        first, last = _stretch(archive, number, place.start, place.end)
        text = archive.text(number, first, last)
        at, end = place.start - first, place.end - first
        cited = CitedPlace(entry, place, place.start, place.end, citation.quote, citation.match)
        pages, problem = shown_pages(drawing, archive, cited) if drawing else ((), "")
        return Excerpt(text[:at], text[at:end], text[end:], "from the archive", pages, problem)

    def _archive(self, journal: Path, named: str, id: str) -> Archive | None:
        for directory in (Path(named), journal.absolute().parent.parent):
            if (archive := self._opened(directory)) is not None and archive.id == id:
                return archive
        return None

    def _opened(self, directory: Path) -> Archive | None:
        name = str(directory.absolute())
        if name not in self._open:
            try:
                self._open[name] = Archive.open(directory)
            except DocpagerError:
                self._open[name] = None
        return self._open[name]


def _stretch(archive: Archive, number: int, start: int, end: int) -> tuple[int, int]:
    """From where to where text is shown: the pages that a quote stands on, or what is around it."""
    pages = [p for p in archive.pdf_pages(number) if p.start < end and p.end > start]
    if not pages:
        return max(0, start - _AROUND), end + _AROUND
    return (
        max(pages[0].start, start - _MOST_OF_PAGE),
        min(max(pages[-1].end, end), end + _MOST_OF_PAGE),
    )


def _from_passages(citation: Citation, run: WatchedRun) -> Excerpt | None:
    for passage in run.passages.values():
        at = passage.text.find(citation.quote) if str(passage.id) in citation.passages else -1
        if at >= 0 and citation.quote:
            end = at + len(citation.quote)
            text = passage.text
            return Excerpt(
                text[:at], citation.quote, text[end:], "from the passage that the run read"
            )
    return None
