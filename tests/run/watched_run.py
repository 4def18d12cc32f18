"""One run moved step by step, every promise about it checked by other means than its own."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache, partial
from math import ceil
from pathlib import Path

from run_worlds import SENTINEL, World, drawn

from docpager.core.passages import Passage, PassageId, PassageRange
from docpager.core.pictures import PageId, Picture, PictureId
from docpager.core.settings import RunLimits
from docpager.core.tokens import TokenCounter
from docpager.models.messages import (
    AssistantTurn,
    CallResult,
    ModelReply,
    ModelRequest,
    ToolCall,
    UserTurn,
)
from docpager.paging.epoch import PromptSizer
from docpager.paging.open_step import RESULTS_TITLE
from docpager.run.executor import FunctionExecutor
from docpager.run.journal import Entry, Header, JournalRecord, entry_json, fed_hash
from docpager.run.outcome import Abstention, Answer
from docpager.run.plan import RunPlan
from docpager.run.replay import Replay
from docpager.run.request_hashes import request_hash
from docpager.run.serialization import from_json, to_json
from docpager.run.state import Run
from docpager.run.tool_results import Found, Loaded, PendingCall, TooLarge, ToolResult, Viewed

WARNING = "[memory] Main context is"
FRAMING = 8
"""Tokens that a block of a request is documented to add."""
SHARES = {"# Question": 0.2, "# Documents": 0.1, "# Reading log": 0.1, "# Notes": 0.2}
PINS_SHARE = 0.15
MOST_CALLS = 8


@dataclass
class Resident:
    """What the watcher knows of one resident passage."""

    seen: bool = False
    """Whether a request that was sent held its text."""


@dataclass
class WatchedRun:
    """Moves a run, remembers what was sent, and asserts the promises at every request."""

    plan: RunPlan
    library: World
    counter: TokenCounter
    requests: list[ModelRequest] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.run = Run(self.plan, self.counter)
        self._executor = FunctionExecutor(
            self.library,
            functions=self.plan.functions,
            sizer=PromptSizer.of(self.counter, self.plan.factor),
            hits_per_page=4,
            at_hand=self.plan.conversation.shown if self.plan.conversation else None,
            pictures=self.plan.pictures,
            draw=partial(drawn, price=self.plan.pictures) if self.plan.pictures else None,
        )
        if self.run.wants_prefetch:
            results = tuple(self._executor.prefetch(self.run))
            self.run.prefetch(results)
            self.entries.append(Entry("prefetched", 0, results=results))
            self.happened["prefetched page"] += bool(len(self.run.context.table))
        self._residents: dict[PageId, Resident] = {}
        self._sent_pictures: set[PictureId] = set()
        self._reply: ModelReply | None = None
        self._made: tuple[ToolCall, ...] = ()
        """The calls of the newest reply, in its protocol or in its text."""
        self._results: tuple[CallResult, ...] = ()
        self._repeats: Counter[PassageRange] = Counter()
        self._quoting: tuple[set[PassageId], ModelReply] | None = None
        self._named: set[PageId] = set()
        """Pages of which a result says that they are in main context, not sent yet."""

    def count(self, text: str) -> int:
        return ceil(self.counter.count(text) * self.plan.factor) if text else 0

    # Moving it.

    def request(self) -> ModelRequest:
        """The next request, checked."""
        before = {id_: self.run.context.table[id_] for id_ in self._resident}
        request = self.run.next_request()
        assert self.run.next_request() == request, "asking twice changes nothing"
        self._check_size(request)
        self._check_prefix(request)
        self._check_documents_stay_inside(request)
        evicted = before.keys() - self._resident
        released = {id_ for id_ in evicted if before[id_].released}
        assert not self._named & evicted, "a result says that these are in main context"
        self._check_evictions(evicted - released, released)
        self.requests.append(request)
        self._see(request)
        self._named.clear()
        sha256 = request_hash(request)
        self.entries.append(Entry("request", self.run.steps, request_sha256=sha256))
        return request

    @property
    def _resident(self) -> set[PageId]:
        table = self.run.context.table
        return {*table.ids, *table.pictures}

    def answer(self, reply: ModelReply, *, written: tuple[ToolCall, ...] = ()) -> None:
        """Give the model's reply, execute its calls and deliver their results.

        `written` are the calls that stand in its text.
        """
        self._reply, resident = reply, set(self.run.context.table.ids)
        known = {function.name for function in self.plan.functions}
        # Calls in text of functions that are not offered are read or not, by their form.
        self._made = written if {call.name for call in written} <= known else ()
        self._made = self._made or reply.calls
        self.happened["call as text"] += bool(written)
        pending = self.run.receive(reply)
        self.entries.append(Entry("reply", self.run.steps, reply=reply))
        results = self._executor.execute_all(pending)
        for call, result in zip(pending, results, strict=True):
            self._check_bound(call, result)
        self.entries.append(Entry("results", self.run.steps, results=tuple(results)))
        notes = set(self.run.context.notes.resident)
        self.run.deliver(results)
        self._results = self.run.context.newest_results if not self.run.context.sealed else ()
        self._follow(pending, results)
        self._note_named(pending)
        self.happened["note paged out"] += bool(notes - set(self.run.context.notes.resident))
        if self.run.outcome is not None:
            self.entries.append(Entry("outcome", self.run.steps, outcome=self.run.outcome))
            self._check_quotes(resident)

    def interrupt(self, message: str) -> None:
        """A message to the live run."""
        self.run.interrupt(message)
        self.entries.append(Entry("interrupt", self.run.steps, message=message))

    def extend(self, limits: RunLimits) -> None:
        """Other limits for a run that one of its limits has stopped."""
        self.run.extend(limits)
        self.entries.append(Entry("extended", self.run.steps, limits=limits))
        # A last reply may have made calls that it was not allowed: they are not in the step.
        step = self.run.context._open
        self._made = (*step.calls, *step.skipped)
        if step.reply is not None and self._reply is not None:
            self._reply = replace(self._reply, calls=step.reply.calls)
        self._results = self.run.context.newest_results
        self.happened["extended"] += 1

    # What every request must be.

    def tokens(self, request: ModelRequest) -> int:
        """The whole request, recounted."""
        blocks = [request.instructions]
        for function in request.functions:
            schema = json.dumps(
                function.parameters, ensure_ascii=False, sort_keys=True, separators=(",", ":")
            )
            blocks.append(f"{function.name} {function.description} {schema}")
        for turn in request.turns:
            blocks += [turn.text] if turn.text else []
            if isinstance(turn, AssistantTurn):
                blocks += [_written(call) for call in turn.calls]
            else:
                blocks += [result.text for result in turn.results]
                blocks += [f"Picture of {picture.id}:" for picture in turn.pictures]
        shown = sum(map(self.picture_tokens, request.pictures))
        return shown + sum(self.count(block) + FRAMING for block in blocks)

    def picture_tokens(self, picture: Picture) -> int:
        """What a picture takes, by the pixels of its file and not by what the run says of it."""
        assert self.plan.pictures is not None
        file = drawn(picture.id, self.plan.pictures).png
        sides = (int.from_bytes(file[16:20], "big"), int.from_bytes(file[20:24], "big"))
        across, down = (side // self.plan.pictures.patch + 1 for side in sides)
        across -= sides[0] % self.plan.pictures.patch == 0
        down -= sides[1] % self.plan.pictures.patch == 0
        assert hashlib.sha256(file).hexdigest() == picture.sha256
        return across * down + FRAMING

    def _check_size(self, request: ModelRequest) -> None:
        tokens, window = self.tokens(request), self.plan.paging.window
        worst = tokens + request.max_output_tokens
        assert request.max_output_tokens == self.plan.paging.max_output
        assert worst <= window, f"{worst} tokens in a window of {window}"
        assert tokens <= self.run.context.statistics.peak_tokens
        warned = is_warned(request)
        if len(request.turns) == 1:
            assert not warned, "a rebuilt request carries no warning"
            assert worst / window < self.plan.paging.warn_at
        if not warned:
            assert worst / window < self.plan.paging.warn_at
            assert worst + self.plan.paging.max_output + ceil(400 * self.plan.factor) <= window
        self.happened["warning"] += warned

    def _check_prefix(self, request: ModelRequest) -> None:
        assert request.instructions == self.plan.instructions
        assert request.functions == self.plan.offered
        assert all(turn.text or getattr(turn, "calls", ()) or getattr(turn, "results", ())
                   or getattr(turn, "raw", ()) for turn in request.turns)  # fmt: skip
        if not self.requests:
            assert len(request.turns) == 1
            return
        old, new = self.requests[-1].turns, request.turns
        if new[: len(old)] == old:
            self._check_appended(new[len(old) :])
            return
        assert len(new) == 1, "within an epoch a request only grows at its end"
        self.happened["rebuild"] += 1
        self._check_head(new[0])

    def _check_appended(self, turns: tuple[object, ...]) -> None:
        reply = self._reply
        assert reply is not None
        *said, results = turns
        assert isinstance(results, UserTurn)
        if not said:
            assert not self._results, "results follow the reply that asked for them"
            return
        (turn,) = said
        assert isinstance(turn, AssistantTurn)
        assert (turn.text, turn.raw) == (reply.text, reply.raw)
        assert [r.call_id for r in results.results] == [call.id for call in turn.calls]
        if turn.calls:
            assert turn.calls == reply.calls
            for shown, result in zip(results.results, self._results, strict=False):
                assert shown.text.startswith(result.text)
                assert shown.is_error == result.is_error
                assert shown.picture == result.picture
            for shown in results.results[MOST_CALLS:]:
                assert shown.text.startswith("skipped: at most 8 calls per reply")
        elif results.text.startswith(RESULTS_TITLE):
            outside, blocks = split_results(results.text)
            assert blocks == [result.text for result in self._results]
            if len(self._made) > MOST_CALLS:
                assert f"{len(self._made) - MOST_CALLS} calls were skipped" in outside

    def _check_head(self, turn: object) -> None:
        assert isinstance(turn, UserTurn)
        assert not turn.results
        outside, blocks = split_head(turn.text)
        # Below them stand, of a model that is asked plainly, the question and what is asked of it.
        above = re.split(r"\s(?:\[run\].*)?Question: ", outside)[0]
        parts = _parts(above)
        room = self.run.context.budget.room
        if not self.plan.paging.reading_log:
            assert "# Reading log" not in parts
        for title, share in SHARES.items():
            size = self.count(parts.get(title, "").removesuffix("\n"))
            assert size <= share * room, f"{title} takes {size} of {room}"
        pages = blocks.pop(0) if "# Pages in main context" in outside else ""
        pinned = [entry.page for entry in self.run.context.table.pinned]
        size = sum(self.count(p.text.rstrip()) for p in pinned if isinstance(p, Passage))
        size += sum(self.picture_tokens(p) for p in pinned if isinstance(p, Picture))
        assert size <= PINS_SHARE * room
        self._check_pictures_of(turn)
        assert blocks == [result.text for result in self._results]
        self._check_calls_named(outside)
        for id_ in self.run.context.table.ids:
            passage = self.run.context.table[id_].passage
            assert any(_holds(text, passage) for text in (pages, *blocks))

    def _check_calls_named(self, outside: str) -> None:
        """Each call of the newest step stands in the head, in order, before its result."""
        assert self._reply is not None
        calls = self._made[: len(self._results)]
        newest = outside.rpartition("# Newest step\n")[2] if calls else ""
        at = 0
        for call in calls:
            at = newest.index(f"{call.name} ", at) + len(call.name)
        skipped = len(self._made) - len(self._results)
        if calls and skipped:
            assert f"{skipped} calls were skipped" in newest

    def _check_documents_stay_inside(self, request: ModelRequest) -> None:
        """No text of a document but in results, or between the fences of a head."""
        first, *others = request.turns
        assert isinstance(first, UserTurn)
        assert not SENTINEL.search(split_head(first.text)[0])
        for turn in others:
            if isinstance(turn, UserTurn) and turn.text.startswith(RESULTS_TITLE):
                assert not SENTINEL.search(split_results(turn.text)[0])
            else:
                assert not SENTINEL.search(turn.text)

    # What may leave.

    def _check_pictures_of(self, head: UserTurn) -> None:
        """A head holds each resident picture once, and those of the newest step."""
        shown = [picture.id for picture in head.pictures]
        assert len(shown) == len(set(shown))
        newest = {result.picture.id for result in self._results if result.picture is not None}
        assert set(shown) == self.run.context.table.pictures | newest
        self.happened["picture in a head"] += bool(shown)
        self.happened["pinned picture"] += any(
            isinstance(entry.page, Picture) for entry in self.run.context.table.pinned
        )

    def _check_evictions(self, unreleased: set[PageId], released: set[PageId]) -> None:
        for id_ in unreleased | released:
            assert self._residents.pop(id_).seen, f"{id_} left unseen"
        if unreleased:
            warned = bool(self.requests) and is_warned(self.requests[-1])
            crowded = self._reply is not None and len(self._made) > MOST_CALLS
            assert warned or crowded, f"{unreleased} left without a warning"
        pictures = {id_ for id_ in unreleased | released if isinstance(id_, PictureId)}
        self.happened["picture evicted"] += bool(pictures & unreleased)
        self.happened["released picture evicted"] += bool(pictures & released)
        self.happened["released page evicted"] += bool(released)
        self.happened["unreleased page evicted"] += bool(unreleased)

    def _see(self, request: ModelRequest) -> None:
        texts = list(_texts(request))
        for id_ in self.run.context.table.ids:
            passage = self.run.context.table[id_].passage
            assert any(_holds(text, passage) for text in texts), f"{id_} is resident but not shown"
            self._residents.setdefault(id_, Resident()).seen = True
        pictures = list(request.pictures)
        assert len(pictures) <= 20
        assert sum(picture.size_bytes for picture in pictures) <= 20_000_000
        self._sent_pictures |= {picture.id for picture in pictures}
        for picture in self.run.context.table.pictures:
            assert picture in {each.id for each in pictures}, f"{picture} is resident but not shown"
            self._residents.setdefault(picture, Resident()).seen = True
        self.happened["picture shown"] += bool(pictures)

    # What results must be.

    def _check_bound(self, pending: PendingCall, result: ToolResult) -> None:
        if isinstance(result, Loaded):
            size = sum(self.count(passage.text.rstrip()) for passage in result.passages)
            assert size <= pending.bound

    def _follow(self, pending: list[PendingCall], results: list[ToolResult]) -> None:
        """Count page-ins that were served without a note or a search between."""
        calls = [each.call for each in pending]
        if self.run.outcome is None and self._reply is not None and self._reply.calls and calls:
            assert [r.call_id for r in self._results] == [call.id for call in calls]
        for result, shown in zip(results, self._results, strict=False):
            if isinstance(result, Viewed):
                self.happened["refused picture"] += shown.is_error
                assert (
                    shown.is_error or shown.picture == result.picture or ("already" in shown.text)
                )
            if isinstance(result, Found) or shown.text.startswith("noted as"):
                self._repeats.clear()
            if isinstance(result, Loaded) and not shown.is_error:
                self._repeats[result.range] += 1
                assert self._repeats[result.range] <= 2, f"{result.range} was paged in too often"
            refused = isinstance(result, Loaded) and shown.is_error
            self.happened["refused page-in"] += isinstance(result, TooLarge) or refused

    def _note_named(self, pending: list[PendingCall]) -> None:
        """Remember what results name as resident, unless a later call of the reply released it."""
        for each, shown in zip(pending, self._results, strict=False):
            if each.call.name == "page_in":
                self._named |= set(named_resident(shown.text))
            elif each.call.name == "view_page" and "is in main context already" in shown.text:
                document, page = re.findall(r"\d+", shown.text)[:2]
                self._named.add(PictureId(int(document), int(page)))
            elif each.call.name == "page_out" and not shown.is_error:
                table = self.run.context.table
                self._named -= {id_ for id_ in self._resident if table[id_].released}
        self.happened["resident page named"] += bool(self._named)

    def _check_quotes(self, resident: set[PassageId]) -> None:
        outcome = self.run.outcome
        if not isinstance(outcome, Answer | Abstention):
            return
        if isinstance(outcome, Answer) and outcome.status == "answered":
            stand = ("exact", "normalised", "repaired")
            assert any(check.seen and check.match in stand for check in outcome.citations)
        noted = {id_ for note in self.run.context.notes.notes for id_ in note.seen}
        noted.update(self.plan.conversation.shown if self.plan.conversation else ())
        for check in outcome.citations:
            self.happened[f"{check.match} quote"] += 1
            if check.match == "failed":
                continue
            if check.match == "picture":
                assert check.place is not None
                page = PictureId(check.document or 0, check.place.page or 0)
                assert page in self._sent_pictures
                assert page.pdf_page % 3 == 0, "pages with text are quoted"
                continue
            assert not check.seen or set(check.passages) <= resident | noted
            assert check.document is not None
            assert check.place is not None
            self._check_stands(check.quote, check.document, check.passages, check.place.page)

    def _check_stands(
        self, quote: str, document: int, passages: tuple[PassageId, ...], pdf_page: int | None
    ) -> None:
        text, pages = self.library.text(document), self.library.pdf_pages(document)
        first = self._load(passages[0])
        last = self._load(passages[-1])
        at = text.index(quote, first.start, last.end)
        assert at < first.end
        assert at + len(quote) > last.start
        on = [page.number for page in pages if page.start <= at < page.end]
        assert pdf_page == (on[0] if on else None)

    def _load(self, id_: PassageId) -> Passage:
        return self.library.load_range(PassageRange(id_.document, id_.ordinal, id_.ordinal))[0]

    # What a replay must be.

    def record(self) -> JournalRecord:
        """The run as its journal would hold it, by way of JSON."""
        header = Header(self.plan, "random", "toy", "toy", 1, "0")
        written = [json.loads(json.dumps(to_json(entry, Entry))) for entry in self.entries]
        entries, hashes = [], [""]
        for entry in (from_json(each, Entry) for each in written):
            proving = entry.kind in ("request", "outcome")
            entries.append(replace(entry, fed_sha256=hashes[-1]) if proving else entry)
            hashes.append(fed_hash(hashes[-1], entry_json(entry)))
        *before, fed = hashes
        return JournalRecord(Path("run.jsonl"), header, tuple(entries), 0, "", tuple(before), fed)

    def check_replay(self) -> None:
        """A replay makes the same requests and comes to the same outcome."""
        replay = Replay(self.record(), self.counter)
        assert replay.finish().outcome == self.run.outcome
        replay = Replay(self.record(), self.counter)
        replay.executor = self._executor
        again = replay.finish()
        assert again.context.statistics == self.run.context.statistics


def named_resident(result: str) -> list[PassageId]:
    """The passages that a result says are in main context already."""
    ranges = r"((?:D\d+:c\d+(?:-\d+)?(?:, )?)+) is in main context"
    named = re.search(rf"(?:^|; |refused: ){ranges}(?: already\.?$|, )", result.partition("\n")[0])
    found = re.findall(r"D(\d+):c(\d+)(?:-(\d+))?", named[1]) if named else []
    return [
        id_
        for document, first, last in found
        for id_ in PassageRange(int(document), int(first), int(last or first)).ids()
    ]


def split_head(text: str) -> tuple[str, list[str]]:
    """A head without what its fences hold, and what they hold."""
    fences = r"^# (?:Pages in main context|Newest step\n.*)\n<<<([0-9a-f]{8})$"
    opening = re.search(fences, text, re.MULTILINE)
    if opening is None:
        return text, []
    marker = opening[1]
    block = re.compile(rf"<<<{marker}\n(.*?)\n{marker}>>>", re.DOTALL)
    outside, blocks = block.sub("", text), block.findall(text)
    assert marker not in outside
    assert not any(marker in block for block in blocks)
    return outside, blocks


def split_results(text: str) -> tuple[str, list[str]]:
    """Results as text without what their fences hold, and what they hold."""
    opening = re.search(r"^<<<([0-9a-f]{8})$", text, re.MULTILINE)
    assert opening is not None
    marker = opening[1]
    block = re.compile(rf"<<<{marker}\n(.*?)\n{marker}>>>", re.DOTALL)
    outside, blocks = block.sub("", text), block.findall(text)
    assert marker not in outside
    return outside, blocks


def _parts(outside: str) -> dict[str, str]:
    if outside.rpartition("\n")[2].startswith("["):
        outside = outside.rpartition("\n")[0] + "\n"  # a remark
    others = ["# Conversation", "# Message", "# Pages in main context", "# Newest step"]
    titles = [*SHARES, *others]
    found = re.split(rf"^({'|'.join(titles)})$\n", outside, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def is_warned(request: ModelRequest) -> bool:
    newest = request.turns[-1]
    assert isinstance(newest, UserTurn)
    last = newest.results[-1].text if newest.results else newest.text
    return WARNING in last.rpartition("\n")[2]


def _texts(request: ModelRequest) -> list[str]:
    turns = [turn for turn in request.turns if isinstance(turn, UserTurn)]
    return [t for turn in turns for t in (turn.text, *(r.text for r in turn.results))]


def _holds(text: str, passage: Passage) -> bool:
    """Whether a text shows a passage: all of its own marks, under its header."""
    return f"[{passage.id}" in text and all(mark in text for mark in _marks(passage.text))


@cache
def _marks(text: str) -> list[str]:
    return SENTINEL.findall(text)


def _written(call: ToolCall) -> str:
    arguments = json.dumps(
        dict(call.arguments), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    return f"{call.name} {arguments}"
