"""What a batch is about: its questions, and the documents that each of them looks in.

The settings a batch was started with, so that answers of two different batches never share a file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from docpager.batch.questions import BadLine, Question
from docpager.core.errors import UsageError
from docpager.core.locations import Location, as_location, is_remote
from docpager.run.archival_storage import OpenArchive
from docpager.run.preparation import PreparedModel
from docpager.storage.whole_files import read_whole, write_whole

__all__ = [
    "BatchArchive",
    "BatchJob",
    "Fingerprint",
    "Scope",
    "Setting",
    "asked_of",
    "decisive",
    "documents_called",
]

Scope = tuple[int, ...] | None
"""Ids of the documents to look in; None for all."""

_EXPLAINED_AT_MOST = 8


class Named(Protocol):
    """Finds documents by their names."""

    def documents_under(self, paths: Sequence[Location]) -> Sequence[int]: ...
    def documents_named(self, names: Sequence[str]) -> Sequence[int]: ...


class BatchArchive(OpenArchive, Named, Protocol):
    """An archive that also finds documents by name."""


@dataclass(frozen=True, slots=True)
class BatchJob:
    """What is asked, of what, and where the answers go."""

    questions: Sequence[Question]
    output: Location
    within: Collection[int] | None = None
    """Documents that the whole batch is about; None for all."""
    place: str = ""
    """The same as the user named it."""
    journals: Location | None = None
    """Where runs are written down; None for the archive's `runs/`."""
    retry_failed: bool = False
    skip_invalid: bool = False
    in_order: bool = False
    """Whether the lines are sorted as the questions are, at the end."""
    by_program: bool = False
    """Whether a program gave the questions, which has no lines and no options."""


def asked_of(
    job: BatchJob, archive: Named, *, on_message: Callable[[str], None] = lambda _: None
) -> tuple[list[Question], dict[str, Scope]]:
    """The questions that can be asked, and the documents that each of them is about.

    `on_message` is called with each one that is left out, and why.

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
        raise UsageError(f"{shown}{more}; correct them{advice}")
    for one in bad:
        on_message(f"skipped: {one}")
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
    under = archive.documents_under([as_location(name, "documents")]) if _is_path(name) else []
    return under or archive.documents_named([name])


def _is_path(name: str) -> bool:
    """Whether something stands at `name`; not where no path can be called so."""
    if is_remote(name):
        return True
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def _documents(archive: Named, names: Sequence[str]) -> Iterator[int]:
    for name in names:
        yield from documents_called(archive, name)


Setting = str | int | float | bool | None
_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Everything that the answers depend on."""

    settings: Mapping[str, Setting]
    """By the names that users know."""
    questions: Mapping[str, str]
    """Hash of what is asked, by id."""

    @classmethod
    def of(cls, questions: Iterable[Question], **settings: Setting) -> Fingerprint:
        """The fingerprint of these questions asked with these settings."""
        return cls(settings, {question.id: question.sha256 for question in questions})

    @classmethod
    def read(cls, path: Location) -> Fingerprint | None:
        """The one that was written at `path`; None where none was.

        Raises:
            UsageError: it cannot be read.
        """
        try:
            content = json.loads(read_whole(path))
            return cls(dict(content["settings"]), dict(content["questions"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{str(path)!r}, which records the settings of this batch, cannot be read "
                f"({error}); restore it, or name another output"
            ) from error

    def write(self, path: Location) -> None:
        """Put it on the disk, whole or not at all."""
        content = {"settings": self.settings, "questions": self.questions}
        write_whole(path, json.dumps(content, indent=1).encode())

    def check(self, before: Fingerprint | None, output: Location) -> None:
        """Refuse to go on with answers at `output` that were started with `before`, or by no batch.

        Raises:
            UsageError: they were started with other settings or questions (says which).
        """
        if before is None:
            raise UsageError(
                f"{str(output)!r} was not written by a batch: there is no record of its settings "
                "beside it; name another output"
            )
        if different := self.differences(before):
            raise UsageError(
                f"{str(output)!r} was started with other settings: {'; '.join(different)}; "
                "use the same settings as before, or name another output"
            )

    def differences(self, before: Fingerprint) -> list[str]:
        """What is not as it was `before`, as phrases; questions that are new are no difference."""
        return [*self._settings(before), *self._questions(before)]

    def _settings(self, before: Fingerprint) -> Iterable[str]:
        for name in sorted({*self.settings, *before.settings}):
            now, then = self.settings.get(name), before.settings.get(name)
            if now != then:
                yield f"{name} was {_shown(then)} and is {_shown(now)}"

    def _questions(self, before: Fingerprint) -> Iterable[str]:
        gone = [id for id in before.questions if id not in self.questions]
        changed = [
            id
            for id, sha256 in before.questions.items()
            if self.questions.get(id, sha256) != sha256
        ]
        for ids, what in ((changed, "changed"), (gone, "gone")):
            if ids:
                named = ", ".join(map(repr, ids[:_NAMED_AT_MOST]))
                more = ", ..." if len(ids) > _NAMED_AT_MOST else ""
                count = "1 question is" if len(ids) == 1 else f"{len(ids)} questions are"
                yield f"{count} {what}: {named}{more}"


_LATER_DEFAULTS: Mapping[str, Setting] = {
    "prefetch": 0,
    "functions": "auto",
    "page_pictures": "auto",
}
"""Settings that older batches do not name: these go on where nobody sets them."""


def decisive(prepared: PreparedModel, archive: OpenArchive, job: BatchJob) -> dict[str, Setting]:
    """Everything beside the questions that answers depend on, by the names users know."""
    asked, paging = prepared.settings, prepared.settings.paging
    limits = asked.limits
    return {
        "archive": archive.id,
        "paths": job.place or None,
        "model": prepared.model.name,
        "effort": asked.source.effort or None,
        "base-url": asked.source.base_url or None,
        "counter": f"{asked.counter.name} x {asked.factor:g}",
        "policy": asked.policy,
        "max-steps": limits.max_steps,
        "timeout": limits.timeout_seconds,
        "max-usd of each question": limits.max_usd,
        "max-tokens of each question": limits.max_tokens,
        **{
            name.replace("_", "-"): value
            for name, value in asdict(paging).items()
            if value != _LATER_DEFAULTS.get(name, ...)
        },
    }


def _shown(value: Setting) -> str:
    return "not set" if value is None else f"{value!r}"
