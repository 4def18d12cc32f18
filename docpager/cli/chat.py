"""`docpager chat`: conversations at a terminal, in a pipe, or with a program."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from docpager.cli.ask import tell_ingested
from docpager.cli.asking import AskedWith, asking_options
from docpager.cli.chat_desk import ChatDesk, ChatTalk
from docpager.cli.chat_terminal import EXTRA, EditedTerminal, can_edit, is_terminal
from docpager.cli.chat_view import tell_session, tell_unanswered
from docpager.cli.live_view import EventLines, ask_progress, event_lines
from docpager.cli.model_options import language_model, tell_price
from docpager.cli.options import examples
from docpager.cli.terminal import note, print_json, say
from docpager.core.errors import DocpagerError, UsageError
from docpager.core.settings import ChatSettings

if TYPE_CHECKING:
    from docpager.api.chat import Chat

__all__ = ["chat"]


@click.command(
    epilog=examples(
        "docpager chat reports/",
        "docpager chat --session lease --model claude-sonnet-5-5 contracts/",
        "docpager chat --json < messages.txt > replies.jsonl",
        'docpager chat forget "my old address"',
    )
)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--session",
    default="main",
    show_default=True,
    metavar="NAME",
    help="The conversation to go on with, or to begin.",
)
@click.option(
    "--maintain-after",
    type=click.IntRange(min=1),
    metavar="N",
    help="Tidy what is remembered, as `docpager sessions maintain` does, at the start and between "
    "replies, whenever N messages were answered since the last time.",
)
@asking_options(of_each=" for a message", of_all=" for a message")
def chat(
    paths: tuple[str, ...],
    session: str,
    maintain_after: int | None,
    **given: Any,
) -> None:
    """Talk about the documents under PATH, and about what was said before.

    Without PATH, about the whole archive; without an archive, about the conversation alone.
    Everything said is kept beside the archive and found again in every later session; `docpager
    sessions` lists them. /help lists what can be typed beside messages.

    With --json each line of stdin is a message, or a JSON string or {"message": ...} for one of
    several lines, and each gives one line: the reply with its citations, or an "error".

    `docpager chat forget WORDS` shows what holds these words in all conversations, asks, and
    removes it.
    """
    asked = AskedWith.of(given)
    archive = cast(Path, asked.archive)  # in object storage there are no chats: `Chat` says so
    if paths[:1] == ("forget",):
        _forget(paths[1:], archive)
        return
    from docpager.api.chat import Chat, chat_sessions

    prepared, shown = language_model(**asked.how), asked.shown
    before = [info for info in chat_sessions(archive) if info.name == session]
    with asyncio.Runner() as runner:
        with ask_progress(**shown) as (progress, _):
            opened = Chat.open(
                *paths,
                session=session,
                archive=archive,
                embedder=asked.embedder_of(paths),
                reading=asked.reading,
                progress=progress,
                on_ingested=tell_ingested,
                prepared=prepared,
                settings=ChatSettings(maintain_after=maintain_after),
            )
        with opened:
            if not asked.quiet:
                tell_price(prepared)
                tell_session(opened, before[0] if before else None, paths, archive)
                tell_unanswered(opened)
            kept: dict[str, Any] = {
                "maintain_after": maintain_after,
                "hang_up": prepared.model.close,
            }
            talk = ChatTalk(opened, archive, **kept)
            sys.exit(_conversed(talk, runner, shown, as_json=asked.as_json))


def _conversed(
    talk: ChatTalk, runner: asyncio.Runner, shown: dict[str, Any], *, as_json: bool
) -> int:
    """Talk until whoever is there has said everything; the exit code."""
    try:
        runner.run(talk.begin())
        if as_json:
            return _with_program(talk, runner, shown)
        if not is_terminal():
            return _in_pipe(talk, runner, shown)
        return _at_terminal(talk, runner, shown)
    finally:
        runner.run(talk.hang_up())


def _at_terminal(talk: ChatTalk, runner: asyncio.Runner, shown: dict[str, Any]) -> int:
    note("/help lists what can be typed beside messages")
    if not can_edit():
        _plainly(talk, runner, shown)
        return 0
    runner.run(talk.hang_up())  # replies are made in another event loop from here on
    with event_lines(**shown) as events:
        runner.run(_edited(talk, events, quiet=shown["quiet"] or shown["verbose"]))
    return 0


def _forget(words: tuple[str, ...], archive: Path) -> None:
    from docpager.cli.sessions import forget_words

    if Path("forget").exists():
        raise UsageError(
            "`forget` is a file or folder here: write ./forget to talk about it, or `docpager "
            "sessions forget` to forget something"
        )
    forget_words(" ".join(words), archive)


async def _edited(talk: ChatTalk, events: EventLines, *, quiet: bool) -> None:
    """Lines that are edited, while a reply is made above them."""
    desk = ChatDesk(talk, events, quiet=quiet)
    said = [turn.text for turn in talk.chat.turns(500) if turn.who == "user"]
    terminal = EditedTerminal(
        prompt=desk.prompt, below=desk.below, interrupt=desk.interrupt, history=said
    )
    try:
        async for line in terminal.lines():
            if not desk.take(line, on_end=terminal.end):
                break
    finally:
        desk.close()


def _plainly(talk: ChatTalk, runner: asyncio.Runner, shown: dict[str, Any]) -> None:
    """Lines as the system reads them, one reply after the other."""
    if find_spec("prompt_toolkit") is None:
        note(f"(pip install 'docpager[{EXTRA}]' lets you type while a reply is made)")
    with suppress(ImportError):
        import readline

        for turn in talk.chat.turns(500):
            if turn.who == "user":
                readline.add_history(turn.text)
    warned = False
    while True:
        try:
            line = input("> ")
        except EOFError:
            break
        except KeyboardInterrupt:
            if warned:
                break
            warned = True
            say(err=True)
            note("Ctrl-C again or Ctrl-D leaves; the session stays as it is")
            continue
        warned = False
        if not line.strip():
            continue
        goes_on = talk.commanded(line)
        if goes_on is False:
            break
        if goes_on is None:
            try:
                with _told(talk, shown):
                    runner.run(talk.answer(line))
            except KeyboardInterrupt:
                note("interrupted; /resume goes on with it, or say something else")


@contextmanager
def _told(talk: ChatTalk, shown: dict[str, Any]) -> Iterator[None]:
    with ask_progress(**shown) as (_, on_step):
        talk.chat.tell(on_step=on_step, on_retry=note)
        yield


def _in_pipe(talk: ChatTalk, runner: asyncio.Runner, shown: dict[str, Any]) -> int:
    """Each line of stdin is a message; the exit code."""
    for line in _lines():
        if line.strip():
            with _told(talk, shown):
                runner.run(talk.answer(line))
    return 1 if talk.failed else 0


def _lines() -> Iterator[str]:
    """The lines of stdin; bytes that are no UTF-8 are left to be refused by name."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")
    for line in sys.stdin:
        yield line.rstrip("\n")


def _with_program(talk: ChatTalk, runner: asyncio.Runner, shown: dict[str, Any]) -> int:
    """Each line of stdin gives a line on stdout; the exit code."""
    failed = False
    for line in _lines():
        with _told(talk, shown):
            answer = runner.run(_as_json(talk.chat, line))
            runner.run(talk.tidied())
        failed = failed or answer.get("text") is None
        print_json(answer)
        sys.stdout.flush()
    return 1 if failed else 0


async def _as_json(chat: Chat, line: str) -> dict[str, Any]:
    try:
        return (await chat.say_async(message_in(line))).as_json()
    except DocpagerError as error:
        return {"status": "failed", "text": None, "error": str(error), "kind": type(error).__name__}


def message_in(line: str) -> str:
    """The message in a line: the line itself, or the JSON text or object that it is.

    >>> message_in("Hello"), message_in('"one\\\\ntwo"'), message_in('{"message": "Hi"}')
    ('Hello', 'one\\ntwo', 'Hi')
    """
    if line.lstrip()[:1] not in ('"', "{"):
        return line
    try:
        value = json.loads(line)
    except ValueError:
        return line
    if isinstance(value, dict):
        value = value.get("message")
    return value if isinstance(value, str) else line
