"""ChatSession: one conversation at work - takes a message, runs it, keeps what came of it.

The order in which things reach the disk is the promise that a kill loses nothing and repeats
nothing: the message, the run's journal, memories, reply, and last the entry that concludes the
turn. Whoever opens the session next sees how far it came and goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from docpager.chat.at_hand import Shares, conversation_of, leaving
from docpager.chat.changes import MemoryChange, change_of, changes_of, edited, taken_back
from docpager.chat.forgetting import Forgetting, forget, forgetting_of
from docpager.chat.home import ChatHome, MemoryStatus
from docpager.chat.library import ChatLibrary, name_of
from docpager.chat.replies import ChatReply, ended_run, readable_journal
from docpager.chat.session_log import SessionEntry, SessionLog, SessionState, timestamp
from docpager.chat.summarising import SummaryWriter, batches_of
from docpager.core.errors import JournalError, ModelError, UnknownMemory, UsageError
from docpager.core.passages import HALF_CHARACTER, memory_number
from docpager.core.settings import ChatSettings
from docpager.memory.entries import Memory
from docpager.paging.conversation import Conversation, CoreBlock, MemoryEdit, with_documents
from docpager.paging.epoch import PromptSizer
from docpager.paging.rendering import one_line
from docpager.run.answer_line import AnswerLine
from docpager.run.driver import Driver
from docpager.run.preparation import PreparedModel
from docpager.run.service import ask_archive, resume_run
from docpager.run.state import Run

__all__ = ["ChatSession", "OnDriver", "newer_than"]

OnDriver = Callable[[Driver], None]
"""Told of each run's driver, which tells steps and retries and takes messages."""

_CUT_MESSAGE = 200
"""Characters of a message in the middle of a run that its remark holds; the rest is paged in."""


