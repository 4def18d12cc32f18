"""The answers of a batch on disk: one line a question, appended as each one ends, one writer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from docpager.batch.job import Fingerprint
from docpager.batch.tables import TABLE_ENDINGS, check_table_writer, export
from docpager.core.errors import ArchiveError, UsageError
from docpager.core.locations import Location
from docpager.models.budget import Cost
from docpager.run.answer_line import SCHEMA_VERSION, AnswerLine, parse_answer
from docpager.run.outcome import UNSUPPORTED
from docpager.run.serialization import UNREADABLE, from_json
from docpager.storage.atomic_files import sync_directory
from docpager.storage.entry_log import (
    EntryLog,
    LogExists,
    LogTaken,
    log_exists,
    open_log,
    read_log,
    replace_log,
)
from docpager.storage.json_lines import JsonLine, LineAppender, read_lines, text_line
from docpager.storage.whole_files import send, size_of
from docpager.storage.writer_lock import writer_lock

__all__ = ["AnswersFile", "answered_ids", "check_ending", "open_answers"]

_SETTINGS = "settings.json"
_TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
_NO_FILE = ("", "-", "..")
_LINES = (".jsonl", ".ndjson")
_FAILED = frozenset({"failed", "stopped", UNSUPPORTED})


class _Span(NamedTuple):
    """One answer line: its question, and its bytes in the file, line end included."""

    id: str
    start: int
    end: int


def check_ending(path: Location) -> None:
    """See that an answers file will hold what its name says.

    Raises:
        UsageError: its ending means neither JSON Lines nor a table, and no batch was started
            there, or what writes such a table is not installed.
    """
    if path.name in _NO_FILE:
        return  # refused for that, when it is opened
    folder, _ = _places(path)
    if path.suffix.lower() in TABLE_ENDINGS:
        check_table_writer(path)  # before anything is paid for
        return
    if path.suffix.lower() in _LINES or size_of(folder / _SETTINGS) is not None:
        return
    kind = f"a {path.suffix} file" if path.suffix else "a name without an ending"
    raise UsageError(
        f"{str(path)!r} is {kind}, but answers are written as JSON Lines (one object a line) or as "
        f"a table; name it {path.stem}.jsonl, {path.stem}.csv, {path.stem}.xlsx or "
        f"{path.stem}.parquet"
    )


def answered_ids(
    path: Location, *, fingerprint: Fingerprint, begun: Callable[[Location], bool]
) -> frozenset[str]:
    """Questions that have a line in the answers file at `path`, which is not touched.

    Raises:
        UsageError: as `open_answers` would, but for what only shows when it is written.
    """
    path = _file_at(path)
    folder, lines = _places(path)
    _refuse_strangers(path, lines, folder, fingerprint)
    _refuse_changes(path, lines, folder, fingerprint, begun)
    with _spool(lines) as spool:
        if not spool.path.exists():
            return frozenset()
        found = _sound_lines(spool.path)
        return frozenset(str(line.value["id"]) for line in found if line.value)


@contextmanager
def open_answers(
    path: Location,
    *,
    fingerprint: Fingerprint,
    begun: Callable[[Location], bool] = lambda _: True,
) -> Iterator[AnswersFile]:
    """The answers file at `path`, to go on with or to begin. A torn last line is dropped.

    Beside `answers.jsonl` the folder `answers.jsonl.batch` records the settings of the batch. For a
    table such as `answers.csv` the lines are kept in that folder, and `finish` makes the table of
    them. In object storage the lines are kept there one by one, and the file is made of them at the
    end.
    `begun` is asked with that folder whether runs were started; before that anything may change.

    Raises:
        UsageError: it was started with other settings or questions (says which), another process
            writes it, it holds something else, or it cannot be written.
    """
    path = _file_at(path)
    folder, lines = _places(path)
    _refuse_strangers(path, lines, folder, fingerprint)
    with ExitStack() as opened:
        try:
            if isinstance(folder, Path) and isinstance(lines, Path):
                folder.mkdir(parents=True, exist_ok=True)
                opened.enter_context(writer_lock(folder))
                lines.touch()
        except ArchiveError as error:
            raise UsageError(f"cannot write {str(path)!r}: {error}") from error
        except OSError as error:
            raise UsageError(f"cannot write {str(path)!r}: {error.strerror}") from error
        # Under the lock, and before the settings are overwritten by today's.
        _refuse_changes(path, lines, folder, fingerprint, begun)
        fingerprint.write(folder / _SETTINGS)
        spool = opened.enter_context(_spool(lines))
        spool.path.touch()
        answers = AnswersFile(path, lines, folder, spool=spool, asked=fingerprint.questions)
        del fingerprint  # a hash for each question, and nothing asks for them any more
        opened.callback(answers.close)
        yield answers


class AnswersFile:
    """An open answers file: what is on disk, and the end to append to."""

    def __init__(
        self,
        path: Location,
        lines: Location,
        folder: Location,
        *,
        spool: _Spool,
        asked: Collection[str],
    ) -> None:
        """Read what is there.

        Raises:
            UsageError: a line is no answer, or answers none of the questions `asked`.
        """
        self.path = path
        self.folder = folder
        """Where everything else about this batch may be kept."""
        self.stored: dict[str, str] = {}
        """The status of every question that is on disk: all that is kept in memory of it."""
        self._lines = spool.path
        """The lines on this machine: the file itself, or what is kept of it in object storage."""
        end = 0
        for line in _sound_lines(spool.path):
            end = line.end
            if (id := (line.value or {})["id"]) not in asked:
                raise UsageError(
                    f"line {line.number} of {str(lines)!r} answers {id!r}, which is not one of the "
                    "questions; remove it"
                )
            self._note(line.value or {})
        self._appender = LineAppender(spool.path, end=end)
        self._remote = None if isinstance(lines, Path) else lines
        self._log = self._opened_log(spool.end)

    @property
    def failed(self) -> list[str]:
        """Questions that failed or stopped at a limit."""
        return [id for id, status in self.stored.items() if status in _FAILED]

    def spent(self) -> Cost:
        """What all answers on disk took, prompts and replies together."""
        tokens, usd = 0, 0.0
        for line in _sound_lines(self._lines):
            usage, cost = (line.value or {}).get("usage") or {}, (line.value or {}).get("cost_usd")
            try:
                tokens += sum(int(usage.get(kind) or 0) for kind in _TOKENS)
                usd += float(cost or 0.0)
            except (AttributeError, TypeError, ValueError) as error:
                raise _edited(line, self._lines) from error
        return Cost(tokens, usd)

    def lines(self) -> Iterator[AnswerLine]:
        """Every answer line on disk, as the library gives it."""
        for line in _sound_lines(self._lines):
            yield _answer_line(line, self._lines)

    def append(self, line: Mapping[str, Any]) -> None:
        """Add a question's answer line; a process that dies after this does not take it along."""
        if line["id"] in self.stored:
            raise ValueError(f"question {line['id']!r} has an answer line already")
        if self._log is not None:
            # Before it stands here: who reads on from here must find it there.
            content = text_line(line)
            with _refused(self.path):
                self._log.append(content)
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
        if self.path.suffix.lower() in TABLE_ENDINGS and self.stored:
            from docpager.batch.parquet import write_parquet

            # Parquet holds whole answer lines; the other tables hold what people look at.
            write = write_parquet if self.path.suffix.lower() == ".parquet" else export
            with _to_be_sent(self.path) as table:
                write(self._lines, table)

    def close(self) -> None:
        """Let go of the file. In object storage it holds what was answered so far."""
        self._appender.close()
        if self._remote is not None and self.path.suffix.lower() not in TABLE_ENDINGS:
            send(self._lines, self.path)

    def _opened_log(self, end: int) -> EntryLog | None:
        if self._remote is None:
            return None
        with _refused(self.path):
            return open_log(self._remote, end=end)

    def _note(self, line: Mapping[str, Any]) -> None:
        # Interned: four words for twenty thousand questions.
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
            # The new file must be whole on the disk before its name replaces the old one.
            os.fsync(target.fileno())
        # Closed first: an open file cannot be replaced on Windows, and elsewhere it would go on
        # appending to the old one.
        self._appender.close()
        anew.replace(self._lines)
        sync_directory(self._lines.parent)
        self.stored = statuses
        self._appender = LineAppender(self._lines, end=end)
        if self._remote is not None:
            replace_log(self._remote, self._lines.read_bytes())
            self._log = self._opened_log(read_log(self._remote).end)


