"""The files that documents were read from: found again, seen to be unchanged, drawn by pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from docpager.archive.archive import Archive
from docpager.archive.remote_files import local_copy, sha256_at, stands_there
from docpager.core.errors import ArchiveError, DocumentError, UsageError
from docpager.core.locations import Location, as_location
from docpager.core.pictures import PicturePrice
from docpager.documents.details import DocumentDetails
from docpager.documents.files import leads_out
from docpager.documents.ocr.tesseract import Tesseract, find_tesseract
from docpager.documents.page_picture import DPI, MOST_PIXELS, PagePicture, PageWanted
from docpager.documents.reader_pool import Reader, ReadingJob, ReadingLimits
from docpager.documents.reasons import Reason

__all__ = [
    "PagePart",
    "PageRenderer",
    "SourceFile",
    "draw_pages",
    "known_file",
    "read_details",
    "source_file",
]

_LIMITS = ReadingLimits(processes=1, timeout_seconds=60.0)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The file of a document, as the archive knows it."""

    path: Location
    """Where it stands, absolute."""
    root: Location
    """The ingested folder that it stands in."""
    relative_path: str
    sha256: str
    """Of its bytes when they were read."""
    inside: str = ""
    """Of a document that the file carries or a line of it: what follows the file's path, as in
    `#minutes.pdf`."""
    language: str = ""
    """In which its pictures were recognised; empty where they were not."""

    @property
    def leads_out(self) -> bool:
        """Whether it is a link to something outside of its root."""
        if not isinstance(self.path, Path) or not isinstance(self.root, Path):
            return False
        return leads_out(self.path, self.root)


@dataclass(frozen=True, slots=True)
class PagePart:
    """What is to be marked on one page."""

    number: int
    text: str
    """Of the page, as the archive holds it."""
    start: int
    end: int
    """Offsets in `text`; equal where nothing is marked."""
    is_recognised: bool = False


def known_file(archive: Archive, number: int) -> SourceFile:
    """The file of a document, by its name alone: the first of those that are there.

    Raises:
        UnknownLocator: there is no live document of this id.
        ArchiveError: no file of it is there.
    """
    return _found(archive, number)[0]


def source_file(archive: Archive, number: int) -> SourceFile:
    """The file of a document, whose content is what was read.

    Raises:
        UnknownLocator: there is no live document of this id.
        ArchiveError: no file of it is there, or each has changed.
    """
    found = _found(archive, number)
    for file in found:
        try:
            if sha256_at(str(file.path)) == file.sha256:
                return file
        except DocumentError:
            continue
    raise ArchiveError(
        f"'{found[0].path}' has changed since it was ingested; ingest it again, and ask again"
    )


def _found(archive: Archive, number: int) -> list[SourceFile]:
    known = archive.files(number)
    files = [
        SourceFile(
            as_location(file.location, "file"),
            as_location(file.root, "root"),
            file.path,
            file.sha256,
            next(line for id, line in file.documents if id == number),
            file.language,
        )
        for file in known
    ]
    there = [file for file in files if stands_there(str(file.path))]
    if not there:
        where = f"'{files[0].path}' is" if files else "its file is"
        raise ArchiveError(f"{archive.document(number)}: {where} no longer there")
    return there


