"""Where answers go: only into files of their own, which stay readable and whole."""

from __future__ import annotations

import codecs
import json
import os

import pytest

from docpager.batch.answers_file import open_answers
from docpager.batch.job import Fingerprint
from docpager.batch.journals import JournalNames
from docpager.batch.parquet import read_parquet
from docpager.batch.questions import parse_question
from docpager.core.errors import UsageError

QUESTIONS = [parse_question({"id": id, "question": f"{id}?"}) for id in "ab"]
BEGUN = Fingerprint.of(QUESTIONS, model="extractive")


def line(id, **fields):
    base = {"id": id, "question": f"{id}?", "answer": None, "status": "answered", "citations": []}
    return {**base, **fields}


def ids(path):
    return [json.loads(each)["id"] for each in path.read_text("utf-8").splitlines()]


def refusal(path, **options):
    with pytest.raises(UsageError) as caught, open_answers(path, fingerprint=BEGUN, **options):
        pass
    return str(caught.value)


@pytest.mark.parametrize("name", ["", "-", ".", "/"])
def test_what_names_no_file_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert "is not a file" in refusal(type(tmp_path)(name))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_a_pipe_and_somebody_elses_files_are_left_alone(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder.parquet").mkdir()
    (tmp_path / "mine.parquet").write_bytes(b"mine")
    (tmp_path / "mine.jsonl").write_text("mine\n")

    for name in ("pipe", "folder.parquet"):
        assert "is not a regular file" in refusal(tmp_path / name)
    for name in ("mine.parquet", "mine.jsonl"):
        assert "was not written by a batch" in refusal(tmp_path / name)
    assert (tmp_path / "mine.parquet").read_bytes() == b"mine"
    assert not list(tmp_path.glob("*.batch"))


def test_answer_lines_under_the_name_of_a_table_are_not_written_over(tmp_path):
    with open_answers(tmp_path / "answers.jsonl", fingerprint=BEGUN) as answers:
        answers.append(line("a"))
    (tmp_path / "answers.jsonl").rename(tmp_path / "answers.csv")
    (tmp_path / "answers.jsonl.batch").rename(tmp_path / "answers.csv.batch")

    assert "rename it and its folder to answers.jsonl" in refusal(tmp_path / "answers.csv")
    assert ids(tmp_path / "answers.csv") == ["a"]


def test_an_ending_in_capitals_makes_a_table_too(tmp_path):
    path = tmp_path / "A.PARQUET"
    with open_answers(path, fingerprint=BEGUN) as answers:
        answers.append(line("a"))
        answers.finish()

    assert [row["id"] for row in read_parquet(path)] == ["a"]


def test_a_link_stays_one_and_what_it_names_is_changed(tmp_path):
    real, link = tmp_path / "real.jsonl", tmp_path / "link.jsonl"
    link.symlink_to(real)
    with open_answers(link, fingerprint=BEGUN) as answers:
        answers.append(line("b"))
        answers.append(line("a"))
        answers.finish(order=["a", "b"])

    assert link.is_symlink() and ids(real) == ["a", "b"]


def test_a_byte_order_mark_does_not_wander_into_the_middle(tmp_path):
    path = tmp_path / "a.jsonl"
    with open_answers(path, fingerprint=BEGUN) as answers:
        answers.append(line("b"))
        answers.append(line("a"))
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())  # as some editors save it
    with open_answers(path, fingerprint=BEGUN) as answers:
        answers.finish(order=["a", "b"])

    assert ids(path) == ["a", "b"]


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ({"id": "zzz"}, "line 2 .* answers 'zzz', which is not one of the questions; remove it"),
        (line("b", usage="x"), "line 2 .* is no longer an answer line"),
    ],
)
def test_lines_that_were_added_or_edited_are_named(tmp_path, added, told):
    path = tmp_path / "a.jsonl"
    with open_answers(path, fingerprint=BEGUN) as answers:
        answers.append(line("a"))
    with path.open("a") as file:
        file.write(json.dumps(added) + "\n")

    with (
        pytest.raises(UsageError, match=told),
        open_answers(path, fingerprint=BEGUN) as answers,
    ):
        answers.spent()


