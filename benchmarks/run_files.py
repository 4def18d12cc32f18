"""What a run leaves on disk: a record of what was asked, one line for each answer, and a seal.

The seal of a finished run: what its files held when the last answer was written.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from cattrs import Converter

from benchmarks.models import REPLIES
from benchmarks.samples import Axis
from benchmarks.systems.system import SystemAnswer
from docpager.core.errors import UsageError
from docpager.run.answer_line import Citation, parse_citation

__all__ = [
    "JOURNALS",
    "LINES",
    "RECORD",
    "SEAL",
    "LinesWriter",
    "ResultLine",
    "RunRecord",
    "check_seal",
    "read_finished",
    "read_lines",
    "read_record",
    "write_record",
    "write_seal",
]

RECORD, LINES, SEAL, JOURNALS = "run.json", "results.jsonl", "seal.json", "journals"


def write_seal(folder: Path, totals: Mapping[str, Any], journals: Iterable[str]) -> None:
    """Seal a run: its answers with what they took together, its record, replies and journals.

    Raises:
        UsageError: a journal that an answer names is missing.
    """
    names = [RECORD, *(f"{JOURNALS}/{name}" for name in sorted(set(journals)))]
    if (folder / REPLIES).exists():
        names.append(REPLIES)
    sealed = {
        **totals,
        "sha256": _sha256(folder / LINES),
        "files": {name: _sha256(_there(folder, name)) for name in names},
    }
    unfinished = folder / f"{SEAL}.new"
    unfinished.write_text(json.dumps(sealed, indent=1) + "\n", "utf-8")
    unfinished.replace(folder / SEAL)


def check_seal(folder: Path) -> bool:
    """Whether a run has a seal; what it holds is then what was sealed.

    Raises:
        UsageError: a file is missing or changed (names it).
    """
    if not (folder / SEAL).exists():
        return False
    seal = json.loads((folder / SEAL).read_text("utf-8"))
    path = folder / LINES
    if not path.exists() or _sha256(path) != seal["sha256"]:
        there = path.read_bytes().count(b"\n") if path.exists() else 0
        raise UsageError(
            f"the answers in {path} are not those that the run wrote ({there} of "
            f"{seal['answers']} lines); restore the file, or remove {folder} or name another "
            "--out and run again"
        )
    # Runs of earlier versions sealed their answers alone.
    if "files" in seal:
        _check_files(folder, seal["files"])
    return True


def _check_files(folder: Path, sealed: Mapping[str, str]) -> None:
    for name, sha256 in sealed.items():
        if _sha256(_there(folder, name)) != sha256:
            raise UsageError(
                f"{folder / name} was changed after the run was finished; restore the file, or "
                f"remove {folder} or name another --out and run again"
            )
    if REPLIES not in sealed and (folder / REPLIES).exists():
        raise UsageError(f"{folder / REPLIES} is not of this run; remove the file")


def _there(folder: Path, name: str) -> Path:
    if not (folder / name).exists():
        raise UsageError(
            f"{folder / name} is missing; restore the file, or remove {folder} or name another "
            "--out and run again"
        )
    return folder / name


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What was asked, of whom, and with what."""

    task: str
    axes: Mapping[str, Sequence[Axis]]
    per_cell: int
    seed: int
    systems: Sequence[str]
    windows: Sequence[int | str]
    """Numbers of tokens, or `minimum` for the smallest that docpager takes for a question."""
    model: str
    max_output: int
    max_steps: int
    """Requests for one question; a system that would need more is not run."""
    questions: int
    answers: int
    """Lines of a finished run."""
    data: Mapping[str, str] = field(default_factory=dict)
    """sha256 by file of the data folder."""
    documents: str = ""
    """sha256 over the sha256 of every document set."""
    commit: str = ""
    version: str = ""
    python: str = ""
    machine: str = ""
    started: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    """Files of the user's own: `questions` and `docs`."""
    base_url: str | None = None
    """The server that was asked; None for the model's own."""