class ChatSession:
    """One session, held by this process. Nothing here may be called from two threads at once but
    `interrupt`."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        home: ChatHome,
        library: ChatLibrary,
        settings: ChatSettings,
        prepared: PreparedModel | None = None,
        scope: Collection[int] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = name
        self.home = home
        self.library = library
        self.prepared = prepared
        """What answers; a session can be looked at without it."""
        self.settings = settings
        self.folder = folder
        self.log = SessionLog(folder)
        self.pending: Memory | None = None
        """A message that has no reply yet: a process was killed, or its model failed."""
        self._scope = scope
        self._clock = clock
        self._driver: Driver | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._interrupts: list[Memory] = []
        self._summary_usd: float | None = 0.0
        if not self.log.entries:
            self._begin()
        self._recover()

    @property
    def state(self) -> SessionState:
        return self.log.state

    @property
    def now(self) -> str:
        return timestamp(self._clock())

    # What a person does.

    async def say(self, text: str, *, on_driver: OnDriver | None = None) -> ChatReply:
        """Answer a message; it is on the disk before the model is asked.

        A message before it that was never answered stays in the conversation as it is.

        Raises:
            UsageError: there is no text, or it is too long for the window (it is kept all the
                same, and recall finds it).
        """
        if not text.strip():
            raise UsageError('the message is empty; say something, such as "Hello"')
        if HALF_CHARACTER.search(text):
            raise UsageError("the message is not valid Unicode; check the terminal's encoding")
        self._settle()
        self.log.append(SessionEntry("asking", self.now))
        self.pending = self._said(text, who="user")
        return await self._answer_pending(on_driver)

    async def resume(self, *, on_driver: OnDriver | None = None) -> ChatReply | None:
        """Answer the message that has no reply yet, from where its run came to; None where every
        message has one."""
        if self.pending is None:
            return None
        # Where keeping what came of the run failed before, for want of disk, part of it is there.
        done = [each for each in self.since(self.pending.id) if each.who != "user"]
        return await self._answer_pending(on_driver, done)

    def leave_unanswered(self) -> None:
        """Go on without a reply to the last message, which stays in the conversation."""
        assert self.pending is not None
        self.log.append(
            SessionEntry(
                "turn",
                self.now,
                message=self.pending.id,
                turns=tuple(turn.id for turn in self._interrupts),
                status="unanswered",
                journal=self._journal.name if self._journal.exists() else "",
            )
        )
        self._conclude()

    def interrupt(self, text: str) -> Memory:
        """Say something in the middle of a reply: the model reads it at its next step. It is a turn
        like any other, on the disk when this returns. May be called from any thread.

        Raises:
            UsageError: there is no text, or no reply is under way.
        """
        driver, loop = self._driver, self._loop
        if driver is None or loop is None:
            raise UsageError("no reply is under way; say it as a message")
        if not text.strip():
            raise UsageError("the message is empty")
        turn = self._said(text, who="user")
        self._interrupts.append(turn)
        loop.call_soon_threadsafe(driver.interrupt, _remark(turn))
        return turn

    def record(self, text: str, *, who: str, when: datetime | None = None) -> Memory:
        """Take in a turn that was said elsewhere, without asking a model."""
        self._settle()
        turn = self._said(text, who=who, when=when)
        self.log.append(SessionEntry("said", self.now, turns=(turn.id,)))
        return turn

    def changes(self) -> list[MemoryChange]:
        """What changed in memory, oldest first."""
        return changes_of(self.state, self.memory_line)

    def undo(self, number: int | None = None) -> MemoryChange:
        """Take back a change of memory, the newest if none is named.

        Raises:
            UsageError: there is none, it was undone, or a later change built on it.
        """
        entry = replace(taken_back(self.state, number), when=self.now)
        undone = next(c for c in self.state.changes if c.number == entry.undoes)
        # The states first: to say them twice changes nothing, and the entry says that it is done.
        for memory in undone.memories:
            self.home.states.set(memory, MemoryStatus(when=entry.when, withdrawn=True))
        for old, _ in undone.replaced:
            self.home.states.set(old, MemoryStatus(when=entry.when))
        self.log.append(entry)
        return change_of(self.state, len(self.state.changes) - 1, self.memory_line)

    def forget(self, what: str) -> Forgetting:
        """Remove everything that holds `what`, or was made of what does, from the disk.

        Raises:
            SessionLocked: another process has a session of this home open; nothing is forgotten.
        """
        self._settle()
        found = forgetting_of(self.home, what, self.library)
        forget(self.home, found, own=self.log, own_name=self.name)
        self.library.forget_cached()
        return found

    # One turn.

    def _settle(self) -> None:
        """See that no message waits for its reply: keep what came of its run, if that ended."""
        if self.pending is None:
            return
        if (ended := ended_run(self._journal)) is not None:
            done = [each for each in self.since(self.pending.id) if each.who != "user"]
            self._commit(self.pending, *ended, done=done)
        else:
            self.leave_unanswered()

    async def _answer_pending(
        self, on_driver: OnDriver | None, done: Sequence[Memory] = ()
    ) -> ChatReply:
        message = self.pending
        assert message is not None
        self.library.answering = message.id
        self._loop = asyncio.get_running_loop()
        self._summary_usd = 0.0

        def hold(driver: Driver, heard: int) -> None:
            self._driver = driver
            for turn in self._interrupts[heard:]:
                driver.interrupt(_remark(turn))
            if on_driver is not None:
                on_driver(driver)

        try:
            line, run = await self.run(
                message.text, self._journal, id=name_of(message), at_hand=self._at_hand, hold=hold
            )
        except UsageError:
            # The window does not hold it, or a setting cannot work: it would fail again.
            self.leave_unanswered()
            raise
        finally:
            self._driver = self._loop = None
            self.library.answering = 0
        if line.resumable:
            return self._reply(message, line)
        return self._commit(message, line, run, done)

    async def run(
        self,
        question: str,
        journal: Path,
        *,
        id: str,
        at_hand: Callable[[int, PromptSizer], Awaitable[Conversation]],
        hold: Callable[[Driver, int], None],
    ) -> tuple[AnswerLine, Run]:
        """Make a run, or go on with the one in `journal`; its answer line and itself.

        `hold` is told the driver, and how many messages in its middle the run has heard already.
        """
        prepared = self.prepared
        assert prepared is not None, "nothing is said before there is a model"
        runs: list[Run] = []
        if (record := readable_journal(journal)) is not None:
            heard = sum(entry.kind == "interrupt" for entry in record.entries)
            try:
                line = await resume_run(
                    journal,
                    self.library,
                    prepared.model,
                    on_new_archive=True,
                    on_driver=lambda driver: hold(driver, heard),
                    on_outcome=runs.append,
                )
                return line, runs[0]
            except JournalError:
                # Of another archive, another model or another version: it is made anew. What was
                # paid for is lost, what was said is not.
                journal.unlink(missing_ok=True)
        line = await ask_archive(
            question,
            self.library,
            prepared.model,
            settings=prepared.settings,
            scope=self._scope,
            journal=journal,
            id=id,
            on_driver=lambda driver: hold(driver, 0),
            at_hand=at_hand,
            on_outcome=runs.append,
        )
        return line, runs[0]

    @property
    def _journal(self) -> Path:
        assert self.pending is not None
        return self.folder / f"{name_of(self.pending)}.jsonl"

    async def _at_hand(self, room: int, sizer: PromptSizer) -> Conversation:
        shares = Shares.of(self.settings, room, sizer)
        await self._let_leave(shares)
        return conversation_of(
            self.state.core,
            self.state.summary,
            self.memories(self.state.at_hand),
            shares,
            passages_of=self.library.passages_of,
            message=self.pending,
        )

    async def _let_leave(self, shares: Shares) -> None:
        """Have turns leave main context that no longer fit, with a summary if one is kept."""
        turns = self.memories(self.state.at_hand)
        gone = turns[: leaving(turns, shares)]
        if not gone:
            return
        assert self.prepared is not None
        if self.settings.summary == "none" or not shares.summary:
            left = tuple(turn.id for turn in gone)
            self.log.append(SessionEntry("left", self.now, turns=left))
            return
        writer = SummaryWriter(self.prepared, shares)
        for batch in batches_of(gone, shares):
            try:
                summary, reply = await writer.write(self.state.summary, batch)
            except ModelError:
                return  # they wait: the newest that fit are shown, and the next turn tries again
            cost = _added(reply.cost_usd, reply.lost.usd)
            self._summary_usd = _added(self._summary_usd, cost)
            left = tuple(turn.id for turn in batch)
            self.log.append(
                SessionEntry("left", self.now, turns=left, summary=summary, cost_usd=cost)
            )

    # What came of it.

    def _commit(
        self, message: Memory, line: AnswerLine, run: Run, done: Sequence[Memory] = ()
    ) -> ChatReply:
        """Keep what a run left: memories, reply, and the entry that concludes the turn. `done` is
        what a process that was killed had stored of it."""
        remembering = run.delivery.remembering
        assert remembering is not None
        archived, replaced = self.archive(remembering.edits, done)
        reply = next((each for each in done if each.kind == "turn"), None)
        if line.answer and reply is None:
            cited = [p for c in line.citations for p in c.passages if c.stands]
            sources = with_documents(tuple(map(_bare, cited)), remembering.documents)
            reply = self._said(line.answer, who="assistant", sources=sources)
        core = self.edited_core(remembering.edits)
        self.log.append(
            SessionEntry(
                "turn",
                self.now,
                message=message.id,
                reply=reply.id if reply else 0,
                turns=tuple(turn.id for turn in self._interrupts),
                status=line.status,
                journal=self._journal.name,
                core=core,
                memories=archived,
                replaced=replaced,
                cost_usd=line.cost_usd,
            )
        )
        result = self._reply(message, line, reply)
        self._conclude()
        return result

    def edited_core(self, edits: Sequence[MemoryEdit]) -> tuple[CoreBlock, ...] | None:
        """Core memory after the edits of a run; None where they change nothing."""
        core = edited(self.state.core, edits, when=self.now[:10])
        return None if core == self.state.core else core

    def archive(
        self, edits: Sequence[MemoryEdit], done: Sequence[Memory]
    ) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
        """Store the memories of a run that are not stored yet: they are stored in the order in
        which they were made, so as many as are there were."""
        there = [each for each in done if each.kind == "memory"]
        archived: list[int] = []
        replaced: list[tuple[int, int]] = []
        wanted = [edit for edit in edits if edit.function == "archive_memory"]
        for place, edit in enumerate(wanted):
            memory = there[place] if place < len(there) else self.home.store.append(
                edit.text, kind="memory", who="assistant", when=self._clock(),
                sources=edit.sources, session=self.name,
            )  # fmt: skip
            archived.append(memory.id)
            for old in edit.replaces:
                id = int(old[1:])
                if self._is_memory(id) and id != memory.id:
                    self.home.states.set(id, MemoryStatus(by=memory.id, when=self.now))
                    replaced.append((id, memory.id))
        return tuple(archived), tuple(replaced)

    def _is_memory(self, id: int) -> bool:
        try:
            self.library.said(memory_number(id))
        except UsageError:
            return False
        return True

    def _reply(self, message: Memory, line: AnswerLine, reply: Memory | None = None) -> ChatReply:
        state = self.state
        newest = state.changes[-1] if state.changes else None
        own = newest is not None and newest.message == message.id
        return ChatReply(
            status=line.status,
            text=line.answer,
            citations=line.citations,
            turn=name_of(message),
            reply=name_of(reply) if reply else None,
            error=line.error,
            resumable=line.resumable,
            cost_usd=_added(line.cost_usd, self._summary_usd),
            change=change_of(state, len(state.changes) - 1, self.memory_line) if own else None,
            line=line,
        )

    def _conclude(self) -> None:
        self.pending, self._interrupts = None, []

    # What is there when the session is opened.

    def _begin(self) -> None:
        """Begin with the core memory of the session that was used last: it is the same person."""
        core = tuple(CoreBlock(name) for name in self.settings.blocks)
        for info in self.home.sessions():
            if info.name != self.name and not info.error:
                core = self.home.state(info.name).core
                break
        self.log.append(SessionEntry("begun", self.now, core=core))

    def _recover(self) -> None:
        """See what a process left behind that was killed in the middle of something."""
        left = self.since(self.state.newest)
        if self.state.asking and left:
            self.pending, *more = left
            self._interrupts = [each for each in more if each.kind == "turn" and each.who == "user"]
            if ended_run(self._journal) is not None:
                self._settle()  # all that was missing is to keep what came of it
        elif left and not self.state.maintaining:
            turns = tuple(each.id for each in left if each.kind == "turn")
            self.log.append(SessionEntry("said", self.now, turns=turns))

    def since(self, id: int) -> list[Memory]:
        """What this session has in the store beyond a number."""
        return newer_than(self.home.store.entries(session=self.name), id)

    def _said(
        self,
        text: str,
        *,
        who: str,
        sources: Sequence[str] = (),
        when: datetime | None = None,
    ) -> Memory:
        return self.home.store.append(
            text, kind="turn", who=who, when=when or self._clock(), sources=sources,
            session=self.name,
        )  # fmt: skip

    def memories(self, ids: Sequence[int]) -> list[Memory]:
        """Turns and memories by their numbers, but for those that were forgotten."""
        found = []
        for id in ids:
            with suppress(UnknownMemory):
                found.append(self.home.store.get(id))
        return found

    def memory_line(self, id: int) -> str:
        try:
            memory = self.home.store.get(id)
        except UsageError:
            return "(forgotten)"
        return f"{memory.text} [{', '.join(memory.sources)}]" if memory.sources else memory.text


def newer_than(entries: Sequence[Memory], id: int) -> list[Memory]:
    """Those beyond a number, of entries in the order of their numbers: the others, which may be
    many, are not read."""
    newer: list[Memory] = []
    for at in range(len(entries) - 1, -1, -1):
        entry = entries[at]
        if entry.id <= id:
            break
        newer.append(entry)
    return newer[::-1]


def _remark(turn: Memory) -> str:
    """A message in the middle of a run, as the model is told of it."""
    text = one_line(turn.text, limit=_CUT_MESSAGE)
    whole = text == " ".join(turn.text.split())
    return f"{name_of(turn)}: {text}" + ("" if whole else f" (page_in {name_of(turn)} for all)")


def _bare(passage: str) -> str:
    """The locator of a turn or memory for one of its passages; of a document's as it is."""
    return passage.partition(":")[0] if passage[0] in "TM" else passage


def _added(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else round(one + other, 9)
