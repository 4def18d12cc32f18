"""What goes on while somebody types in a chat: messages, commands, and the reply under way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING

from docpager.cli.chat_view import (
    print_changes,
    print_holdings,
    print_memory,
    print_undone,
    said_in,
    tell_forgotten,
)
from docpager.cli.live_view import EventLines, RunView
from docpager.cli.terminal import note, say
from docpager.core.errors import DocpagerError, ModelError, UsageError

if TYPE_CHECKING:
    from docpager.api.chat import Chat
    from docpager.chat.forgetting import Forgetting
    from docpager.chat.replies import ChatReply
    from docpager.run.driver import StepNow

__all__ = ["ChatDesk", "ChatTalk"]

HELP = """\
/memory       what is remembered, and what stands in every prompt
/log          what was changed in memory, with numbers
/undo [N]     take the newest change of memory back, or change N
/forget WORDS show what holds them, in all sessions; /forget --yes then removes it for good
/resume       answer the last message, which was interrupted
/quit         leave (also Ctrl-D); the session stays as it is
Enter sends, Alt-Enter begins a new line. What you send while a reply is made is told to the model
in its middle, or is the next message where it is too late; Ctrl-C interrupts the reply."""


_ANSWERING = re.compile(r"(?:^|; )answer\(")
"""In what a run does: its last call, after which the model is shown nothing more."""
_REQUESTS_TO_READ = 2
"""A remark that comes while calls are executed stands with the results of the calls after them."""


class ChatTalk:
    """One session: what is typed becomes messages and commands, and replies are printed."""

    def __init__(
        self,
        chat: Chat,
        archive: Path,
        *,
        maintain_after: int | None = None,
        hang_up: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.chat = chat
        self._hang_up = hang_up
        self.failed = False
        """Whether a message came to nothing."""
        self._archive = archive
        self._maintain_after = maintain_after
        self._to_forget: Forgetting | None = None
        """What was shown last."""
        self._until_next = 0
        """Replies before it is looked again whether something is to be tidied."""

    async def answer(self, text: str) -> None:
        """Say it, or resume with `/resume`, and print what comes."""
        try:
            if text.strip() == "/resume":
                reply = await self.chat.resume_async()
                if reply is None:
                    note("every message has its reply")
                    return
            else:
                reply = await self.chat.say_async(text)
        except DocpagerError as error:
            self.failed = True
            note(f"docpager: {error}")
            return
        self.failed = self.failed or reply.text is None
        self._print(reply)
        await self.tidied()

    async def begin(self) -> None:
        """See that the model can be asked with these settings, then tidy what is due.

        Raises:
            UsageError: it cannot. What else is wrong with it is told when something is said.
        """
        with suppress(ModelError):
            await self.chat.ready_async()
        await self.tidied()

    async def hang_up(self) -> None:
        """Close the connections of the running event loop."""
        if self._hang_up is not None:
            await self._hang_up()

    async def tidied(self) -> None:
        """Tidy what is remembered where that is due, and print what it changed."""
        self._until_next -= 1
        if self._until_next > 0 or not self.chat.maintenance_due or self.chat.unanswered:
            return
        # Where it fails or finds nothing it is still due, and not to be tried after each reply.
        self._until_next = self._maintain_after or 0
        note("tidying what is remembered (--maintain-after)")
        try:
            changes = await self.chat.maintenance_async()
        except DocpagerError as error:
            note(f"docpager: not tidied: {error}")
            return
        for line in (line for change in changes for line in change.diff):
            note(f"  {line}")

    def _print(self, reply: ChatReply) -> None:
        from docpager.cli.answer_sources import links_of
        from docpager.cli.output import print_reply

        assert reply.line is not None
        said = [said_in(citation, self.chat) for citation in reply.citations]
        print_reply(reply, links_of(reply.line, self._archive), said)
        if reply.resumable:
            note("/resume tries again")
        say()

    def commanded(self, line: str) -> bool | None:
        """Do what a command says: whether the chat goes on; None where it is no command that can
        be done at once."""
        command, _, rest = line.strip().partition(" ")
        if command in ("/quit", "/exit"):
            return False
        if command == "/resume" or not command.startswith("/") or line.startswith(" "):
            return None
        try:
            self._command(command, rest.strip())
        except DocpagerError as error:
            note(f"docpager: {error}")
        return True

    def _command(self, command: str, rest: str) -> None:
        if command == "/help":
            say(HELP, lines=True, err=True)
        elif command == "/memory":
            print_memory(self.chat.core, self.chat.summary)
        elif command == "/log":
            print_changes(self.chat.log())
        elif command == "/undo":
            if rest and not rest.isdecimal():
                raise UsageError(f"{rest!r} is no number of a change; /log lists them")
            print_undone(self.chat.undo(int(rest) if rest else None))
        elif command == "/forget":
            self._forget(rest)
        else:
            raise UsageError(
                f"there is no {command}; /help lists what there is (begin with a space to say it)"
            )

    def _forget(self, words: str) -> None:
        if words != "--yes":
            self._to_forget = self.chat.forget_preview(words)
            print_holdings(self._to_forget)
            if self._to_forget.holdings:
                note("/forget --yes removes all of this for good")
            return
        if self._to_forget is None or not self._to_forget.holdings:
            raise UsageError("name what is to be forgotten first: /forget WORDS")
        tell_forgotten(self.chat.forget(self._to_forget))
        self._to_forget = None


class ChatDesk:
    """What is going on while somebody types: a reply under way or none, and how it goes.

    Replies are made in a thread of their own, so that the line can be edited whatever they do.
    """

    def __init__(self, talk: ChatTalk, events: EventLines, *, quiet: bool) -> None:
        self.talk = talk
        self._events = events
        self._quiet = quiet
        self._view = RunView()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._reply: Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._busy = False
        self._warned = False
        self._waiting: list[str] = []
        """Typed while a reply was under way, and not told to the model yet."""
        self._turn_taking = Lock()
        """Held where a reply ends and where a line comes: no line falls between the two."""
        self._unread: list[tuple[str, int]] = []
        """Told, and how many more requests it takes until the model has read it."""
        self._closed = False
        talk.chat.tell(on_step=self._step, on_retry=note)

    @property
    def busy(self) -> bool:
        """Whether a reply is under way."""
        return self._busy

    def _step(self, now: StepNow) -> None:
        self._events.take(now)
        self._view.take(now)
        if now.waits:
            self._unread = [(said, requests - 1) for said, requests in self._unread if requests > 1]
        elif not _ANSWERING.search(now.doing):
            self._tell_waiting()

    def prompt(self) -> str:
        """What stands before the line: `+` where it is told in the middle of a reply."""
        return "+ " if self.busy else "> "

    def below(self, width: int) -> list[str]:
        """How the reply goes, in a few lines."""
        if not self.busy or self._quiet:
            return []
        return self._view.lines(width) or ["begins"]

    def interrupt(self) -> bool:
        """Ctrl-C: let the reply go; where none is under way, the second one leaves."""
        if self.busy:
            self._cancel()
            return True
        if self._warned:
            return False
        self._warned = True
        note("Ctrl-C again or Ctrl-D leaves; the session stays as it is")
        return True

    def take(self, line: str, *, on_end: Callable[[], None]) -> bool:
        """Do what a line says; whether the chat goes on. `on_end` is called should the reply end
        in an error that nobody expects."""
        self._warned = False
        if not line.strip():
            return True
        with self._turn_taking:
            if self._busy:
                return self._take_in_the_middle(line)
        goes_on = self.talk.commanded(line)
        if goes_on is None:
            self._busy = True
            self._reply = asyncio.run_coroutine_threadsafe(self._answered(line), self._loop)
            self._reply.add_done_callback(
                lambda reply: None if reply.exception() is None else on_end()
            )
        return goes_on is not False

    def _take_in_the_middle(self, line: str) -> bool:
        command = line.strip().partition(" ")[0]
        if command in ("/quit", "/exit"):
            return False
        if command.startswith("/") and not line.startswith(" "):
            note("a reply is under way; Ctrl-C interrupts it")
            return True
        self._waiting.append(line)
        note(
            "(the model is told at its next step; if its reply comes first, it is the next message)"
        )
        return True

    def _tell_waiting(self) -> None:
        """Tell the model what was typed meanwhile, while calls are executed: then another request
        follows. During the last reply it would never be read, and is the next message instead."""
        while self._waiting:
            turn = self.talk.chat.interrupt(self._waiting[0])
            note(f"({turn} is told to the model: {self._waiting[0]})")
            self._unread.append((self._waiting.pop(0), _REQUESTS_TO_READ))

    async def _answered(self, line: str) -> None:
        """The reply to a line, and to those for which it was too late to be told in its middle."""
        said: str | None = line
        try:
            while said is not None:
                said = self._next(await self._replied(said))
        except BaseException:
            with self._turn_taking:
                self._end_of_replies()
            raise

    async def _replied(self, said: str) -> str:
        """The reply to one message; why what was typed meanwhile is the next one."""
        self._view, self._unread = RunView(), []
        self._task = asyncio.ensure_future(self.talk.answer(said))
        try:
            await self._task
        except asyncio.CancelledError:
            next_time = "next time " if self._closed else ""
            other = "" if self._closed else ", or say something else"
            note(f"interrupted; {next_time}/resume goes on with it{other}")
            return "typed before the reply was interrupted, so it is the next message"
        if not self._unread:
            return "the reply came first, so this is the next message"
        # Told, and the reply came before it was read: said again, or nobody answers it.
        self._waiting[:0] = [each for each, _ in self._unread]
        return "the reply came before the model had read it, so it is said again"

    def _next(self, why: str) -> str | None:
        """The next of what was typed meanwhile, named with why it is said only now; None where
        there is nothing, or somebody leaves."""
        with self._turn_taking:
            if self._closed or not self._waiting:
                self._end_of_replies()
                return None
            said = self._waiting.pop(0)
        note(f"({why})")
        note(f"> {said}")
        return said

    def _end_of_replies(self) -> None:
        """Name what nobody answers; what comes from now on begins a reply of its own."""
        for left in self._waiting:
            note(f"not said: {left}")
        self._waiting.clear()
        self._busy = False

    def _cancel(self) -> None:
        self._loop.call_soon_threadsafe(lambda: self._task and self._task.cancel())

    def close(self) -> None:
        """Let go of a reply that is under way.

        Raises:
            Exception: what ended it, where nobody expects that.
        """
        self._closed = True
        try:
            if self._reply is not None:
                if self.busy:
                    self._cancel()
                self._reply.result()
        finally:
            asyncio.run_coroutine_threadsafe(self.talk.hang_up(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
