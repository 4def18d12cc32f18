"""The journal: what was fed into a run, in order. One JSON object a line, each sealed by a hash.

A line's seal covers the line before it, so a changed byte is found at once and a line that was torn
by a crash is dropped. Requests are recorded as hash and size only: the run makes them again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Any

from cattrs import BaseValidationError

from docpager.core.errors import JournalError, StorageError
from docpager.core.locations import Location
from docpager.core.settings import RunLimits
from docpager.models.messages import Lost, ModelReply
from docpager.models.pricing import Price
from docpager.models.registry import ModelSource
from docpager.paging.epoch import canonical_json
from docpager.run.outcome import Outcome
from docpager.run.plan import RunPlan
from docpager.run.serialization import from_json, to_json
from docpager.run.tool_results import ToolResult
from docpager.storage.entry_log import LogExists, LogTaken, held_log, log_exists, open_log, read_log
from docpager.storage.sealed_log import seal_of

__all__ = [
    "FORMAT",
    "Entry",
    "Header",
    "Journal",
    "JournalRecord",
    "entry_json",
    "fed_hash",
    "held_journal",
    "is_journal",
    "journal_lines",
    "left_unanswered",
    "read_journal",
    "sealed_lines",
]


FORMAT = 3
_READABLE = (2, FORMAT)

_BODY = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_SEALED = re.compile(rb"[0-9a-f]{16} \{")
_FED = (
    "prefetched",
    "counted",
    "reply",
    "results",
    "interrupt",
    "finish",
    "lost",
    "narrowed",
    "stopped",
    "extended",
)
_PROVING = ("request", "outcome")
_BETWEEN = ("interrupt", "counted")
"""What may stand between a request and its reply."""
_ALWAYS_WRITTEN = ("kind", "step")
_FORMAT_2: dict[str, Any] = {
    "request_sha256": "",
    "fed_sha256": "",
    "prompt_tokens": 0,
    "reply": None,
    "results": [],
    "documents": {},
    "counts": {},
    "message": "",
    "lost": None,
    "outcome": None,
}
"""Fields of an entry that format 2 hashed even where they were empty, and so not written."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a run was started with."""

    plan: RunPlan
    model: str
    archive: str
    """Where the archive was, as the user named it."""
    archive_id: str
    generation: int
    package: str
    """Version of docpager."""
    question_id: str = ""
    scope: tuple[int, ...] | None = None
    """Documents that the question is about; None for all."""
    hits_per_page: int = 10
    passages: int = 0
    """Passages within the scope."""
    unreadable: int = 0
    """PDF pages without usable text within the scope."""
    started: str = ""
    """UTC time, ISO 8601."""
    price: Price | None = None
    """Of the model, on the day of the run; None where it was not known."""
    source: ModelSource = field(default_factory=ModelSource)
    """Where and how the model is asked."""
    whole_text_tokens: int = 0
    """All text within the scope, by the built-in estimator."""
    versions: dict[str, str] = field(default_factory=dict)
    """Of the rules that had read the documents and made the indexes; none in format 2."""
    pages: int = 0
    """Pages, slides and sheets within the scope; 0 where a document has none, or where an older
    version did not say."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was fed into a run, or came out of it."""

    kind: str
    """`request`, `counted` (by the server, beforehand), `reply`, `results`, `interrupt`,
    `prefetched` (before the first request), `finish` (a limit allows one more call), `lost`,
    `waiting` (to try again), `narrowed` (the server has less context than was planned), `stopped`,
    `failure`, `resumed`, `extended` (a stopped run gets other limits) or `outcome`."""
    step: int
    """Replies received when it was written."""
    request_sha256: str = ""
    fed_sha256: str = ""
    """Of a request or an outcome: `fed_hash` of everything that was fed into the run before."""
    prompt_tokens: int = 0
    reply: ModelReply | None = None
    results: tuple[ToolResult, ...] = ()
    documents: dict[str, str] = field(default_factory=dict)
    """sha256 of the file of each document met for the first time in these results, by number."""
    texts: dict[str, str] = field(default_factory=dict)
    """The same of its text: one file has another text where other rules read it."""
    counts: dict[str, int] = field(default_factory=dict)
    """Token counts made since the last entry by a counter that needs a file, by text hash."""
    message: str = ""
    limit: str = ""
    """The limit that `finish` and `stopped` are about, as in `max_usd`."""
    window: int = 0
    """Tokens of context that the server has, where it refused the request because of it; 0 where
    it does not say."""
    lost: Lost | None = None
    """Attempts that failed, may have been billed, and stand in no reply."""
    limits: RunLimits | None = None
    """Of a run that is extended: all its limits from here on."""
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """A journal that was read and whose seals hold."""

    path: Location
    header: Header
    entries: tuple[Entry, ...]
    size: int
    """Where the next entry goes: bytes up to the end of the last whole line, or its number in
    object storage."""
    seal: str
    fed_before: tuple[str, ...] = ()
    """For each entry: `fed_hash` of all entries before it."""
    fed: str = ""
    """`fed_hash` of all entries."""
    format: int = FORMAT
    lines: tuple[dict[str, Any], ...] = ()
    """Each entry as it stands in the file, which may lack fields that entries have now."""

    @property
    def outcome(self) -> Outcome | None:
        return self.entries[-1].outcome if self.entries else None

    @property
    def limits(self) -> RunLimits:
        """The limits of the run as they are now."""
        given = [entry.limits for entry in self.entries if entry.limits is not None]
        return given[-1] if given else self.header.plan.limits

    @property
    def unanswered(self) -> bool:
        """Whether the process ended while a request was under way."""
        return left_unanswered(entry.kind for entry in self.entries)

    @property
    def documents(self) -> dict[int, str]:
        """sha256 of the file of every document the run has met."""
        return {int(n): sha for entry in self.entries for n, sha in entry.documents.items()}

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the rules of the run's archive. Format 2 was written by the first ones."""
        first = {"reader": "1", "analyzer": "1"}
        return self.header.versions or (first if self.format == 2 else {})

    @property
    def texts(self) -> dict[int, str]:
        """sha256 of the text of every document the run has met; none in format 2."""
        return {int(n): sha for entry in self.entries for n, sha in entry.texts.items()}


