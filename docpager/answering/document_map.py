"""The document map: what is in the archive, in as many tokens as the window allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from docpager.core.passages import DocumentEntry
from docpager.paging.rendering import one_line

__all__ = ["document_line", "full_map_tokens", "render_document_map"]

_MORE = "(and more folders)"


def document_line(entry: DocumentEntry) -> str:
    """`D1 report.pdf | Annual report | 160 pdf pages, 520 passages`."""
    pages = f"{entry.pdf_pages} pdf pages, " if entry.pdf_pages else ""
    title = f" | {one_line(entry.title)}" if entry.title and entry.title not in entry.path else ""
    return one_line(
        f"{entry.name} {one_line(entry.path)}{title} | {pages}{entry.passages} passages", limit=200
    )


def render_document_map(
    documents: Sequence[DocumentEntry], *, cap: int, count: Callable[[str], int]
) -> str:
    """One line a document while they fit `cap` tokens; otherwise counts by folder or file."""
    lines = _fitting((document_line(entry) for entry in documents), cap=cap, count=count)
    if len(lines) == len(documents):
        return "\n".join(lines)
    return _by_folder(documents, cap=cap, count=count)


def full_map_tokens(
    documents: Sequence[DocumentEntry], *, most: int, count: Callable[[str], int]
) -> int:
    """What a map with a line for every document takes, counted up to `most`."""
    used = 0
    for entry in documents:
        used += count(document_line(entry) + "\n")
        if used >= most:
            return most
    return used


def _by_folder(documents: Sequence[DocumentEntry], *, cap: int, count: Callable[[str], int]) -> str:
    total = f"{len(documents)} documents (search, or contents, shows them)"
    if cap < count(f"{total}\n{_MORE}\n"):
        return total if count(total) <= cap else ""
    folders = Counter(_folder(entry.path) for entry in documents)
    lines = _fitting(
        (f"{one_line(folder)}: {number} documents" for folder, number in sorted(folders.items())),
        cap=cap - count(f"{total}\n{_MORE}\n"),
        count=count,
    )
    if len(lines) < len(folders):
        lines.append(_MORE)
    return "\n".join([total, *lines])


def _folder(path: str) -> str:
    """The folder of a file, or the JSONL file of a record."""
    if "#" in path:
        return path.rpartition("#")[0]
    return path.rpartition("/")[0] + "/" if "/" in path else "./"


def _fitting(lines: Iterable[str], *, cap: int, count: Callable[[str], int]) -> list[str]:
    kept: list[str] = []
    used = 0
    for line in lines:
        used += count(line + "\n")
        if used > cap:
            break
        kept.append(line)
    return kept
