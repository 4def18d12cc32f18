"""Question, Sample and Gold: what a system is given, what is known of it, what is right."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Axis", "Gold", "Place", "Question", "Sample", "opaque_id"]

Axis = str | int


@dataclass(frozen=True, slots=True)
class Question:
    """All that a system is told: not the axes, which may tell where the answer stands."""

    id: str
    text: str
    documents: tuple[str, ...] = ()
    """Paths of the documents that the question is about; empty for all of its set."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A question, the documents that it is asked of, and what it varies."""

    question: Question
    document_set: str
    axes: Mapping[str, Axis]
    family: str = ""
    """Shared by arrangements of one question, which are no independent evidence."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where evidence stands: a PDF page, a stretch of text, or the document as a whole."""

    document: str
    pdf_page: int | None = None
    """Counted from 1."""
    start: int | None = None
    end: int | None = None
    """Offsets in the document's text."""


@dataclass(frozen=True, slots=True)
class Gold:
    """What is right. Only `score` asks a task for it."""

    parts: tuple[tuple[str, ...], ...]
    """For each thing asked its accepted wordings; empty where the question has no answer."""
    rivals: tuple[str, ...] = ()
    """Values that a right answer does not contain."""
    evidence: tuple[Place, ...] = field(default=())
    known: bool = True
    """Whether anybody said what is right: where nobody did, what an answer says has no mark."""

    @property
    def answerable(self) -> bool:
        return bool(self.parts)


def opaque_id(*names: object) -> str:
    """A name that says nothing of what it names, the same wherever it is made."""
    written = json.dumps(names, ensure_ascii=False, default=str)
    return hashlib.sha256(written.encode()).hexdigest()[:12]
