"""Pictures of cited pages, for reports: each page is drawn once, in one process for a whole report.

A picture is kept without marks, and the rectangles around the quoted words beside it, so that all
quotes from a page share it.
"""

from __future__ import annotations

import base64
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from docpager.archive.archive import Archive
from docpager.archive.sources import PagePart, PageRenderer
from docpager.core.errors import DocpagerError, DocumentError
from docpager.core.passages import counted
from docpager.documents.page_picture import PagePicture, Rectangle
from docpager.run.cited_places import CitedPlace, page_parts

__all__ = ["PagePictures", "ShownPage", "shown_pages"]

_DPI = 110
_MOST_PIXELS = 1_200_000
"""A letter page at 110 dots an inch: its footnotes can be read; larger ones are drawn coarser."""
_COLOURS = 64
_MOST_PAGES = 4
"""Of one quote that are drawn."""
_KEPT_BYTES = 64_000_000
"""Of pictures that are kept: about a thousand pages."""
_MOST_FAILURES = 2
"""Pages of a document that could not be drawn, after which no other one of it is tried: each may
have taken a minute."""


@dataclass(frozen=True, slots=True)
class ShownPage:
    """A page beside a quote of it."""

    name: str
    """The same for all quotes from the page."""
    number: int
    address: str
    """The picture itself, as an address (`data:`)."""
    width: float
    height: float
    """In points, as the page is shown; rectangles too."""
    rectangles: tuple[Rectangle, ...]
    remark: str
    """What is to be said about the marks."""


class PagePictures:
    """Draws cited pages, and keeps what was drawn last."""

    def __init__(self) -> None:
        self._renderer = PageRenderer()
        self._kept: OrderedDict[tuple[str, str, int], PagePicture] = OrderedDict()
        self._bytes = 0
        self._failures: Counter[tuple[str, int]] = Counter()
        self.drawn = 0
        """Pages that were drawn."""

    def __enter__(self) -> PagePictures:
        return self

    def __exit__(self, *error: object) -> None:
        self._renderer.__exit__(*error)

    def of(self, archive: Archive, cited: CitedPlace) -> tuple[ShownPage, ...]:
        """The pages that the words stand on; none of a document that has no pages to draw.

        Raises:
            ArchiveError: the document's file is not there, or has changed.
            DocumentError: a page cannot be drawn, or is too large.
        """
        if cited.entry.kind != "pdf":
            return ()
        parts = page_parts(archive, cited)[:_MOST_PAGES]
        pictures = [self._picture(archive, cited.entry.id, part) for part in parts]
        return tuple(
            ShownPage(
                f"page-{cited.entry.name}-{picture.number}",
                picture.number,
                f"data:image/png;base64,{base64.b64encode(picture.png).decode()}",
                picture.width,
                picture.height,
                picture.rectangles,
                _remark(part, picture),
            )
            for part, picture in zip(parts, pictures, strict=True)
        )

    def _picture(self, archive: Archive, number: int, part: PagePart) -> PagePicture:
        key = (archive.id, archive.sha256(number), part.number)
        kept = self._kept.get(key)
        if kept is None:
            kept = self._draw(archive, number, part)
            self._keep(key, kept)
            return kept
        self._kept.move_to_end(key)
        marked = self._draw(archive, number, part, is_drawn=False)
        return replace(kept, rectangles=marked.rectangles, share=marked.share)

    def _draw(
        self, archive: Archive, number: int, part: PagePart, *, is_drawn: bool = True
    ) -> PagePicture:
        document = (archive.id, number)
        if self._failures[document] >= _MOST_FAILURES:
            raise DocumentError(
                f"{counted(_MOST_FAILURES, 'page')} of it could not be drawn, so the others were "
                "not tried"
            )
        try:
            (picture,) = self._renderer.draw(
                archive,
                number,
                [part],
                dpi=_DPI,
                most_pixels=_MOST_PIXELS,
                colours=_COLOURS,
                is_marked=False,
                is_drawn=is_drawn,
            )
        except DocumentError:
            self._failures[document] += 1
            raise
        self.drawn += is_drawn
        return picture

    def _keep(self, key: tuple[str, str, int], picture: PagePicture) -> None:
        self._kept[key] = picture
        self._bytes += len(picture.png)
        while self._bytes > _KEPT_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.png)


def _remark(part: PagePart, picture: PagePicture) -> str:
    if part.start == part.end:
        return ""
    if not picture.rectangles:
        return "the words could not be found on the picture, so nothing is marked"
    return "" if picture.share == 1 else f"{picture.share:.0%} of the letters were found on it"


def shown_pages(
    pictures: PagePictures, archive: Archive, cited: CitedPlace
) -> tuple[Sequence[ShownPage], str]:
    """The pages that the words stand on, or else a sentence that says why there are none."""
    try:
        return pictures.of(archive, cited), ""
    except DocpagerError as error:
        return (), f"There is no picture of the page: {error}"
