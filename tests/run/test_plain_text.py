from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.models.messages import ToolCall
from docpager.run.executor import check_arguments
from docpager.run.functions import functions_for, parse_plain_answer


def cited(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"locator": locator, "quote": quote} for locator, quote in pairs]


@pytest.mark.parametrize(
    ("text", "answer", "citations"),
    [
        ('$41.\n[D3:p45] "paid $41"', "$41.", cited(("D3:p45", "paid $41"))),
        ("$41.\n- D3:c2: “paid $41”.", "$41.", cited(("D3:c2", "paid $41"))),
        ("$41.\n1. [D3:c2-4] «paid $41»", "$41.", cited(("D3:c2-4", "paid $41"))),
        ('$41.\n[D1:c1] "he said "no" twice"', "$41.", cited(("D1:c1", 'he said "no" twice'))),
        (
            'It was "paid in cash" (D1:c4) and "taxed" (D2:p9).',
            'It was "paid in cash" (D1:c4) and "taxed" (D2:p9).',
            cited(("D1:c4", "paid in cash"), ("D2:p9", "taxed")),
        ),
        ("No citation at all, D3:p4.", "No citation at all, D3:p4.", []),
        ('Only "quotes" here.', 'Only "quotes" here.', []),
        ('[N2] "from a note"', '[N2] "from a note"', []),
        ('[D1:c1] "alone"', '[D1:c1] "alone"', cited(("D1:c1", "alone"))),
    ],
)
def test_answer_and_citations_are_parsed(
    text: str, answer: str, citations: list[dict[str, Any]]
) -> None:
    assert parse_plain_answer(text) == {"text": answer, "citations": citations, "found": True}


@pytest.mark.parametrize("text", ["Not found: nothing.", "**Not found**", "not found"])
def test_not_found_is_an_abstention(text: str) -> None:
    assert parse_plain_answer(text)["found"] is False


@pytest.mark.parametrize("text", ["Not foundry but Bolt.", "It was not found in 2018 reports? 41."])
def test_other_beginnings_are_answers(text: str) -> None:
    assert parse_plain_answer(text)["found"] is True


@given(st.text(alphabet='aD1:cpsN2-." \n[]“”«»*\u2028', max_size=80))
def test_any_text_makes_arguments_that_answer_accepts(text: str) -> None:
    answer = functions_for()[-1]
    check_arguments(ToolCall("1", "answer", parse_plain_answer(text)), {"answer": answer})