def left_unanswered(kinds: Iterable[str]) -> bool:
    """Whether entries of these kinds end with a request of which nobody knows what became."""
    told = [kind for kind in kinds if kind not in _BETWEEN]
    return bool(told) and told[-1] in ("request", "waiting")


class Journal:
    """Appends to one journal; every entry is flushed as it is written."""

    def __init__(
        self,
        path: Location,
        *,
        seal: str = "",
        fed: str = "",
        end: int = 0,
        format: int = FORMAT,
    ) -> None:
        """Begin a journal, or go on where it was read to its `end`."""
        with _named(path, "write"):
            self._log = open_log(path, end=end)
        self.path = path
        self._seal = seal
        self._fed = fed
        self._format = format

    @classmethod
    def create(cls, path: Location, header: Header) -> Journal:
        """Begin a journal."""
        journal = cls(path)
        journal._write({"format": FORMAT, "header": to_json(header, Header)})
        return journal

    @classmethod
    def resume(cls, record: JournalRecord) -> Journal:
        """Go on after the last whole line, in the journal's own format."""
        return cls(
            record.path,
            seal=record.seal,
            fed=record.fed,
            end=record.size,
            format=record.format,
        )

    def write(self, entry: Entry, *, sync: bool = False) -> None:
        """Add an entry; `sync` waits until it is on disk."""
        if entry.kind in _PROVING:
            entry = replace(entry, fed_sha256=self._fed)
        written = entry_json(entry)
        self._fed = fed_hash(self._fed, written, format=self._format)
        self._write(written)
        if sync:
            self._log.sync()

    def close(self) -> None:
        self._log.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, line: dict[str, Any]) -> None:
        # Keys keep their order: what a model said is echoed to it as it said it.
        body = _BODY.encode(line)
        # Each seal covers the one before it, so a line cannot be changed, left out or moved without
        # breaking all that follow.
        self._seal = seal_of(self._seal, body)
        with _named(self.path, "write"):
            self._log.append(f"{self._seal} {body}\n".encode("utf-8", "surrogatepass"))


def read_journal(path: Location) -> JournalRecord:
    """Read a journal and check its seals. A torn last line is left out.

    Raises:
        JournalError: it is missing, no journal, of another format, damaged (names the line), or
            redacted.
    """
    parsed, size, seal = journal_lines(path)
    return _record(path, parsed, size, seal)


def journal_lines(path: Location) -> tuple[list[dict[str, Any]], int, str]:
    """The whole lines of a journal as JSON, where the next one goes, and the last one's seal.

    Raises:
        JournalError: it is missing, no journal, or damaged (names the line).
    """
    with _named(path, "read"):
        content = read_log(path)
    seal = ""
    parsed: list[dict[str, Any]] = []
    for number, line in enumerate(content.lines.splitlines(), 1):
        seal, body = _checked(line, seal, path, number, parsed)
        parsed.append(body)
    if not parsed:
        raise JournalError(f"{path} is not a docpager journal: it has no complete line")
    return parsed, content.end, seal


