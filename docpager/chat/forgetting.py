"""Forgetting: everything that holds some words or came from what holds them, and how it goes.

A turn or a memory goes as a whole, and so does what was made of it: memories, lines of core memory
and summaries that name it as a source, replies to it, the journals of all runs that met it, and the
whole undo log of each session concerned. Nothing brings it back. The turns that a summary was made
from and that stay are at hand again, so the next message that needs a summary has it made of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from docpager.chat.home import ChatHome
from docpager.chat.library import ChatLibrary, name_of
from docpager.chat.session_log import LOG_FILE, SessionEntry, SessionLog, SessionState, Summary
from docpager.chat.summarising import turns_named
from docpager.core.errors import UsageError
from docpager.core.locators import parse_locator
from docpager.core.passages import counted, memory_number, source_name, turn_number
from docpager.memory.entries import Memory
from docpager.paging.conversation import CoreBlock, CoreLine
from docpager.paging.rendering import one_line
from docpager.run.quotes import flat
from docpager.storage.atomic_files import discard, sync_directory

__all__ = ["Forgetting", "Holding", "forget", "forgetting_of"]

_LEAST_CHARACTERS = 3
"""Of the words to forget: fewer stand everywhere."""


@dataclass(frozen=True, slots=True)
class Holding:
    """One place that holds what is to be forgotten, or came from it."""

    where: str
    """Such as `T12`, `M3`, `core memory of main`, `summary of main`, `log of main` (of what was
    changed in memory) or `journal T12 of main`."""
    why: str
    """`holds it`, or what it came from."""
    shown: str = ""
    """Its text on one line."""


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What is to be forgotten, and everything that goes with it."""

    what: str
    holdings: tuple[Holding, ...]
    documents: tuple[str, ...] = ()
    """Documents that hold the words. They stay: documents are forgotten in the archive."""
    memories: tuple[int, ...] = ()
    """Numbers of the turns and memories that go."""
    journals: tuple[Path, ...] = ()
    sessions: tuple[str, ...] = ()
    """Sessions whose log is written anew."""
    summaries_anew: tuple[str, ...] = ()
    """Sessions whose summary goes and is made anew of the turns that are left, at the next message
    that needs one."""

    @property
    def names(self) -> frozenset[str]:
        """Locators of what goes, whether it is a turn or a memory."""
        return frozenset(name for id in self.memories for name in (f"T{id}", f"M{id}"))

    def as_json(self) -> dict[str, Any]:
        """The list as `json.dumps` takes it."""
        return {**asdict(self), "journals": [str(path) for path in self.journals]}


def forgetting_of(home: ChatHome, what: str, library: ChatLibrary | None) -> Forgetting:
    """Everything that holds the words `what`, whatever their case and line ends, or came from what
    does. Where `what` is a locator (T12, M3, D4), what it names and what came from that; `library`
    is for words.

    Raises:
        UsageError: there is too little to look for.
    """
    words = flat(what)
    if len(words) < _LEAST_CHARACTERS and not _is_locator(what):
        raise UsageError(f"{what!r} stands everywhere; give more of what is to be forgotten")
    found = _Search(home, what, words).found()
    if library is None or _is_locator(what):
        return found
    documents = library.documents_with(" ".join(what.split()))
    return replace(found, documents=tuple(documents))


def forget(home: ChatHome, forgetting: Forgetting, *, own: SessionLog, own_name: str) -> None:
    """Remove all of it from the disk, of every session; it cannot be undone.

    The log of the session that is open here is `own`. The store goes last: whoever is killed in
    between finds the rest again by the same words.

    Raises:
        SessionLocked: another process has a session open; nothing is forgotten yet.
    """
    with ExitStack() as held:
        logs = {own_name: own}
        for name in home.names():
            if name != own_name:
                logs[name] = SessionLog(held.enter_context(home.held(name)))
        for path in forgetting.journals:
            discard(path)
            sync_directory(path.parent)
        words = "" if _is_locator(forgetting.what) else flat(forgetting.what)
        for name in forgetting.sessions:
            gone = _Gone(words, forgetting.names, _documents_of(forgetting.what))
            logs[name].rewrite(_without(logs[name], gone, forgetting.memories))
        home.states.forget(forgetting.memories)
        home.store.forget(forgetting.memories)


