"""What was sent in rounds, on disk: which batch holds the reply to which request of which question.

Written before a batch is sent and before it is waited for, so that the process after a crash
looks the batch up instead of paying for it again. One JSON object a line; a torn last line is
dropped.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from docpager.core.errors import JournalError

__all__ = ["Round", "SubmissionLog", "SubmittedItem"]


@dataclass(frozen=True, slots=True)
class SubmittedItem:
    """One request of a round. The journal of its run says which step it belongs to."""

    custom_id: str
    question_id: str
    request_sha256: str


@dataclass(slots=True)
class Round:
    """One message batch, from the intent to send it."""

    number: int
    begun: float
    """Seconds since 1970."""
    items: tuple[SubmittedItem, ...]
    batch_id: str | None = None
    """None where it is unknown whether the server got it."""
    void: bool = False
    """Whether the server was found not to have it."""


class SubmissionLog:
    """Appends to one file; every line is on disk before the next thing happens."""

    def __init__(
        self, path: Path, *, by_batches: bool = True, now: Callable[[], float] = time.time
    ) -> None:
        """Open the book for a session, which drives `by_batches` or live, with what earlier ones
        wrote into it.

        Raises:
            JournalError: it cannot be written, or is damaged before its last line.
        """
        self.path = path
        self.rounds: dict[int, Round] = {}
        self._now = now
        self._token = ""
        self.only_rounds = by_batches
        """Whether no session ever asked live: then only what stands here can have been billed."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab+")
        except OSError as error:
            raise JournalError(f"cannot write {path}: {error.strerror}") from error
        self._read()
        if not self._token:
            # Two batches of one user may ask the same: their items must not be taken for each
            # other's.
            self._token = uuid.uuid4().hex[:8]
            self._write("book", token=self._token)
        self._write("session", by_batches=by_batches)

    def intend(self, requests: Iterable[tuple[str, str]]) -> Round:
        """Write down what is about to be sent: the question and the hash of each request."""
        number = len(self.rounds) + 1
        items = tuple(
            SubmittedItem(self._custom_id(number, question_id, sha256), question_id, sha256)
            for question_id, sha256 in requests
        )
        begun = self._now()
        # Before the batch is sent: if the process dies before `sent` is written, the custom ids of
        # the items tell which of the server's batches it was.
        self._write("intent", round=number, begun=begun, items=[asdict(item) for item in items])
        self.rounds[number] = Round(number, begun, items)
        return self.rounds[number]

    def sent(self, round_: Round, batch_id: str) -> None:
        """Write down under which id the server has the round."""
        self._write("sent", round=round_.number, batch_id=batch_id)
        round_.batch_id = batch_id

    def void(self, round_: Round) -> None:
        """Write down that the server never got the round."""
        self._write("void", round=round_.number)
        round_.void = True

    def holding(self) -> dict[tuple[str, str], Round]:
        """The newest round that may hold the reply to each request, by question and hash."""
        # Later rounds overwrite earlier ones: a request is sent again only after its earlier round
        # is known not to hold its reply.
        return {
            (item.question_id, item.request_sha256): round_
            for round_ in self.rounds.values()
            if not round_.void
            for item in round_.items
        }

    @property
    def batch_ids(self) -> set[str]:
        """Every batch whose items are known."""
        return {each.batch_id for each in self.rounds.values() if each.batch_id is not None}

    def close(self) -> None:
        self._file.close()

    def _custom_id(self, number: int, question_id: str, request_sha256: str) -> str:
        question = hashlib.sha256(question_id.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self._token}-{question[:16]}-{request_sha256[:16]}-{number}"

    def _write(self, kind: str, **more: Any) -> None:
        line = json.dumps({"kind": kind, **more}, separators=(",", ":"))
        self._file.write(line.encode() + b"\n")
        self._file.flush()
        # To the disk each time, unlike a journal: a batch that the server has and this file does
        # not would be paid for twice, and there are only a few lines a round.
        os.fsync(self._file.fileno())

    def _read(self) -> None:
        self._file.seek(0)
        content = self._file.read()
        whole = content[: content.rfind(b"\n") + 1]
        # A torn line was never acted on: what it would have said happens after it is written.
        self._file.truncate(len(whole))
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                self._apply(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise JournalError(
                    f"{self.path} is damaged at line {number}; move it away to send again what "
                    "may be on its way (and pay for it again)"
                ) from error

    def _apply(self, line: Mapping[str, Any]) -> None:
        match line["kind"]:
            case "book":
                self._token = line["token"]
            case "session":
                self.only_rounds = self.only_rounds and line["by_batches"]
            case "intent":
                items = tuple(SubmittedItem(**item) for item in line["items"])
                self.rounds[line["round"]] = Round(line["round"], line["begun"], items)
            case "sent":
                self.rounds[line["round"]].batch_id = line["batch_id"]
            case "void":
                self.rounds[line["round"]].void = True
