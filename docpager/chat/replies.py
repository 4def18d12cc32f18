"""What came of one message, and of runs that a killed process left behind."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from docpager.chat.changes import MemoryChange
from docpager.core.errors import JournalError
from docpager.run.answer_line import AnswerLine, Citation, answer_line
from docpager.run.journal import JournalRecord, read_journal
from docpager.run.replay import Replay
from docpager.run.state import Run

__all__ = ["ChatReply", "ended_run", "readable_journal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReply:
    """What came of one message."""

    status: str
    """`answered`, `unsupported`, `abstained`, `replied`, `stopped` or `failed`. `replied`: nothing
    was cited, and nothing was checked against anything."""
    text: str | None
    """None where there is no reply; `error` says why."""
    citations: tuple[Citation, ...] = ()
    """Their places name a document, or a turn or a memory by its `document_id`, as in T12."""
    turn: str = ""
    """The message, as in T12."""
    reply: str | None = None
    """The reply's turn, as in T13."""
    error: str | None = None
    resumable: bool = False
    """Whether `resume` can go on with it: the model failed, not the run."""
    cost_usd: float | None = None
    """The run and the summaries before it, lost attempts included; None where no price is known."""
    change: MemoryChange | None = None
    """What the turn changed in memory; None where nothing was changed."""
    line: AnswerLine | None = None
    """All figures of the run."""

    def as_json(self) -> dict[str, Any]:
        """The reply as `json.dumps` takes it: the run's answer line, and what a chat adds."""
        line = self.line.as_json() if self.line else {}
        own = {name: value for name, value in asdict(self).items() if name != "line"}
        own["citations"] = [citation.as_json() for citation in self.citations]
        own["change"] = self.change.as_json() if self.change else None
        return {**line, **own}


def readable_journal(journal: Path) -> JournalRecord | None:
    """A journal to go on with; None where there is none. One that was torn before it held anything
    goes: nothing was paid for yet."""
    if not journal.exists():
        return None
    try:
        return read_journal(journal)
    except JournalError:
        journal.unlink()
        return None


def ended_run(journal: Path) -> tuple[AnswerLine, Run] | None:
    """What came of a run whose journal has its end; None of any other."""
    if not journal.exists():
        return None
    try:
        record = read_journal(journal)
        if record.outcome is None:
            return None
        run = Replay(record).finish()
    except JournalError:
        return None
    return answer_line(run, record.header, journal=str(journal)), run
