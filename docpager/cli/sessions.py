"""`docpager sessions`: conversations, and what they remember."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from docpager.cli.chat_view import print_changes, print_memory, print_session, print_undone
from docpager.cli.options import archive_option, as_json_option, examples
from docpager.cli.terminal import note, print_json
from docpager.core.errors import UsageError

if TYPE_CHECKING:
    from docpager.api.chat import Chat

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
    if context.invoked_subcommand is None:
        _list(archive_directory, as_json=as_json)


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


@contextmanager
def _opened(session: str, archive: Path) -> Iterator[Chat]:
    """A conversation that is there.

    Raises:
        UsageError: there is none of this name.
    """
    from docpager.api.chat import Chat, chat_sessions

    known = [info.name for info in chat_sessions(archive)]
    if session not in known:
        named = f"there are: {', '.join(map(repr, known[:8]))}" if known else "there is none yet"
        raise UsageError(f"no conversation {session!r} in {str(archive)!r}; {named}")
    with Chat.open(session=session, archive=archive) as chat:
        yield chat
