"""Somebody who waits is told how far it has come."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import replace
from threading import Thread

import pytest
from rich.cells import cell_len

from docpager.archive.ingest_session import IngestProgress
from docpager.cli.live_view import ask_progress, view_lines
from docpager.cli.progress import Machines, progress_bar, progress_lines, reached_in_words
from docpager.cli.terminal import note
from docpager.core.errors import UsageError
from docpager.run.driver import StepNow


def test_a_line_says_files_speed_embedding_and_time_left():
    reached = IngestProgress(10, 40, "reports/a.pdf", pdf_pages=1200, passages=3000, embedded=2560)

    assert reached_in_words(reached, 20.0) == (
        "reading 10 of 40: reports/a.pdf (1,200 pages, 60 a second, about 60 s left); "
        "embedded 2,560 of 3,000 passages"
    )
    assert reached_in_words(IngestProgress(1, 1000, "a.txt"), 9.0).endswith("(about 2.5 h left)")
    assert reached_in_words(IngestProgress(3, 3, "c.txt"), 9.0) == "reading 3 of 3: c.txt"


def test_the_nodes_and_workers_of_an_engine_are_named_and_asked_for_now_and_then(monkeypatch):
    class Shrinking:
        asked = 0

        @property
        def nodes(self):
            self.asked += 1
            return 3 - self.asked

        @property
        def workers(self):
            return 4 * (3 - self.asked)

    engine, now = Shrinking(), [100.0]
    monkeypatch.setattr("docpager.cli.progress.monotonic", lambda: now[0])
    machines = Machines(engine)
    assert {machines.said() for _ in range(50)} == {"2 nodes, 8 workers"}
    now[0] += 6  # a node was lost meanwhile
    assert machines.said() == "1 node, 4 workers"
    assert engine.asked == 2
    assert Machines(None).said() == ""

    reached = IngestProgress(3, 9, "c.pdf", pdf_pages=30)
    assert reached_in_words(reached, 10.0, there=machines.said()) == (
        "reading 3 of 9: c.pdf (30 pages, 3 a second, about 20 s left, 1 node, 4 workers)"
    )


def test_lines_go_on_while_one_file_takes_long():
    said: list[str] = []
    with progress_lines(0.02, said.append) as progress:
        time.sleep(0.05)
        assert said == []
        progress(IngestProgress(1, 2, "a.txt"))
        until = time.monotonic() + 5
        while len(said) < 3 and time.monotonic() < until:
            time.sleep(0.01)

    assert len(said) >= 3
    assert all(line.startswith("reading 1 of 2: a.txt (about ") for line in said)


def test_a_bar_takes_what_is_told(capsys):
    with progress_bar() as progress:
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
    with terminal() as sent, progress_bar() as progress:
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
            stepping(StepNow(number, 60, doing, 4_000, 8_000, 1_234, 56, 0.0123))
            note(f"note {number}")
            time.sleep(0.15)

    shown = b"".join(sent).decode()
    # Whatever stood on the line was wiped out just before.
    assert len(re.findall(r"\x1b\[2K(?:first note|note \d)\r?\n", shown)) == 3
    assert "step 1 of at most 60, 0:0" in shown
    assert "  waits for the model\r\n" in shown
    assert "  search([bold]tin)\r\n" in shown
    assert "[#####.....] 50% of 8,000; 1,234 in, 56 out, $0.0123" in shown
    assert shown.removesuffix("\x1b[?25h").endswith("\x1b[2K")  # nothing of it stays


def test_in_a_pipe_steps_are_not_told() -> None:
    with redirect_stderr(io.StringIO()) as stderr, ask_progress() as (reading, stepping):
        reading(IngestProgress(1, 2, "a.txt"))
        stepping(StepNow(1, 60, "waits for the model"))

    assert stderr.getvalue() == ""


NOW = StepNow(3, 60, "waits for the model", 4_312, 8_000, 11_368, 830, 0.0123)


def test_the_view_has_three_lines_that_fit_any_width():
    long = 'search(query="' + "日本語 petrels ringed " * 9 + '\x1b[2J")'
    assert view_lines(NOW, after='search(query="tin")', seconds=75, width=140) == [
        "step 3 of at most 60, 1:15",
        '  waits for the model, after search(query="tin")',
        "  [#####.....] 54% of 8,000; 11,368 in, 830 out, $0.0123",
    ]
    for width in (10, 40, 60, 140):
        lines = view_lines(NOW, after=long, seconds=7, width=width)
        assert len(lines) == 3
        assert all(cell_len(line) < min(60, width) for line in lines)
        assert "\x1b" not in "".join(lines)


def test_with_verbose_each_event_is_a_line_and_with_quiet_none(tmp_path):
    for options, said in (({"verbose": True}, True), ({"quiet": True}, False)):
        with redirect_stderr(io.StringIO()) as stderr, ask_progress(**options) as (_, stepping):
            stepping(NOW)
        line = "step 3: waits for the model (4,312 of 8,000 tokens; 11,368 in, 830 out, $0.0123)\n"
        assert stderr.getvalue() == (line if said else "")


def test_a_log_takes_the_lines_of_every_run_with_the_time(tmp_path):
    log = tmp_path / "runs.log"
    for doing in ("waits for the model", "search(query='\x1b[2J')"):
        with redirect_stderr(io.StringIO()), ask_progress(log=log) as (_, stepping):
            stepping(replace(NOW, doing=doing))

    with redirect_stderr(io.StringIO()), ask_progress(log=log) as (_, stepping):
        stepping(replace(NOW, doing="answer(" + "long " * 99))
    first, second, third = log.read_text().splitlines()
    assert len(third) < 220
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} step 3: waits for the model", first)
    assert r"search(query='\x1b[2J')" in second


def test_a_log_that_cannot_be_written_is_refused_by_name(tmp_path):
    with pytest.raises(UsageError, match="cannot write the log"), ask_progress(log=tmp_path):
        pass
