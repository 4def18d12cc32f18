"""Pictures of pages in a run: whether they are offered, how they are drawn, where they are kept.

A journal names a picture by the hash of its file, and the file stands once in `pictures/` beside
the journal, for all runs there. It is kept and not drawn again: another version of pdfium, of zlib
or of a font on the machine draws other bytes, the document's file may be gone or changed, and what
a resumed run sends must be what the model was shown. A replay needs no file, as requests are proved
by hashes.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from docpager.core.errors import FunctionError, JournalError, StorageError
from docpager.core.locations import Location
from docpager.core.passages import DocumentEntry, counted
from docpager.core.pictures import CAUTIOUS, Picture, PictureId, PicturePrice
from docpager.core.settings import PagingSettings
from docpager.documents.reasons import Reason
from docpager.models.messages import ChatModel, ModelRequest
from docpager.paging.rendering import one_line
from docpager.run.archival_storage import ArchivalStorage
from docpager.run.tool_results import Viewed
from docpager.storage.atomic_files import write_bytes
from docpager.storage.whole_files import discard_objects, read_whole, size_of, write_whole

__all__ = [
    "PICTURES",
    "DrawPage",
    "PictureStore",
    "PoorPages",
    "draw_page",
    "offered_pictures",
    "viewed_page",
]

PICTURES = "pictures"
"""The folder beside journals."""

_DPI = 200
"""Dots an inch, at most: finer ones show no more of a printed page."""

_JUST_DRAWN_SECONDS = 3600.0
"""A picture in object storage that is so new may belong to a run that has not named it yet."""

_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class DrawnPage:
    """A page as a PNG file, and what drew it."""

    png: bytes
    renderer: str


DrawPage = Callable[[PictureId], DrawnPage]
"""Draws a page of an archive's documents.

Raises:
    DocpagerError: its file is not there or has changed, or it cannot be drawn.
"""


def draw_page(archive: ArchivalStorage, picture: PictureId, *, price: PicturePrice) -> DrawnPage:
    """Draw a page for a model, from a registered file whose content is what was read, in the
    limited reader process.

    Raises:
        FunctionError: what stands for the archive has no files.
        UsageError: the document is no PDF.
        ArchiveError: its file is not there, or has changed.
        DocumentError: the page cannot be drawn.
    """
    from docpager.archive.archive import Archive
    from docpager.archive.sources import PagePart, draw_pages

    if not isinstance(archive, Archive):
        raise FunctionError("pages cannot be drawn here; page_in their text")
    part = PagePart(picture.pdf_page, "", 0, 0)
    (drawn,) = draw_pages(
        archive, picture.document, [part], dpi=_DPI, is_marked=False, within=price
    )
    return DrawnPage(drawn.png, drawn.renderer)


def viewed_page(
    library: ArchivalStorage, wanted: PictureId, *, draw: DrawPage, price: PicturePrice
) -> Viewed:
    """The picture of a page, and what the archive has of its text.

    Raises:
        FunctionError: there is no such page, or none that can be drawn.
        DocpagerError: as `draw`.
    """
    entry = library.document(wanted.document)
    if entry.kind != "pdf":
        raise FunctionError(f"{entry} is no PDF: page_in its text")
    if wanted.pdf_page > entry.pdf_pages:
        raise FunctionError(f"{entry} has {counted(entry.pdf_pages, 'page')}")
    drawn = draw(wanted)
    width, height = png_size(drawn.png)
    picture = Picture(
        wanted.document,
        wanted.pdf_page,
        hashlib.sha256(drawn.png).hexdigest(),
        width,
        height,
        price.tokens(width, height),
        len(drawn.png),
    )
    text = page_trouble(library, wanted)
    return Viewed(one_line(entry.path), picture, text, drawn.renderer, drawn.png)


def png_size(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG file, in pixels (its IHDR chunk stands first)."""
    assert png.startswith(_PNG), "pages are drawn as PNG"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def page_trouble(library: ArchivalStorage, page: PictureId) -> str:
    """Why a page's text cannot be relied on; empty where nothing speaks against it."""
    if page.pdf_page in library.document(page.document).unreadable_pdf_pages:
        return "none that could be read"
    doubts = library.page_doubts(page.document)
    return doubts.get(page.pdf_page) or doubts.get(0) or ""


