"""What answers about conversations are worth, kind by kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.locomo.conversations import KINDS, LocomoQuestion
from docpager.evaluation.intervals import Interval, mean_interval
from docpager.evaluation.texts import rouge_l, token_f1

__all__ = ["NOT_TOLD", "LocomoMarks", "kind_table", "marked", "said_not_told"]

NOT_TOLD = "not mentioned"
"""What every system is told to say where the conversation does not tell."""

_NOT_TOLD = re.compile(
    r"\b(?:not|never) (?:mentioned|said|stated|specified|told|given|provided|discussed|found)\b"
    r"|\b(?:does|do|did|is|was)(?:n't| not) (?:say|tell|mention|state|specify|discuss|find|known)\b"
    r"|\bno information\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class LocomoMarks:
    """One question."""

    question: LocomoQuestion
    f1: float
    """0 to 1. Where the conversation does not tell: 1 if the answer says so, else 0."""
    recall: float | None
    """ROUGE-L recall: the share of the gold answer's words that the answer holds in their order,
    MemGPT's measure since it forgives long answers; None where there is no gold answer."""
    evidence: float | None
    """Share of the turns of evidence that the model was shown; None where none is named."""
    held_back: bool
    """Whether the answer says that the conversation does not tell."""


def marked(question: LocomoQuestion, answer: str, shown: Sequence[str]) -> LocomoMarks:
    """LocomoMarks of an answer, given the ids of the turns that the model saw.

    F1 is SQuAD's over words (`evaluation.texts.token_f1`), without the stemming of LoCoMo's own
    script, so it is a little lower than that; as there, a gold answer to a question over several
    hops is a list whose items are each compared with the best item of the answer, and of an open
    question's gold answer what stands before the first semicolon counts.
    """
    held_back = said_not_told(answer)
    seen = set(shown)
    wanted = question.evidence
    evidence = sum(turn in seen for turn in wanted) / len(wanted) if wanted else None
    recall = rouge_l(answer, question.answers[:1])[0].recall if question.answers else None
    return LocomoMarks(question, _f1(question, answer, held_back), recall, evidence, held_back)


def said_not_told(answer: str) -> bool:
    """Whether an answer says that it was not told."""
    return not answer.strip() or bool(_NOT_TOLD.search(answer))


def _f1(question: LocomoQuestion, answer: str, held_back: bool) -> float:
    if question.kind == "adversarial":
        return float(held_back)
    gold = question.answers[0]
    if question.kind == "open":
        gold = gold.split(";")[0]
    if question.kind != "several hops":
        return token_f1(answer, [gold])
    said = [part for part in answer.split(",") if part.strip()] or [""]
    items = [part for part in gold.split(",") if part.strip()]
    return sum(max(token_f1(part, [item]) for part in said) for item in items) / len(items)


def kind_table(marks: Sequence[LocomoMarks], *, what: str) -> list[tuple[str, Interval | None]]:
    """The mean of `f1`, `recall` or `evidence` for each kind of question, then for all but the
    adversarial.

    Questions whose mark is None are left out of their mean.
    """
    rows = []
    for kind in (*KINDS.values(), "all but adversarial"):
        chosen = [
            each
            for each in marks
            if each.question.kind == kind
            or (kind not in KINDS.values() and each.question.kind != "adversarial")
        ]
        values = [value for each in chosen if (value := getattr(each, what)) is not None]
        rows.append((kind, mean_interval(values)))
    return rows