def test_until_a_run_is_begun_settings_may_change(tmp_path):
    path, other = tmp_path / "a.jsonl", Fingerprint.of(QUESTIONS, model="another")
    with open_answers(path, fingerprint=other):
        pass  # refused or interrupted before anything was asked

    assert "started with other settings: model was 'another'" in refusal(path, begun=lambda _: True)
    with open_answers(path, fingerprint=BEGUN, begun=lambda _: False) as answers:
        answers.append(line("a"))
    with pytest.raises(UsageError, match="started with other settings"):
        open_answers(path, fingerprint=other, begun=lambda _: False).__enter__()


@pytest.fixture
def project(tmp_path):
    """Answers beside an archive with the journal of one run."""
    home = tmp_path / "project"
    (home / "a.jsonl.batch").mkdir(parents=True)
    names = JournalNames.of(home / "a.jsonl.batch", folder=home / "archive" / "runs")
    names.newest("a").write_text('0 {"header":{}}\n1 {"kind":"request"}\n2 {"kind":"reply"}\n')
    return home


@pytest.mark.parametrize(
    ("kinds", "begun"),
    [
        ([], False),
        (["request", "failure"], False),
        (["request"], True),  # killed while it was asked: it may have been billed
        (["request", "waiting", "interrupt"], True),
        (["request", "lost", "failure"], True),
        (["request", "counted", "reply"], True),
    ],
)
def test_a_run_is_begun_once_it_may_have_cost_something(tmp_path, kinds, begun):
    (tmp_path / "a.jsonl.batch").mkdir()
    names = JournalNames.of(tmp_path / "a.jsonl.batch", folder=tmp_path / "runs")
    lines = ['0a {"header":{}}', *(f'1b {{"kind":"{kind}","step":1}}' for kind in kinds)]
    names.newest("a").write_text("".join(f"{line}\n" for line in lines))

    assert names.is_begun(names.newest("a")) == begun
    assert JournalNames.any_begun(tmp_path / "a.jsonl.batch") == begun


def test_journals_are_found_again_where_the_whole_project_went(project):
    moved = project.rename(project.with_name("moved"))
    beside = moved / "a.jsonl.batch"

    assert JournalNames.any_begun(beside)
    names = JournalNames.of(beside, folder=moved / "archive" / "runs")
    assert names.is_begun(names.newest("a")) and names.folder == moved / "archive" / "runs"


def test_journals_that_went_elsewhere_alone_are_found_when_named(project):
    beside, elsewhere = project / "a.jsonl.batch", project.parent / "elsewhere"
    (project / "archive" / "runs").rename(elsewhere)

    with pytest.raises(UsageError, match="which is gone: they hold its half-done runs"):
        JournalNames.of(beside, folder=project / "archive" / "runs")
    names = JournalNames.of(beside, folder=elsewhere, named=True)
    assert names.is_begun(names.newest("a"))
    assert JournalNames.of(beside, folder=project / "other").folder == elsewhere.resolve()


def test_another_folder_for_journals_is_not_taken_silently(project):
    with pytest.raises(UsageError, match="the journals of this batch are in"):
        JournalNames.of(project / "a.jsonl.batch", folder=project / "other", named=True)


def test_a_file_in_place_of_the_journals_folder_is_explained(tmp_path):
    (tmp_path / "runs").write_text("no folder")
    (tmp_path / "a.jsonl.batch").mkdir()

    with pytest.raises(UsageError, match=r"journals cannot be kept in .*`journals=`"):
        JournalNames.of(tmp_path / "a.jsonl.batch", folder=tmp_path / "runs", named=True)