class PictureStore:
    """The pictures that journals of one folder name, each file once, by its hash."""

    def __init__(self, folder: Location) -> None:
        self.folder = folder

    @classmethod
    def beside(cls, journal: Location) -> PictureStore:
        """Where the pictures of a journal stand."""
        return cls(journal.parent / PICTURES)

    def keep(self, viewed: Viewed) -> None:
        """Write a picture down that is not there yet.

        Raises:
            JournalError: it cannot be written.
        """
        path = self._path(viewed.picture.sha256)
        try:
            if size_of(path) is not None:
                return
            if not isinstance(path, Path):
                write_whole(path, viewed.png)
                return
            # By process: two of them may write the same picture at once.
            temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(temporary, viewed.png)
            temporary.replace(path)
        except (OSError, StorageError) as error:
            raise JournalError(
                f"cannot write the picture {path}: {_why(error)}; name another folder with "
                "`journal=`"
            ) from error

    def files(self, request: ModelRequest) -> Mapping[str, bytes]:
        """The files of all pictures of a request.

        Raises:
            JournalError: one is not there, or is not what the model was shown.
        """
        return {p.sha256: self._load(p) for p in dict.fromkeys(request.pictures)}

    def _load(self, picture: Picture) -> bytes:
        path = self._path(picture.sha256)
        try:
            content = read_whole(path)
        except (OSError, StorageError) as error:
            raise JournalError(
                f"the picture of {picture.id} that the run was shown cannot be read ({path}: "
                f"{_why(error)}); restore the file, or ask again"
            ) from error
        if hashlib.sha256(content).hexdigest() != picture.sha256:
            raise JournalError(
                f"the picture of {picture.id} in {path} is damaged; restore the file, or ask again"
            )
        return content

    def discard_others(self, named: Collection[str]) -> list[Location]:
        """Delete every picture whose hash is not among `named`; returns what is gone."""
        if not isinstance(self.folder, Path):
            return discard_objects(
                self.folder,
                lambda name: name.endswith(".png") and name[:-4] not in named,
                older_than_seconds=_JUST_DRAWN_SECONDS,
            )
        gone = [path for path in self.folder.glob("*.png*") if path.name[:-4] not in named]
        for path in gone:
            path.unlink(missing_ok=True)
        return sorted(gone)

    def _path(self, sha256: str) -> Location:
        return self.folder / f"{sha256}.png"


def _why(error: OSError | StorageError) -> str:
    return str(error) if isinstance(error, StorageError) else str(error.strerror)


@dataclass(frozen=True, slots=True)
class PoorPages:
    """Pages of PDFs whose text says less than they show."""

    unreadable: int = 0
    recognised: int = 0
    doubtful: int = 0
    documents: int = 0

    @classmethod
    def among(cls, library: ArchivalStorage, documents: Iterable[DocumentEntry]) -> PoorPages:
        """Those of these documents, as the archive knows them without opening one."""
        unreadable = recognised = doubtful = poor = 0
        for entry in documents:
            if entry.kind != "pdf":
                continue
            doubts = library.page_doubts(entry.id).values()
            by_ocr = sum(why.startswith(Reason.RECOGNISED) for why in doubts)
            unreadable += len(entry.unreadable_pdf_pages)
            recognised += by_ocr
            doubtful += len(doubts) - by_ocr
            poor += bool(entry.unreadable_pdf_pages or doubts)
        return cls(unreadable, recognised, doubtful, poor)

    def __str__(self) -> str:
        parts = [
            f"{number:,} {what}"
            for number, what in (
                (self.unreadable, "without usable text"),
                (self.recognised, "recognised from pictures"),
                (self.doubtful, "whose text may be wrong"),
            )
            if number
        ]
        return f"pages in {counted(self.documents, 'PDF')}: {', '.join(parts)}"


def offered_pictures(
    paging: PagingSettings,
    model: ChatModel,
    library: ArchivalStorage,
    documents: Sequence[DocumentEntry],
) -> PicturePrice | None:
    """What pictures take where the model is offered them, None where it is not; the rule is that of
    `PagingSettings.page_pictures`. The model's `notify` is told once that they are, and why."""
    if paging.page_pictures == "on":
        return model.sees or CAUTIOUS
    if paging.page_pictures == "off" or paging.functions != "full" or model.sees is None:
        return None
    poor = PoorPages.among(library, documents)
    if not poor.documents:
        return None
    if not model.pictures_were_told:
        model.pictures_were_told = True  # once for all questions of a batch
        model.notify(
            f"{model.name} may look at pictures of pages, as some have poor text ({poor}); "
            "`page_pictures=off` keeps it to text"
        )
    return model.sees
