"""What a report tells of a run, from its journal: the run is made again and watched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docpager.core.passages import Note, Passage, PassageId
from docpager.models.messages import CallResult, ModelReply, Turn, Usage
from docpager.paging.statistics import faults_under_belady, faults_under_lru
from docpager.report.page_events import PageEvent, PageEvents
from docpager.run.answer_line import AnswerLine, answer_line
from docpager.run.coverage import ReachedDocument
from docpager.run.journal import Entry, Header, read_journal
from docpager.run.outcome import Outcome
from docpager.run.replay import Replay
from docpager.run.tool_results import Found, Loaded
from docpager.run.trace import TracedStep, trace

__all__ = ["Filling", "Replacement", "WatchedNote", "WatchedRun", "watch"]


@dataclass(frozen=True, slots=True)
class Filling:
    """What one request was made of, in tokens; the parts add up to `total`.

    Instructions, document map, notes and passages are sized as the run sized them; what is left
    of the prompt are its turns: calls, results that are no passages, the reading log.
    """

    total: int
    instructions: int
    map: int
    """Document map and question."""
    notes: int
    passages: dict[int, int]
    """By document number, pictures of pages included."""

    @property
    def turns(self) -> int:
        used = self.instructions + self.map + self.notes + sum(self.passages.values())
        return self.total - used

    @classmethod
    def of(cls, replay: Replay, total: int) -> Filling:
        """Of the newest request, which took `total` tokens."""
        context, plan, meter = replay.run.context, replay.run.plan, replay.run.meter
        passages: Counter[int] = Counter()
        for id in context.table.ids | context.table.pictures:
            passages[id.document] += context.table[id].tokens
        fixed = context.budget.fixed
        asked = sum(meter.size(text).likely for text in (plan.document_map, plan.question))
        notes = sum(meter.size(line).likely for line in context.notes.lines)
        used = fixed + asked + notes + passages.total()
        # Before a server has counted, parts are upper bounds and may sum to more than the prompt.
        share = min(1.0, total / used) if used else 1.0
        return cls(
            total,
            int(fixed * share),
            int(asked * share),
            int(notes * share),
            {number: int(tokens * share) for number, tokens in sorted(passages.items())},
        )


@dataclass(frozen=True, slots=True)
class ContextAt:
    """Main context when one request was sent."""

    filling: Filling
    resident: frozenset[PassageId]
    released: frozenset[PassageId]


@dataclass(slots=True)
class WatchedNote:
    """A note of the run, when it was written, and whether another took its place."""

    note: Note
    step: int
    replaced: int | None = None
    """The step that replaced it."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Faults of the run beside what other rules would have had on the same references."""

    frames: int
    """The most passages that were resident at once: the room that the others are given."""
    references: int
    faults: int
    belady: int
    """Farthest-next-use: the least that is possible for passages of equal size."""
    lru: int


@dataclass(slots=True)
class WatchedRun:
    """A run, made again and watched."""

    journal: Path
    header: Header
    line: AnswerLine | None
    """How it ended; None where it is not finished."""
    outcome: Outcome | None
    steps: list[TracedStep]
    snapshots: dict[int, ContextAt]
    """By step, from 1."""
    results: dict[int, tuple[CallResult, ...]]
    """What each step's calls gave, as the model read it."""
    turns: dict[int, tuple[Turn, ...]]
    """What each step's request held below instructions and functions."""
    replies: dict[int, ModelReply]
    usages: dict[int, Usage]
    dollars: dict[int, float | None]
    notes: list[WatchedNote]
    documents: list[ReachedDocument]
    """How far it got with each that it met."""
    searches: list[tuple[str, ...]]
    """For each search and grep the documents that it was kept to, as the model named them; none
    where it went over all that the question is about."""
    passages: dict[PassageId, Passage]
    """Every passage that was read."""
    faults: dict[PassageId, list[int]]
    """The steps in which each passage had to be loaded."""
    events: list[PageEvent]
    """What happened to passages in main context, in order."""
    replacement: Replacement | None
    """None where no passage was read."""
    usage: Usage
    cost_usd: float | None
    texts: dict[int, str]
    """Hash of the text of each document that the run met."""


