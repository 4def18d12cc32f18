"""The answers file: one line a question, whatever happens in between."""

from __future__ import annotations

import json

import pytest

from docpager.batch.answers_file import open_answers
from docpager.batch.job import Fingerprint
from docpager.batch.questions import parse_question
from docpager.batch.responses import read_responses
from docpager.core.errors import UsageError
from docpager.core.places import Place
from docpager.models.budget import Cost
from docpager.run.answer_line import AnswerLine, Citation

QUESTIONS = [parse_question({"id": id, "question": f"{id}?"}) for id in "abc"]
BEGUN = Fingerprint.of(QUESTIONS, model="extractive", window=8000)


def line(id, status="answered", **fields):
    base = {"id": id, "question": f"{id}?", "answer": None, "status": status, "citations": []}
    return {**base, "cost_usd": 0.25, **fields}


def ids(path):
    return [json.loads(each)["id"] for each in path.read_text("utf-8").splitlines()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out" / "answers.jsonl"


def test_answers_are_kept_when_the_batch_is_run_again(path):
    with open_answers(path, fingerprint=BEGUN) as answers:
        usage = {"input_tokens": 100, "output_tokens": 20, "source": "server"}
        answers.append(line("b", answer="Wellenläufer", usage=usage))
        assert ids(path) == ["b"], "a line is on disk at once"
    with open_answers(path, fingerprint=BEGUN) as answers:
        assert answers.stored == {"b": "answered"}
        assert answers.spent() == Cost(120, 0.25)
        answers.append(line("a"))
        with pytest.raises(ValueError, match="'a' has an answer line already"):
            answers.append(line("a"))

    assert ids(path) == ["b", "a"]


def test_a_torn_last_line_is_dropped(path):
    with open_answers(path, fingerprint=BEGUN) as answers:
        answers.append(line("a"))
        answers.append(line("b", answer="ä" * 50))
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1

    for cut in range(first, len(whole)):
        path.write_bytes(whole[:cut])
        with open_answers(path, fingerprint=BEGUN) as answers:
            assert list(answers.stored) == ["a"]
            answers.append(line("c"))
        assert ids(path) == ["a", "c"]


def test_failed_questions_are_taken_out_to_be_asked_again(path):
    with open_answers(path, fingerprint=BEGUN) as answers:
        for id, status in (("a", "failed"), ("b", "abstained"), ("c", "stopped")):
            answers.append(line(id, status))
        assert answers.failed == ["a", "c"]
        answers.drop(answers.failed)
        assert ids(path) == ["b"]
        answers.append(line("c"))

    assert ids(path) == ["b", "c"]


def test_lines_are_sorted_at_the_end(path):
    with open_answers(path, fingerprint=BEGUN) as answers:
        for id in "cab":
            answers.append(line(id))
        answers.finish(order=["a", "b", "c"])
        assert ids(path) == ["a", "b", "c"]
    with open_answers(path, fingerprint=BEGUN) as answers:
        answers.drop(["b"])

    assert ids(path) == ["a", "c"]


def test_another_batch_is_refused_with_the_difference(path):
    with open_answers(path, fingerprint=BEGUN) as answers:
        answers.append(line("a"))
    changed = [parse_question({"id": "a", "question": "another?"}), QUESTIONS[1]]
    now = Fingerprint.of(changed, model="extractive", window=16000, effort="low")

    with pytest.raises(UsageError) as caught, open_answers(path, fingerprint=now):
        pass

    assert str(caught.value).partition("started with other settings: ")[2] == (
        "effort was not set and is 'low'; window was 8000 and is 16000; "
        "1 question is changed: 'a'; 1 question is gone: 'c'; "
        "use the same settings as before, or name another output"
    )


def test_questions_may_be_added(path):
    with open_answers(path, fingerprint=BEGUN) as answers:
        answers.append(line("a"))
    more = [*QUESTIONS, parse_question({"id": "d", "question": "d?"})]

    with open_answers(path, fingerprint=Fingerprint.of(more, **BEGUN.settings)) as answers:
        answers.append(line("d"))
    with pytest.raises(UsageError, match="1 question is gone: 'd'"):
        open_answers(path, fingerprint=BEGUN).__enter__()


def test_a_file_that_is_no_batchs_is_never_written_over(path):
    path.parent.mkdir()
    path.write_text('{"my": "notes"}\n', "utf-8")

    with pytest.raises(UsageError, match="was not written by a batch"):
        open_answers(path, fingerprint=BEGUN).__enter__()

    assert path.read_text("utf-8") == '{"my": "notes"}\n'


def test_there_is_one_writer(path):
    with (
        open_answers(path, fingerprint=BEGUN),
        pytest.raises(UsageError, match="is being written by"),
        open_answers(path, fingerprint=BEGUN),
    ):
        pass


@pytest.mark.parametrize(
    ("damage", "problem"),
    [("{}\n", "has no id"), ("{\n", "not JSON"), ('{"id": "a"}\n', "answers 'a' again")],
)
def test_a_damaged_line_is_named(path, damage, problem):
    with open_answers(path, fingerprint=BEGUN) as answers:
        answers.append(line("a"))
    path.write_text(path.read_text("utf-8") + damage, "utf-8")

    with pytest.raises(UsageError, match=f"line 2 of .*{problem}"):
        open_answers(path, fingerprint=BEGUN).__enter__()


def test_an_output_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("", "utf-8")

    with pytest.raises(UsageError, match="cannot write"):
        open_answers(tmp_path / "file" / "answers.jsonl", fingerprint=BEGUN).__enter__()


def test_half_a_character_does_not_stop_a_batch(path):
    with open_answers(path, fingerprint=BEGUN) as answers:
        answers.append(line("a", answer="so \ud83d"))

    assert read_responses(path).responses[0].answer == "so \ufffd"


def test_a_table_has_the_same_answers(tmp_path):
    path = tmp_path / "answers.parquet"
    citation = {"document": "a.pdf", "pdf_page": 3, "quote": "q", "match": "failed"}
    with open_answers(path, fingerprint=BEGUN) as answers:
        answers.append(line("b", answer="2019-05-01", citations=[citation]))
        answers.append(line("a", "failed", cost_usd=None, error="no reply"))
        answers.finish(order=["a", "b"])
    with open_answers(path, fingerprint=BEGUN) as answers:
        assert list(answers.stored) == ["a", "b"]

    assert read_responses(path).responses == (
        AnswerLine(id="a", status="failed"),
        AnswerLine(
            id="b",
            status="answered",
            answer="2019-05-01",
            citations=(Citation(Place("a.pdf", 3), "q", "failed"),),
        ),
    )


def test_reading_tells_of_a_torn_line_and_names_what_is_no_answer(path):
    path.parent.mkdir()
    good = json.dumps(line("a"))
    path.write_text(f'{good}\n{{"id": "b', "utf-8")
    assert read_responses(path).torn == 2

    path.write_text(f'{good}\n{{"id": "b"}}\n{{"id": "c"\n{good}', "utf-8")
    with pytest.raises(UsageError, match=r"line 2: 'status' must be one of .*; line 3: not JSON"):
        read_responses(path)

    path.rename(path.with_suffix(".parquet"))
    with pytest.raises(UsageError, match="as Parquet"):
        read_responses(path.with_suffix(".parquet"))


OF_VERSION_1 = {
    "schema_version": 1,
    **line("a", answer="40 tons"),
    "citations": [
        {
            "document": "a.pdf",
            "document_id": "D1",
            "pdf_page": 8,
            "page_label": "5",
            "quote": "40 tons",
            "match": "exact",
            "passages": ["D1:c3"],
        }
    ],
    "usage": {"input_tokens": 1, "output_tokens": 1, "source": "server"},
    "steps": 3,
    "paging": {"window": 8000},
    "coverage": {"searched": 1, "read": 1, "never_seen": 0, "unreadable": 0},
    "model": "extractive",
    "seconds": 0.5,
    "journal": None,
}
CITED = Citation(Place("a.pdf", 8, "5", document_id="D1"), "40 tons", "exact", ("D1:c3",))


def test_lines_of_the_first_version_are_gone_on_with_and_scored(path):
    with open_answers(path, fingerprint=BEGUN) as answers:
        answers.append(OF_VERSION_1)
    with open_answers(path, fingerprint=BEGUN) as answers:
        (read,) = answers.lines()
        answers.append(read.as_json() | {"id": "b"})
        again = list(answers.lines())

    assert (read.schema_version, read.citations, read.steps) == (2, (CITED,), 3)
    assert [each.citations for each in again] == [(CITED,), (CITED,)]
    assert [each.citations for each in read_responses(path).responses] == [(CITED,), (CITED,)]


def test_lines_of_both_versions_make_one_table(tmp_path):
    path = tmp_path / "answers.parquet"
    with open_answers(path, fingerprint=BEGUN) as answers:
        answers.append(OF_VERSION_1)
        answers.append(line("b", citations=[CITED.as_json()]))
        answers.finish(order=["a", "b"])

    assert [each.citations for each in read_responses(path).responses] == [(CITED,), (CITED,)]


def test_a_line_of_a_later_version_is_refused_with_the_way_out(path):
    path.parent.mkdir()
    path.write_text(json.dumps({"schema_version": 3, **line("a")}) + "\n", "utf-8")

    with pytest.raises(UsageError, match=r"line 1: 'schema_version' is 3, .*install the newer one"):
        read_responses(path)
