"""A run made again from its journal: proves every request, needs no model, archive or tokenizer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from docpager.core.errors import DocumentsChanged, JournalError
from docpager.core.passages import Passage, PassageRange
from docpager.core.tokens import BuiltInEstimator, TokenCounter, cached_tiktoken
from docpager.models.server_tokens import MeasuredCounter
from docpager.paging.epoch import canonical_json
from docpager.paging.reading_log import written_call
from docpager.run.apply_results import PLAIN_TEXT
from docpager.run.archival_storage import OpenArchive
from docpager.run.executor import FunctionExecutor
from docpager.run.journal import Entry, JournalRecord
from docpager.run.request_hashes import RequestHasher
from docpager.run.serialization import to_json
from docpager.run.state import Run
from docpager.run.tool_results import Loaded, PendingCall, ToolResult, Viewed

__all__ = [
    "RecordedCounter",
    "RecordingCounter",
    "Replay",
    "check_archive",
    "counter_named",
    "needs_no_file",
]


def counter_named(name: str) -> TokenCounter:
    """The counter of that name, if this machine has it.

    Raises:
        JournalError: its file is not here.
    """
    if (counter := _without_file(name)) is not None:
        return counter
    counter = cached_tiktoken(name)
    if counter is None:
        raise JournalError(f"the tokenizer {name!r} of this run is not on this machine")
    return counter


def needs_no_file(counter: TokenCounter) -> bool:
    """Whether a journal that names the counter says enough to count again."""
    return _without_file(counter.name) is not None


def _without_file(name: str) -> TokenCounter | None:
    builtin = BuiltInEstimator()
    return builtin if name == builtin.name else MeasuredCounter.named(name)


class RecordingCounter:
    """Counts with another counter and remembers every count, for the journal."""

    def __init__(self, counter: TokenCounter) -> None:
        self.name = counter.name
        self._counter = counter
        self._known: dict[str, int] = {}
        self._new: dict[str, int] = {}

    def count(self, text: str) -> int:
        key = _key(text)
        if key not in self._known:
            self._known[key] = self._new[key] = self._counter.count(text)
        return self._known[key]

    def take(self) -> dict[str, int]:
        """The counts made since the last call."""
        new, self._new = self._new, {}
        return new


class RecordedCounter:
    """Gives the counts that a journal holds; needs no tokenizer."""

    def __init__(self, name: str, counts: Mapping[str, int]) -> None:
        self.name = name
        self._counts = dict(counts)

    def count(self, text: str) -> int:
        try:
            return self._counts[_key(text)]
        except KeyError:
            raise JournalError(
                f"the journal holds no count by {self.name!r} for a text that the run counted"
            ) from None


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Replay:
    """Feeds a journal's entries into a new run, one by one.

    `pending` holds the calls of a reply whose results were not recorded: a resumed run executes
    them. It is None where no reply waits for results.
    """

    def __init__(self, record: JournalRecord, counter: TokenCounter | None = None) -> None:
        self.record = record
        self.counter = counter or _recorded(record)
        self.run = Run(record.header.plan, self.counter, price=record.header.price)
        self.pending: Sequence[PendingCall] | None = None
        self.executor: FunctionExecutor | None = None
        """Executes each call again and compares, if given."""
        self.text_sha256_of: Callable[[int], str] | None = None
        """Hash of a document's text in the archive that `executor` reads, if given."""
        self.versions: Callable[[], Mapping[str, str]] | None = None
        """Versions of the rules that made what `executor` reads, if given."""
        self.executed = 0
        """Calls that were executed again, and whose results were as they had been."""
        self._hasher = RequestHasher()
        self._prove_fed()

    def finish(self) -> Run:
        """Feed every entry.

        Raises:
            JournalError: a request, a result or the outcome differs (names the step).
        """
        for entry in self.record.entries:
            self.feed(entry)
        return self.run

    def feed(self, entry: Entry) -> None:
        """Feed one entry, proving it where it can be proved."""
        match entry.kind:
            case "request":
                self._prove_request(entry)
            case "prefetched":
                self._prove_prefetched(entry)
                self.run.prefetch(entry.results)
            case "counted":
                self.run.count(entry.prompt_tokens)
            case "reply" if entry.reply is not None:
                if not self.run.awaits_reply:
                    raise self._differs(entry, "no request stands before it")
                self.pending = self.run.receive(entry.reply)
            case "results":
                self._prove_results(entry)
                self.run.deliver(entry.results)
                self.pending = None
            case "interrupt":
                self.run.interrupt(entry.message)
            case "finish":
                self.run.finish(entry.message, limit=entry.limit)
            case "lost" if entry.lost is not None:
                self.run.charge(entry.lost)
            case "narrowed":
                self.run.narrow(entry.window or None)
            case "extended" if entry.limits is not None:
                self.run.extend(entry.limits)
            case "stopped":
                self.run.stop(entry.message, limit=entry.limit)
            case "outcome":
                self._prove_outcome(entry)

    def _prove_fed(self) -> None:
        for entry, fed in zip(self.record.entries, self.record.fed_before, strict=True):
            if entry.kind in ("request", "outcome") and entry.fed_sha256 != fed:
                raise self._differs(entry, "what was fed into the run before it differs")

    def _prove_request(self, entry: Entry) -> None:
        made = self._hasher.hash(self.run.next_request())
        if made != entry.request_sha256:
            raise self._differs(entry, f"the request differs: {made[:12]} was made")

    def _prove_results(self, entry: Entry) -> None:
        if self.pending is None or len(entry.results) != len(self.pending):
            raise self._differs(entry, "it does not answer the calls before it")
        if self.executor is None:
            return
        again = self.executor.execute_all(self.pending)
        for pending, old, new in zip(self.pending, self._lines(entry), again, strict=True):
            made = _as_far_as(old, to_json(new, ToolResult))
            if isinstance(new, Viewed):
                made = _unless_drawn_otherwise(old, made)
            if canonical_json(old) != canonical_json(made):
                what = "the last answer's check of its quotes"
                if pending.call.id != PLAIN_TEXT:
                    what = written_call(pending.call)
                raise self._differs(entry, f"{what} now gives another result{self._other_rules()}")
            self.executed += 1
        # Last: where a call gives another result, that says more.
        for number, sha256 in entry.texts.items():
            if self.text_sha256_of is not None and self.text_sha256_of(int(number)) != sha256:
                raise self._differs(entry, f"the text of D{number} is not the one that was read")

    def _lines(self, entry: Entry) -> list[Any]:
        """The results of an entry as they stand in the journal, where it was read from a file."""
        for known, line in zip(self.record.entries, self.record.lines, strict=False):
            if known is entry:
                return list(line.get("results", ()))
        return [to_json(result, ToolResult) for result in entry.results]

    def _other_rules(self) -> str:
        """Which rules are not those of the run's archive, for a result that differs."""
        then, now = self.record.versions, self.versions() if self.versions else {}
        other = [f"{n} {now[n]}, then {v}" for n, v in then.items() if now.get(n, v) != v]
        return f" (made by other rules: {'; '.join(other)})" if other else ""

    def _prove_prefetched(self, entry: Entry) -> None:
        if self.executor is None:
            return
        again = self.executor.prefetch(self.run)
        written, new = self._lines(entry), [to_json(each, ToolResult) for each in again]
        if len(written) != len(new) or any(
            canonical_json(old) != canonical_json(_as_far_as(old, each))
            for old, each in zip(written, new, strict=True)
        ):
            what = "the search that was made first now gives another result"
            raise self._differs(entry, f"{what}{self._other_rules()}")
        self.executed += len(again)

    def _prove_outcome(self, entry: Entry) -> None:
        if self.run.outcome != entry.outcome:
            raise self._differs(entry, "the outcome differs")

    def _differs(self, entry: Entry, what: str) -> JournalError:
        return JournalError(f"replay of {self.record.path} fails at step {entry.step}: {what}")