class _Watch(Replay):
    """A replay that keeps what each entry did."""

    def __init__(self, journal: Path) -> None:
        super().__init__(read_journal(journal))
        self.snapshots: dict[int, ContextAt] = {}
        self.results: dict[int, tuple[CallResult, ...]] = {}
        self.turns: dict[int, tuple[Turn, ...]] = {}
        self.replies: dict[int, ModelReply] = {}
        self.usages: dict[int, Usage] = {}
        self.dollars: dict[int, float | None] = {}
        self.notes: dict[int, WatchedNote] = {}
        self.searches: list[tuple[str, ...]] = []
        self.passages: dict[PassageId, Passage] = {}
        self.faults: dict[PassageId, list[int]] = {}
        self.happened = PageEvents(self.run)

    def feed(self, entry: Entry) -> None:
        before = set(self.run.context.statistics.read), self.run.context.table.ids
        faults = self.run.context.statistics.faults
        if entry.kind in ("results", "prefetched"):
            self._note_searches(entry)
        super().feed(entry)
        self.happened.note()
        match entry.kind:
            case "request":
                self._sent(entry)
            case "reply" if entry.reply is not None:
                self._replied(entry)
            case "results" | "prefetched":
                self._delivered(entry, before[1], self.run.context.statistics.faults - faults)

    def _note_searches(self, entry: Entry) -> None:
        calls = [pending.call.arguments for pending in self.pending or ()]
        for n, result in enumerate(entry.results):
            if isinstance(result, Found):
                kept_to = calls[n].get("documents") if n < len(calls) else ()
                self.searches.append(tuple(map(str, kept_to or ())))

    def _sent(self, entry: Entry) -> None:
        table = self.run.context.table
        self.turns[self.run.steps + 1] = self.run.context.epoch.turns
        self.snapshots[self.run.steps + 1] = ContextAt(
            Filling.of(self, entry.prompt_tokens),
            table.ids,
            frozenset(e.id for e in table.released if isinstance(e.id, PassageId)),
        )

    def _replied(self, entry: Entry) -> None:
        assert entry.reply is not None
        self.replies[self.run.steps] = entry.reply
        self.dollars[self.run.steps] = entry.reply.cost_usd
        if entry.reply.usage is not None:
            self.usages[self.run.steps] = entry.reply.usage

    def _delivered(self, entry: Entry, resident: frozenset[PassageId], faults: int) -> None:
        step = self.run.steps
        if entry.kind == "results":
            self.results[step] = self.run.context.newest_results
        for result in entry.results:
            if isinstance(result, Loaded):
                self._loaded(result)
        newest = self.run.context.statistics.reference_string[-faults:] if faults else []
        for at, passage in newest:
            self.faults.setdefault(passage, []).append(at)
        self._note_notes(step)

    def _loaded(self, result: Loaded) -> None:
        for passage in result.passages:
            # Loaded is not read: a result that did not fit was refused.
            if passage.id in self.run.context.statistics.read:
                self.passages[passage.id] = passage

    def _note_notes(self, step: int) -> None:
        now = {note.number: note for note in self.run.context.notes.notes}
        for number, note in now.items():
            self.notes.setdefault(number, WatchedNote(note, step))
        for number, watched in self.notes.items():
            if number not in now and watched.replaced is None:
                watched.replaced = step


def watch(journal: Path) -> WatchedRun:
    """Make a run again from its journal and keep what a report shows.

    Raises:
        JournalError: it is missing, damaged, redacted, or does not replay.
    """
    replay = _Watch(journal)
    events = list(trace(replay))
    steps = [event for event in events if isinstance(event, TracedStep)]
    run, header = replay.run, replay.record.header
    reached = run.delivery.reached.by_document
    finished = run.outcome is not None
    return WatchedRun(
        journal=journal,
        header=header,
        line=answer_line(run, header, journal=str(journal)) if finished else None,
        outcome=run.outcome,
        steps=steps,
        snapshots=replay.snapshots,
        results=replay.results,
        turns=replay.turns,
        replies=replay.replies,
        usages=replay.usages,
        dollars=replay.dollars,
        notes=[replay.notes[number] for number in sorted(replay.notes)],
        documents=[reached[number] for number in sorted(reached)],
        searches=replay.searches,
        passages=replay.passages,
        faults=replay.faults,
        events=replay.happened.events,
        replacement=_replacement(replay),
        usage=run.usage,
        cost_usd=run.cost_usd,
        texts=replay.record.texts,
    )


def _replacement(replay: _Watch) -> Replacement | None:
    statistics = replay.run.context.statistics
    references = [passage for _, passage in statistics.reference_string]
    frames = max((len(each.resident) for each in replay.snapshots.values()), default=0)
    if not references or not frames:
        return None
    return Replacement(
        frames,
        len(references),
        statistics.faults,
        faults_under_belady(references, frames=frames),
        faults_under_lru(references, frames=frames),
    )


def stretches(steps: list[int]) -> Iterator[tuple[int, int]]:
    """First and last of each stretch of rising steps that follow each other.

    >>> list(stretches([1, 2, 3, 7]))
    [(1, 3), (7, 7)]
    """
    start = 0
    for n in range(1, len(steps) + 1):
        if n == len(steps) or steps[n] != steps[n - 1] + 1:
            yield steps[start], steps[n - 1]
            start = n