@dataclass(frozen=True, slots=True)
class _Gone:
    """Whether something goes: it holds the words, or names what goes as a source."""

    words: str
    names: Collection[str]
    documents: Collection[str]

    def why(self, text: str, sources: Sequence[str]) -> str:
        """Why something goes; empty where it stays."""
        if self.words and self.words in flat(text):
            return "holds it"
        bare = [source.partition(":")[0] for source in sources]
        came = [name for name in bare if name in self.names or name in self.documents]
        came += [f"T{n}" for n in sorted(turns_named(_ranges(sources))) if f"T{n}" in self.names]
        return f"came from {', '.join(dict.fromkeys(came))}" if came else ""

    def core(self, blocks: Sequence[CoreBlock]) -> list[tuple[str, CoreLine, str]]:
        """Lines of core memory that go: their block, the line, why."""
        return [
            (block.name, line, why)
            for block in blocks
            for line in block.lines
            if (why := self.why(line.text, line.sources))
        ]

    def summary(self, summary: Summary | None) -> str:
        """Why a summary goes; empty where it stays."""
        return self.why(summary.text, summary.sources) if summary else ""


class _Search:
    """Looks through everything of a home for some words, and for what came from what holds them."""

    def __init__(self, home: ChatHome, what: str, words: str) -> None:
        self._home = home
        self._what = what
        self._words = "" if _is_locator(what) else words
        self._logs = {name: _entries(home, name) for name in home.names()}
        self._documents = _documents_of(what)
        self._gone: dict[int, str] = {}
        """Why each turn or memory goes, by number."""

    def found(self) -> Forgetting:
        entries = list(self._home.store.entries())
        self._spread(entries)
        kept = {memory.id: memory for memory in entries}
        holdings = [
            Holding(name_of(kept[id]), why, one_line(kept[id].text))
            for id, why in sorted(self._gone.items())
        ]
        names = frozenset(name for id in self._gone for name in (f"T{id}", f"M{id}"))
        gone = _Gone(self._words, names, self._documents)
        sessions, anew = [], []
        for name, (log, state) in self._logs.items():
            held = list(_in_log(name, log, state, gone, self._gone))
            if held:
                sessions.append(name)
                holdings += held
            if kept.keys() & set(_at_hand_again(state, gone, self._gone)):
                anew.append(name)
        journals = []
        for name, path in self._journals():
            if why := self._in_journal(path, names):
                journals.append(path)
                holdings.append(Holding(f"journal {path.stem} of {name}", why))
        return Forgetting(
            self._what,
            tuple(holdings),
            memories=tuple(sorted(self._gone)),
            journals=tuple(journals),
            sessions=tuple(sessions),
            summaries_anew=tuple(anew),
        )

    def _spread(self, entries: Sequence[Memory]) -> None:
        """Find what holds the words, then what came from that, until nothing is added."""
        replies = {
            entry.reply: entry.message
            for log, _ in self._logs.values()
            for entry in log
            if entry.reply
        }
        named = parse_locator(self._what).number if _is_locator(self._what) else None
        while True:
            names = frozenset(name for id in self._gone for name in (f"T{id}", f"M{id}"))
            gone = _Gone(self._words, names, self._documents)
            new = {}
            for memory in entries:
                why = gone.why(memory.text, memory.sources)
                if named in (turn_number(memory.id), memory_number(memory.id)):
                    why = "is it" if name_of(memory) == self._what.strip() else why
                if not why and replies.get(memory.id) in self._gone:
                    why = f"answers T{replies[memory.id]}"
                if why and memory.id not in self._gone:
                    new[memory.id] = why
            if not new:
                return
            self._gone |= new

    def _journals(self) -> Iterator[tuple[str, Path]]:
        for name in self._home.names():
            for path in sorted(self._home.folder(name).glob("*.jsonl")):
                if path.name != LOG_FILE:
                    yield name, path

    def _in_journal(self, path: Path, names: Collection[str]) -> str:
        """Why a journal goes; empty where it stays. One that cannot be read goes too: nobody can
        tell what it holds."""
        mentioned = set()
        try:
            for line in path.read_bytes().splitlines():
                body = json.loads(line.partition(b" ")[2].decode("utf-8", "surrogatepass"))
                for part in _parts(_said(body)):
                    if isinstance(part, str):
                        if self._words and self._words in flat(part):
                            return "holds it"
                        mentioned.update(_NAMES.findall(part))
                    elif part < 0:
                        mentioned.add(source_name(part))
        except (OSError, ValueError):
            return "cannot be read"
        met = sorted(mentioned & set(names))
        return f"met {', '.join(met[:4])}" if met else ""


