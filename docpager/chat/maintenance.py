"""Maintenance: a run that tidies what is remembered - joins what says the same, resolves what
contradicts, with what is newer winning.

MemGPT (arXiv:2310.08560, section 2.3) lets timed events start a run without anybody being there;
here one starts when somebody asks for it or when it is due at the next start, never by itself. It
is a run like any other, with its own journal and limits. What it replaces is kept with its date,
and its changes can be read and undone as those of a turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from docpager.chat.at_hand import Shares, conversation_of, render_turn
from docpager.chat.changes import MemoryChange, change_of
from docpager.chat.library import document_numbers, memory_id, number_of
from docpager.chat.replies import ended_run
from docpager.chat.session import ChatSession, OnDriver, newer_than
from docpager.chat.session_log import SessionEntry
from docpager.core.errors import UsageError
from docpager.core.settings import RunLimits
from docpager.memory.entries import Memory
from docpager.paging.conversation import Conversation
from docpager.paging.epoch import PromptSizer
from docpager.run.answer_line import AnswerLine
from docpager.run.driver import Driver
from docpager.run.state import Run

__all__ = ["finish_maintenance", "is_due", "maintain"]

TASK = """\
This is maintenance, no message of the person. Tidy what is remembered:
- Join memories that say the same: archive_memory with `replaces` naming them all.
- Where two contradict each other the newer one is right: archive what holds now, with its date, \
and let it replace the older. recall finds older ones that are not listed.
- Correct core memory the same way with core_replace; take out what is no longer true.
Name the sources of what you join. Add nothing that they do not say, and leave what is right. \
When you are done, reply: Done."""

_TITLE = "## Memories since the last maintenance"


def is_due(session: ChatSession) -> bool:
    """Whether so many messages were answered since the last maintenance as the settings say."""
    every, state = session.settings.maintain_after, session.state
    return every is not None and state.messages - state.messages_at_maintenance >= every


async def maintain(
    session: ChatSession, *, limits: RunLimits | None = None, on_driver: OnDriver | None = None
) -> list[MemoryChange]:
    """Tidy what is remembered, all that is new since the last time; what it changed.

    `limits` are those of all of it together; by default those of one message.

    Raises:
        UsageError: a message waits for its reply: it goes first.
        ModelError: the model cannot be used.
    """
    if session.pending is not None:
        raise UsageError(
            f"T{session.pending.id} has no reply yet; resume it, or say something else, first"
        )
    prepared = session.prepared
    assert prepared is not None, "nothing is maintained before there is a model"
    left, spent = limits or prepared.settings.limits, 0.0
    before = len(session.state.changes)
    while left.max_usd is None or spent < left.max_usd:
        wanted = _unseen(session)
        if not wanted and not session.state.maintaining:
            break
        own = replace(left, max_usd=None if left.max_usd is None else left.max_usd - spent)
        session.prepared = replace(prepared, settings=replace(prepared.settings, limits=own))
        try:
            line = await _Maintenance(session, wanted).make(on_driver)
        finally:
            session.prepared = prepared
        spent += line.cost_usd or 0.0
        if line.status in ("stopped", "failed"):
            break
    return [
        change_of(session.state, at, session.memory_line)
        for at in range(before, len(session.state.changes))
    ]


def finish_maintenance(session: ChatSession) -> None:
    """Keep what came of a maintenance run whose process was killed after its end."""
    if not session.state.maintaining:
        return
    if (ended := ended_run(session.folder / session.state.maintaining)) is not None:
        _Maintenance(session, ()).keep(*ended, done=session.since(session.state.newest))


def _unseen(session: ChatSession) -> list[Memory]:
    """Memories that count and that no maintenance of this session has seen."""
    states = session.home.states.all()
    return [
        memory
        for memory in newer_than(
            session.home.store.entries(kind="memory"), session.state.maintained_to
        )
        if not (memory.id in states and (states[memory.id].withdrawn or states[memory.id].by))
    ]


class _Maintenance:
    """One maintenance run of a session, over as many of the wanted memories as fit."""

    def __init__(self, session: ChatSession, wanted: Sequence[Memory]) -> None:
        self._session = session
        self._wanted = wanted

    async def make(self, on_driver: OnDriver | None) -> AnswerLine:
        session = self._session
        begun = session.state.maintaining
        name = begun or f"maintenance-{len(session.log.entries)}.jsonl"
        if not begun:
            session.log.append(SessionEntry("maintaining", session.now, journal=name))

        def hold(driver: Driver, heard: int) -> None:
            if on_driver is not None:
                on_driver(driver)

        line, run = await session.run(
            TASK, session.folder / name, id=name, at_hand=self._at_hand, hold=hold
        )
        if not line.resumable:
            self.keep(line, run)
        return line

    async def _at_hand(self, room: int, sizer: PromptSizer) -> Conversation:
        """Core memory, and the oldest of the wanted memories that fit."""
        session = self._session
        shares = Shares.of(session.settings, room, sizer)
        none = conversation_of(
            session.state.core, None, (), shares, passages_of=session.library.passages_of
        )
        left = shares.turns + shares.summary
        shown: list[Memory] = []
        texts = [_TITLE]
        for memory in self._wanted:
            text = render_turn(memory)
            left -= sizer.count(f"{text}\n")
            # The first one is shown whatever it takes: a memory is short, and one that is never
            # shown would end maintenance for good.
            if left < 0 and shown:
                break
            shown.append(memory)
            texts.append(text)
        numbers = [number_of(memory) for memory in shown]
        named = [source for memory in shown for source in memory.sources]
        return replace(
            none,
            text="\n".join([none.text, *texts]),
            shown=tuple(p.id for n in numbers for p in session.library.passages_of(n)),
            is_tidying=True,
            documents=tuple(sorted({*none.documents, *document_numbers(named)})),
        )

    def keep(self, line: AnswerLine, run: Run, done: Sequence[Memory] = ()) -> None:
        """Keep what a run left: memories, but for those that are `done`, and the entry that
        concludes it."""
        session, remembering = self._session, run.delivery.remembering
        assert remembering is not None
        archived, replaced = session.archive(remembering.edits, done)
        session.log.append(
            SessionEntry(
                "maintained",
                session.now,
                turns=tuple(sorted({memory_id(passage.document) for passage in remembering.shown})),
                status=line.status,
                journal=session.state.maintaining,
                core=session.edited_core(remembering.edits),
                memories=archived,
                replaced=replaced,
                cost_usd=line.cost_usd,
            )
        )
