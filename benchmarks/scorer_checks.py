"""Canaries: answers that are known to be wrong or right, with which every scoring begins.

Canaries of evidence: citations and views that are known to lead to it, or past it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from benchmarks.metrics import METRICS, MOST_CITATIONS, OF_TEXT
from benchmarks.samples import TaskGold
from benchmarks.systems.system import Stretch, SystemAnswer
from docpager.core.errors import DocpagerError
from docpager.core.places import Place
from docpager.evaluation.numbers import TOLERANCE, agree, figures
from docpager.evaluation.texts import normalised
from docpager.run.answer_line import Citation

__all__ = [
    "OF_CITATIONS",
    "OF_EVIDENCE",
    "ScorerError",
    "check_scorer",
    "expected",
    "leading",
    "misleading",
    "nonsense_for",
    "shares_evidence",
]

OF_CITATIONS = ("evidence_cited", "evidence_hit")
OF_EVIDENCE = (*OF_CITATIONS, "evidence_seen")


def leading(gold: TaskGold, quote: str) -> SystemAnswer:
    """An answer that cites and has seen the evidence of its gold, as far as citations count."""
    places = _distinct(gold)
    cited = tuple(Citation(place, quote) for place in places)
    shown = tuple(map(_seen, gold.evidence))
    return SystemAnswer("answered", quote, citations=cited[: _most(gold)], shown=shown)


def expected(metric: str, gold: TaskGold) -> float:
    """The least that such an answer is worth."""
    most = _most(gold) / len(_distinct(gold))
    return min(1.0, most) if metric == "evidence_cited" else 1.0


def misleading(gold: TaskGold, quote: str) -> Iterator[SystemAnswer]:
    """Answers that cite or have seen the right documents in wrong places."""
    if gold.evidence and all(place.page for place in gold.evidence):
        page = 1 + max(place.page or 0 for place in gold.evidence)
        wrong = [Place(place.document, page) for place in gold.evidence]
        yield leading(TaskGold(gold.parts, evidence=tuple(wrong)), quote)
    if gold.evidence and all(place.end is not None for place in gold.evidence):
        end = max(place.end or 0 for place in gold.evidence)
        shown = (Stretch(place.document, end, end + 1) for place in gold.evidence)
        yield SystemAnswer("answered", quote, shown=tuple(shown))


def shares_evidence(one: TaskGold, other: TaskGold) -> bool:
    """Whether what leads to the evidence of one may lead to that of the other."""
    return any(_may_be_same(a, b) for a in one.evidence for b in other.evidence)


def _may_be_same(one: Place, other: Place) -> bool:
    pages = one.page, other.page
    apart = None not in pages and pages[0] != pages[1]
    # A document may be named by the end of its path.
    return PurePosixPath(one.document).name == PurePosixPath(other.document).name and not apart


def _distinct(gold: TaskGold) -> list[Place]:
    return list(dict.fromkeys(place.spot for place in gold.evidence))


def _most(gold: TaskGold) -> int:
    return MOST_CITATIONS * max(1, len(gold.parts))


def _seen(place: Place) -> Stretch:
    page = place.page
    pages = None if page is None else (page, page)
    return Stretch(place.document, place.start or 0, place.end or 1, pages)


_NOT_ANSWERED = ("failed", "stopped", "not run", "abstained", "unsupported")
_CONTAINING = ("subspan", "right", "all_parts", "parts")
_RECITED = 2_000
"""Words of an answer that recites everything, for each thing asked."""
_OTHERS = 25
"""Questions after one that are looked through for another with a different answer."""

Marker = Callable[[str, TaskGold, SystemAnswer], float | None]


class ScorerError(DocpagerError):
    """A scorer that cannot be believed."""


def check_scorer(marker: Marker, metrics: Sequence[str], golds: Iterable[TaskGold]) -> None:
    """See that wrong answers score nothing and right ones everything.

    Raises:
        ScorerError: a metric fails this (names it and the answer).
    """
    golds = list(golds)
    nonsense = nonsense_for(golds)
    for number, gold in enumerate(golds):
        others = [golds[(number + n) % len(golds)] for n in range(1, min(_OTHERS, len(golds)))]
        for metric in metrics:
            for answer in (*_wrong(metric, gold, nonsense), *_of_others(metric, gold, others)):
                if marker(metric, gold, answer):
                    raise ScorerError(_says(metric, answer, gold, "wrong, but scores"))
            _check_right(marker, metric, gold, nonsense)


def nonsense_for(golds: Sequence[TaskGold]) -> str:
    """Three words that no gold answer holds, other ones for other golds."""
    wordings = sorted(wording for gold in golds for part in gold.parts for wording in part)
    taken = set(re.findall(r"\w+", " ".join(wordings).lower()))
    source = random.Random("\n".join(wordings))
    made = ("".join(source.choices("bcdfghjklmnpqrstvwxz", k=5)) for _ in range(len(taken) + 100))
    return " ".join([word for word in made if word not in taken][:3])


def _check_right(marker: Marker, metric: str, gold: TaskGold, nonsense: str) -> None:
    if metric in OF_TEXT and marker(metric, gold, _true(gold)) == 0:
        raise ScorerError(_says(metric, _true(gold), gold, "right, but scores nothing"))
    if metric in OF_EVIDENCE and gold.evidence:
        answer, least = leading(gold, nonsense), expected(metric, gold)
        if (marker(metric, gold, answer) or 0) < least:
            what = f"citing and seeing its evidence, but scores less than {least:.2f}"
            raise ScorerError(_says(metric, answer, gold, what))


def _says(metric: str, answer: SystemAnswer, gold: TaskGold, what: str) -> str:
    cited = ", ".join(str(each.place) for each in answer.citations[:2])
    return (
        f"the scorer {metric!r} cannot be believed: the answer {answer.text[:60]!r} "
        f"({answer.status}{f', cites {cited}' if cited else ''}) is {what} where "
        f"{gold.parts!r:.80} is asked for"
    )


def _wrong(metric: str, gold: TaskGold, nonsense: str) -> Iterator[SystemAnswer]:
    """Answers that are wrong whatever was asked."""
    if metric not in METRICS:
        raise ScorerError(f"there is no scorer {metric!r}")
    cited = (Citation(Place("no-such-document", 1), nonsense),)
    shown = (Stretch("no-such-document", 0, 1, (1, 1)),)
    yield SystemAnswer("answered", nonsense, citations=cited, shown=shown)
    yield SystemAnswer("answered", "")
    yield SystemAnswer("failed", "")
    yield SystemAnswer("stopped", _true(gold).text)
    if gold.answerable:
        yield SystemAnswer("abstained", "Not found.")
    if gold.answerable and metric in _CONTAINING:
        recited = "zx " * (_RECITED * len(gold.parts))
        yield SystemAnswer("answered", f"{recited}{_true(gold).text}")
    if metric in OF_EVIDENCE:
        yield from misleading(gold, nonsense)
    if metric in OF_CITATIONS:
        cited_all = leading(gold, _true(gold).text)
        yield from (replace(cited_all, status=status) for status in _NOT_ANSWERED)


def _of_others(metric: str, gold: TaskGold, others: Sequence[TaskGold]) -> Iterator[SystemAnswer]:
    """The right answer to another question, which has nothing in common with this one's."""
    if metric in OF_EVIDENCE:
        apart = (each for each in others if each.evidence and not shares_evidence(gold, each))
        yield from (leading(each, _true(each).text) for each in [*apart][:1])
    else:
        apart = (each for each in others if each.answerable and not _shares_words(gold, each))
        yield from (_true(each) for each in [*apart][:1])


def _true(gold: TaskGold) -> SystemAnswer:
    if not gold.answerable:
        return SystemAnswer("abstained", "Not found.")
    return SystemAnswer("answered", "; ".join(part[0] for part in gold.parts))


def _shares_words(one: TaskGold, other: TaskGold) -> bool:
    """Whether the answer to one may be counted as one to the other, if only in part."""
    text, said = _text(one), _true(other).text
    return bool(_words(text) & _words(said)) or any(
        agree(given, wanted, tolerance=TOLERANCE)
        for given in figures(said)
        for wanted in figures(text)
    )


def _text(gold: TaskGold) -> str:
    return "; ".join(wording for part in gold.parts for wording in part)


def _words(text: str) -> set[str]:
    """Words by every metric's way of cutting them; single signs where words are not set apart."""
    lowered = text.lower()
    cut = {*re.findall(r"\w+|[^\w\s;]", lowered), *re.findall(r"[a-z0-9]+", lowered)}
    return cut | set(normalised(text).split()) | {each for each in lowered if ord(each) > 0x7FF}
