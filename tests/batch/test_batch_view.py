"""What a terminal shows of a batch that is under way."""

from __future__ import annotations

import pytest
from batch_worlds import World, price
from rich.console import Console

from docpager.batch.settings import BatchSettings
from docpager.cli.batch_view import shown_at


@pytest.fixture
def seen_at(tmp_path):
    """The lines that a terminal of so many columns shows."""

    def lines(width: int) -> list[str]:
        console = Console(width=width)
        with console.capture() as captured:
            World(tmp_path / str(width), price=price()).drive(
                settings=BatchSettings(max_usd=10.0),
                begun=lambda session: console.print(shown_at(width, session)),
            )
        return captured.get().splitlines()

    return lines


def test_a_wide_terminal_shows_one_row_of_everything(seen_at):
    head, row = seen_at(120)

    assert "failed" in head and "passages loaded" in head
    assert "0 of 8" in row


def test_page_faults_are_the_first_to_go(seen_at):
    head, row = seen_at(92)

    assert "passages loaded" not in head
    assert "from cache" in head
    assert "$0.0000 of 10" in row


def test_a_narrow_terminal_shows_a_line_instead_of_broken_cells(seen_at):
    shown = " ".join(" ".join(seen_at(40)).split())

    assert shown.startswith("0 of 8 done · 0 failed · 0 steps · 0 tokens · $0.0000 of 10 spent")
    assert len(seen_at(41)) <= 3
