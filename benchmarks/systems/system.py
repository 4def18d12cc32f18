"""System: one way to answer a question from documents; and what every system shares."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.samples import SystemQuestion
from docpager import Archive
from docpager.core.passages import Passage
from docpager.models.messages import ChatModel, Usage
from docpager.run.answer_line import Citation

__all__ = ["Setup", "Stretch", "System", "SystemAnswer", "scope_of", "stretches"]


@dataclass(frozen=True, slots=True)
class Setup:
    """The same for every system of a comparison."""

    model: ChatModel
    window: int
    """Tokens that instructions, functions, text and reserved output share."""
    max_output: int = 512
    max_steps: int = 400
    factor: float = 1.0
    """Safety factor on the token counter."""
    max_usd: float | None = None
    """What one question may cost."""
    journals: Path | None = None
    """Where runs are written down; None for the archive's own place."""
    allowance: int | None = None
    """Prompt tokens that docpager used on this question, for those that may use as many."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a document that stood in main context."""

    document: str
    start: int
    end: int
    pdf_pages: tuple[int, int] | None = None
    """First and last, counted from 1."""


@dataclass(frozen=True, slots=True)
class SystemAnswer:
    """How a system ended."""

    status: str
    """`answered`, `abstained`, `failed` or `stopped`."""
    text: str
    citations: tuple[Citation, ...] = ()
    requests: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = 0.0
    peak_tokens: int = 0
    """Largest prompt and its reserved output together."""
    shown: tuple[Stretch, ...] = ()
    paging: Mapping[str, float] = field(default_factory=dict)
    journal: str = ""
    error: str = ""


class System(Protocol):
    """A system. It is given a question and an archive, never gold."""

    name: str
    remark: str
    """What a reader of its figures must know; empty where it needs none."""

    def most_requests(self, tokens: int, setup: Setup) -> int:
        """Requests that a question over documents of so many shown tokens may take at most."""
        ...

    async def answer(
        self, question: SystemQuestion, archive: Archive, setup: Setup
    ) -> SystemAnswer:
        """Answer from the documents of the archive."""
        ...


def scope_of(question: SystemQuestion, archive: Archive) -> list[int] | None:
    """Ids of the documents that a question is about; None for all."""
    return archive.documents_named(question.documents) if question.documents else None


def stretches(passages: Collection[Passage], archive: Archive) -> tuple[Stretch, ...]:
    """Where these passages stand, neighbours joined."""
    joined: list[Stretch] = []
    for passage in sorted(passages, key=lambda each: (each.document, each.start)):
        path = archive.document(passage.document).path
        last = joined[-1] if joined else None
        if last and last.document == path and passage.start <= last.end:
            joined[-1] = _extended(last, passage)
        else:
            joined.append(Stretch(path, passage.start, passage.end, passage.pdf_pages))
    return tuple(joined)


def _extended(last: Stretch, passage: Passage) -> Stretch:
    pages: Sequence[int] = (*(last.pdf_pages or ()), *(passage.pdf_pages or ()))
    spanned = (min(pages), max(pages)) if pages else None
    return Stretch(last.document, last.start, max(last.end, passage.end), spanned)
