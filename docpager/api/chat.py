"""Chat: conversations about documents and about what was said before, over any number of sessions.

    with docpager.Chat.open("reports/", session="work", model="claude-sonnet-5-5") as chat:
        reply = chat.say("What did the line cost? I ask for the board meeting on 4 May.")
        print(reply.text, [(str(c.place), c.quote) for c in reply.citations])

Everything said is kept beside the archive and found again in every later session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from docpager.api.ask import ARCHIVE, bring_up_to_date, check_asked_with, prepared_from
from docpager.api.loops import OwnLoop, is_in_loop
from docpager.core.errors import UsageError
from docpager.core.inputs import StrPath, as_paths, check_settings, check_text
from docpager.core.locations import Location, ObjectPath, as_location
from docpager.core.settings import ChatSettings, PagingSettings, RunLimits

if TYPE_CHECKING:
    from docpager.archive.embedders.base import Embedder
    from docpager.archive.ingest_files import ReadingSettings
    from docpager.archive.ingest_report import IngestReport
    from docpager.archive.ingest_session import Progress
    from docpager.chat.changes import MemoryChange
    from docpager.chat.forgetting import Forgetting
    from docpager.chat.home import SessionInfo
    from docpager.chat.replies import ChatReply
    from docpager.chat.session import ChatSession
    from docpager.memory.entries import Memory
    from docpager.models.messages import ChatModel, ModelLike
    from docpager.paging.conversation import CoreBlock
    from docpager.run.driver import Driver, OnStep
    from docpager.run.preparation import PreparedModel

__all__ = ["Chat", "chat_sessions", "chats_holding"]

DEFAULT_SESSION = "main"


class Chat:
    """One session of a conversation, open for this process alone until it is closed.

    A session is a conversation of any length: it may be closed and opened again for years. All
    sessions beside one archive share what was said and what was archived (`recall` finds it in
    each of them); core memory is the session's own, and a new session begins with that of the one
    used last.

    Use `open`, and `close` or `with`. Methods are for one thread at a time, but for `interrupt`.
    """

    def __init__(
        self, session: ChatSession, held: ExitStack, prepare: Callable[[], PreparedModel]
    ) -> None:
        self._session = session
        self._held = held
        self._prepare = prepare
        self._loop = OwnLoop()
        held.callback(self._loop.close)
        self._owned: ChatModel | None = None
        """The model, where it was made here: its connections are closed with the session."""
        self._on_retry: Callable[[str], None] | None = None
        self._on_step: OnStep | None = None

    @classmethod
    def open(
        cls,
        *paths: StrPath,
        session: str = DEFAULT_SESSION,
        model: str | ModelLike | None = None,
        base_url: str | None = None,
        api: str | None = None,
        api_key_env: str | None = None,
        effort: str | None = None,
        archive: StrPath = ARCHIVE,
        window: int | None = None,
        max_output: int | None = None,
        paging: PagingSettings | None = None,
        limits: RunLimits | None = None,
        settings: ChatSettings | None = None,
        prices: StrPath | None = None,
        policy: str = "recent",
        embedder: str | Embedder | None = None,
        reading: ReadingSettings | None = None,
        progress: Progress | None = None,
        on_ingested: Callable[[IngestReport], None] | None = None,
        prepared: PreparedModel | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> Chat:
        """Open a session, or begin it, about the documents at `paths` or all of the archive.

        Files that are new under `paths` are ingested first; an archive need not be there: then the
        conversation is about itself. The model (`model` to `effort`, `prices`, as in `ask`) is
        asked for only when something is said, so that a session can be looked at without one.
        `window` and `max_output` are in tokens; `paging` goes before them. `limits` hold for each
        message, at one dollar where a model costs money and nothing else is said. `settings` says
        what of the conversation stands in every prompt. `embedder` is for what is said, by default
        the archive's. `prepared` takes the place of everything about the model. `clock` tells the
        time (UTC) that turns are kept with.

        Raises:
            UsageError: an argument of a wrong type, no such path, a name that no session can have,
                or the rule-based reader is named, which does not chat.
            SessionLocked: another process has the session open.
            ChatError: its log is damaged, or cannot be written.
            ArchiveError, DocumentError: as `ask`.
        """
        from docpager.run.preparation import refuse_reader

        check_asked_with(paging, limits, reading)
        check_settings(settings, ChatSettings, "settings", example='summary="none"')
        check_text(session, "session")
        refuse_reader(prepared.model if prepared else model)
        directory = _chat_directory(archive)
        held = ExitStack()
        opening = _Opening(directory, session, held, embedder, settings or ChatSettings(), clock)
        found = opening.open(as_paths(paths, "paths"), reading, progress, on_ingested)
        asked = partial(
            prepared_from, model, base_url=base_url, api=api, api_key_env=api_key_env,
            effort=effort, prices=prices, window=window, max_output=max_output, paging=paging,
            limits=limits, policy=policy, chats=True,
        )  # fmt: skip
        return cls(found, held, (lambda: prepared) if prepared else asked)

    # What is said.

    def say(self, text: str) -> ChatReply:
        """Say something and wait for the reply; the message is on the disk before the model is
        asked, the reply before this returns.

        A message that came to nothing because the model failed has `status="failed"` and
        `resumable=True`: `resume` goes on with it, and to say something else leaves it unanswered.

        Raises:
            UsageError: no model is named or implied, there is no text, or it is too long for the
                window (it is kept all the same); or an event loop is running here.
            ModelError: there are no credentials for the model.
        """
        return self._loop.run(lambda: self.say_async(text), twin="Chat.say_async")

    async def say_async(self, text: str) -> ChatReply:
        """`say` for programs that run an event loop."""
        check_text(text, "text")
        await self.ready_async()
        return await self._session.say(text, on_driver=self._watch)

    @property
    def unanswered(self) -> str | None:
        """The message that has no reply yet, as in T12: a process was killed while it was answered,
        or its model failed. None where every message has one."""
        pending = self._session.pending
        return f"T{pending.id}" if pending else None

    def resume(self) -> ChatReply | None:
        """Answer the message that has no reply yet, from where its run came to; None where every
        message has one."""
        return self._loop.run(self.resume_async, twin="Chat.resume_async")

    async def resume_async(self) -> ChatReply | None:
        """`resume` for programs that run an event loop."""
        if self._session.pending is None:
            return None
        await self.ready_async()
        return await self._session.resume(on_driver=self._watch)

    def interrupt(self, text: str) -> str:
        """Say something while a reply is under way: the model reads it at its next step. Returns
        its turn, as in T13. May be called from any thread.

        Raises:
            UsageError: no reply is under way, or there is no text.
        """
        check_text(text, "text")
        return f"T{self._session.interrupt(text).id}"

    def record(self, text: str, *, who: str, when: datetime | None = None) -> str:
        """Take in a turn that was said elsewhere, without asking a model; `who` is `user`,
        `assistant` or any other name, `when` is now unless it is given. Returns its locator.

        Raises:
            UsageError: no text, or a time without a zone.
        """
        return f"T{self._session.record(text, who=who, when=when).id}"

    def tell(
        self,
        *,
        on_step: OnStep | None = None,
        on_retry: Callable[[str], None] | None = None,
    ) -> None:
        """Have `on_step` told of what each run does (`docpager.run.driver.StepNow`), whenever that
        changes, and `on_retry` of failed attempts and how long nothing happens."""
        self._on_step, self._on_retry = on_step, on_retry

    # What was said, and what is remembered.

    @property
    def name(self) -> str:
        """Of the session."""
        return self._session.name

    @property
    def core(self) -> tuple[CoreBlock, ...]:
        """Core memory: each block has a `name` and `lines`, and each line a `text`, its `sources`
        and the day `when` it was written."""
        return self._session.state.core

    @property
    def summary(self) -> str | None:
        """What is kept in main context of turns that left it."""
        summary = self._session.state.summary
        return summary.text if summary else None

    @property
    def cost_usd(self) -> float | None:
        """Dollars of the whole session; None where no price is known."""
        return self._session.state.cost_usd

    def turns(self, newest: int | None = None) -> Sequence[Memory]:
        """What was said in this session, oldest first; only the `newest` ones if a number is
        given. A turn has `id` (T12 is 12), `who`, `when` (UTC), `text` and `sources`."""
        entries = self._session.home.store.entries(kind="turn", session=self.name)
        return entries if newest is None else entries[max(0, len(entries) - newest) :]

    def recall(
        self,
        query: str = "",
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        page: int = 1,
        page_size: int = 10,
    ) -> Sequence[Memory]:
        """What was said and remembered in all sessions, best first, by words and meaning; the
        newest first without a query. `since` is included, `until` is not; `page` counts from 1.

        Raises:
            UsageError: `page` or `page_size` is below 1, or a time has no zone.
        """
        found = self._session.library.recall(
            query, since=since, until=until, page=page, page_size=page_size
        )
        return tuple(self._session.library.said(hit.passage.document) for hit in found.hits)

    def show(self, locator: str) -> Memory:
        """What a locator names: `T12` a turn, `M3` a memory; `kind` says which.

        Raises:
            UsageError: it is no such locator, or there is none; what was forgotten is not there.
        """
        from docpager.core.locators import as_locator

        found = as_locator(locator)
        if found.number > 0:
            raise UsageError(f"{locator!r} names no turn (T12) and no memory (M3)")
        return self._session.library.said(found.number)

    # What changed in memory.

    def log(self) -> list[MemoryChange]:
        """What turns, summaries, maintenance and undoing changed in memory, oldest first; each has
        a `number`, `when`, a `cause` and a `diff` of lines that begin with `+`, `-` or `~`."""
        return self._session.changes()

    def undo(self, number: int | None = None) -> MemoryChange:
        """Take a change of memory back, the newest if none is named; that is a change too.

        Raises:
            UsageError: there is no such change, it was undone, or a later one built on it.
        """
        return self._session.undo(number)

    @property
    def maintenance_due(self) -> bool:
        """Whether so many messages were answered since the last maintenance as
        `ChatSettings.maintain_after` says; nothing begins by itself."""
        from docpager.chat.maintenance import is_due

        return is_due(self._session)

    def maintenance(self, *, limits: RunLimits | None = None) -> list[MemoryChange]:
        """Have the model tidy what is remembered: memories that say the same are joined, where two
        contradict each other the newer wins, and the old one is kept with its date. Returns what
        it changed; `undo` takes it back.

        `limits` hold for all of it together, by default those of one message.

        Raises:
            UsageError: a message has no reply yet, or no model is named or implied.
            ModelError: there are no credentials for the model.
        """
        return self._loop.run(
            lambda: self.maintenance_async(limits=limits), twin="Chat.maintenance_async"
        )

    async def maintenance_async(self, *, limits: RunLimits | None = None) -> list[MemoryChange]:
        """`maintenance` for programs that run an event loop."""
        from docpager.chat.maintenance import maintain

        check_settings(limits, RunLimits, "limits", example="max_usd=0.5")
        await self.ready_async()
        return await maintain(self._session, limits=limits, on_driver=self._watch)

    def forget_preview(self, what: str) -> Forgetting:
        """Everything that holds these words, whatever their case and line ends, and what was made
        of it, in all sessions; or what a locator names (T12, M3), or what came from a document
        (D4). Its `holdings` say `where`, `why` and what is `shown`. Nothing is changed.

        Raises:
            UsageError: fewer than three characters, which stand everywhere.
        """
        from docpager.chat.forgetting import forgetting_of

        check_text(what, "what")
        return forgetting_of(self._session.home, what, self._session.library)

    def forget(self, what: str | Forgetting) -> Forgetting:
        """Remove everything that `forget_preview` lists from the disk, and with it the undo log of
        each session concerned. It cannot be undone. Returns what went.

        What was said since a preview was made is looked through again.

        Raises:
            UsageError: as `forget_preview`.
            SessionLocked: another process has one of the sessions open; nothing is forgotten.
        """
        return self._session.forget(what if isinstance(what, str) else what.what)

    # The end.

    def close(self) -> None:
        """Let go of the session, which another process may open from now on, and close the model's
        connections. Where an event loop is running, await `close_async`: connections that were
        opened in it stay open otherwise."""
        try:
            if self._owned is not None and not is_in_loop():
                self._loop.run(self._owned.close, twin="Chat.close_async")
        finally:
            self._owned = None
            self._held.close()

    async def close_async(self) -> None:
        """`close` for programs that run an event loop, as `async with Chat.open(...)` does."""
        try:
            if self._owned is not None:
                await self._owned.close()
        finally:
            self._owned = None
            self._held.close()

    def __enter__(self) -> Chat:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Chat:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close_async()

    async def ready_async(self) -> None:
        """See that there is a model to talk to; raises as `say` does."""
        if self._session.prepared is not None:
            return
        from docpager.run.preparation import usable

        prepared = await usable(self._prepare())
        self._owned = prepared.model if prepared.owned else None
        self._session.prepared = prepared

    def _watch(self, driver: Driver) -> None:
        driver.tell_retries(self._on_retry)
        if self._on_step is not None:
            driver.tell_steps(self._on_step)


def chat_sessions(archive: StrPath = ARCHIVE) -> list[SessionInfo]:
    """The sessions beside an archive, the one used last first; each has a `name`, `begun`, `last`,
    `messages`, `cost_usd`, and an `error` where it cannot be read.

    Raises:
        UsageError: `archive` is no path.
    """
    home = _home_directory(_chat_directory(archive))
    if not home.is_dir():
        return []
    from docpager.chat.home import sessions_in

    return sessions_in(home)


def chats_holding(archive: Location, documents: Iterable[int]) -> list[Forgetting]:
    """For each of these documents of which conversations hold anything, what came from it there;
    `Chat.forget` and `docpager chat forget D3` remove that.

    Raises:
        ChatError, MemoryStoreError: a log cannot be read.
    """
    if isinstance(archive, ObjectPath) or not _home_directory(archive).is_dir():
        return []
    from docpager.archive.embedders.base import load_embedder
    from docpager.chat.forgetting import forgetting_of
    from docpager.chat.home import ChatHome

    # Of all embedders the one that costs nothing: nothing is searched here by meaning.
    home = ChatHome(_home_directory(archive), embedder=load_embedder("hashing"))
    with closing(home):
        found = [forgetting_of(home, f"D{number}", None) for number in documents]
    return [each for each in found if each.holdings]


def _chat_directory(archive: StrPath) -> Path:
    """The folder of an archive.

    Raises:
        UsageError: it is in object storage, where chats are not kept.
    """
    place = as_location(archive, "archive")
    if isinstance(place, ObjectPath):
        raise UsageError(f"{place}: chats are kept beside an archive on this machine; name another")
    return place


def _home_directory(archive: Path) -> Path:
    from docpager.archive.manifest import CHATS

    return archive / CHATS


@dataclass(frozen=True, slots=True)
class _Opening:
    """How a session is opened; everything that is open is in `held`."""

    directory: Path
    session: str
    held: ExitStack
    embedder: str | Embedder | None
    settings: ChatSettings
    clock: Callable[[], datetime] | None

    def open(
        self,
        places: Sequence[Path],
        reading: ReadingSettings | None,
        progress: Progress | None,
        on_ingested: Callable[[IngestReport], None] | None,
    ) -> ChatSession:
        """The session, after what is new under `places` was ingested."""
        try:
            if places:
                bring_up_to_date(
                    places,
                    self.directory,
                    embedder=self.embedder if isinstance(self.embedder, str) else None,
                    reading=reading,
                    progress=progress,
                    on_ingested=on_ingested,
                )
            return self._open(places)
        except BaseException:
            self.held.close()
            raise

    def _open(self, places: Sequence[Path]) -> ChatSession:
        from docpager.archive.archive import Archive
        from docpager.archive.embedders.base import DEFAULT_EMBEDDER, load_embedder
        from docpager.archive.manifest import MANIFEST
        from docpager.chat.home import ChatHome
        from docpager.chat.library import ChatLibrary
        from docpager.chat.maintenance import finish_maintenance
        from docpager.chat.session import ChatSession

        archive = None
        if (self.directory / MANIFEST).exists() or places:
            archive = self.held.enter_context(Archive.open(self.directory))
        named = self.embedder or (archive.embedder_name if archive else DEFAULT_EMBEDDER)
        embedder = load_embedder(named) if isinstance(named, str) else named
        home = ChatHome(_home_directory(self.directory), embedder=embedder)
        self.held.callback(home.close)
        session = ChatSession(
            self.session,
            self.held.enter_context(home.held(self.session)),
            home=home,
            library=ChatLibrary(home, archive),
            settings=self.settings,
            scope=archive.documents_under(places) if archive and places else None,
            clock=self.clock or (lambda: datetime.now(UTC)),
        )
        finish_maintenance(session)
        return session
