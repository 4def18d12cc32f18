"""What is asked: every bad line is named before anything is spent."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.batch.questions import parse_question, read_questions
from docpager.core.errors import UsageError
from docpager.core.places import Place
from docpager.evaluation.records import Gold
from docpager.run.service import question_id


@pytest.fixture
def questions_file(tmp_path):
    def write(*lines, encoding="utf-8"):
        path = tmp_path / "questions.jsonl"
        written = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        path.write_bytes("\n".join(written).encode(encoding))
        return path

    return write


def test_a_line_is_a_question_with_its_gold_and_axes(questions_file):
    path = questions_file(
        {
            "id": "S01",
            "question": "Who?",
            "documents": ["D3", "reports/*.pdf"],
            "answers": ["Brandvold", 12, 0.5],
            "evidence": [{"document": "a.pdf", "pdf_page": 4, "text": "more"}, "b.txt"],
            "kind": "lookup",
            "pages": 3,
            "sources": ["table", "text"],
        }
    )

    (question,) = read_questions(path).questions

    assert question.documents == ("D3", "reports/*.pdf")
    assert question.gold == Gold(
        "S01",
        ("Brandvold", "12", "0.5"),
        (Place("a.pdf", 4), Place("b.txt")),
        {"kind": "lookup", "pages": 3, "sources": '["table", "text"]'},
    )


@pytest.mark.parametrize(
    ("answers", "gold"),
    [({}, None), ({"answers": None}, None), ({"answers": []}, ()), ({"answers": "x"}, ("x",))],
)
def test_no_gold_is_not_the_same_as_no_answer(answers, gold):
    assert parse_question({"question": "Who?", **answers}).answers == gold


def test_what_a_program_gives_is_taken_as_json_would_hold_it():
    of_program = parse_question(
        {
            "question": "Who?",
            "documents": (Path("a.pdf"), "b.pdf"),
            "answers": ("x", 12),
            "evidence": ({"document": PurePosixPath("a.pdf"), "pdf_page": 4},),
            "source": Path("made/up"),
            "tags": ("a", ("b", 1)),
        }
    )

    assert of_program == parse_question(
        {
            "question": "Who?",
            "documents": ["a.pdf", "b.pdf"],
            "answers": ["x", 12],
            "evidence": [{"document": "a.pdf", "pdf_page": 4}],
            "source": "made/up",
            "tags": ["a", ["b", 1]],
        }
    )


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (5, "a question is text or an object with the field 'question', not 5"),
        (None, "not null"),
        (b"Who?", "not a value of type bytes"),
        ({1: "Who?"}, "a question is text or an object"),
        ({"question": b"Who?"}, "'question' holds a value of type bytes; write it as text"),
        ({"question": "Who?", "asked": date(2026, 1, 1)}, "'asked' holds a value of type date"),
        ({"question": "Who?", "documents": [{1, 2}]}, "'documents' holds a value of type set"),
        ({"question": "Who?", "id": {"x": object()}}, "'id' holds a value of type object"),
    ],
)
def test_what_json_cannot_hold_is_named_by_its_type(value, problem):
    with pytest.raises(ValueError, match=f"{re.escape(problem)}"):
        parse_question(value)


def test_what_holds_itself_is_refused():
    endless: list[object] = []
    endless.append(endless)

    with pytest.raises(ValueError, match="'tags' is nested too deeply"):
        parse_question({"question": "Who?", "tags": endless})


def test_an_id_is_made_from_what_is_asked_of_what():
    plain = parse_question({"question": " Who? "})
    of_one = parse_question({"question": "Who?", "documents": "a.pdf"})
    of_other = parse_question({"question": "Who?", "documents": ["b.pdf"]})

    assert plain.id == question_id("Who?")
    assert len({plain.id, of_one.id, of_other.id}) == 3
    assert parse_question({"question": "Who?", "id": 7}).id == "7"


def test_text_is_utf_8_with_or_without_a_mark(questions_file):
    line = '{"question": "Wie schwer war der Wellenläufer?"}'

    for encoding in ("utf-8", "utf-8-sig"):
        (question,) = read_questions(questions_file(line, encoding=encoding)).questions
        assert question.question == "Wie schwer war der Wellenläufer?"

    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        with pytest.raises(UsageError, match="UTF-16; save it as UTF-8"):
            read_questions(questions_file(line, encoding=encoding))


BAD_LINES = {
    "{": "not JSON",
    "[1]": "not a JSON object",
    '{"id": "x"}': "no field 'question'",
    '{"question": " "}': "'question' is blank",
    '{"question": 5}': "'question' must be text, not 5",
    '{"question": "\\ud800"}': "half a character",
    '{"question": "q", "documents": []}': "'documents' is empty",
    '{"question": "q", "documents": [null]}': "'documents' must be text, not null",
    '{"question": "q", "answers": {"a": 1}}': "'answers' must be text",
    '{"question": "q", "answers": [true]}': "'answers' must be text, not true",
    '{"question": "q", "evidence": "a.pdf"}': "'evidence' must be a list",
    '{"question": "q", "evidence": [{"pdf_page": 1}]}': "no field 'document'",
    '{"question": "q", "evidence": [{"document": "a", "pdf_page": 0}]}': "number from 1, not 0",
    '{"question": "q", "evidence": [4]}': "is not a place",
    '{"question": "q", "id": ["x"]}': "'id' must be text",
    '{"question": "q", "id": ""}': "'id' is blank",
}


@pytest.mark.parametrize(("line", "problem"), BAD_LINES.items())
def test_a_bad_line_is_named_with_its_number_and_reason(questions_file, line, problem):
    path = questions_file('{"question": "good"}', "", line)

    with pytest.raises(UsageError) as caught:
        read_questions(path)

    assert "1 line of" in str(caught.value)
    assert "line 3: " in str(caught.value)
    assert problem in str(caught.value)


def test_all_bad_lines_are_named_at_once(questions_file):
    path = questions_file('{"question": "good"}', *BAD_LINES)

    with pytest.raises(UsageError) as caught:
        read_questions(path)

    assert "16 lines of" in str(caught.value)
    assert "also lines 10-17; correct them" in str(caught.value)


def test_bad_lines_can_be_left_out(questions_file):
    path = questions_file("{", {"question": "good"}, {"question": "good"})

    file = read_questions(path, skip_invalid=True)

    assert [question.line for question in file.questions] == [2]
    assert str(file.skipped[0]).startswith("line 1: not JSON")
    assert str(file.skipped[1]) == (
        "line 3: the same question is on line 2; give one of them an 'id' to ask it twice"
    )


def test_an_id_that_was_given_twice_is_named(questions_file):
    path = questions_file({"id": "a", "question": "one"}, {"id": "a", "question": "two"})

    with pytest.raises(UsageError, match="line 2: id 'a' is already used on line 1"):
        read_questions(path)


def test_what_is_no_json_is_named_with_its_column_only(questions_file):
    with pytest.raises(UsageError, match=r"line 2: not JSON \(Expecting .*, column 14\);"):
        read_questions(questions_file('{"question": "good"}', '{"question": }'))


@pytest.mark.parametrize("text", ['[{"question": "q"}]', '\n [\n{"question": "q"}\n]'])
def test_a_json_array_is_named_as_such(questions_file, text):
    with pytest.raises(UsageError, match=r"holds a JSON array; write one object a line"):
        read_questions(questions_file(text), skip_invalid=True)


def test_bytes_that_are_no_text_cost_only_their_line(questions_file):
    path = questions_file({"question": "good"})
    path.write_bytes(path.read_bytes() + b'\n{"question": "caf\xe9"}\n')

    file = read_questions(path, skip_invalid=True)

    assert len(file.questions) == 1
    assert str(file.skipped[0]) == "line 2: not UTF-8 (byte 18)"


def test_a_file_without_questions_is_refused(questions_file, tmp_path):
    with pytest.raises(UsageError, match="holds no question"):
        read_questions(questions_file("", "  "))
    with pytest.raises(UsageError, match="cannot read"):
        read_questions(tmp_path / "missing.jsonl")
    with pytest.raises(UsageError, match="cannot read"):
        read_questions(tmp_path)


def test_what_is_not_asked_does_not_change_the_hash():
    base = {"id": "a", "question": "q", "documents": ["x"]}
    sha256 = parse_question(base).sha256

    assert parse_question({**base, "answers": ["z"], "kind": "k"}).sha256 == sha256
    assert parse_question({**base, "question": "r"}).sha256 != sha256
    assert parse_question({**base, "documents": ["y"]}).sha256 != sha256


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["id", "question", "documents", "answers", "evidence", "kind"]), JSON
    )
)
def test_any_object_is_a_question_or_is_refused_with_a_reason(value):
    try:
        question = parse_question(value)
    except ValueError as error:
        assert str(error)
    else:
        assert question.id
        assert question.question == value["question"]


def test_evidence_may_stand_in_any_kind_of_place():
    given = [
        {"document": "a.pdf", "page": 4},
        {"document": "b.xlsx", "sheet": "Costs", "row": 12},
        {"document": "c.pptx", "slide": 2},
        {"document": "d.md", "section": "2.1"},
        {"document": "e.jsonl", "turn": 3, "kind": "turn"},
    ]

    assert [
        str(each) for each in parse_question({"question": "q", "evidence": given}).evidence
    ] == [
        "a.pdf, page 4",
        "b.xlsx, sheet Costs, row 12",
        "c.pptx, slide 2",
        "d.md, section 2.1",
        "e.jsonl, turn 3",
    ]