@dataclass(frozen=True, slots=True)
class ResultLine:
    """One question, one system, one window: what came out."""

    question_id: str
    question: str
    system: str
    window: int | str
    """As asked for."""
    tokens_of_window: int
    answer: SystemAnswer
    seconds: float
    requests_sha256: str
    """One hash over every request that was made."""

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.question_id, self.system, str(self.window))

    def as_json(self) -> dict[str, Any]:
        """The line as `json.dumps` takes it."""
        citations = [citation.as_json() for citation in self.answer.citations]
        return {**asdict(self), "answer": {**asdict(self.answer), "citations": citations}}


def write_record(folder: Path, record: RunRecord) -> None:
    """Begin a run, or go on with it.

    Raises:
        UsageError: the folder holds a run of something else (names what differs).
    """
    path = folder / RECORD
    if path.exists():
        earlier = read_record(folder)
        if different := sorted(_different(earlier, record)):
            raise UsageError(
                f"{folder} holds a run with other {', '.join(different)}; name another --out"
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(record), indent=1) + "\n", "utf-8")


def _different(earlier: RunRecord, now: RunRecord) -> Iterator[str]:
    """What decides answers and is not the same; where and when a run was made does not."""
    before, after = json.loads(json.dumps([asdict(earlier), asdict(now)]))
    for name in before:
        if name not in ("started", "machine", "python") and before[name] != after[name]:
            yield name


def read_record(folder: Path) -> RunRecord:
    """What a run was asked.

    Raises:
        UsageError: there is no run.
    """
    path = folder / RECORD
    if not path.exists():
        raise UsageError(f"{folder} holds no run: {RECORD} is missing")
    return RunRecord(**json.loads(path.read_text("utf-8")))


class LinesWriter:
    """Appends lines to a run, each flushed as it is written; a torn last line is dropped first.

    Raises:
        UsageError: the run is sealed, and its files are not those that were sealed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sealed = check_seal(folder)
        """Whether the run was finished before."""
        path = folder / LINES
        whole = path.read_bytes() if path.exists() else b""
        whole = whole[: whole.rfind(b"\n") + 1]
        self.done = {_line(written).key for written in whole.splitlines()}
        self._file = path.open("ab")
        self._file.truncate(len(whole))

    def append(self, line: ResultLine) -> None:
        """Write one answer down."""
        self._file.write((json.dumps(line.as_json(), ensure_ascii=False) + "\n").encode())
        self._file.flush()

    def close(self, *, answers: int) -> bool:
        """End writing; the run is sealed if it has all of its answers."""
        os.fsync(self._file.fileno())
        self._file.close()
        if not self.sealed:
            lines = read_lines(self.folder)
            self.sealed = len(lines) == answers
            if self.sealed:
                journals = [line.answer.journal for line in lines if line.answer.journal]
                write_seal(self.folder, _totals(lines), journals)
        return self.sealed


def _totals(lines: Sequence[ResultLine]) -> dict[str, Any]:
    costs = [line.answer.cost_usd for line in lines]
    return {
        "answers": len(lines),
        "input_tokens": sum(line.answer.usage.prompt_tokens for line in lines),
        "output_tokens": sum(line.answer.usage.output_tokens for line in lines),
        "requests": sum(line.answer.requests for line in lines),
        "cost_usd": None if None in costs else round(sum(c for c in costs if c), 6),
    }


def read_finished(folder: Path) -> list[ResultLine]:
    """The answers of a finished run.

    Raises:
        UsageError: it is not finished, or its answers are not those that were sealed.
    """
    record = read_record(folder)
    if not check_seal(folder):
        there = len(read_lines(folder))
        raise UsageError(
            f"the run in {folder} is not finished: {there} of {record.answers} answers; "
            "run it again to go on"
        )
    return read_lines(folder)


def read_lines(folder: Path) -> list[ResultLine]:
    """All whole lines of a run."""
    path = folder / LINES
    content = path.read_bytes() if path.exists() else b""
    return [_line(written) for written in content[: content.rfind(b"\n") + 1].splitlines()]


def _line(written: bytes) -> ResultLine:
    """A line from its bytes: text is split at line separators that answers may hold."""
    return _converter().structure(json.loads(written), ResultLine)


@cache
def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    # A window is a number or the word `minimum`; both are written as they are.
    converter.register_structure_hook(int | str, lambda value, _: value)
    # Runs of earlier versions have pages in the citations themselves.
    converter.register_structure_hook(Citation, lambda value, _: parse_citation(value))
    return converter
