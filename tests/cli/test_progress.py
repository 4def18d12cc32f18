"""Somebody who waits is told how far it has come."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from threading import Thread

import pytest
from rich.cells import cell_len

from docpager.archive.ingest_session import IngestProgress
from docpager.cli.progress import _bar, _lines, ask_progress, reached_in_words
from docpager.cli.terminal import note


def test_a_line_says_files_speed_embedding_and_time_left():
    reached = IngestProgress(10, 40, "reports/a.pdf", pdf_pages=1200, passages=3000, embedded=2560)

    assert reached_in_words(reached, 20.0) == (
        "reading 10 of 40: reports/a.pdf (1,200 pages, 60 a second, about 60 s left); "
        "embedded 2,560 of 3,000 passages"
    )
    assert reached_in_words(IngestProgress(1, 1000, "a.txt"), 9.0).endswith("(about 2.5 h left)")
    assert reached_in_words(IngestProgress(3, 3, "c.txt"), 9.0) == "reading 3 of 3: c.txt"


def test_lines_go_on_while_one_file_takes_long():
    said: list[str] = []
    with _lines(0.02, said.append) as progress:
        time.sleep(0.05)
        assert said == []
        progress(IngestProgress(1, 2, "a.txt"))
        until = time.monotonic() + 5
        while len(said) < 3 and time.monotonic() < until:
            time.sleep(0.01)

    assert len(said) >= 3
    assert all(line.startswith("reading 1 of 2: a.txt (about ") for line in said)


def test_a_bar_takes_what_is_told(capsys):
    with _bar() as progress:
        progress(IngestProgress(1, 2, "[bold]a.txt", pdf_pages=4, passages=9, embedded=3))


@contextmanager
def terminal() -> Iterator[list[bytes]]:
    """Stderr is a terminal; what it was sent is there when it is closed."""
    leader, follower = os.openpty()
    sent: list[bytes] = []

    def read() -> None:
        while True:
            try:
                sent.append(os.read(leader, 4096))
            except OSError:  # the other end was closed
                return

    reading = Thread(target=read)
    reading.start()
    with os.fdopen(follower, "w") as stderr, redirect_stderr(stderr):
        yield sent
    reading.join()
    os.close(leader)


def test_share_and_figures_are_seen_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    path = "契約/" * 20 + "[red].pdf"
    with terminal() as sent, _bar() as progress:
        progress(IngestProgress(30, 60, path, passages=9, embedded=3))

    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(sent).decode())
    assert " 50% -:--:-- 30 of 60 files; embedded 3 of 9; 契約/" in shown
    assert "…" not in shown
    assert max(map(cell_len, re.split(r"[\r\n]+", shown))) <= 80


def test_notes_stand_above_the_line_of_a_run_which_tells_its_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with terminal() as sent, ask_progress() as (reading, stepping):
        reading(IngestProgress(1, 2, "a.txt"))
        note("first note")
        for number, doing in enumerate(("waits for the model", "search([bold]tin)"), start=1):
            stepping(number, doing)
            note(f"note {number}")
            time.sleep(0.15)

    shown = b"".join(sent).decode()
    # Whatever stood on the line was wiped out just before.
    assert len(re.findall(r"\r\x1b\[2K(?:first note|note \d)\r?\n", shown)) == 3
    assert "step 1: waits for the model" in shown
    assert "step 2: search([bold]tin)" in shown
    assert shown.removesuffix("\x1b[?25h").endswith("\x1b[2K")  # nothing of it stays


def test_in_a_pipe_steps_are_not_told() -> None:
    with redirect_stderr(io.StringIO()) as stderr, ask_progress() as (reading, stepping):
        reading(IngestProgress(1, 2, "a.txt"))
        stepping(1, "waits for the model")

    assert stderr.getvalue() == ""
