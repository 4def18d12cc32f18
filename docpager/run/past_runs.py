"""Earlier runs, as a list shows them: found in a folder of journals without making them again.

A folder may hold the journals of twenty thousand questions, so of each only what is shown is
parsed: its first line, its replies and its end. Seals are not checked here; `replay` does that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from docpager.core.errors import StorageError, UsageError
from docpager.core.locations import Location
from docpager.run.journal import is_journal
from docpager.storage.entry_log import log_lines, logs_in

__all__ = ["UNFINISHED", "UNREADABLE", "PastRun", "journals_in", "past_run", "past_runs"]

UNFINISHED = "unfinished"
"""What is said of a run that has no outcome: it was interrupted, its model failed, or it goes
on now."""
UNREADABLE = "unreadable"

_KIND = re.compile(rb'[0-9a-f]{16} \{"kind":"(\w+)"')
_SHOWN = frozenset({"reply", "lost", "outcome", "failure"})
"""Kinds of entries that say something for a list; results, the longest ones, do not."""


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run, by its journal."""

    journal: Location
    started: str
    """UTC time, ISO 8601; empty where the journal does not say."""
    question: str
    model: str
    status: str
    """As in an answer line; `unfinished`, or `unreadable`."""
    answer: str | None = None
    error: str | None = None
    """Why it stopped or failed, or cannot be read."""
    limit: str | None = None
    """Of a stopped run: the limit that stopped it."""
    steps: int = 0
    cost_usd: float | None = None
    """Lost attempts included; None where no price is known."""

    def as_json(self) -> dict[str, Any]:
        """The run as `json.dumps` takes it."""
        return {**asdict(self), "journal": str(self.journal)}


def past_runs(folder: Location, words: Sequence[str] = ()) -> list[PastRun]:
    """The runs whose journals are in `folder`, newest first; only those whose question, answer or
    reason has all of the `words`, in any case."""
    wanted = [word.casefold() for word in words]
    found = [run for run in _runs(folder) if _holds(run, wanted)]
    return sorted(found, key=lambda run: (run.started, run.journal.name), reverse=True)


def past_run(path: Location) -> PastRun | None:
    """The run in a journal; None of one that was torn at its very start."""
    try:
        return _run(path)
    except (OSError, StorageError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = getattr(error, "strerror", None) or "it is no journal, or damaged"
        return PastRun(path, "", "", "", UNREADABLE, error=why)


def journals_in(folder: Path) -> list[Path]:
    """The journals in a folder of this machine, by name.

    Raises:
        UsageError: it holds none.
        OSError: it cannot be read.
    """
    journals = [path for path in sorted(folder.glob("*.jsonl")) if is_journal(path)]
    if not journals:
        raise UsageError(f"{str(folder)!r} holds no journals; those of an archive are in its runs/")
    return journals


def _runs(folder: Location) -> Iterator[PastRun]:
    yield from filter(None, map(past_run, logs_in(folder)))


def _holds(run: PastRun, wanted: Sequence[str]) -> bool:
    text = "\n".join(filter(None, [run.question, run.answer, run.error])).casefold()
    return all(word in text for word in wanted)


def _run(path: Location) -> PastRun | None:
    with closing(log_lines(path)) as file:
        first = next(file, b"")
        if not first.endswith(b"\n"):
            return None
        opening = _body(first)
        header, redacted = opening["header"], opening.get("redacted")
        steps, usd = 0, 0.0
        last: dict[str, Any] = {}
        priced = header.get("price") is not None
        for line in file:
            kind = _KIND.match(line)
            if kind is None or not line.endswith(b"\n"):
                continue
            if kind[1].decode() not in _SHOWN:
                last = {}
                continue
            entry = last = _body(line)
            reply = entry.get("reply") or {}
            steps += bool(reply)
            for paid in (reply.get("cost_usd"), (reply.get("lost") or {}).get("usd")):
                usd += paid or 0.0
            usd += (entry.get("lost") or {}).get("usd") or 0.0
    outcome = last.get("outcome") or {}
    if redacted:
        gone = ", ".join(f"D{number}" for number in redacted)
        status = outcome.get("status", UNFINISHED)
        outcome = {"status": status, "reason": f"redacted: {gone} was forgotten"}
    return PastRun(
        path,
        started=header.get("started", ""),
        question=header["plan"]["question"],
        model=header["model"],
        status=outcome.get("status", UNFINISHED),
        answer=outcome.get("text"),
        error=outcome.get("reason") or last.get("message"),
        limit=outcome.get("limit") or None,
        steps=steps,
        cost_usd=round(usd, 9) if priced else None,
    )


def _body(line: bytes) -> Any:
    return json.loads(line.partition(b" ")[2].decode("utf-8", "surrogatepass"))
