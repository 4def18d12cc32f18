"""A run of the harness from its wish to its marks, and the faults that must not go unnoticed."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.families import mean_of
from benchmarks.models import REPLIES
from benchmarks.reporting.page import write_report
from benchmarks.run_files import LINES, RECORD, SEAL, read_finished, read_record
from benchmarks.running import Places, RunConfig, start_run
from benchmarks.scoring import ScoredRun, score_run
from docpager.core.errors import UsageError
from docpager.storage.writer_lock import writer_lock

PAIRS = 140
WISH = RunConfig(
    "nested_kv",
    ("docpager", "truncate-head", "retrieve-once:tokens=docpager"),
    ("minimum",),
    {"pairs": (PAIRS,), "nesting": (0, 3)},
    per_cell=1,
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Places]:
    """A finished run over a data folder in the form of the paper's, and its places."""
    folder = tmp_path_factory.mktemp("run")
    _write_paper(folder / "data" / "memgpt-nested-kv")
    places = Places(folder / "data", folder / "work", folder / "out", workers=1)
    assert start_run(WISH, places, lambda said: None)
    return folder, places


@pytest.fixture
def run(finished: tuple[Path, Places], tmp_path: Path) -> Places:
    """A copy that a test may spoil."""
    folder, places = finished
    shutil.copytree(folder / "out", tmp_path / "out")
    shutil.copytree(folder / "data", tmp_path / "data")
    return replace(places, data=tmp_path / "data", out=tmp_path / "out")


def _write_paper(folder: Path) -> None:
    folder.mkdir(parents=True)
    pairs = [[f"{n:08x}-0000-4000-8000-{n:012x}", f"{n:08x}-1111-4111-8111-{n:012x}"]
             for n in range(PAIRS)]  # fmt: skip
    (folder / "kv-record-0.json").write_text(json.dumps({"ordered_kv_records": pairs}))
    for links, ordering in ((1, [130]), (4, [120, 20, 90, 60])):
        path = folder / f"orderings_{links}_indices.seeds-0-49.jsonl"
        path.write_text(json.dumps(ordering) + "\n")


def _of(run: ScoredRun, system: str) -> list:
    return [each for each in run.lines if each.line.system == system]


def test_docpager_follows_every_chain_and_truncation_only_what_it_kept(run: Places) -> None:
    scored = score_run(run.out, run.data)

    assert [each.marks["exact"] for each in _of(scored, "docpager")] == [1.0, 1.0]
    assert [each.marks["evidence_seen"] for each in _of(scored, "docpager")] == [1.0, 1.0]
    assert mean_of(_of(scored, "truncate-head"), "exact").mean == 0
    for each in _of(scored, "truncate-head"):
        assert each.line.answer.peak_tokens <= each.line.tokens_of_window


def test_a_line_says_what_was_asked_and_what_it_took(run: Places) -> None:
    for line in read_finished(run.out):
        assert line.window == "minimum" and line.tokens_of_window > 2_000
        assert line.answer.requests >= 1 and line.answer.usage.prompt_tokens > 0
        assert len(line.requests_sha256) == 64
    paged = [line.answer for line in read_finished(run.out) if line.system == "docpager"]
    assert all((run.out / "journals" / answer.journal).exists() for answer in paged)


def test_retrieval_at_equal_tokens_gets_what_docpager_used(run: Places) -> None:
    lines = {line.key[:2]: line for line in read_finished(run.out)}

    for (question, system), line in lines.items():
        if system == "retrieve-once:tokens=docpager":
            allowed = lines[question, "docpager"].answer.usage.prompt_tokens
            assert line.answer.usage.prompt_tokens <= max(allowed, line.tokens_of_window)


def test_an_interrupted_run_goes_on_and_ends_the_same(run: Places) -> None:
    before = {line.key: line.requests_sha256 for line in read_finished(run.out)}
    whole = (run.out / LINES).read_bytes().splitlines(keepends=True)
    (run.out / LINES).write_bytes(b"".join(whole[:2]) + whole[2][:50])
    (run.out / SEAL).unlink()

    assert start_run(WISH, run, lambda said: None)

    assert {line.key: line.requests_sha256 for line in read_finished(run.out)} == before


def test_other_settings_under_the_same_name_are_refused(run: Places) -> None:
    with pytest.raises(UsageError, match="other answers, windows"):
        start_run(replace(WISH, windows=("minimum", 9_000)), run, lambda said: None)


def test_another_server_is_another_run_and_old_records_are_read(run: Places) -> None:
    record = json.loads((run.out / RECORD).read_text())
    (run.out / RECORD).write_text(json.dumps({**record, "base_url": "http://elsewhere"}))
    with pytest.raises(UsageError, match="other base_url"):
        start_run(WISH, run, lambda said: None)

    del record["base_url"]
    (run.out / RECORD).write_text(json.dumps(record))
    assert read_record(run.out).base_url is None


def test_a_truncated_results_file_fails_loudly(run: Places) -> None:
    content = (run.out / LINES).read_bytes()
    (run.out / LINES).write_bytes(content[: content.rfind(b"\n", 0, -1) + 1])

    with pytest.raises(UsageError, match=r"not those that the run wrote \(5 of 6 lines\)"):
        score_run(run.out, run.data)


