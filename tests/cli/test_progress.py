"""Somebody who waits is told how far it has come."""

from __future__ import annotations

import time

from docpager.archive.update import Reached
from docpager.cli.progress import _bar, _lines, reached_in_words


def test_a_line_says_files_speed_embedding_and_time_left():
    reached = Reached(10, 40, "reports/a.pdf", pdf_pages=1200, passages=3000, embedded=2560)

    assert reached_in_words(reached, 20.0) == (
        "reading 10 of 40: reports/a.pdf (1,200 PDF pages, 60 a second, about 60 s left); "
        "embedded 2,560 of 3,000 passages"
    )
    assert reached_in_words(Reached(1, 1000, "a.txt"), 9.0).endswith("(about 2.5 h left)")
    assert reached_in_words(Reached(3, 3, "c.txt"), 9.0) == "reading 3 of 3: c.txt"


def test_lines_go_on_while_one_file_takes_long():
    said: list[str] = []
    with _lines(0.02, said.append) as progress:
        time.sleep(0.05)
        assert said == []
        progress(Reached(1, 2, "a.txt"))
        until = time.monotonic() + 5
        while len(said) < 3 and time.monotonic() < until:
            time.sleep(0.01)

    assert len(said) >= 3
    assert all(line.startswith("reading 1 of 2: a.txt (about ") for line in said)


def test_a_bar_takes_what_is_told(capsys):
    with _bar() as progress:
        progress(Reached(1, 2, "[bold]a.txt", pdf_pages=4, passages=9, embedded=3))
