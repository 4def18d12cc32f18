"""A terminal with line editing for a chat: one can type while a reply is made, and see how it goes.

The only place for prompt_toolkit (`pip install 'docpager[chat]'`); where that is missing, or
something is no terminal, lines are read plainly.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from docpager.cli.terminal import visible

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

__all__ = ["EXTRA", "EditedTerminal", "can_edit", "is_terminal"]

EXTRA = "chat"
"""The extra of the package that installs prompt_toolkit."""
MOST_REMEMBERED = 500
"""Earlier messages that the arrow keys go back to."""
_A_SECOND = 4
"""How often what is shown below the line is drawn."""
_STYLES = ("bold", "", "class:figures")


def is_terminal() -> bool:
    """Whether somebody types and reads here."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(stream is not None and stream.isatty() for stream in streams)


def can_edit() -> bool:
    """Whether lines can be edited here while something else is printed."""
    return (
        is_terminal()
        and os.environ.get("TERM", "") != "dumb"
        and find_spec("prompt_toolkit") is not None
    )


class EditedTerminal:
    """Lines that are typed, with history, above what is told of the reply under way.

    `below` gives the lines to show at a width; `interrupt` is called for Ctrl-C where no line has
    been begun, and says whether the chat goes on.
    """

    def __init__(
        self,
        *,
        prompt: Callable[[], str],
        below: Callable[[int], Sequence[str]],
        interrupt: Callable[[], bool],
        history: Sequence[str] = (),
    ) -> None:
        self._prompt = prompt
        self._below = below
        self._interrupt = interrupt
        self._history = history[-MOST_REMEMBERED:]
        self._typing: PromptSession[str] | None = None

    async def lines(self) -> AsyncIterator[str]:
        """What is typed, line by line; ends with Ctrl-D, or where `interrupt` ends it. What is
        printed meanwhile stands above the line."""
        from prompt_toolkit.patch_stdout import patch_stdout

        session = self._typing = self._session()
        # Raw, because links (OSC 8) and colours are meant; what comes from elsewhere was made
        # visible before it is printed.
        with patch_stdout(raw=True):
            while True:
                try:
                    line = await session.prompt_async()
                except EOFError:
                    return
                yield line

    def end(self) -> None:
        """End the lines, as Ctrl-D does; what has been typed is given up. From any thread."""
        app = self._typing.app if self._typing is not None else None
        if app is not None and app.loop is not None:
            app.loop.call_soon_threadsafe(self._exit)

    def _exit(self) -> None:
        if self._typing is not None and self._typing.app.is_running:
            self._typing.app.exit(exception=EOFError)

    def _session(self) -> PromptSession[str]:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import InMemoryHistory
        from prompt_toolkit.styles import Style

        return PromptSession(
            lambda: self._prompt(),
            # Not in a file: what was said stands once, where it can be forgotten.
            history=InMemoryHistory(self._history),
            bottom_toolbar=self.toolbar,
            refresh_interval=1 / _A_SECOND,
            key_bindings=self._keys(),
            style=Style.from_dict({"bottom-toolbar": "noreverse", "figures": "ansibrightblack"}),
        )

    def toolbar(self) -> StyleAndTextTuples:
        """What stands below the line now."""
        from prompt_toolkit.application import get_app

        lines = self._below(get_app().output.get_size().columns)
        shown: StyleAndTextTuples = []
        for number, line in enumerate(lines):
            end = "\n" if number < len(lines) - 1 else ""
            shown.append((_STYLES[min(number, len(_STYLES) - 1)], f"{visible(line)}{end}"))
        return shown

    def _keys(self) -> KeyBindings:
        from prompt_toolkit.key_binding import KeyBindings

        keys = KeyBindings()

        @keys.add("c-c")
        @keys.add("<sigint>")
        def _(event: KeyPressEvent) -> None:
            line = event.app.current_buffer
            if line.text:
                line.reset(append_to_history=False)
            elif not self._interrupt():
                event.app.exit(exception=EOFError)

        @keys.add("escape", "enter")
        def _(event: KeyPressEvent) -> None:
            event.app.current_buffer.insert_text("\n")

        return keys
