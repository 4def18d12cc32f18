"""What reaches the terminal: text from documents is shown, never obeyed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from docpager.cli.flags import with_flags
from docpager.core.visible import CONTROLS, visible

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "can_link",
    "drawn_on",
    "has_colour",
    "linked",
    "note",
    "print_json",
    "say",
    "say_linked",
    "visible",
]

_drawn: list[Console] = []
"""Of what moves on stderr now: there is one stderr, so this is one for the process."""


def say(
    text: str = "", *, lines: bool = False, err: bool = False, nl: bool = True, **style: Any
) -> None:
    """Print one line, or several with `lines`."""
    shown = visible(text, lines=lines)
    if err and _drawn:
        _drawn[-1].print(shown, markup=False, highlight=False, soft_wrap=True)
    elif style and not os.environ.get("NO_COLOR"):
        click.secho(shown, err=err, nl=nl, **style)
    else:
        click.echo(shown, err=err, nl=nl)


def has_colour() -> bool:
    """Whether stdout is a terminal that shows colours, and the user wants them."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return is_terminal and not os.environ.get("NO_COLOR") and _terminal() not in ("", "dumb")


def can_link() -> bool:
    """Whether stdout is a terminal that takes links (OSC 8), or at least passes them over."""
    return has_colour() and _terminal() != "linux" and not _terminal().startswith("screen")


def _terminal() -> str:
    # Windows has no TERM, and its terminal takes both.
    return os.environ.get("TERM", "windows" if sys.platform == "win32" else "")


def linked(text: str, url: str) -> str:
    """`text` as a link (OSC 8, as terminals agreed on it); only what is visible of either.

    >>> linked("page 8", "file:///a.pdf#page=8")
    '\\x1b]8;;file:///a.pdf#page=8\\x1b\\\\page 8\\x1b]8;;\\x1b\\\\'
    """
    return f"\x1b]8;;{visible(url)}\x1b\\{visible(text)}\x1b]8;;\x1b\\"


def say_linked(before: str, text: str, url: str | None, after: str) -> None:
    """Print one line to stdout, `text` in it as a link where there is a `url`."""
    middle = linked(text, url) if url else visible(text)
    click.echo(f"{visible(before)}{middle}{visible(after)}")


@contextmanager
def drawn_on(console: Console) -> Iterator[None]:
    """While something moves at the bottom of stderr, lines are printed above it by `console`.

    What is written to stderr past that console would stand in the middle of what moves.
    """
    _drawn.append(console)
    try:
        yield
    finally:
        _drawn.remove(console)


def note(message: str) -> None:
    """Something beside the data, to stderr; what the library calls by its Python name becomes an
    option."""
    say(with_flags(message), err=True)


def print_json(value: object) -> None:
    """One JSON object on a line of stdout."""
    written = json.dumps(value, ensure_ascii=False)
    click.echo(CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", written))