def _file_at(path: Location) -> Location:
    """Where an output leads: a link to the file that it names, so that this is what changes.

    Raises:
        UsageError: no file can be kept there.
    """
    if path.name in _NO_FILE:
        raise UsageError(
            f"{str(path)!r} is not a file, and a batch can only be continued in one; name one such "
            "as answers.jsonl"
        )
    if not isinstance(path, Path):
        check_ending(path)
        return path
    target = path.resolve() if path.is_symlink() else path
    try:
        usual = target.is_file() or not target.exists()
    except OSError as error:
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror}") from error
    if not usual:
        raise UsageError(f"{str(path)!r} is not a regular file; name a file for the answers")
    check_ending(target)
    return target


def _places(path: Location) -> tuple[Location, Location]:
    """The folder beside an answers file, and the file of its lines."""
    folder = path.with_name(path.name + ".batch")
    apart = path.suffix.lower() in TABLE_ENDINGS or not isinstance(path, Path)
    return folder, folder / "lines.jsonl" if apart else path


class _Spool(NamedTuple):
    """The lines on this machine."""

    path: Path
    end: int = 0
    """Where the next one goes in object storage."""


@contextmanager
def _spool(lines: Location) -> Iterator[_Spool]:
    """The lines as a file on this machine: itself, or a copy of what is in object storage."""
    if isinstance(lines, Path):
        yield _Spool(lines)
        return
    with TemporaryDirectory(prefix="docpager-") as folder:
        path, end = Path(folder, "lines.jsonl"), 0
        if log_exists(lines):
            content = read_log(lines)
            path.write_bytes(content.lines)
            end = content.end
        yield _Spool(path, end)


