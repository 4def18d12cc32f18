"""Steps and page events as tables that DuckDB reads: their sums are those of the answer line."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from exported_runs import answers_file, paging_run

from docpager.cli import main
from docpager.cli.export import export as export_command


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def lines(folder):
    """The answers of two runs, whose journals are in `runs/`."""
    return [
        paging_run(folder, id=id, journal=folder / "runs" / f"{id}.jsonl") for id in ("q1", "q2")
    ]


@pytest.fixture(scope="module")
def query(folder, lines):
    """Runs SQL over both tables, written by the command."""
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    answers_file(folder, *lines)
    for by in ("step", "page-event"):
        done = CliRunner().invoke(
            main,
            ["export", str(folder / "answers.jsonl"), "-o", str(folder / f"{by}.parquet"),
             "--by", by],
        )  # fmt: skip
        assert done.exit_code == 0, done.output
    names = {"steps": folder / "step.parquet", "events": folder / "page-event.parquet"}

    def run(sql: str):
        for name, path in names.items():
            sql = re.sub(rf"\b{name}\b", f"'{path}'", sql)
        return duckdb.sql(sql).fetchall()

    return run


def test_events_add_up_to_the_counts_of_the_answer_line(query, lines):
    for line in lines:
        counts = dict(
            query(f"SELECT event, count(*) FROM events WHERE id = '{line.id}' GROUP BY event")
        )
        assert counts["page_in"] == line.paging["faults"]
        assert counts["evict"] == line.paging["evicted"]
        assert counts["release"] == line.paging["released"]
        ((refaults, away),) = query(
            f"SELECT sum(refault), min(steps_away) FROM events WHERE id = '{line.id}'"
        )
        assert refaults == line.paging["refaults"] and away >= 1


def test_what_came_in_and_left_is_what_is_resident(query):
    rows = query(
        "SELECT id, step, "
        "sum(sum(CASE event WHEN 'page_in' THEN 1 WHEN 'evict' THEN -1 ELSE 0 END)) "
        "OVER (PARTITION BY id ORDER BY step) FROM events GROUP BY id, step ORDER BY id, step"
    )
    # Evictions come before the page-ins of their step: the last event has the final count.
    last = query("SELECT id, step, last(resident) FROM events GROUP BY id, step ORDER BY id, step")

    assert len(rows) > 10
    assert [total for *_, total in rows] == [resident for *_, resident in last]
    assert query("SELECT count(*) FROM events WHERE tokens <= 0 OR file <> 'quay.pdf'") == [(0,)]
    assert query("SELECT count(*) FROM events WHERE first_page IS NULL") == [(0,)]


def test_a_step_counts_the_events_that_have_its_number(query):
    counted = query(
        "SELECT s.id, s.step, any_value(s.paged_in) = count(*) FILTER (event = 'page_in'), "
        "any_value(s.released) = count(*) FILTER (event = 'release'), "
        "any_value(s.evicted) = count(*) FILTER (event = 'evict') "
        "FROM steps s LEFT JOIN events e ON e.id = s.id AND e.step = s.step GROUP BY s.id, s.step"
    )
    assert len(counted) == 22 and all(all(row[2:]) for row in counted)
    assert query("SELECT count(*) FROM steps WHERE evicted > 0 AND rebuilt = 0") == [(0,)]
    assert query("SELECT count(*) FROM steps WHERE evicted > 0") == [(4,)]


def test_steps_add_up_to_the_answer_line_and_to_their_prompts(query, lines):
    for line in lines:
        ((steps, tokens, called, refused),) = query(
            "SELECT count(*), sum(output_tokens), sum(calls), sum(refused) FROM steps "
            f"WHERE id = '{line.id}'"
        )
        assert steps == line.steps and called == line.steps + 1 and refused == 1
        assert tokens is None  # the scripted model counts none
    parts = "+".join(f"{part}_tokens" for part in ("instructions", "map", "notes", "passages"))
    assert query(f"SELECT count(*) FROM steps WHERE {parts} + turns_tokens <> prompt_tokens") == [
        (0,)
    ]
    assert query("SELECT called FROM steps WHERE step = 1 AND id = 'q1'") == [
        ('search(query="crane lantern")',)
    ]


def test_the_query_of_the_help_runs_as_it_stands(query, folder, monkeypatch):
    duckdb = pytest.importorskip("duckdb")
    (sql,) = re.findall(r'duckdb -c "(.+)"', export_command.epilog)
    (folder / "events.parquet").write_bytes((folder / "page-event.parquet").read_bytes())
    monkeypatch.chdir(folder)

    ((file, faults, again),) = duckdb.sql(sql).fetchall()

    assert file == "quay.pdf" and faults > again > 0


def test_a_folder_of_journals_and_a_journal_are_runs_too(folder, lines, tmp_path):
    for named in (folder / "runs", folder / "runs" / "q1.jsonl"):
        output = tmp_path / "steps.csv"
        done = CliRunner().invoke(main, ["export", str(named), "-o", str(output), "--by", "step"])
        assert done.exit_code == 0, done.output
        with output.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        expected = {"q1", "q2"} if named.is_dir() else {"q1"}
        assert {row["id"] for row in rows} == expected
        assert rows[1]["called"] == 'page_in(locator="D1:c1-5")'


def test_a_run_that_cannot_be_made_again_is_named_and_left_out(folder, lines, tmp_path):
    journal = tmp_path / "q2.jsonl"
    damaged = Path(lines[1].journal).read_bytes().replace(b"harbour", b"harbors", 1)
    journal.write_bytes(damaged)
    both = [str(journal), str(lines[0].journal)]

    def export(*paths):
        output = str(tmp_path / "events.csv")
        return CliRunner().invoke(main, ["export", *paths, "-o", output, "--by", "page-event"])

    done, none = export(*both), export(both[0])

    assert done.exit_code == 0
    assert "left out" in done.output and "damaged at line" in done.output
    assert none.exit_code != 0 and "nothing was written" in none.output


def test_what_holds_no_runs_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    for named, said in (("empty", "holds no journals"), ("gone", "cannot read")):
        output = str(tmp_path / "x.csv")
        done = CliRunner().invoke(
            main, ["export", str(tmp_path / named), "-o", output, "--by", "step"]
        )
        assert done.exit_code != 0 and said in done.output
        assert not Path(output).exists()
