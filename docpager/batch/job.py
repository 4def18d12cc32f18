"""What a batch is about: its questions, and the documents that each of them looks in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from docpager.batch.questions import BadLine, Question
from docpager.core.errors import UsageError
from docpager.run.service import OpenArchive

__all__ = ["BatchArchive", "BatchJob", "Scope", "asked_of", "documents_called"]

Scope = tuple[int, ...] | None
"""Ids of the documents to look in; None for all."""

_EXPLAINED_AT_MOST = 8


class Named(Protocol):
    """Finds documents by their names."""

    def documents_under(self, paths: Sequence[Path]) -> Sequence[int]: ...
    def documents_named(self, names: Sequence[str]) -> Sequence[int]: ...


class BatchArchive(OpenArchive, Named, Protocol):
    """An archive that also finds documents by name."""


@dataclass(frozen=True, slots=True)
class BatchJob:
    """What is asked, of what, and where the answers go."""

    questions: Sequence[Question]
    output: Path
    within: Collection[int] | None = None
    """Documents that the whole batch is about; None for all."""
    place: str = ""
    """The same as the user named it."""
    journals: Path | None = None
    """Where runs are written down; None for the archive's `runs/`."""
    retry_failed: bool = False
    skip_invalid: bool = False
    in_order: bool = False
    """Whether the lines are sorted as the questions are, at the end."""
    by_program: bool = False
    """Whether a program gave the questions, which has no lines and no options."""


def asked_of(
    job: BatchJob, archive: Named, *, told: Callable[[str], None] = lambda _: None
) -> tuple[list[Question], dict[str, Scope]]:
    """The questions that can be asked, and the documents that each of them is about; `told` is told
    of each one that is left out, and why.

    Raises:
        UsageError: some name documents that are not there (all are named), unless `skip_invalid`
            leaves them out.
    """
    scopes, bad = scopes_of(job.questions, archive, within=job.within)
    if bad and not job.skip_invalid:
        what = "question" if job.by_program else "line"
        each = [f"{what} {one.number}: {one.problem}" for one in bad[:_EXPLAINED_AT_MOST]]
        shown = "; ".join(each)
        more = "; ..." if len(bad) > _EXPLAINED_AT_MOST else ""
        advice = "" if job.by_program else ", or go on without them: `skip_invalid=True`"
        raise UsageError(f"{shown}{more}; mend them{advice}")
    for one in bad:
        told(f"skipped: {one}")
    return [each for each in job.questions if each.id in scopes], scopes


def scopes_of(
    questions: Sequence[Question], archive: Named, *, within: Collection[int] | None = None
) -> tuple[dict[str, Scope], list[BadLine]]:
    """The documents that each question is about, and the lines that name none; `within` restricts
    all of them."""

    @cache
    def scope(names: tuple[str, ...]) -> Scope:
        if not names:
            return None if within is None else tuple(sorted(within))
        found = set(_documents(archive, names))
        if within is not None and not found & set(within):
            raise UsageError(f"{', '.join(names)} is not among the documents asked about")
        return tuple(sorted(found if within is None else found & set(within)))

    scopes: dict[str, Scope] = {}
    bad = []
    for question in questions:
        try:
            scopes[question.id] = scope(question.documents)
        except UsageError as error:
            bad.append(BadLine(question.line, str(error)))
    return scopes, bad


def documents_called(archive: Named, name: str) -> Sequence[int]:
    """Ids of the documents under a path, or of those with this name.

    Raises:
        UsageError: the name fits no document.
    """
    under = archive.documents_under([Path(name)]) if _is_path(name) else []
    return under or archive.documents_named([name])


def _is_path(name: str) -> bool:
    """Whether something stands at `name`; not where no path can be called so."""
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def _documents(archive: Named, names: Sequence[str]) -> Iterator[int]:
    for name in names:
        yield from documents_called(archive, name)
