"""What a system is told of a question, what is known of it, and what is right."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from docpager.core.places import Place

__all__ = ["Axis", "SystemQuestion", "TaskGold", "TaskSample", "opaque_id"]

Axis = str | int


@dataclass(frozen=True, slots=True)
class SystemQuestion:
    """All that a system is told: not the axes, which may tell where the answer stands."""

    id: str
    text: str
    documents: tuple[str, ...] = ()
    """Paths of the documents that the question is about; empty for all of its set."""


@dataclass(frozen=True, slots=True)
class TaskSample:
    """A question, the documents that it is asked of, and what it varies."""

    question: SystemQuestion
    document_set: str
    axes: Mapping[str, Axis]
    family: str = ""
    """Shared by arrangements of one question, which are no independent evidence."""


@dataclass(frozen=True, slots=True)
class TaskGold:
    """What is right. Only `score` asks a task for it."""

    parts: tuple[tuple[str, ...], ...]
    """For each thing asked its accepted wordings; empty where the question has no answer."""
    rivals: tuple[str, ...] = ()
    """Values that a right answer does not contain."""
    evidence: tuple[Place, ...] = field(default=())
    """Pages, stretches of text by their offsets, or whole documents."""
    known: bool = True
    """Whether anybody said what is right: where nobody did, what an answer says has no mark."""

    @property
    def answerable(self) -> bool:
        return bool(self.parts)

    @property
    def secret(self) -> tuple[object, ...]:
        """What ids of questions are made from; in this shape, earlier runs can be scored again."""
        places = tuple((p.document, p.page, p.start, p.end) for p in self.evidence)
        return (self.parts, self.rivals, places, self.known)


def opaque_id(*names: object) -> str:
    """A name that says nothing of what it names, the same wherever it is made."""
    written = json.dumps(names, ensure_ascii=False, default=str)
    return hashlib.sha256(written.encode()).hexdigest()[:12]
