"""Canaries of evidence: citations and views that are known to lead to it, or past it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from benchmarks.marking import MOST_CITATIONS
from benchmarks.samples import Gold, Place
from benchmarks.systems.system import Answer, Cited, Stretch

__all__ = ["OF_CITATIONS", "OF_EVIDENCE", "expected", "leading", "misleading", "shares_evidence"]

OF_CITATIONS = ("evidence_cited", "evidence_hit")
OF_EVIDENCE = (*OF_CITATIONS, "evidence_seen")


def leading(gold: Gold, quote: str) -> Answer:
    """An answer that cites and has seen the evidence of its gold, as far as citations count."""
    places = _distinct(gold)
    cited = tuple(Cited(each.document, each.pdf_page, quote, "exact") for each in places)
    shown = tuple(map(_seen, gold.evidence))
    return Answer("answered", quote, citations=cited[: _most(gold)], shown=shown)


def expected(metric: str, gold: Gold) -> float:
    """The least that such an answer is worth."""
    most = _most(gold) / len(_distinct(gold))
    return min(1.0, most) if metric == "evidence_cited" else 1.0


def misleading(gold: Gold, quote: str) -> Iterator[Answer]:
    """Answers that cite or have seen the right documents in wrong places."""
    if gold.evidence and all(place.pdf_page for place in gold.evidence):
        page = 1 + max(place.pdf_page or 0 for place in gold.evidence)
        wrong = [Place(place.document, page) for place in gold.evidence]
        yield leading(Gold(gold.parts, evidence=tuple(wrong)), quote)
    if gold.evidence and all(place.end is not None for place in gold.evidence):
        end = max(place.end or 0 for place in gold.evidence)
        shown = (Stretch(place.document, end, end + 1) for place in gold.evidence)
        yield Answer("answered", quote, shown=tuple(shown))


def shares_evidence(one: Gold, other: Gold) -> bool:
    """Whether what leads to the evidence of one may lead to that of the other."""
    return any(_may_be_same(a, b) for a in one.evidence for b in other.evidence)


def _may_be_same(one: Place, other: Place) -> bool:
    pages = one.pdf_page, other.pdf_page
    apart = None not in pages and pages[0] != pages[1]
    # A document may be named by the end of its path.
    return PurePosixPath(one.document).name == PurePosixPath(other.document).name and not apart


def _distinct(gold: Gold) -> list[Place]:
    return list(dict.fromkeys(Place(each.document, each.pdf_page) for each in gold.evidence))


def _most(gold: Gold) -> int:
    return MOST_CITATIONS * max(1, len(gold.parts))


def _seen(place: Place) -> Stretch:
    page = place.pdf_page
    pages = None if page is None else (page, page)
    return Stretch(place.document, place.start or 0, place.end or 1, pages)
