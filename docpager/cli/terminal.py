"""What reaches the terminal: text from documents is shown, never obeyed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from docpager.cli.flags import with_flags
from docpager.core.visible import CONTROLS, visible

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["drawn_on", "note", "print_json", "say", "visible"]

_drawn: list[Console] = []
"""Of what moves on stderr now: there is one stderr, so this is one for the process."""


def say(
    text: str = "", *, lines: bool = False, err: bool = False, nl: bool = True, **style: Any
) -> None:
    """Print one line, or several with `lines`."""
    shown = visible(text, lines=lines)
    if err and _drawn:
        _drawn[-1].print(shown, markup=False, highlight=False, soft_wrap=True)
    else:
        click.secho(shown, err=err, nl=nl, **style)


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
