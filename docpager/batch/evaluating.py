"""Answers on disk beside the questions they answer, checked before anybody scores them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from docpager.batch.questions import BadLine, Question, read_questions
from docpager.batch.responses import read_responses
from docpager.core.errors import UsageError
from docpager.evaluation.numbers import TOLERANCE
from docpager.evaluation.records import Response
from docpager.evaluation.scoring import Marks, matched, score

__all__ = ["AnsweredQuestions", "read_answered"]


@dataclass(frozen=True, slots=True)
class AnsweredQuestions:
    """Each question of a file with the response to it."""

    pairs: tuple[tuple[Question, Response], ...]
    missing: int = 0
    """Questions without an answer line, which count as failed."""
    skipped: tuple[BadLine, ...] = ()
    """Lines of the questions file that were left out."""
    other_fields: tuple[str, ...] = ()
    """Names of fields of the questions that score nothing, but that results may be split by."""

    @property
    def statuses(self) -> Mapping[str, int]:
        """How many questions ended how."""
        return Counter(response.status for _, response in self.pairs)

    def marks(
        self,
        *,
        tolerance: float = TOLERANCE,
        verdicts: Mapping[str, bool | None] | None = None,
    ) -> tuple[Marks, ...]:
        """The marks of every question; `verdicts` are a judge's, by question."""
        return score(
            [question.gold for question, _ in self.pairs],
            [response for _, response in self.pairs],
            tolerance=tolerance,
            verdicts=verdicts,
        )


def read_answered(
    answers: Path,
    questions: Path,
    *,
    missing_as_failed: bool = False,
    skip_invalid: bool = False,
) -> AnsweredQuestions:
    """Read an answers file (JSONL or Parquet) beside its questions file.

    Raises:
        UsageError: a file cannot be read, a line is wrong, the last answer is torn or questions
            have no answer (unless `missing_as_failed`), or the two do not belong together.
    """
    # Answers first: they say best that the two files were swapped.
    answered = read_responses(answers)
    asked = read_questions(questions, skip_invalid=skip_invalid)
    if answered.torn is not None and not missing_as_failed:
        raise UsageError(
            f"line {answered.torn}, the last one of {str(answers)!r}, is torn: its batch was "
            "interrupted; run that again, or count what is missing as failed: "
            "`missing_as_failed=True`"
        )
    golds = [question.gold for question in asked.questions]
    found = matched(golds, answered.responses, missing_as_failed=missing_as_failed)
    return AnsweredQuestions(
        tuple(
            (question, response)
            for question, (_, response) in zip(asked.questions, found, strict=True)
        ),
        missing=len(found) - len(answered.responses),
        skipped=asked.skipped,
        other_fields=asked.other_fields,
    )
