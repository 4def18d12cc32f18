"""Reads finished answers, as lines or as a table, for whoever scores them.

Answers on disk beside the questions they answer, checked before anybody scores them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docpager.batch.questions import BadLine, Question, read_questions
from docpager.core.errors import UsageError
from docpager.evaluation.numbers import TOLERANCE
from docpager.evaluation.scoring import Marks, matched, score
from docpager.run.answer_line import AnswerLine, parse_answer
from docpager.storage.json_lines import read_lines

__all__ = [
    "AnsweredFile",
    "AnsweredQuestions",
    "answer_objects",
    "read_answered",
    "read_responses",
]

_NAMED_AT_MOST = 8


@dataclass(frozen=True, slots=True)
class AnsweredFile:
    """What an answers file holds, in its order."""

    responses: tuple[AnswerLine, ...]
    torn: int | None = None
    """The number of a torn last line, which is left out."""


def read_responses(path: Path) -> AnsweredFile:
    """The responses of an answers file, by its ending JSONL or Parquet.

    Raises:
        UsageError: it cannot be read, or lines are no answers (all are named).
    """
    responses, problems, torn, asked = [], [], None, 0
    for number, value, problem in answer_objects(path):
        if value is None and not problem:
            torn = number
            continue
        try:
            responses.append(parse_answer(_sound(value, problem)))
        except ValueError as error:
            problems.append(f"line {number}: {error}")
            asked += value is not None and "question" in value and "status" not in value
    if asked and asked == len(problems) and not responses:
        raise UsageError(f"{str(path)!r} holds questions; are ANSWERS and QUESTIONS swapped?")
    if problems:
        shown = "; ".join(problems[:_NAMED_AT_MOST])
        more = f"; and {len(problems) - _NAMED_AT_MOST} more" * (len(problems) > _NAMED_AT_MOST)
        raise UsageError(f"{str(path)!r} holds lines that are not answers: {shown}{more}")
    return AnsweredFile(tuple(responses), torn)


def answer_objects(path: Path) -> Iterator[tuple[int, dict[str, Any] | None, str]]:
    """Each line's number, object and problem; neither where the line was torn.

    Raises:
        UsageError: the file cannot be read.
    """
    if path.suffix.lower() == ".parquet":
        from docpager.batch.parquet import read_parquet

        for number, row in enumerate(read_parquet(path), 1):
            yield number, row, ""
        return
    for line in read_lines(path):
        yield line.number, line.value, "" if line.torn else line.problem


def _sound(value: dict[str, Any] | None, problem: str) -> dict[str, Any]:
    if value is None:
        raise ValueError(problem)
    return value


@dataclass(frozen=True, slots=True)
class AnsweredQuestions:
    """Each question of a file with the response to it."""

    pairs: tuple[tuple[Question, AnswerLine], ...]
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
            f"line {answered.torn}, the last one of {str(answers)!r}, is incomplete: its batch was "
            "interrupted; run the batch again, or count what is missing as failed: "
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
