"""Results as the model reads them."""

from __future__ import annotations

from docpager.answering.results import Found, Listed, Loaded, TooLarge
from docpager.core.passages import written_ranges
from docpager.paging.rendering import page_span, render_passages

__all__ = ["present_found", "present_listed", "present_loaded", "present_too_large"]


def present_found(found: Found, *, subject: str) -> str:
    """Hits as a numbered list: locator, PDF page, path, what matched.

    `subject` is what was looked for, as the model wrote it.
    """
    if not found.hits:
        return f"{subject}: nothing found."
    what = f"{found.by_words} passages match"
    if found.by_meaning:
        what = f"{found.by_words} passages by words, {found.by_meaning} more by meaning"
    paths = dict(found.paths)
    lines = [f"{subject}: {what}; page {found.page} of {found.pages}"]
    for hit in found.hits:
        page = f" p{hit.pdf_page}" if hit.pdf_page is not None else ""
        lines.append(f"- {hit.passage}{page} {paths[hit.passage.document]}: {hit.snippet}")
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
    span = page_span(loaded.passages, dict(loaded.labels))
    header = f"{written_ranges(tuple(p.id for p in loaded.passages))} of {loaded.path}{span}"
    if already:
        header += f"; {already} is in main context already"
    return f"{header}\n{render_passages(loaded.passages)}"


def present_too_large(refused: TooLarge) -> str:
    """What was asked for, what it takes, and what would fit."""
    hint = f"{refused.fits} would fit" if refused.fits else "nothing fits now: page_out first"
    return f"refused: {refused.range} takes about {refused.tokens} tokens; {hint}."
