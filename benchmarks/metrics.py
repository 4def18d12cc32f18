"""Marks: one answer against its gold, by rule. Pure functions over `docpager.evaluation`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from benchmarks.samples import TaskGold
from benchmarks.systems.system import Stretch, SystemAnswer
from docpager.core.places import Place
from docpager.evaluation.numbers import numeric_match
from docpager.evaluation.scoring import evidence_recall, right
from docpager.evaluation.texts import best_phrase, exact_match, normalised, rouge_l, token_f1

__all__ = ["METRICS", "OF_TEXT", "mark"]

MOST_WORDS = 60
"""Words of an answer for each thing asked: a longer one recites, and counts as wrong."""
MOST_CITATIONS = 3
"""Citations of an answer in which evidence counts, for each thing asked."""

Metric = Callable[[TaskGold, SystemAnswer], float | None]


def mark(metric: str, gold: TaskGold, answer: SystemAnswer) -> float | None:
    """One mark from 0 to 1; None where the metric does not ask this of the question."""
    if metric in OF_TEXT and not gold.known:
        return None
    if metric in OF_TEXT and not gold.answerable:
        return float(answer.status == "abstained")
    return METRICS[metric](gold, answer)


def _accepted(gold: TaskGold) -> tuple[str, ...]:
    """The wordings of the one thing that was asked."""
    return tuple(wording for part in gold.parts for wording in part)


def _said(answer: SystemAnswer) -> str:
    return answer.text if answer.status == "answered" else ""


def _is_short(gold: TaskGold, answer: SystemAnswer) -> bool:
    longest = max((len(wording.split()) for wording in _accepted(gold)), default=0)
    most = max(MOST_WORDS, 2 * longest) * max(1, len(gold.parts))
    return len(answer.text.split()) <= most


def _exact(gold: TaskGold, answer: SystemAnswer) -> float:
    return _as_squad(exact_match, gold, answer)


def _as_squad(
    measure: Callable[[str, Sequence[str]], float], gold: TaskGold, answer: SystemAnswer
) -> float:
    """A measure after SQuAD, for which silence, articles and signs are all the same."""
    said = _said(answer).strip()
    if normalised(said):
        return measure(said, _accepted(gold))
    return float(bool(said) and said.lower() in map(str.lower, _accepted(gold)))


def _subspan(gold: TaskGold, answer: SystemAnswer) -> float:
    """Whether a wording is said, as whole words: the paper's rule also finds it inside others."""
    return best_phrase(_said(answer), _accepted(gold)) if _is_short(gold, answer) else 0.0


def _right(gold: TaskGold, answer: SystemAnswer) -> float:
    """Whether every part is said, in any order: words whole, figures by value, brief ones first."""
    said, several = _said(answer), len(gold.parts) > 1
    return float(
        _is_short(gold, answer)
        and all(right(said, part, one_of_several=several) for part in gold.parts)
    )


def _parts(gold: TaskGold, answer: SystemAnswer) -> float:
    """Share of the parts that are said, in their order; 0 where a rival is said too."""
    said, at, found = _said(answer), 0, 0
    if not _is_short(gold, answer) or any(_place(rival, said, 0) for rival in gold.rivals):
        return 0.0
    for part in gold.parts:
        ends = [end for wording in part if (end := _place(wording, said, at))]
        if ends:
            at, found = min(ends), found + 1
    return found / len(gold.parts)


def _all_parts(gold: TaskGold, answer: SystemAnswer) -> float:
    return float(_parts(gold, answer) == 1.0)


def _place(words: str, text: str, start: int) -> int:
    """Where `words` end in `text`, as whole words; 0 where they do not stand there."""
    found = re.compile(rf"(?<![\w-]){re.escape(words)}(?![\w-])").search(text, start)
    return found.end() if found else 0


def _f1(gold: TaskGold, answer: SystemAnswer) -> float:
    return _as_squad(token_f1, gold, answer)


def _rouge_l(gold: TaskGold, answer: SystemAnswer) -> float:
    return max((each.f1 for each in rouge_l(_said(answer), _accepted(gold))), default=0.0)


def _numeric(gold: TaskGold, answer: SystemAnswer) -> float | None:
    return numeric_match(_said(answer), _accepted(gold))


def _choice(gold: TaskGold, answer: SystemAnswer) -> float:
    """The letter of a multiple choice, alone or before its wording, or the wording itself."""
    letter = re.match(r"\s*\(?([A-D])\b", _said(answer))
    if letter:
        return float(letter[1] in _accepted(gold))
    said = normalised(_said(answer))  # an article alone is nothing once it is normalised
    return float(bool(said) and said in map(normalised, _accepted(gold)))


def _evidence_cited(gold: TaskGold, answer: SystemAnswer) -> float | None:
    """Share of the evidence pages among an answer's first citations whose quotes stand."""
    given = answer.citations if answer.status == "answered" else ()
    return evidence_recall(given[: MOST_CITATIONS * max(1, len(gold.parts))], gold.evidence)


def _evidence_hit(gold: TaskGold, answer: SystemAnswer) -> float | None:
    """Whether one of them is."""
    share = _evidence_cited(gold, answer)
    return None if share is None else float(share > 0)


def _evidence_seen(gold: TaskGold, answer: SystemAnswer) -> float | None:
    """Share of the evidence that ever stood in main context."""
    if not gold.evidence:
        return None
    return sum(_was_seen(place, answer) for place in gold.evidence) / len(gold.evidence)


def _was_seen(place: Place, answer: SystemAnswer) -> bool:
    return any(shown.document == place.document and _covers(shown, place) for shown in answer.shown)


def _covers(shown: Stretch, place: Place) -> bool:
    if place.page is not None:
        first, last = shown.pdf_pages or (0, 0)
        return first <= place.page <= last
    if place.start is None or place.end is None:
        return True
    return shown.start <= place.start and place.end <= shown.end


OF_TEXT: Mapping[str, Metric] = {
    "exact": _exact,
    "subspan": _subspan,
    "right": _right,
    "all_parts": _all_parts,
    "parts": _parts,
    "f1": _f1,
    "rouge_l": _rouge_l,
    "numeric": _numeric,
    "choice": _choice,
}
"""What an answer says; where there is no answer, abstaining is right."""

METRICS: Mapping[str, Metric] = {
    **OF_TEXT,
    "evidence_cited": _evidence_cited,
    "evidence_hit": _evidence_hit,
    "evidence_seen": _evidence_seen,
}
"""Every metric by name."""
