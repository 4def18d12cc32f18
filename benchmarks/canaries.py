"""Canaries: answers that are known to be wrong or right, with which every scoring begins."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from benchmarks.marking import METRICS, OF_TEXT
from benchmarks.samples import Gold
from benchmarks.systems.system import Answer, Cited, Stretch
from docpager.errors import DocpagerError

__all__ = ["ScorerError", "check_scorer", "nonsense_for"]

_CONTAINING = ("subspan", "right", "all_parts", "parts")
_RECITED = 2_000
"""Words of an answer that recites everything, for each thing asked."""

Marker = Callable[[str, Gold, Answer], float | None]


class ScorerError(DocpagerError):
    """A scorer that cannot be believed."""


def check_scorer(marker: Marker, metrics: Sequence[str], golds: Iterable[Gold]) -> None:
    """See that wrong answers score nothing and right ones everything.

    Raises:
        ScorerError: a metric fails this (names it and the answer).
    """
    golds = list(golds)
    nonsense = nonsense_for(golds)
    for gold in golds:
        for metric in metrics:
            for answer in _wrong(metric, gold, nonsense):
                if marker(metric, gold, answer):
                    raise ScorerError(_says(metric, answer, gold, "wrong, but scores"))
            if metric in OF_TEXT and marker(metric, gold, _true(gold)) == 0:
                raise ScorerError(_says(metric, _true(gold), gold, "right, but scores nothing"))


def nonsense_for(golds: Sequence[Gold]) -> str:
    """Three words that no gold answer holds, other ones for other golds."""
    wordings = sorted(wording for gold in golds for part in gold.parts for wording in part)
    taken = set(re.findall(r"\w+", " ".join(wordings).lower()))
    source = random.Random("\n".join(wordings))
    made = ("".join(source.choices("bcdfghjklmnpqrstvwxz", k=5)) for _ in range(len(taken) + 100))
    return " ".join([word for word in made if word not in taken][:3])


def _says(metric: str, answer: Answer, gold: Gold, what: str) -> str:
    return (
        f"the scorer {metric!r} cannot be believed: the answer {answer.text[:60]!r} "
        f"({answer.status}) is {what} where {gold.parts!r:.80} is asked for"
    )


def _wrong(metric: str, gold: Gold, nonsense: str) -> Iterator[Answer]:
    """Answers that are wrong whatever was asked."""
    if metric not in METRICS:
        raise ScorerError(f"there is no scorer {metric!r}")
    cited = (Cited("no-such-document", 1, nonsense, "exact"),)
    shown = (Stretch("no-such-document", 0, 1, (1, 1)),)
    yield Answer("answered", nonsense, citations=cited, shown=shown)
    yield Answer("answered", "")
    yield Answer("failed", "")
    yield Answer("stopped", _true(gold).text)
    if gold.answerable:
        yield Answer("abstained", "Not found.")
    if gold.answerable and metric in _CONTAINING:
        recited = "zx " * (_RECITED * len(gold.parts))
        yield Answer("answered", f"{recited}{_true(gold).text}")


def _true(gold: Gold) -> Answer:
    if not gold.answerable:
        return Answer("abstained", "Not found.")
    return Answer("answered", "; ".join(part[0] for part in gold.parts))