_NAMES = re.compile(r"(?<![\w.])[TM][1-9][0-9]{0,8}(?!\w)")


def _said(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A line without what docpager itself says in each journal: its examples name turns (T12)."""
    plan = body.get("header", {}).get("plan", {})
    if not plan:
        return body
    own = {name: part for name, part in plan.items() if name not in ("instructions", "functions")}
    return {**body, "header": {**body["header"], "plan": own}}


def _parts(value: Any) -> Iterator[str | int]:
    """Every string, key and whole number in a line."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield key
            yield from _parts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _parts(part)
    elif isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        yield value


def _entries(home: ChatHome, name: str) -> tuple[list[SessionEntry], SessionState]:
    log = SessionLog(home.folder(name))
    return log.entries, log.state


def _in_log(
    name: str,
    log: Sequence[SessionEntry],
    state: SessionState,
    gone: _Gone,
    memories: Collection[int],
) -> Iterator[Holding]:
    """What of a session's log goes: core memory and summary as they are, and what was before."""
    now = gone.core(state.core)
    for block, line, why in now:
        yield Holding(f"core memory of {name}", why, one_line(f"{block}: {line.text}"))
    if why := gone.summary(state.summary):
        yield Holding(
            f"summary of {name}", why, one_line(state.summary.text if state.summary else "")
        )
    concerned = any(
        gone.core(entry.core or ()) or gone.summary(entry.summary) or entry.numbers & set(memories)
        for entry in log
    )
    if concerned:
        changes = counted(len(state.changes), "change")
        yield Holding(f"log of {name}", f"names what goes; {changes} can no longer be undone")


def _without(log: SessionLog, gone: _Gone, memories: Collection[int]) -> list[SessionEntry]:
    """A log without what goes and without its undo log: what happened stays, no text does."""
    state = log.state
    kept = [
        replace(
            entry,
            core=None,
            summary=None,
            number=0,
            undoes=0,
            replaced=(),
            memories=tuple(id for id in entry.memories if id not in memories),
            turns=tuple(id for id in entry.turns if id not in memories),
        )
        for entry in log.entries
        if entry.kind != "undone"
    ]
    lines = {(block, line) for block, line, _ in gone.core(state.core)}
    core = tuple(
        replace(block, lines=tuple(x for x in block.lines if (block.name, x) not in lines))
        for block in state.core
    )
    summary = None if gone.summary(state.summary) else state.summary
    staying = (id for id in state.at_hand if id not in memories)
    at_hand = (*_at_hand_again(state, gone, memories), *staying)
    when = kept[-1].when
    return [*kept, SessionEntry("forgot", when, core=core, summary=summary, turns=at_hand)]


def _at_hand_again(state: SessionState, gone: _Gone, memories: Collection[int]) -> tuple[int, ...]:
    """Turns that a summary that goes was made from, and that stay, oldest first."""
    if state.summary is None or not gone.summary(state.summary):
        return ()
    made_of = turns_named(state.summary.sources) - set(memories) - set(state.at_hand)
    return tuple(sorted(made_of))


def _is_locator(what: str) -> bool:
    try:
        return str(parse_locator(what)) == what.strip()
    except UsageError:
        return False


def _documents_of(what: str) -> frozenset[str]:
    """The document that is named, if one is."""
    named = _is_locator(what) and what.strip().startswith("D")
    return frozenset({what.strip().partition(":")[0]} if named else ())


def _ranges(sources: Sequence[str]) -> list[str]:
    return [source for source in sources if re.fullmatch(r"T\d+-\d+", source)]
