"""Where the runs of a batch are written down: one journal for each question, found by its id."""

from __future__ import annotations

import hashlib
import json
import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from math import ceil
from pathlib import Path

from docpager.core.errors import UsageError
from docpager.core.locations import Location, as_location
from docpager.models.budget import Cost
from docpager.run.journal import JournalRecord, left_unanswered
from docpager.storage.entry_log import claim_log, log_lines, logs_in
from docpager.storage.whole_files import read_whole, write_whole

__all__ = ["JournalNames", "journal_folder", "spent_in"]

_PLACE = "journals.json"
_KIND = re.compile(rb'\w+ \{"kind":"(\w+)"')
"""How the line of a journal's entry begins, behind its seal."""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


class JournalNames:
    """The journals of one batch among others in the same folder.

    Which folder, and by what mark its files are known, is kept beside the answers: both stay the
    same however often the batch is gone on with.
    """

    def __init__(self, folder: Location, mark: str) -> None:
        self.folder = folder
        self._mark = mark
        self._numbers = self._found()

    @classmethod
    def of(cls, beside: Location, *, folder: Location, named: bool = False) -> JournalNames:
        """The names for the batch whose folder is `beside`; new ones go to `folder`, which the
        user may have `named`.

        Raises:
            UsageError: what is kept beside the answers cannot be read, or the journals are
                somewhere else, or gone.
        """
        kept = _kept(beside)
        here = folder.resolve() if isinstance(folder, Path) else folder
        if kept is None:
            return cls._begin(beside, here, f"batch-{uuid.uuid4().hex[:8]}")
        was, mark = kept
        if _may_hold(was):
            if named and was != here:
                raise UsageError(
                    f"the journals of this batch are in {str(was)!r}; leave `journals=` out, or "
                    "name another output"
                )
            return cls(was, mark)
        if logs_in(here, beginning=f"{mark}-"):
            return cls._begin(beside, here, mark)  # moved, and found again
        raise UsageError(
            f"the journals of this batch were in {str(was)!r}, which is gone: they hold its "
            "half-done runs and what those have cost; bring them back, or say with `journals=` "
            "where they are now, or name another output"
        )

    @classmethod
    def any_begun(cls, beside: Location) -> bool:
        """Whether a run of the batch whose folder is `beside` got a reply, or may have cost
        something, as far as can be seen."""
        kept = _kept(beside)
        if kept is None:
            return False
        folder, mark = kept
        names = cls(folder, mark)
        return not _may_hold(folder) or any(map(names.is_begun, names.all()))

    @classmethod
    def _begin(cls, beside: Location, folder: Location, mark: str) -> JournalNames:
        """Write down where they are: relative to the answers, so that both can move together."""
        try:
            if isinstance(folder, Path):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"journals cannot be kept in {str(folder)!r}: {error.strerror}; name another "
                "folder with `journals=`"
            ) from error
        kept = str(folder)
        if isinstance(folder, Path) and isinstance(beside, Path):
            kept = os.path.relpath(folder, beside.resolve())
        write_whole(beside / _PLACE, json.dumps({"folder": kept, "mark": mark}).encode())
        return cls(folder, mark)

    def newest(self, id: str) -> Location:
        """The journal of a question's newest run, or where it is to be."""
        return self._path(id, self._numbers.get(_name(id), 1))

    def begin_anew(self, id: str) -> None:
        """The next run of this question gets another journal; the old one stays."""
        self._numbers[_name(id)] = self._numbers.get(_name(id), 1) + 1
        claim_log(self.newest(id))

    def is_begun(self, journal: Location) -> bool:
        """Whether a run stands there that got a reply, or may have cost something.

        One that was torn at its very start, or whose model never replied, is worth nothing.
        """
        try:
            with closing(log_lines(journal)) as file:
                return next(file, b"").endswith(b"\n") and _has_come_to_something(file)
        except FileNotFoundError:
            return False

    def all(self) -> Iterator[Location]:
        """Every journal of this batch."""
        yield from logs_in(self.folder, beginning=f"{self._mark}-")

    def _path(self, id: str, number: int) -> Location:
        again = f"~{number}" if number > 1 else ""
        return self.folder / f"{self._mark}-{_name(id)}{again}.jsonl"

    def _found(self) -> dict[str, int]:
        """The highest number of each question."""
        numbers: dict[str, int] = {}
        for path in self.all():
            name, _, number = path.stem.removeprefix(f"{self._mark}-").partition("~")
            numbers[name] = max(numbers.get(name, 1), int(number or 1))
        return numbers


def spent_in(
    record: JournalRecord, *, unanswered_is_lost: Callable[[JournalRecord], bool] = lambda _: True
) -> Cost:
    """What a run has taken so far, at the worst where that is not known."""
    tokens, usd = 0, 0.0
    for entry in record.entries:
        if entry.reply is not None:
            usage = entry.reply.usage
            tokens += usage.prompt_tokens + usage.output_tokens if usage else entry.prompt_tokens
            tokens += entry.reply.lost.tokens
            usd += (entry.reply.cost_usd or 0.0) + (entry.reply.lost.usd or 0.0)
        if entry.lost is not None:
            tokens += entry.lost.tokens
            usd += entry.lost.usd or 0.0
    price = record.header.price
    billed = price is not None and not price.free and record.unanswered
    if billed and price is not None and unanswered_is_lost(record):
        plan = record.header.plan
        request = next(entry for entry in reversed(record.entries) if entry.kind == "request")
        output = plan.paging.max_output
        prompt = min(plan.paging.window - output, ceil(request.prompt_tokens * plan.factor))
        tokens += prompt + output
        usd += price.worst_case(prompt_tokens=prompt, output_tokens=output)
    return Cost(tokens, usd)


def journal_folder(beside: Location) -> Location | None:
    """Where the journals of the batch are whose folder is `beside`; None where that is not known.

    Raises:
        UsageError: what is kept there cannot be read.
    """
    kept = _kept(beside)
    return kept[0] if kept else None


def _has_come_to_something(entries: Iterable[bytes]) -> bool:
    """By lines of a journal, as far as they must be read: whole journals are long, and many."""
    kinds: list[str] = []
    for line in entries:
        if (kind := _KIND.match(line)) is not None:
            kinds.append(kind[1].decode())
            if kinds[-1] in ("reply", "lost"):
                return True
    return left_unanswered(kinds)


def _may_hold(folder: Location) -> bool:
    """Whether journals can be there; object storage has no folders that could be missing."""
    return not isinstance(folder, Path) or folder.is_dir()


def _kept(beside: Location) -> tuple[Location, str] | None:
    """Where the journals were last, and their mark; None before the first run.

    Raises:
        UsageError: it cannot be read.
    """
    place = beside / _PLACE
    try:
        kept = json.loads(read_whole(place))
        folder = as_location(kept["folder"], "journals")
        if isinstance(folder, Path) and isinstance(beside, Path):
            # Itself, where an absolute one was kept.
            folder = Path(os.path.normpath(beside.resolve() / folder))
        return folder, str(kept["mark"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{str(place)!r}, which says where the journals are, cannot be read ({error}); "
            "restore it, or name another output"
        ) from error


def _name(id: str) -> str:
    """An id as part of a file name: itself where that is safe everywhere."""
    if _PLAIN.fullmatch(id) and not id.endswith("."):
        return id
    return hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:24]
