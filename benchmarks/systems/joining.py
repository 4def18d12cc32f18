"""Joins pieces of one passage: a page may stand in a prompt only once, or readers lose one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from benchmarks.systems.cutting import Count, cut_before, passage_size
from docpager.core.passages import Passage, PassageId

__all__ = ["appended", "joined", "joined_size"]


def joined(pieces: Iterable[Passage]) -> list[Passage]:
    """One passage for each id, in the order of their first pieces; no text stands there twice."""
    groups: dict[PassageId, list[Passage]] = {}
    for piece in pieces:
        groups.setdefault(piece.id, []).append(piece)
    return [group[0] if len(group) == 1 else _one(group) for group in groups.values()]


def joined_size(pieces: Iterable[Passage], count: Count) -> int:
    """Tokens of these pieces as they are shown: joined, headers included."""
    return sum(passage_size(passage, count) for passage in joined(pieces))


def appended(whole: Passage, piece: Passage, *, between: str = "") -> Passage:
    """`whole` with the text of `piece` behind it, whose PDF pages stay where they begin."""
    at = len(whole.text) + len(between)
    begun, pages = piece.pdf_page_at(0), whole.pdf_pages
    starts = [(at + offset, page) for offset, page in piece.page_starts if offset]
    if begun is not None and (pages is None or begun != pages[1]):
        starts.insert(0, (at, begun))
    return replace(
        whole,
        text=f"{whole.text}{between}{piece.text}",
        page_starts=(*whole.page_starts, *starts),
    )


def _one(pieces: Sequence[Passage]) -> Passage:
    """The pieces in text order, on lines of their own where text between them is missing."""
    whole, *others = sorted(pieces, key=lambda piece: piece.start)
    end = whole.end
    for piece in others:
        if piece.end <= end:
            continue
        new = cut_before(piece, piece.end - max(end, piece.start))
        whole = appended(whole, new, between="\n" if piece.start > end else "")
        end = piece.end
    return whole
