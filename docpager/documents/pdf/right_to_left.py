"""Hebrew and Arabic in the order in which they are read.

A page holds glyphs, and a reader of PDFs must put runs from right to left back into the order of
speech. pdfium does, with three exceptions: it swaps the letters of a glyph that stands for several
(lam and alef), leaves runs as they stand on the page where the file names each glyph's text
(/ActualText, as browsers write it), and puts the words of a run inside a line of Latin text in the
order of the page. So lines with such letters are put in order from their positions: what is read
from right to left by falling x, figures and Latin words in it by rising x. This is the Unicode
Bidirectional Algorithm (UAX #9) for text without embeddings, from its result back.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import groupby, pairwise

from docpager.documents.pdf.glyphs import HAS_RIGHT_TO_LEFT, Glyphs
from docpager.documents.pdf.layout import SPACE, OffsetLine

__all__ = ["in_reading_order"]

_JOINS_FIGURES = ".,:/-+%$€£"
_SPACE_GAP = 0.22
"""In sizes of type; boxes of glyphs with /ActualText are as narrow as their ink."""


def in_reading_order(glyphs: Glyphs, line: OffsetLine) -> OffsetLine:
    """A line with what it holds from right to left in the order of speech."""
    inked = [at for at in line if at != SPACE and not glyphs.raw[at].isspace()]
    if not any(HAS_RIGHT_TO_LEFT.match(glyphs.raw[at]) for at in inked):
        return line
    clusters = _with_spaces(glyphs, line, _clusters(glyphs, inked))
    kinds = _kinds(glyphs, clusters)
    from_right = kinds.count("R") >= kinds.count("L")
    ordered = _right_based(clusters, kinds) if from_right else _left_based(clusters, kinds)
    return [at for cluster in ordered for at in cluster]


def _with_spaces(
    glyphs: Glyphs, line: OffsetLine, clusters: Sequence[list[int]]
) -> list[list[int]]:
    """The clusters of a line with its spaces among them, all from left to right."""
    apart = set()
    before = None
    spaced = False
    for at in line:
        if at == SPACE or glyphs.raw[at].isspace():
            spaced = True
            continue
        if spaced and before is not None:
            apart |= {(before, at), (at, before)}
        before, spaced = at, False
    found: list[list[int]] = []
    for left, right in zip([None, *clusters], clusters, strict=False):
        if left is not None and (
            any((one, two) in apart for one in left for two in right)
            or _has_gap(glyphs, left[0], right[0])
        ):
            found.append([SPACE])
        found.append(right)
    return found


def _has_gap(glyphs: Glyphs, left: int, right: int) -> bool:
    gap = glyphs.box(right).left - glyphs.box(left).right
    return gap > _SPACE_GAP * max(glyphs.size(left), glyphs.size(right))


def _clusters(glyphs: Glyphs, inked: Sequence[int]) -> list[list[int]]:
    """Characters of one glyph, and marks with their letter, from left to right on the page."""
    clusters: list[list[int]] = []
    for at in inked:
        if clusters and _belongs(glyphs, clusters[-1], at):
            clusters[-1].append(at)
        else:
            clusters.append([at])
    for cluster in clusters:
        marks = [at for at in cluster if unicodedata.combining(glyphs.raw[at])]
        letters = [at for at in cluster if at not in marks]
        # pdfium turns the letters of one glyph around together with the run.
        if len(letters) > 1 and HAS_RIGHT_TO_LEFT.match(glyphs.raw[letters[0]]):
            letters.reverse()
        cluster[:] = letters + marks
    return sorted(clusters, key=lambda cluster: sum(glyphs.box(cluster[0]).centre[:1]))


def _belongs(glyphs: Glyphs, cluster: Sequence[int], at: int) -> bool:
    before, box = glyphs.box(cluster[-1]), glyphs.box(at)
    if unicodedata.combining(glyphs.raw[at]):
        return before.left - 1 <= box.centre[0] <= before.right + 1
    same = abs(before.left - box.left) < 0.01 and abs(before.right - box.right) < 0.01
    return same and glyphs.origin(cluster[-1]) == glyphs.origin(at)


def _kinds(glyphs: Glyphs, clusters: Sequence[Sequence[int]]) -> list[str]:
    """R for letters read from right to left, L for others, D for figures, N for the rest."""
    kinds = []
    for cluster in clusters:
        mark = " " if cluster[0] == SPACE else glyphs.raw[cluster[0]]
        direction = unicodedata.bidirectional(mark)
        if direction in ("R", "AL") or (HAS_RIGHT_TO_LEFT.match(mark) and direction != "AN"):
            kinds.append("R")
        elif direction in ("EN", "AN"):
            kinds.append("D")
        else:
            kinds.append("L" if direction == "L" else "N")
    for n in range(1, len(kinds) - 1):
        if (
            kinds[n] == "N"
            and clusters[n][0] != SPACE
            and glyphs.raw[clusters[n][0]] in _JOINS_FIGURES
        ):
            kinds[n] = "D" if kinds[n - 1] == kinds[n + 1] == "D" else "N"
    return kinds


def _right_based(clusters: Sequence[list[int]], kinds: Sequence[str]) -> list[list[int]]:
    """From the right, with figures and Latin words in it from the left."""
    kinds = list(kinds)
    latin = [n for n, kind in enumerate(kinds) if kind == "L"]
    for first, second in pairwise(latin):
        if "R" not in kinds[first:second]:
            kinds[first : second + 1] = ["L"] * (second + 1 - first)
    ordered: list[list[int]] = []
    pairs = list(zip(kinds, clusters, strict=True))
    for kind, run in reversed([(k, list(g)) for k, g in groupby(pairs, key=lambda p: p[0])]):
        found = [cluster for _, cluster in run]
        ordered += found if kind in "LD" else found[::-1]
    return ordered


def _left_based(clusters: Sequence[list[int]], kinds: Sequence[str]) -> list[list[int]]:
    """From the left, with each phrase between two letters of the other kind from the right."""
    ordered: list[list[int]] = []
    n = 0
    while n < len(clusters):
        if kinds[n] != "R":
            ordered.append(clusters[n])
            n += 1
            continue
        end = n
        while end < len(clusters) and kinds[end] != "L":
            end += 1
        while kinds[end - 1] != "R":
            end -= 1
        ordered += _right_based(clusters[n:end], kinds[n:end])
        n = end
    return ordered
