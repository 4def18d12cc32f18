"""Scores answers against gold, one set of marks for each question: text, figures, evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from docpager.core.errors import UsageError
from docpager.core.passages import counted
from docpager.core.places import Place
from docpager.evaluation.numbers import TOLERANCE, numeric_match, only_figure
from docpager.evaluation.records import Axis, Gold
from docpager.evaluation.texts import (
    best_phrase,
    best_subspan,
    exact_match,
    is_brief,
    rouge_l,
    says_brief,
    token_f1,
)
from docpager.run.answer_line import AnswerLine, Citation

__all__ = [
    "METRICS",
    "Marks",
    "citation_validity",
    "evidence_precision",
    "evidence_recall",
    "matched",
    "right",
    "score",
]


def evidence_recall(citations: Sequence[Citation], evidence: Sequence[Place]) -> float | None:
    """Share of the evidence's places that are cited; None where no evidence is named."""
    places = {place.spot for place in evidence}
    if not places:
        return None
    stand = [each.place for each in citations if each.stands]
    found = [place for place in places if any(map(place.holds, stand))]
    return len(found) / len(places)


def evidence_precision(citations: Sequence[Citation], evidence: Sequence[Place]) -> float | None:
    """Share of the cited places that are evidence; None where none is named or nothing is cited.

    A place is counted once, however often it is cited; a quote that was not found is a miss.
    """
    cited = {(each.place.spot, each.stands) for each in citations}
    if not evidence or not cited:
        return None
    hits = [spot for spot, stands in cited if stands and any(e.holds(spot) for e in evidence)]
    return len(hits) / len(cited)


def citation_validity(citations: Sequence[Citation]) -> float | None:
    """Share of the citations whose quote stands where they say; None where nothing is cited."""
    return sum(cited.stands for cited in citations) / len(citations) if citations else None


METRICS: Mapping[str, str] = {
    "accuracy": "answered right, or abstained where there is no answer",
    "accuracy_when_answered": "right among those answered",
    "abstained_when_unanswerable": "abstained among those without an answer",
    "coverage": "answered among all",
    "judged": "answered, and right by the judge's verdict; an error of the judge's is wrong",
    "exact_match": "the answer is a gold answer (SQuAD's normalisation)",
    "f1": "words shared with the best gold answer (SQuAD)",
    "rouge_l": "longest common subsequence of words, F1",
    "rouge_l_recall": "the same, as a share of the gold answer",
    "subspan": "a gold answer stands in the answer (Lost in the Middle)",
    "numeric": "a figure of the answer agrees with the gold figure",
    "answer_in_quote": "a gold answer stands in a quote that stands on its page",
    "evidence_recall": "evidence pages that are cited",
    "evidence_precision": "cited pages that are evidence",
    "citation_validity": "citations whose quote stands where they say",
}
"""Every metric by name, in the order of a table, and what it says."""

_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Marks:
    """How one question went."""

    id: str
    values: Mapping[str, float | None]
    """By metric, from 0 to 1; None where the metric is not asked of this question."""
    axes: Mapping[str, Axis]


def score(
    golds: Sequence[Gold],
    responses: Iterable[AnswerLine],
    *,
    tolerance: float = TOLERANCE,
    verdicts: Mapping[str, bool | None] | None = None,
    missing_as_failed: bool = False,
) -> tuple[Marks, ...]:
    """The marks of every question, in the order of `golds`.

    `verdicts` are a judge's, by question; None where it gave none, which counts as wrong.

    Raises:
        UsageError: responses and questions do not belong together (see `matched`).
    """
    return tuple(
        Marks(gold.id, _values(gold, response, tolerance=tolerance, verdicts=verdicts), gold.axes)
        for gold, response in matched(golds, responses, missing_as_failed=missing_as_failed)
    )


