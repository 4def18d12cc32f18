"""`docpager sessions`: conversations, and what they remember."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from docpager.cli.chat_view import (
    print_changes,
    print_holdings,
    print_memory,
    print_session,
    print_undone,
    tell_forgotten,
)
from docpager.cli.live_view import ask_progress, watching_options
from docpager.cli.model_options import language_model, limit_options, model_options, tell_price
from docpager.cli.options import archive_option, as_json_option, examples
from docpager.cli.terminal import note, print_json
from docpager.core.errors import UsageError
from docpager.core.settings import DEFAULT_RUN_USD

if TYPE_CHECKING:
    from docpager.api.chat import Chat
    from docpager.run.preparation import PreparedModel

__all__ = ["sessions"]

_session = click.option(
    "--session", default="main", show_default=True, metavar="NAME", help="Which conversation."
)


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "docpager sessions",
        "docpager sessions log --session lease",
        "docpager sessions undo 3",
    ),
)
@archive_option
@as_json_option
@click.pass_context
def sessions(context: click.Context, archive_directory: Path, as_json: bool) -> None:
    """List the conversations of `docpager chat`, the one used last first.

    Everything that was said and remembered lies in the archive's folder.
    """
    command = context.invoked_subcommand
    if command is None:
        _list(archive_directory, as_json=as_json)
        return
    for name, option in (("archive_directory", "--archive"), ("as_json", "--json")):
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"write {option} behind {command}")
    # What configuration files say holds for the commands here too.
    context.default_map = dict.fromkeys(sessions.commands, context.default_map or {})


@sessions.command("list", epilog=examples("docpager sessions list --json"))
@archive_option
@as_json_option
def list_(archive_directory: Path, as_json: bool) -> None:
    """List them; the same as `docpager sessions`."""
    _list(archive_directory, as_json=as_json)


def _list(archive: Path, *, as_json: bool) -> None:
    from docpager.api.chat import chat_sessions

    found = chat_sessions(archive)
    for info in found:
        if as_json:
            print_json(asdict(info))
        else:
            print_session(info)
    if not found:
        note(f"no conversations in {str(archive)!r}; docpager chat begins one")


@sessions.command(epilog=examples("docpager sessions show --session lease"))
@_session
@archive_option
@as_json_option
def show(session: str, archive_directory: Path, as_json: bool) -> None:
    """Show what a conversation remembers and what stands in each of its prompts."""
    with _opened(session, archive_directory) as chat:
        if as_json:
            blocks = [asdict(block) for block in chat.core]
            print_json({"session": chat.name, "core": blocks, "summary": chat.summary})
        else:
            print_memory(chat.core, chat.summary)


@sessions.command(epilog=examples("docpager sessions log", "docpager sessions log --json"))
@_session
@archive_option
@as_json_option
def log(session: str, archive_directory: Path, as_json: bool) -> None:
    """Show what was changed in memory, oldest first, each change with its number.

    `+` is new, `-` is gone, `~` was replaced; in brackets the turns and documents that it came
    from. What a maintenance run or an answer wrote is here too.
    """
    with _opened(session, archive_directory) as chat:
        changes = chat.log()
        for change in changes if as_json else ():
            print_json(change.as_json())
    if not as_json:
        print_changes(changes)


@sessions.command(epilog=examples("docpager sessions undo", "docpager sessions undo 3"))
@click.argument("number", required=False, type=click.IntRange(min=1), metavar="[NUMBER]")
@_session
@archive_option
@as_json_option
def undo(number: int | None, session: str, archive_directory: Path, as_json: bool) -> None:
    """Take a change of memory back: the newest, or the one with this NUMBER of `log`."""
    with _opened(session, archive_directory) as chat:
        change = chat.undo(number)
    if as_json:
        print_json(change.as_json())
    else:
        print_undone(change)


@sessions.command(
    epilog=examples(
        "docpager sessions maintain --model claude-sonnet-5-5",
        "docpager sessions maintain --session lease --max-usd 0.20",
    )
)
@_session
@archive_option
@model_options
@limit_options(of_all=" in all of it", usd=DEFAULT_RUN_USD)
@watching_options
@as_json_option
def maintain(
    session: str,
    archive_directory: Path,
    quiet: bool,
    verbose: bool,
    log: Path | None,
    as_json: bool,
    **how: Any,
) -> None:
    """Have a model tidy what is remembered.

    Memories that say the same are joined; where two contradict each other the newer wins, and the
    old one is kept with its date. What it changed is printed, and `docpager sessions undo` takes it
    back.
    """
    prepared = language_model(**how)
    tell_price(prepared)
    with (
        asyncio.Runner() as runner,
        _opened(session, archive_directory, prepared) as chat,
        ask_progress(quiet=quiet, verbose=verbose, log=log) as (_, on_step),
    ):
        chat.tell(on_step=on_step, on_retry=note)
        try:
            changes = runner.run(chat.maintenance_async())
        finally:
            runner.run(prepared.model.close())
    for change in changes if as_json else ():
        print_json(change.as_json())
    if not as_json and changes:
        print_changes(changes)
    if not changes:
        note("there was nothing to tidy")


@sessions.command(
    epilog=examples(
        'docpager sessions forget "my old address"',
        "docpager sessions forget T12 --yes",
    )
)
@click.argument("words", nargs=-1, required=True, metavar="WORDS")
@click.option("--yes", is_flag=True, help="Remove it without asking.")
@archive_option
@as_json_option
def forget(words: tuple[str, ...], yes: bool, archive_directory: Path, as_json: bool) -> None:
    """Show what holds WORDS in all conversations, ask, and remove it for good.

    WORDS are looked for whatever their case; T12 names a turn, M3 a memory, D4 what came from a
    document. What was made of it goes too: replies, memories, summaries, journals, and the undo log
    of each conversation concerned. A summary is made anew from the turns that are left, at the next
    message that needs one. Documents stay; `docpager forget` removes those.
    """
    forget_words(" ".join(words), archive_directory, yes=yes, as_json=as_json)


def forget_words(what: str, archive: Path, *, yes: bool = False, as_json: bool = False) -> None:
    """Show what holds some words in all conversations, ask unless `yes`, and remove it.

    Raises:
        UsageError: there are no conversations, or too little to look for.
        SessionLocked: another process has one of them open.
    """
    from docpager.api.chat import chat_sessions

    newest = next((info.name for info in chat_sessions(archive) if not info.error), None)
    if newest is None:
        raise UsageError(f"there are no conversations in {str(archive)!r}")
    with _opened(newest, archive) as chat:
        found = chat.forget_preview(what)
        if not as_json or not yes:
            print_holdings(found)
        if not found.holdings:
            if as_json:
                print_json({**found.as_json(), "removed": False})
            return
        removed = yes or _is_sure()
        if removed:
            found = chat.forget(found)
        if as_json:
            print_json({**found.as_json(), "removed": removed})
        if removed:
            tell_forgotten(found)
        else:
            note("nothing was removed")


def _is_sure() -> bool:
    """Whether somebody at a terminal wants it; nobody else is asked.

    Raises:
        UsageError: nobody is there to be asked.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("nobody can be asked here; add --yes to remove all of this")
    return click.confirm("remove all of this, which cannot be undone?", err=True)


@contextmanager
def _opened(session: str, archive: Path, prepared: PreparedModel | None = None) -> Iterator[Chat]:
    """A conversation that is there.

    Raises:
        UsageError: there is none of this name.
    """
    from docpager.api.chat import Chat, chat_sessions

    known = [info.name for info in chat_sessions(archive)]
    if session not in known:
        named = f"there are: {', '.join(map(repr, known[:8]))}" if known else "there is none yet"
        raise UsageError(f"no conversation {session!r} in {str(archive)!r}; {named}")
    with Chat.open(session=session, archive=archive, prepared=prepared) as chat:
        yield chat
