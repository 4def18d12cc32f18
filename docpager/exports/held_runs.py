"""Which runs a path holds: a journal is one, a folder those of its journals, an answers file those
that its lines name.

Each is made again from its journal. A run that has met a document which was forgotten since is
left out, and the answer that it gave is redacted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from docpager.core.errors import JournalError, UsageError
from docpager.report.batch_page import AnswerRow, answer_rows
from docpager.report.excerpts import Excerpts
from docpager.report.watching import WatchedRun, watch
from docpager.run.journal import is_journal, journal_lines
from docpager.run.past_runs import journals_in

__all__ = ["HeldRun", "held_runs", "named_runs"]


@dataclass(slots=True)
class HeldRun:
    """A run that a path holds, or an answer whose run cannot be made again."""

    journal: Path | None
    row: AnswerRow | None = None
    """The answer that names it; None where the journal itself was named."""
    run: WatchedRun | None = None
    why_not: str = ""
    """Why there is no run."""

    @property
    def id(self) -> str:
        """That of its question; of a journal that cannot be read its file."""
        if self.row is not None:
            return self.row.id
        return self.run.header.question_id if self.run is not None else str(self.journal)


def held_runs(paths: Sequence[Path]) -> Iterator[HeldRun]:
    """The runs of all paths, in their order, each made again from its journal.

    Raises:
        UsageError: a path cannot be read, or holds neither runs nor answers.
    """
    with Excerpts() as archives:
        for held in named_runs(paths):
            _watch(held, archives)
            yield held


def _watch(held: HeldRun, archives: Excerpts) -> None:
    if held.journal is None:
        named = held.row is not None and held.row.named
        held.why_not = "its journal was not found" if named else "it names no journal"
        return
    try:
        run = watch(held.journal)
    except JournalError as error:
        held.why_not = str(error)
        if _is_redacted(held.journal) and held.row is not None:
            held.row.redact()
        return
    origin = {"archive": run.header.archive, "archive_id": run.header.archive_id}
    forgotten = set(archives.forgotten(held.journal, origin))
    if gone := sorted(forgotten & {document.number for document in run.documents}):
        names = ", ".join(f"D{number}" for number in gone)
        held.why_not = f"{names} was forgotten"
        if held.row is not None:
            held.row.redact()
        return
    held.run = run


def _is_redacted(journal: Path) -> bool:
    try:
        return "redacted" in journal_lines(journal)[0][0]
    except JournalError:
        return False


def named_runs(paths: Sequence[Path]) -> Iterator[HeldRun]:
    """The runs of all paths as they are named, not made again.

    Raises:
        UsageError: a path cannot be read, or holds neither runs nor answers.
    """
    for path in paths:
        try:
            if path.is_dir():
                yield from map(HeldRun, journals_in(path))
            elif is_journal(path):
                yield HeldRun(path)
            else:
                yield from (HeldRun(row.journal, row) for row in answer_rows(path))
        except OSError as error:
            raise UsageError(
                f"cannot read {str(path)!r}: {error.strerror}; name the journal of a run, a folder "
                "of journals, or the answers of a batch"
            ) from error
