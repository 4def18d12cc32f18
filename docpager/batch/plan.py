"""What a batch has to do: which questions are asked, gone on with, tried again, or kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from docpager.batch.answers_file import AnswersFile
from docpager.batch.job import Scope
from docpager.batch.journals import JournalNames
from docpager.batch.questions import Question
from docpager.core.errors import JournalError
from docpager.run.journal import read_journal

__all__ = ["BatchPlan", "Task", "plan_batch"]


@dataclass(frozen=True, slots=True)
class Task:
    """One question that is still to be answered. There may be very many: it holds references."""

    id: str
    question: str
    scope: Scope
    begun: bool = False
    """Whether its newest journal has something to go on with."""


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What there is to do."""

    tasks: tuple[Task, ...]
    """Begun ones first, else in the order of the questions."""
    kept: int = 0
    """Questions that have their answer line."""
    failed_before: int = 0
    """Those of them that failed or stopped, and are not tried again."""

    @property
    def begun(self) -> int:
        return sum(task.begun for task in self.tasks)


def plan_batch(
    questions: Sequence[Question],
    answers: AnswersFile,
    scopes: Mapping[str, Scope],
    *,
    journals: JournalNames,
    retry_failed: bool = False,
) -> BatchPlan:
    """Compare what is asked with what is on disk. With `retry_failed` lines of questions that
    failed are dropped, and a run that has come to its end is started again."""
    retried = set(answers.failed) if retry_failed else set()
    for id in retried:
        _make_way(id, journals)
    answers.drop(retried)
    tasks = [
        _task(question, scopes[question.id], journals)
        for question in questions
        if question.id not in answers.stored
    ]
    tasks.sort(key=lambda task: not task.begun)
    return BatchPlan(tuple(tasks), len(answers.stored), len(answers.failed))


def _task(question: Question, scope: Scope, journals: JournalNames) -> Task:
    begun = journals.is_begun(journals.newest(question.id))
    return Task(question.id, question.question, scope, begun)


def _make_way(id: str, journals: JournalNames) -> None:
    """Start again, unless the run can be resumed: one that a failure interrupted can."""
    newest = journals.newest(id)
    if not journals.is_begun(newest):
        return
    try:
        if read_journal(newest).outcome is None:
            return
    except JournalError:
        pass
    journals.begin_anew(id)