def _recorded(record: JournalRecord) -> TokenCounter:
    name = record.header.plan.counter
    if (counter := _without_file(name)) is not None:
        return counter
    counts = {key: n for entry in record.entries for key, n in entry.counts.items()}
    return RecordedCounter(name, counts)


_FLAT_PLACE = {"path": "document", "pdf_page": "page", "page_label": "label"}


def _unless_drawn_otherwise(old: Any, new: Any) -> Any:
    """A picture with the hash that it had, where something else drew it now: other versions draw
    other bytes of the same page, which says nothing of the page."""
    if old.get("renderer") == new.get("renderer") or "picture" not in new:
        return new
    kept = {name: old["picture"].get(name) for name in ("sha256", "size_bytes")}
    return {**new, "renderer": old.get("renderer"), "picture": {**new["picture"], **kept}}


def _as_far_as(old: Any, new: Any) -> Any:
    """`new` without the fields that results had not yet when `old` was written."""
    if isinstance(old, dict) and isinstance(new, dict):
        if "place" not in old and (place := new.get("place")):
            # What a quote said of its place before there were places of other kinds.
            flat = {flat: place.get(name) for flat, name in _FLAT_PLACE.items()}
            new = {**new, **flat}
        return {name: _as_far_as(old[name], value) for name, value in new.items() if name in old}
    if isinstance(old, list) and isinstance(new, list | tuple) and len(old) == len(new):
        return [_as_far_as(*pair) for pair in zip(old, new, strict=True)]
    return new


def check_archive(record: JournalRecord, archive: OpenArchive, *, on_new_archive: bool) -> None:
    """See that a run can go on in an archive.

    Raises:
        JournalError: it belongs to another one, or (`DocumentsChanged`, unless `on_new_archive`) a
            document that the run has met is not what it was.
    """
    header = record.header
    if archive.id != header.archive_id:
        raise JournalError(
            f"the run in {record.path} belongs to archive {header.archive_id}, but "
            f"{archive.directory} is {archive.id}; name the right one with `archive=`"
        )
    changed = [f"D{number}" for number in _changed(record, archive)]
    if changed and not on_new_archive:
        raise DocumentsChanged(changed, record.path)


def _changed(record: JournalRecord, archive: OpenArchive) -> Iterator[int]:
    """The documents that the run has met and that are not what they were: their file, or the text
    that was read from it."""
    live = {entry.id for entry in archive.documents()}
    texts, unhashed = record.texts, _passages_read(record)
    for number, sha256 in sorted(record.documents.items()):
        if number not in live or archive.sha256(number) != sha256:
            yield number
        elif number in texts:
            if archive.text_sha256(number) != texts[number]:
                yield number
        elif not all(_stands(each, archive) for each in unhashed if each.document == number):
            yield number


def _passages_read(record: JournalRecord) -> list[Passage]:
    """What the run has read: all that journals before format 3 have of a document's text."""
    results = (result for entry in record.entries for result in entry.results)
    return [p for result in results if isinstance(result, Loaded) for p in result.passages]


def _stands(passage: Passage, archive: OpenArchive) -> bool:
    """Whether the archive has this very passage at its place."""
    if passage.ordinal > archive.document(passage.document).passages:
        return False
    place = PassageRange(passage.document, passage.ordinal, passage.ordinal)
    return list(archive.load_range(place)) == [passage]