@contextmanager
def _to_be_sent(path: Location) -> Iterator[Path]:
    """Where a table is written that is to stand at `path`."""
    if isinstance(path, Path):
        yield path
        return
    with TemporaryDirectory(prefix="docpager-") as folder:
        table = Path(folder, path.name)
        yield table
        send(table, path)


@contextmanager
def _refused(path: Location) -> Iterator[None]:
    try:
        yield
    except (LogTaken, LogExists) as error:
        raise UsageError(
            f"cannot write {str(path)!r}: another process writes it; wait until it is done"
        ) from error


def _refuse_strangers(path: Location, lines: Location, folder: Location, now: Fingerprint) -> None:
    """Leave files alone that no batch has written."""
    if size_of(folder / _SETTINGS) is None and _holds_something(path, lines):
        now.check(None, path)
    if lines != path and not log_exists(lines) and _holds_something(path):
        raise UsageError(
            f"{str(path)!r} holds something, but the lines that its table would be made of are "
            f"not in {str(lines)!r}; if it holds answer lines, rename it and its folder to "
            f"{path.stem}.jsonl and {path.stem}.jsonl.batch"
        )


def _refuse_changes(
    path: Location,
    lines: Location,
    folder: Location,
    now: Fingerprint,
    begun: Callable[[Location], bool],
) -> None:
    """Hold on to settings and questions once there are answers, or runs were started."""
    before = Fingerprint.read(folder / _SETTINGS)
    if before is not None and (_holds_lines(lines) or begun(folder)):
        now.check(before, path)


def _holds_something(path: Location, *lines: Location) -> bool:
    return bool(size_of(path)) or any(map(_holds_lines, lines))


def _holds_lines(lines: Location) -> bool:
    return bool(size_of(lines)) if isinstance(lines, Path) else log_exists(lines)


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
                f"line {line.number} of {str(lines)!r} is not an answer ({what}); "
                "restore or remove it"
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


def _answer_line(line: JsonLine, lines: Path) -> AnswerLine:
    """The answer line that `as_json` wrote, of this version or an earlier one; which passages its
    notes were taken from is gone.

    Raises:
        UsageError: it was edited into something else.
    """
    value = line.value or {}
    notes = [
        {"number": number, "seen": [], **note}
        for number, note in enumerate(value.get("notes", ()), 1)
    ]
    try:
        citations = parse_answer(value).citations
        now = {"citations": (), "notes": notes, "schema_version": SCHEMA_VERSION}
        return replace(from_json({**value, **now}, AnswerLine), citations=citations)
    except UNREADABLE as error:
        raise _edited(line, lines) from error


def _edited(line: JsonLine, lines: Path) -> UsageError:
    return UsageError(
        f"line {line.number} of {str(lines)!r} is no longer an answer line (was it edited?); "
        "restore or remove it"
    )
