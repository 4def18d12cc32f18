"""Samples of runs like those to come: past ones, else a few played by the built-in reader."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from docpager.batch.courses import Course, course_of, past_courses
from docpager.batch.plan import Task
from docpager.core.errors import DocpagerError
from docpager.core.passages import counted
from docpager.models.extractive import ExtractiveModel
from docpager.run.journal import read_journal
from docpager.run.service import OpenArchive, PreparedModel, ask_archive

__all__ = ["FEWEST_PAST", "Sample", "sample_runs"]

FEWEST_PAST = 5
"""Past runs below which they are no sample."""
MOST_PAST = 60
REHEARSED = 12
"""Questions that the reader plays: enough for a band, a few seconds."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Courses of runs like those to come."""

    courses: tuple[Course, ...]
    following: float = 0.0
    """Share of the questions to come that follow another one on the same documents."""
    rehearsed: bool = False
    """Whether the built-in reader played them, for a model that it is not."""

    @property
    def source(self) -> str:
        """Where they come from, for people."""
        count = len(self.courses)
        if self.rehearsed:
            return (
                f"{counted(count, 'question')} played by the built-in reader, which costs nothing"
            )
        return f"{counted(count, 'run')} with this model"


async def sample_runs(
    tasks: Sequence[Task], archive: OpenArchive, prepared: PreparedModel, *, journals: Path
) -> Sample:
    """Past runs of this model on this archive if there are some, else a rehearsal. Costs nothing
    and asks no server."""
    asked = prepared.settings
    following = 1 - len({task.scope for task in tasks}) / max(1, len(tasks))
    past = past_courses(
        journals,
        model=prepared.model.name,
        window=asked.paging.window,
        archive_id=archive.id,
        most=MOST_PAST,
    )
    if len(past) >= FEWEST_PAST:
        return Sample(tuple(past), following)
    courses = []
    with tempfile.TemporaryDirectory(prefix="docpager-") as scratch:
        for number, task in enumerate(_spread(tasks, REHEARSED)):
            journal = Path(scratch) / f"{number}.jsonl"
            if await _play(task, archive, prepared, journal):
                courses.append(course_of(read_journal(journal)))
    return Sample(tuple(courses), following, rehearsed=prepared.model.name != ExtractiveModel.name)


async def _play(task: Task, archive: OpenArchive, prepared: PreparedModel, journal: Path) -> bool:
    """Let the reader answer one question; False where it cannot be asked at all."""
    limits = replace(prepared.settings.limits, max_usd=None, max_tokens=None)
    try:
        await ask_archive(
            task.question,
            archive,
            ExtractiveModel(),
            settings=replace(prepared.settings, limits=limits),
            scope=task.scope,
            journal=journal,
            id=task.id,
        )
    except DocpagerError:
        return False
    return True


def _spread(tasks: Sequence[Task], count: int) -> list[Task]:
    """So many of them, evenly over the whole."""
    if len(tasks) <= count:
        return list(tasks)
    return [tasks[(2 * n + 1) * len(tasks) // (2 * count)] for n in range(count)]