def matched(
    golds: Sequence[Gold], responses: Iterable[AnswerLine], *, missing_as_failed: bool = False
) -> list[tuple[Gold, AnswerLine]]:
    """Each question with its response.

    Raises:
        UsageError: an id comes twice, a response belongs to no question, or a question has no
            response (unless `missing_as_failed`).
    """
    given = list(responses)
    asked = {gold.id for gold in golds}
    by_id = {response.id: response for response in given}
    missing = [] if missing_as_failed else [gold.id for gold in golds if gold.id not in by_id]
    problems = [
        _named("{} asked twice", _twice(gold.id for gold in golds)),
        _named("{} answered twice", _twice(response.id for response in given)),
        _named("{} answered but not asked", [id for id in by_id if id not in asked]),
        _named("{} without an answer (`missing_as_failed=True` counts them)", missing),
    ]
    if any(problems):
        raise UsageError("; ".join(filter(None, problems)))
    return [(gold, by_id.get(gold.id) or AnswerLine(id=gold.id, status="failed")) for gold in golds]


def right(
    answer: str,
    wordings: Sequence[str],
    *,
    tolerance: float = TOLERANCE,
    one_of_several: bool = False,
) -> bool:
    """Whether an answer is right by its words: one of the gold `wordings` is enough.

    A gold answer that is a figure must agree with a figure of the answer; any other must stand in
    it as whole words. A brief one (yes, no, a small count) must be what the answer says first,
    unless it is `one_of_several` that were asked for.
    """
    return any(
        says_brief(answer, each, tolerance=tolerance)
        if is_brief(each) and not one_of_several
        else _says(answer, each, tolerance=tolerance)
        for each in wordings
    )


def _says(answer: str, gold: str, *, tolerance: float) -> bool:
    if only_figure(gold) is not None:
        return bool(numeric_match(answer, [gold], tolerance=tolerance))
    return bool(best_phrase(answer, [gold]))


def _values(
    gold: Gold,
    response: AnswerLine,
    *,
    tolerance: float,
    verdicts: Mapping[str, bool | None] | None,
) -> dict[str, float | None]:
    answer = (response.answer or "") if response.answered else ""
    is_right = response.answered and right(answer, gold.answers or (), tolerance=tolerance)
    values = _of_status(gold, response, is_right=is_right)
    if verdicts is not None:
        values["judged"] = _asked(gold, response.answered and bool(verdicts.get(gold.id)))
    values |= _of_words(gold, answer, tolerance=tolerance)
    citations = response.citations if response.answered else ()
    quoted = (each.quote for each in citations if each.stands and each.seen)
    in_quote = any(
        right(quote, gold.answers or (), tolerance=tolerance, one_of_several=True)
        for quote in quoted
    )
    values["answer_in_quote"] = _asked(gold, in_quote)
    values["evidence_recall"] = evidence_recall(citations, gold.evidence)
    values["evidence_precision"] = evidence_precision(citations, gold.evidence)
    values["citation_validity"] = citation_validity(citations)
    return values


def _of_status(gold: Gold, response: AnswerLine, *, is_right: bool) -> dict[str, float | None]:
    known = gold.answers is not None
    accurate = float(response.abstained if gold.unanswerable else is_right)
    return {
        "accuracy": accurate if known else None,
        "accuracy_when_answered": float(is_right) if known and response.answered else None,
        "abstained_when_unanswerable": float(response.abstained) if gold.unanswerable else None,
        "coverage": float(response.answered),
    }


def _of_words(gold: Gold, answer: str, *, tolerance: float) -> dict[str, float | None]:
    golds = gold.answers or ()
    overlaps = rouge_l(answer, golds)
    return {
        "exact_match": _asked(gold, exact_match(answer, golds)),
        "f1": _asked(gold, token_f1(answer, golds)),
        "rouge_l": _asked(gold, max((each.f1 for each in overlaps), default=0.0)),
        "rouge_l_recall": _asked(gold, max((each.recall for each in overlaps), default=0.0)),
        "subspan": _asked(gold, best_subspan(answer, golds)),
        "numeric": numeric_match(answer, golds, tolerance=tolerance),
    }


def _asked(gold: Gold, value: float) -> float | None:
    return float(value) if gold.answerable else None


def _twice(ids: Iterable[str]) -> list[str]:
    return [id for id, times in Counter(ids).items() if times > 1]


def _named(problem: str, ids: Sequence[str]) -> str:
    """`problem` with a count and the first few names in it; nothing where there are none."""
    if not ids:
        return ""
    names = ", ".join(map(repr, ids[:_NAMED_AT_MOST]))
    more = ", ..." if len(ids) > _NAMED_AT_MOST else ""
    return problem.format(counted(len(ids), "question")) + f": {names}{more}"
