"""The files behind the citations of an answer: as links on a terminal, as rectangles in JSON.

It stands alone: the archive is opened again only where somebody can follow a link or asks for
rectangles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docpager.cli.terminal import can_link
from docpager.core.errors import DocpagerError
from docpager.core.locations import Location

if TYPE_CHECKING:
    from docpager.archive.archive import Archive
    from docpager.documents.page_picture import PagePicture
    from docpager.run.answer_line import AnswerLine, Citation

__all__ = ["links_of", "pages_json", "with_rectangles"]


def links_of(line: AnswerLine, archive_directory: Location) -> list[str | None]:
    """For each citation the address of its file, with the page; None where there is none to follow,
    and everywhere on what shows no links."""
    if not line.citations or not can_link():
        return [None] * len(line.citations)
    with _opened(archive_directory) as archive:
        return [_link(archive, citation) for citation in line.citations]


def with_rectangles(line: AnswerLine, archive_directory: Location) -> dict[str, Any]:
    """The line as JSON, each citation with `file` and `pages` as `docpager open --json` gives
    them: the rectangles around its quote. What is not there is left out.
    """
    value = line.as_json()
    with _opened(archive_directory) as archive:
        for citation, written in zip(line.citations, value["citations"], strict=True):
            if archive is not None and citation.stands:
                written |= _sources(archive, citation)
    return value


@contextmanager
def _opened(directory: Location) -> Iterator[Archive | None]:
    """The archive; None where it cannot be opened now, which an answer must not fail of."""
    from docpager.archive.archive import Archive

    try:
        archive = Archive.open(directory)
    except DocpagerError:
        yield None
        return
    with archive:
        yield archive


def _link(archive: Archive | None, citation: Citation) -> str | None:
    from docpager.archive.sources import known_file
    from docpager.run.cited_places import cited_document

    if archive is None or not citation.place.document:
        return None
    try:
        file = known_file(archive, cited_document(archive, citation.place).id)
    except DocpagerError:
        return None
    if not isinstance(file.path, Path):  # no viewer opens what is in object storage
        return None
    page = citation.place.page if not file.inside else None
    return file.path.absolute().as_uri() + (f"#page={page}" if page else "")


def _sources(archive: Archive, citation: Citation) -> dict[str, Any]:
    from docpager.archive.sources import draw_pages, known_file
    from docpager.run.cited_places import cited_words, page_parts

    found: dict[str, Any] = {}
    try:
        cited = cited_words(archive, citation)
        found["file"] = str(known_file(archive, cited.entry.id).path)
        if cited.entry.kind == "pdf":
            parts = page_parts(archive, cited)
            pictures = draw_pages(archive, cited.entry.id, parts, is_drawn=False)
            found["pages"] = pages_json(pictures)
    except DocpagerError:
        pass
    return found


def pages_json(pictures: Sequence[PagePicture]) -> list[dict[str, Any]]:
    """Pages with their rectangles, as `json.dumps` takes them."""
    return [
        {
            "page": picture.number,
            "width": round(picture.width, 2),
            "height": round(picture.height, 2),
            "rectangles": [list(box) for box in picture.rectangles],
            "found": picture.share,
        }
        for picture in pictures
    ]