class PageRenderer:
    """Draws pages of documents, one after the other, in one process with limits of time and memory.

    A file is looked at once: whether it is there, and unchanged.
    """

    def __init__(self) -> None:
        self._reader = Reader(_LIMITS)
        self._files: dict[tuple[str, int], SourceFile | ArchiveError] = {}

    def __enter__(self) -> PageRenderer:
        return self

    def __exit__(self, *error: object) -> None:
        self._reader.stop()
        self._reader.close()

    def draw(
        self,
        archive: Archive,
        number: int,
        parts: Sequence[PagePart],
        *,
        dpi: int = DPI,
        most_pixels: int = MOST_PIXELS,
        colours: int | None = None,
        is_marked: bool = True,
        is_drawn: bool = True,
        within: PicturePrice | None = None,
    ) -> list[PagePicture]:
        """Pages of a document as they are shown, each with the rectangles around what is to be
        marked. The other arguments are those of `PageWanted`.

        Raises:
            UsageError: the document is no PDF.
            UnknownLocator: there is no live document of this id.
            ArchiveError: its file is not there, or has changed.
            DocumentError: a page cannot be drawn, or is too large.
        """
        entry = archive.document(number)
        if entry.kind != "pdf":
            raise UsageError(f"{entry} has no page that could be drawn: it is no PDF")
        if not parts:
            return []
        file = self._file(archive, number)
        tesseract = _tesseract(file) if any(part.is_recognised for part in parts) else None
        sha256 = archive.sha256(number)
        wanted = [
            PageWanted(
                sha256,
                part.number,
                part.text,
                part.start,
                part.end,
                dpi=dpi,
                is_marked=is_marked,
                is_drawn=is_drawn,
                is_recognised=part.is_recognised,
                most_pixels=most_pixels,
                colours=colours,
                within=within,
            )
            for part in parts
        ]
        with local_copy(file.path) as path:
            jobs = [
                ReadingJob(path, file.relative_path, ocr=tesseract, picture=each) for each in wanted
            ]
            return [_picture(self._reader, job) for job in jobs]

    def _file(self, archive: Archive, number: int) -> SourceFile:
        key = (archive.id, number)
        if key not in self._files:
            try:
                self._files[key] = source_file(archive, number)
            except ArchiveError as error:
                self._files[key] = error
        found = self._files[key]
        if isinstance(found, ArchiveError):
            raise found
        return found


def draw_pages(
    archive: Archive,
    number: int,
    parts: Sequence[PagePart],
    *,
    dpi: int = DPI,
    is_marked: bool = True,
    is_drawn: bool = True,
    within: PicturePrice | None = None,
) -> list[PagePicture]:
    """Pages of one document, in a process of their own; see `PageRenderer.draw`.

    Raises:
        UsageError, UnknownLocator, ArchiveError, DocumentError: as there.
    """
    with PageRenderer() as renderer:
        return renderer.draw(
            archive,
            number,
            parts,
            dpi=dpi,
            is_marked=is_marked,
            is_drawn=is_drawn,
            within=within,
        )


def _tesseract(file: SourceFile) -> Tesseract | None:
    """What recognised the file's pictures; None where it is not installed any more."""
    try:
        return find_tesseract(file.language) if file.language else None
    except UsageError:
        return None


def _picture(reader: Reader, job: ReadingJob) -> PagePicture:
    found = reader.read(job)
    if isinstance(found, DocumentError):
        raise found
    if not isinstance(found, PagePicture):
        raise DocumentError(f"{job.relative_path!r} could not be drawn", Reason.NOT_READ)
    return found


def read_details(
    archive: Archive, numbers: Sequence[int]
) -> dict[int, DocumentDetails | DocumentError | ArchiveError]:
    """What the file of each document says of itself as a publication, or why that is not known.

    It is read when it is asked for, from the file as it was ingested, and not kept in the archive:
    few documents are ever cited, and so archives that are there already have it too. The details of
    a file that carries others are not theirs: a carried document, or a line, has none.

    Raises:
        UnknownLocator: there is no live document of such an id.
    """
    found: dict[int, DocumentDetails | DocumentError | ArchiveError] = {}
    reader = Reader(_LIMITS)
    try:
        for number in numbers:
            try:
                file = source_file(archive, number)
            except ArchiveError as error:
                found[number] = error
                continue
            if file.inside:
                found[number] = DocumentDetails()
                continue
            try:
                with local_copy(file.path) as path:
                    told = reader.read(ReadingJob(path, file.relative_path, details=True))
            except DocumentError as error:  # it cannot be fetched
                found[number] = error
                continue
            assert isinstance(told, DocumentDetails | DocumentError), told
            found[number] = told
    finally:
        reader.stop()
        reader.close()
    return found
