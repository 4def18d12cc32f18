"""Results and the document map as the model reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from docpager.core.passages import DocumentEntry, written_ranges
from docpager.core.visible import tags_spelled
from docpager.paging.rendering import one_line, page_span, render_passages
from docpager.run.tool_results import Found, Listed, Loaded, TooLarge, Viewed

__all__ = [
    "DOUBTED",
    "document_line",
    "full_map_tokens",
    "present_found",
    "present_listed",
    "present_loaded",
    "present_too_large",
    "present_viewed",
    "render_document_map",
]


DOUBTED = "text of {0} may be wrong, view_page shows it"
"""What is said above passages of a page whose text cannot be relied on."""


def present_found(found: Found, *, subject: str) -> str:
    """Hits as a numbered list: locator, PDF page, path, what matched.

    `subject` is what was looked for, as the model wrote it.
    """
    remark = [found.remark] if found.remark else []
    if not found.hits:
        return "\n".join([f"{subject}: nothing found.", *remark])
    what = f"{found.by_words} passages match"
    if found.by_meaning:
        what = f"{found.by_words} passages by words, {found.by_meaning} more by meaning"
    paths = dict(found.paths)
    lines = [f"{subject}: {what}; page {found.page} of {found.pages}", *remark]
    for hit in found.hits:
        page = f" p{hit.pdf_page}" if hit.pdf_page is not None else ""
        lines.append(
            f"- {hit.passage}{page} {paths[hit.passage.document]}: {tags_spelled(hit.snippet)}"
        )
    if found.hidden:
        lines.append(f"({found.hidden} more on this page did not fit)")
    return "\n".join(lines)


def present_listed(listed: Listed) -> str:
    """Lines, and how many are missing."""
    more = [f"({listed.more} more did not fit)"] if listed.more else []
    return "\n".join([*listed.lines, *more]) or "nothing to list."


def present_loaded(loaded: Loaded) -> str:
    """Passages under their headers, after a line that says what they are."""
    already = written_ranges(loaded.resident)
    if not loaded.passages:
        return f"{already} is in main context already."
    span = page_span(loaded.passages, dict(loaded.labels), loaded.page_word)
    header = f"{written_ranges(tuple(p.id for p in loaded.passages))} of {loaded.path}{span}"
    if already:
        header += f"; {already} is in main context already"
    if loaded.remark:
        header += f"; {loaded.remark}"
    return f"{header}\n{render_passages(loaded.passages)}"


def present_viewed(viewed: Viewed) -> str:
    """What the picture beside this shows, and what the archive has of the page's text."""
    picture = viewed.picture
    size = f"{picture.width} x {picture.height} pixels, {picture.tokens:,} tokens"
    text = f"; its text: {viewed.text}" if viewed.text else ""
    return f"{picture.id} of {viewed.path} as a picture, {size}{text}"


def present_too_large(refused: TooLarge) -> str:
    """What was asked for, what it takes, and what would fit."""
    hint = f"{refused.fits} would fit" if refused.fits else "nothing fits now: page_out first"
    return f"refused: {refused.range} takes about {refused.tokens} tokens; {hint}."


_MORE = "(and more folders)"


def document_line(entry: DocumentEntry) -> str:
    """`D1 report.pdf | Annual report | 160 pdf pages, 520 passages`."""
    word = entry.page_word.lower()
    if entry.pdf_pages != 1 or word == "pdf page":
        word += "s"
    pages = f"{entry.pdf_pages} {word}, " if entry.pdf_pages else ""
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