def is_journal(path: Location) -> bool:
    """Whether a file begins as a journal does, with the seal of its first line.

    Raises:
        OSError, StorageError: it cannot be read.
    """
    if not isinstance(path, Path):
        return log_exists(path)
    with path.open("rb") as file:
        return _SEALED.match(file.read(18)) is not None


def sealed_lines(lines: Sequence[dict[str, Any]]) -> bytes:
    """Lines as a journal holds them, sealed anew."""
    seal, written = "", []
    for line in lines:
        body = _BODY.encode(line)
        seal = seal_of(seal, body)
        written.append(f"{seal} {body}\n")
    return "".join(written).encode("utf-8", "surrogatepass")


def entry_json(entry: Entry) -> dict[str, Any]:
    """An entry as a line holds it: what is empty is left out."""
    fields = to_json(entry, Entry)
    return {name: value for name, value in fields.items() if value or name in _ALWAYS_WRITTEN}


def fed_hash(previous: str, written: Mapping[str, Any], *, format: int = FORMAT) -> str:
    """Hash of what was fed into a run up to the entry that is `written` so, given the hash before
    it.

    Requests do not show everything (a dropped reply, the offsets of a passage), so they alone do
    not prove that a journal holds what the run was fed. What stands in the line is hashed, not what
    is made of it: fields that later versions give to replies and results change no old hash.
    """
    if written["kind"] not in _FED:
        return previous
    fields = {**_FORMAT_2, **written} if format == 2 else written
    fed = f"{previous}{canonical_json(fields)}"
    return hashlib.sha256(fed.encode("utf-8", "surrogatepass")).hexdigest()


@contextmanager
def held_journal(path: Location) -> Iterator[None]:
    """Keep every run from going on with a journal while it is replaced.

    Raises:
        JournalError: a run is going on with it.
    """
    with _named(path, "write"), held_log(path):
        yield


@contextmanager
def _named(path: Location, doing: str) -> Iterator[None]:
    """What storage refuses, said of this journal."""
    try:
        yield
    except LogTaken as error:
        raise JournalError(
            f"another process is continuing the run in {path}; wait until it is done"
        ) from error
    except LogExists as error:
        raise JournalError(
            f"the journal {path} would be written over a file; name another with `journal=`"
        ) from error
    except OSError as error:
        what_next = "; name another with `journal=`" if doing == "write" else ""
        raise JournalError(
            f"cannot {doing} the journal {path}: {error.strerror}{what_next}"
        ) from error
    except StorageError as error:
        raise JournalError(f"cannot {doing} the journal {path}: {error}") from error


def _checked(
    line: bytes, seal: str, path: Location, number: int, before: Sequence[dict[str, Any]]
) -> tuple[str, dict[str, Any]]:
    try:
        text = line.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        text = ""
    found, _, body = text.partition(" ")
    if found != seal_of(seal, body):
        step = before[-1].get("step", 0) if before else 0
        what = f"{path} is not a docpager journal" if number == 1 else (
            f"the journal {path} is damaged at line {number} (after step {step})"
        )  # fmt: skip
        raise JournalError(f"{what}: its checksum does not match; restore the file or ask again")
    parsed: dict[str, Any] = json.loads(body)
    return found, parsed


def _record(path: Location, parsed: list[dict[str, Any]], size: int, seal: str) -> JournalRecord:
    first, *rest = parsed
    if first.get("format") not in _READABLE:
        readable = " and ".join(map(str, _READABLE))
        raise JournalError(
            f"the journal {path} has format {first.get('format')!r}, and this docpager reads "
            f"formats {readable}; use the docpager that wrote it, or ask again"
        )
    if "redacted" in first:
        gone = ", ".join(f"D{number}" for number in first["redacted"])
        raise JournalError(
            f"the journal {path} is redacted: {gone} was forgotten and its text taken out, so the "
            "run cannot be made again; ask again"
        )
    try:
        header = from_json(first["header"], Header)
        entries = tuple(from_json(each, Entry) for each in rest)
    # The seals hold, so the bytes are as written: by another version of these classes.
    except (BaseValidationError, KeyError, TypeError, ValueError) as error:
        raise JournalError(f"the journal {path} was written by another version: {error}") from error
    hash_of = partial(fed_hash, format=first["format"])
    *fed_before, fed = accumulate(rest, hash_of, initial="")
    return JournalRecord(
        path, header, entries, size, seal, tuple(fed_before), fed, first["format"], tuple(rest)
    )
