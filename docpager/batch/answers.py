"""The answers of a batch on disk: one line a question, appended as each one ends, one writer."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from docpager.answering.answer_line import AnswerLine
from docpager.answering.codec import from_json
from docpager.archive.durable import sync_directory
from docpager.archive.lock import writer_lock
from docpager.batch.fingerprint import Fingerprint
from docpager.batch.jsonl import JsonLine, LineAppender, read_lines
from docpager.errors import ArchiveError, UsageError
from docpager.llm.ledgers import Cost

__all__ = ["AnswersFile", "answered_ids", "open_answers"]

_SETTINGS = "settings.json"
_TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
_FAILED = frozenset({"failed", "stopped"})


class _Span(NamedTuple):
    """One answer line: its question, and its bytes in the file, line end included."""

    id: str
    start: int
    end: int


def answered_ids(path: Path) -> frozenset[str]:
    """Questions that have a line in the answers file at `path`, which is not touched."""
    _, lines = _places(path)
    if not lines.exists():
        return frozenset()
    return frozenset(str(line.value["id"]) for line in _sound_lines(lines) if line.value)


@contextmanager
def open_answers(path: Path, *, fingerprint: Fingerprint) -> Iterator[AnswersFile]:
    """The answers file at `path`, to go on with or to begin. A torn last line is dropped.

    Beside `answers.jsonl` the folder `answers.jsonl.batch` says what the batch was begun with. For
    `answers.parquet` the lines are kept in that folder, and `finish` makes the table of them.

    Raises:
        UsageError: it was begun with other settings or questions (says which), another process
            writes it, it holds something else, or it cannot be written.
    """
    folder, lines = _places(path)
    with ExitStack() as opened:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            opened.enter_context(writer_lock(folder))
            lines.touch()
        except ArchiveError as error:
            raise UsageError(f"cannot write {str(path)!r}: {error}") from error
        except OSError as error:
            raise UsageError(f"cannot write {str(path)!r}: {error.strerror}") from error
        _check(path, lines, Fingerprint.read(folder / _SETTINGS), fingerprint)
        fingerprint.write(folder / _SETTINGS)
        del fingerprint  # a hash for each question, and nothing asks for them any more
        answers = AnswersFile(path, lines, folder)
        opened.callback(answers.close)
        yield answers


class AnswersFile:
    """An open answers file: what is on disk, and the end to append to."""

    def __init__(self, path: Path, lines: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        """Where everything else about this batch may be kept."""
        self.stored: dict[str, str] = {}
        """The status of every question that is on disk: all that is kept in memory of it."""
        self._lines = lines
        end = 0
        for line in _sound_lines(lines):
            end = line.end
            self._note(line.value or {})
        self._appender = LineAppender(lines, end=end)

    @property
    def failed(self) -> list[str]:
        """Questions that failed or stopped at a limit."""
        return [id for id, status in self.stored.items() if status in _FAILED]

    def spent(self) -> Cost:
        """What all answers on disk took, prompts and replies together."""
        tokens, usd = 0, 0.0
        for line in _sound_lines(self._lines):
            value = line.value or {}
            cost, usage = value.get("cost_usd"), value.get("usage") or {}
            tokens += sum(usage.get(kind) or 0 for kind in _TOKENS)
            usd += cost if isinstance(cost, int | float) else 0.0
        return Cost(tokens, usd)

    def lines(self) -> Iterator[AnswerLine]:
        """Every answer line on disk, as the library gives it."""
        for line in _sound_lines(self._lines):
            yield _answer_line(line.value or {})

    def append(self, line: Mapping[str, Any]) -> None:
        """Add a question's answer line; a process that dies after this does not take it along."""
        if line["id"] in self.stored:
            raise ValueError(f"question {line['id']!r} has an answer line already")
        self._appender.append(line)
        self._note(line)

    def drop(self, ids: Collection[str]) -> None:
        """Take lines out, so that their questions can be asked again."""
        dropped = self.stored.keys() & set(ids)
        if dropped:
            self._rewrite([span for span in _spans(self._lines) if span.id not in dropped])

    def finish(self, *, order: Sequence[str] | None = None) -> None:
        """Give the file its last shape: lines in `order` where one is given, a table if asked."""
        if order is not None:
            place = {id: number for number, id in enumerate(order)}
            self._rewrite(sorted(_spans(self._lines), key=lambda span: place[span.id]))
        if self._lines != self.path and self.stored:
            from docpager.batch.parquet import write_parquet

            write_parquet(self._lines, self.path)

    def close(self) -> None:
        self._appender.close()

    def _note(self, line: Mapping[str, Any]) -> None:
        self.stored[str(line["id"])] = sys.intern(str(line.get("status")))

    def _rewrite(self, kept: Iterable[_Span]) -> None:
        """Keep these lines, in this order: whoever reads sees the old file or the new one."""
        anew = self._lines.with_name(self._lines.name + ".new")
        statuses, end = {}, 0
        with self._lines.open("rb") as source, anew.open("wb") as target:
            for span in kept:
                source.seek(span.start)
                end += target.write(source.read(span.end - span.start))
                statuses[span.id] = self.stored[span.id]
            target.flush()
            os.fsync(target.fileno())
        self._appender.close()
        anew.replace(self._lines)
        sync_directory(self._lines.parent)
        self.stored = statuses
        self._appender = LineAppender(self._lines, end=end)


def _places(path: Path) -> tuple[Path, Path]:
    """The folder beside an answers file, and the file of its lines."""
    folder = path.with_name(path.name + ".batch")
    return folder, folder / "lines.jsonl" if path.suffix == ".parquet" else path


def _check(path: Path, lines: Path, before: Fingerprint | None, now: Fingerprint) -> None:
    if before is None:
        if lines.stat().st_size:
            raise UsageError(
                f"{str(path)!r} was not written by a batch: nothing beside it says what it was "
                "begun with; name another output"
            )
        return
    if different := now.differences(before):
        raise UsageError(
            f"{str(path)!r} was begun otherwise: {'; '.join(different)}; go on as it was begun, or "
            "name another output"
        )


def _sound_lines(lines: Path) -> Iterator[JsonLine]:
    """The answer lines of a file, without a torn last one.

    Raises:
        UsageError: a line is no answer, or a question has two.
    """
    seen: set[str] = set()
    for line in read_lines(lines):
        if not line.ended:
            return
        id = (line.value or {}).get("id")
        if line.value is None or not isinstance(id, str):
            what = line.problem or "it has no id"
            raise UsageError(
                f"line {line.number} of {str(lines)!r} is no answer ({what}); restore or remove it"
            )
        if id in seen:
            raise UsageError(
                f"line {line.number} of {str(lines)!r} answers {id!r} again; remove one of the two"
            )
        seen.add(id)
        yield line


def _spans(lines: Path) -> Iterator[_Span]:
    """Where each answer line stands."""
    for line in _sound_lines(lines):
        yield _Span(str((line.value or {})["id"]), line.start, line.end)


def _answer_line(value: Mapping[str, Any]) -> AnswerLine:
    """The answer line that `as_json` wrote; which passages its notes were taken from is gone."""
    notes = [
        {"number": number, "seen": [], **note}
        for number, note in enumerate(value.get("notes", ()), 1)
    ]
    return from_json({**value, "notes": notes}, AnswerLine)
