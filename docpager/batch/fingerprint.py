"""What a batch was begun with, so that answers of two different batches never share a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from docpager.batch.job import BatchJob
from docpager.batch.questions import Question
from docpager.core.errors import UsageError
from docpager.run.service import OpenArchive, PreparedModel
from docpager.storage.atomic_files import replace_file

__all__ = ["Fingerprint", "Setting", "decisive"]

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
    def read(cls, path: Path) -> Fingerprint | None:
        """The one that was written at `path`; None where none was.

        Raises:
            UsageError: it cannot be read.
        """
        try:
            content = json.loads(path.read_bytes())
            return cls(dict(content["settings"]), dict(content["questions"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{str(path)!r}, which says what the answers were begun with, cannot be read "
                f"({error}); restore it, or name another output"
            ) from error

    def write(self, path: Path) -> None:
        """Put it on the disk, whole or not at all."""
        content = {"settings": self.settings, "questions": self.questions}
        replace_file(path, json.dumps(content, indent=1).encode())

    def check(self, before: Fingerprint | None, output: Path) -> None:
        """Refuse to go on with answers at `output` that were begun with `before`, or by no batch.

        Raises:
            UsageError: they were begun with other settings or questions (says which).
        """
        if before is None:
            raise UsageError(
                f"{str(output)!r} was not written by a batch: nothing beside it says what it was "
                "begun with; name another output"
            )
        if different := self.differences(before):
            raise UsageError(
                f"{str(output)!r} was begun otherwise: {'; '.join(different)}; go on as it was "
                "begun, or name another output"
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
        **{name.replace("_", "-"): value for name, value in asdict(paging).items()},
    }


def _shown(value: Setting) -> str:
    return "not set" if value is None else f"{value!r}"
