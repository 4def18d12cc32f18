"""Lines that are typed in a chat: edited, interrupted, ended, with what is told below them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

pytest.importorskip("prompt_toolkit")

from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from docpager.cli.chat_terminal import EditedTerminal

CTRL_C, CTRL_D, UP, ALT_ENTER = "\x03", "\x04", "\x1b[A", "\x1b\r"


def typed(
    keys: Sequence[str],
    *,
    interrupt: Callable[[], bool] = lambda: True,
    history: Sequence[str] = (),
) -> list[str]:
    """The lines that come of these keys."""

    async def read() -> list[str]:
        with create_pipe_input() as given, create_app_session(input=given, output=DummyOutput()):
            given.send_text("".join(keys))
            terminal = EditedTerminal(
                prompt=lambda: "> ", below=lambda width: [], interrupt=interrupt, history=history
            )
            return [line async for line in terminal.lines()]

    return asyncio.run(asyncio.wait_for(read(), 10))


def test_lines_come_until_ctrl_d():
    assert typed(["Hello\r", "What is tin?\r", CTRL_D]) == ["Hello", "What is tin?"]


def test_ctrl_c_clears_a_line_that_was_begun_and_interrupts_otherwise():
    interrupted: list[int] = []

    def interrupt() -> bool:
        interrupted.append(1)
        return True

    assert typed(["Helo", CTRL_C, "Hello\r", CTRL_C, CTRL_D], interrupt=interrupt) == ["Hello"]
    assert interrupted == [1]


def test_an_interrupt_may_end_the_chat():
    assert typed(["Hello\r", CTRL_C, "never read\r"], interrupt=lambda: False) == ["Hello"]


def test_the_arrow_keys_go_back_to_what_was_said_in_earlier_sessions():
    assert typed([UP, UP, "\r", CTRL_D], history=["What is tin?", "And lead?"]) == ["What is tin?"]


def test_a_message_may_have_several_lines():
    assert typed(["one", ALT_ENTER, "two\r", CTRL_D]) == ["one\ntwo"]


def test_control_sequences_in_what_is_told_are_not_obeyed():
    terminal = EditedTerminal(
        prompt=lambda: "> ", below=lambda width: ["step 1", "grep(\x1b[2J)"], interrupt=lambda: True
    )
    with create_pipe_input() as given, create_app_session(input=given, output=DummyOutput()):
        shown = "".join(text for _, text, *_ in terminal.toolbar())

    assert shown == "step 1\n\\x1b[2J)".replace("\\x1b", "grep(\\x1b")
