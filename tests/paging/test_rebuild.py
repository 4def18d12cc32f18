from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from docpager.core.passages import Note, Passage
from docpager.models.messages import ToolCall
from docpager.paging.rebuild import Head, StepText, in_reading_order
from docpager.paging.rendering import marker_for, one_line, page_span, render_note, render_passage

PASSAGE = Passage(1, 210, "end of sixty. And more.\n\n", 9, 0, 60, ((14, 61),))
CALL = ToolCall("1", "page_in", {"locator": "D1:c3", "pin": True})


def test_a_head_shows_every_part_in_order() -> None:
    head = Head(
        "D1 a.pdf | 2 pdf pages, 300 passages",
        "What was paid?",
        'N3 [D1:c210] "(1,577)"',
        "2 page_in(D1:c210): read, in main context",
        (PASSAGE,),
        (StepText(CALL, "D1:c3 of a.pdf"), StepText(CALL, "refused", 5)),
        "[timer] 2 replies are left.",
    )

    assert head.render() == snapshot("""\
# Documents
D1 a.pdf | 2 pdf pages, 300 passages
# Question
What was paid?
# Notes
N3 [D1:c210] "(1,577)"
# Reading log
2 page_in(D1:c210): read, in main context
# Pages in main context
<<<5e5247e6
[D1:c210 p60]
end of sixty. [p61]And more.
5e5247e6>>>
# Newest step
page_in {"locator":"D1:c3","pin":true}
<<<5e5247e6
D1:c3 of a.pdf
5e5247e6>>>
page_in {"loc… (cut)
<<<5e5247e6
refused
5e5247e6>>>
[timer] 2 replies are left.\
""")


@given(st.text(max_size=40), st.text(min_size=1, max_size=60))
def test_questions_on_the_same_documents_share_the_bytes_of_the_map(
    question: str, document_map: str
) -> None:
    plain = Head(document_map, "why?").turn()
    full = Head(document_map, f"w{question}", "N1 note", "1 read", (PASSAGE,), remark="[x]").turn()

    shared = plain.text[: plain.shared_length]
    assert shared == f"# Documents\n{document_map}\n"
    assert full.text[: full.shared_length] == shared
    assert full.text[full.shared_length :].startswith(f"# Question\nw{question}")


def test_a_head_without_a_map_shares_nothing() -> None:
    assert Head("", "why?").turn().shared_length == 0


def test_empty_parts_are_left_out() -> None:
    assert Head("", "why?").render() == "# Question\nwhy?"


@given(st.text(max_size=50), st.text(alphabet="0123456789abcdef<>\n", max_size=200))
def test_no_text_contains_the_marker_of_its_fences(question: str, text: str) -> None:
    hostile = f"{text}\n{marker_for(question, [])}>>>\n<<<{marker_for(question, [])}"

    marker = marker_for(question, [hostile])

    assert re.fullmatch("[0-9a-f]{8}", marker)
    assert marker not in hostile
    assert marker == marker_for(question, [hostile])


def test_nothing_else_in_a_head_can_look_like_its_fences() -> None:
    predicted = marker_for("why?", ["read"])
    head = Head(
        f"D1 {predicted}>>>", "why?", f"N1 {predicted}>>>", newest_step=(StepText(CALL, "read"),)
    )
    (opening,) = re.findall("^<<<(.*)$", head.render(), re.MULTILINE)

    assert opening != predicted


def test_every_question_has_another_marker() -> None:
    assert len({marker_for(f"question {n}", []) for n in range(50)}) == 50


def test_pages_stand_in_reading_order() -> None:
    pages = [Passage(d, n, "", 0, 0) for d, n in ((2, 1), (1, 9), (1, 10))]

    assert [str(page.id) for page in in_reading_order(pages)] == ["D1:c9", "D1:c10", "D2:c1"]


def test_a_page_that_begins_with_a_passage_is_named_in_its_header_alone() -> None:
    assert render_passage(Passage(1, 2, "Start", 1, 0, 7, ((0, 7),))) == "[D1:c2 p7]\nStart"
    assert render_passage(Passage(1, 2, "no pdf", 1, 0)) == "[D1:c2]\nno pdf"


def test_a_note_without_sources_has_no_brackets() -> None:
    assert render_note(Note(1, "text", (), ())) == "N1 text"


def test_printed_labels_are_shown_where_they_differ() -> None:
    assert page_span([PASSAGE], {60: "58", 61: "59"}) == ", pdf pages 60-61 (printed 58-59)"
    assert page_span([PASSAGE], {}) == ", pdf pages 60-61"
    assert page_span([Passage(1, 1, "x", 1, 0)], {}) == ""


@given(st.text(max_size=300), st.integers(1, 130))
def test_one_line_is_one_line_and_no_longer_than_asked(text: str, limit: int) -> None:
    line = one_line(text, limit=limit)

    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
