"""What a person sees of a batch that is under way."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr

import pytest
from batch_worlds import CountedReader, World, price, town_questions
from fake_engine import UnreliableEngine
from rich.cells import cell_len

from docpager.batch.progress import BatchReport
from docpager.batch.session import Session
from docpager.batch.settings import BatchSettings
from docpager.cli.batch_view import BatchWatch, batch_watch, progress_line
from docpager.cli.live_view import EventLines
from docpager.cli.progress import Machines

EIGHT_AT_ONCE = BatchSettings(max_usd=10.0)


class Watched:
    """A batch of 24 questions, looked at before each of its replies."""

    def __init__(self, folder, *, width: int = 80, height: int = 24) -> None:
        self.watch = BatchWatch(EventLines(printed=False, log=None), quiet=False, moving=True)
        self.shots: list[list[str]] = []
        self.running: list[list[str]] = []
        sessions: list[Session] = []

        def look(_: int) -> None:
            shown = self.watch.lines(sessions[0], width=width, height=height)
            self.shots.append([line for line, _ in shown])
            self.running.append(list(sessions[0].progress.running))

        self.world = World(
            folder,
            model=CountedReader(before=look),
            questions=town_questions(24),
            price=price(),
            on_step=self.watch.take,
        )
        self.report: BatchReport = self.world.drive(
            settings=EIGHT_AT_ONCE, begun=sessions.append, virtual=False
        )
        self.session = sessions[0]


def names(shot: list[str]) -> list[str]:
    """The questions that have a row."""
    return [found[1] for line in shot if (found := re.match(r"  (q\d+): ", line))]


def test_the_whole_batch_stands_above_the_runs_that_are_under_way(tmp_path):
    watched = Watched(tmp_path)
    shot = watched.shots[12]

    assert re.match(r"\d of 24 done, 0:0\d", shot[0])
    assert re.match(r"\d+ steps, [\d,]+ tokens(.*), \$0\.\d{4} of 10$", shot[1])
    assert re.match(r"  q\d+: (waits for the model, after )?\w+", shot[2])
    assert re.match(r"    step \d, 0:0\d \[#*\.*\] \d+%(, \$0\.\d{4})?, [\d,]+ tokens$", shot[3])
    assert shot[-1] == "  and 3 more under way"


def test_five_rows_are_shown_and_the_rest_counted(tmp_path):
    watched = Watched(tmp_path)

    for shot, running in zip(watched.shots, watched.running, strict=True):
        assert len(names(shot)) == min(5, len(running))
        assert set(names(shot)) <= set(running)
        if len(running) > 5:
            assert shot[-1] == f"  and {len(running) - 5} more under way"
    assert max(map(len, watched.running)) == 8


def test_a_row_stays_where_it_is_until_its_run_ends(tmp_path):
    watched = Watched(tmp_path)
    pairs = zip(watched.shots, watched.shots[1:], watched.running[1:], strict=False)

    for before, after, running in pairs:
        if len(running) < 5:
            break
        for place, name in enumerate(names(before)):
            if name in running:
                assert names(after)[place] == name


def test_nothing_is_left_of_runs_that_ended(tmp_path):
    watched = Watched(tmp_path)

    last = [line for line, _ in watched.watch.lines(watched.session, width=80, height=24)]

    assert watched.report.succeeded
    assert last[0].startswith("24 of 24 done")
    assert len(last) == 2


@pytest.mark.parametrize("width", [20, 40, 60, 140])
def test_lines_fit_any_width_and_also_a_terminal_made_narrower(tmp_path, width):
    watched = Watched(tmp_path, width=width)

    assert all(cell_len(line) < min(60, width) for shot in watched.shots for line in shot)
    gauges = sum("[#" in line for shot in watched.shots for line in shot)
    assert bool(gauges) == (width >= 60)


def test_a_low_terminal_has_fewer_rows(tmp_path):
    watched = Watched(tmp_path, height=9)

    assert max(map(len, watched.shots)) == 7
    assert max(len(names(shot)) for shot in watched.shots) == 2


def test_control_sequences_in_an_id_are_not_obeyed(tmp_path):
    watch = BatchWatch(EventLines(printed=False, log=None), quiet=False, moving=True)
    shots: list[str] = []
    sessions: list[Session] = []

    def look(_: int) -> None:
        shots.extend(line for line, _ in watch.lines(sessions[0], width=80, height=24))

    (question,) = town_questions(1)
    hostile = question.__class__("q\x1b[2J", question.question, line=1)
    world = World(
        tmp_path, model=CountedReader(before=look), questions=[hostile], on_step=watch.take
    )
    world.drive(begun=sessions.append, virtual=False)

    assert any("q\\x1b[2J" in line for line in shots)
    assert "\x1b" not in "".join(shots)


def lines_of(folder, **options) -> str:
    """What a batch of two questions prints where there is no terminal."""
    stderr = io.StringIO()
    with redirect_stderr(stderr), batch_watch(**options) as watch:
        world = World(folder, questions=town_questions(2), price=price(), on_step=watch.take)
        world.drive(settings=EIGHT_AT_ONCE, virtual=False)
    return stderr.getvalue()


def test_in_a_pipe_and_with_quiet_runs_are_not_shown(tmp_path):
    assert lines_of(tmp_path / "a") == ""
    assert lines_of(tmp_path / "b", quiet=True, verbose=True) == ""


def test_with_verbose_each_event_is_a_line_and_the_log_has_them_too(tmp_path):
    log = tmp_path / "batch.log"
    printed = lines_of(tmp_path / "a", verbose=True, log=log).splitlines()

    assert any(line.startswith("q2, step 1: waits for the model (") for line in printed)
    assert {line.partition(",")[0] for line in printed} == {"q1", "q2"}
    assert [line.partition(" ")[2] for line in log.read_text().splitlines()] == printed


def test_a_line_for_a_pipe_says_the_same_and_how_often_pages_were_loaded(tmp_path):
    watched = Watched(tmp_path)

    line = progress_line(watched.session)

    assert line.startswith("24 of 24 done, 0:0")
    assert re.search(r"; \d+ passages loaded$", line)


def test_the_nodes_and_workers_that_answer_are_named(tmp_path):
    watched = Watched(tmp_path)
    watched.watch.machines = Machines(UnreliableEngine())

    assert "2 nodes, 3 workers" in watched.watch.lines(watched.session, width=200, height=9)[1][0]
    line = progress_line(watched.session, there=watched.watch.machines.said())
    assert ", 2 nodes, 3 workers; " in line