def test_a_changed_answer_is_not_sealed_by_running_again(run: Places) -> None:
    changed = (run.out / LINES).read_bytes().replace(b'"abstained"', b'"answered" ', 1)
    (run.out / LINES).write_bytes(changed)

    with pytest.raises(UsageError, match=r"results\.jsonl are not those .* name another --out"):
        start_run(WISH, run, lambda said: None)

    assert (run.out / LINES).read_bytes() == changed
    with pytest.raises(UsageError, match="not those that the run wrote"):
        score_run(run.out, run.data)


def test_a_finished_run_that_is_run_again_stays_as_it_is(run: Places) -> None:
    before = {path: path.read_bytes() for path in run.out.rglob("*") if path.is_file()}

    assert start_run(WISH, run, lambda said: None)

    after = {path: path.read_bytes() for path in run.out.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize("name", ["run.json", "journals/*.jsonl"])
def test_a_changed_or_missing_file_of_a_finished_run_is_named(run: Places, name: str) -> None:
    path = next(run.out.glob(name))
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"seed": 0', b'"seed": 1') + b"\n")
    with pytest.raises(UsageError, match=rf"{path.name} was changed after the run"):
        read_finished(run.out)

    path.unlink()
    with pytest.raises(UsageError, match=rf"{path.name} is missing|holds no run: {path.name}"):
        read_finished(run.out)

    path.write_bytes(content)
    assert len(read_finished(run.out)) == 6


def test_replies_that_a_finished_run_did_not_have_are_named(run: Places) -> None:
    (run.out / REPLIES).write_text("{}\n")

    with pytest.raises(UsageError, match=r"replies\.jsonl is not of this run"):
        read_finished(run.out)


def test_replies_are_sealed_where_there_are_any(run: Places) -> None:
    (run.out / SEAL).unlink()
    (run.out / REPLIES).write_text("{}\n")
    assert start_run(WISH, run, lambda said: None)
    (run.out / REPLIES).write_text("[]\n")

    with pytest.raises(UsageError, match=r"replies\.jsonl was changed"):
        read_finished(run.out)


def test_an_answer_whose_journal_is_missing_is_not_sealed(run: Places) -> None:
    (run.out / SEAL).unlink()
    journal = next((run.out / "journals").iterdir())
    journal.unlink()

    with pytest.raises(UsageError, match=f"{journal.name} is missing"):
        start_run(WISH, run, lambda said: None)


def test_an_unfinished_run_is_not_scored(run: Places) -> None:
    (run.out / SEAL).unlink()

    with pytest.raises(UsageError, match="not finished"):
        score_run(run.out, run.data)


def test_a_changed_answer_fails_loudly(run: Places) -> None:
    changed = (run.out / LINES).read_bytes().replace(b'"abstained"', b'"answered" ', 1)
    (run.out / LINES).write_bytes(changed)

    with pytest.raises(UsageError, match="not those that the run wrote"):
        score_run(run.out, run.data)


def test_a_changed_data_file_fails_loudly(run: Places) -> None:
    record = run.data / "memgpt-nested-kv" / "kv-record-0.json"
    record.write_text(record.read_text().replace("1111", "2222", 1))

    with pytest.raises(UsageError, match=r"kv-record-0\.json .*changed since this run"):
        score_run(run.out, run.data)


def test_the_report_needs_no_other_file_and_says_where_nothing_was_rebuilt(
    run: Places, tmp_path: Path
) -> None:
    markdown, page = write_report([score_run(run.out, run.data)], tmp_path / "report")

    written = page.read_text("utf-8")
    assert "<svg" in written and "which is not a language model" in written
    assert "src=" not in written and "<link" not in written
    for figure in (tmp_path / "report" / "plots").iterdir():
        assert f"](plots/{figure.name})" in markdown.read_text("utf-8")


def test_a_second_run_in_the_same_folder_is_refused_with_the_first_ones_name(run: Places) -> None:
    before = (run.out / LINES).read_bytes()

    with (
        writer_lock(run.out),
        pytest.raises(UsageError, match=rf"{run.out}: .* process {os.getpid()} .* another --out"),
    ):
        start_run(WISH, run, lambda said: None)

    assert (run.out / LINES).read_bytes() == before


def test_what_is_named_twice_is_asked_once(run: Places) -> None:
    twice = replace(
        WISH,
        systems=(*WISH.systems, "docpager"),
        windows=("minimum", "minimum"),
        axes={"pairs": (PAIRS, PAIRS), "nesting": (0, 3, 0)},
    )

    assert start_run(twice, run, lambda said: None)
    assert len(read_finished(run.out)) == 6


def test_one_contestant_under_two_names_is_refused(run: Places) -> None:
    config = replace(WISH, systems=("docpager", "docpager:policy=recent"))

    with pytest.raises(UsageError, match="'docpager' and 'docpager:policy=recent' are one"):
        start_run(config, run, lambda said: None)


def test_a_task_without_questions_is_refused(tmp_path: Path) -> None:
    places = Places(tmp_path / "nothing", tmp_path / "work", tmp_path / "out", workers=1)

    with pytest.raises(UsageError, match="is --data right"):
        start_run(RunConfig("multihop", ("docpager",)), places, lambda said: None)
