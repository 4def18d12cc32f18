"""Responses against gold: who is asked what, and what does not belong together."""

from __future__ import annotations

import pytest

from docpager.core.errors import UsageError
from docpager.core.places import Place
from docpager.evaluation.records import Gold
from docpager.evaluation.scoring import METRICS, right, score
from docpager.run.answer_line import AnswerLine, Citation

GOLD = Gold("q", ("Brandvold",), (Place("a.pdf", 4),), {"kind": "lookup"})
NO_ANSWER = Gold("n", ())
UNKNOWN = Gold("u")


def answer(id, status, text=None, *citations):
    return AnswerLine(id=id, status=status, answer=text, citations=citations)


def cited_at(document, page):
    return Citation(Place(document, page))


def marks(gold, response, **options):
    (only,) = score([gold], [response], **options)
    return {name: value for name, value in only.values.items() if value is not None}


def test_a_right_and_cited_answer_is_one_everywhere():
    cited = Citation(Place("a.pdf", 4), "by Brandvold")
    response = answer("q", "answered", "Brandvold", cited)

    assert set(marks(GOLD, response).values()) == {1.0}


@pytest.mark.parametrize(
    "cited",
    [
        Citation(Place("a.pdf", 4), "by somebody"),
        Citation(Place("a.pdf", 4), "by Brandvold", match="failed"),
        Citation(Place("a.pdf", 4), "by Brandvold", seen=False),
    ],
)
def test_a_gold_answer_counts_as_quoted_only_where_it_stands_and_was_read(cited):
    found = marks(GOLD, answer("q", "answered", "Brandvold", cited))

    assert (found["accuracy"], found["answer_in_quote"]) == (1.0, 0.0)


@pytest.mark.parametrize("status", ["abstained", "failed", "stopped", "unsupported"])
def test_what_was_not_answered_is_wrong_but_no_wrong_answer(status):
    found = marks(GOLD, answer("q", status, "Brandvold", cited_at("a.pdf", 4)))

    assert set(found.values()) == {0.0}
    assert "accuracy_when_answered" not in found


def test_abstaining_is_right_where_there_is_no_answer():
    assert marks(NO_ANSWER, answer("n", "abstained", "not found")) == {
        "accuracy": 1.0,
        "abstained_when_unanswerable": 1.0,
        "coverage": 0.0,
    }
    assert marks(NO_ANSWER, answer("n", "answered", "42")) == {
        "accuracy": 0.0,
        "accuracy_when_answered": 0.0,
        "abstained_when_unanswerable": 0.0,
        "coverage": 1.0,
    }
    assert marks(NO_ANSWER, answer("n", "failed"))["accuracy"] == 0.0


def test_a_question_without_gold_is_only_counted():
    assert marks(UNKNOWN, answer("u", "answered", "42")) == {"coverage": 1.0}


def test_a_gold_figure_must_agree_as_a_figure():
    assert right("It was 1,577.", ("1577",))
    assert not right("It was 11577.", ("1577",))
    assert right("About fifteen hundred.", ("1577", "fifteen hundred"))


def test_a_verdict_that_is_missing_counts_as_wrong():
    golds = [Gold(id, ("x",)) for id in "abc"]
    responses = [answer(id, "answered", "x") for id in "abc"]

    judged = score(golds, responses, verdicts={"a": True, "b": None})

    assert [each.values["judged"] for each in judged] == [1.0, 0.0, 0.0]
    assert all("judged" not in each.values for each in score(golds, responses))


def test_every_mark_is_a_known_metric_between_zero_and_one():
    response = answer("q", "answered", "Ilse Brandvold", cited_at("b.pdf", 4))
    found = marks(GOLD, response, verdicts={"q": True})

    assert set(found) <= set(METRICS)
    assert all(0 <= value <= 1 for value in found.values())


def test_everything_that_does_not_belong_together_is_named_at_once():
    golds = [Gold("a"), Gold("a"), Gold("b"), Gold("c")]
    responses = [answer("a", "answered"), answer("a", "answered"), answer("x", "failed")]

    with pytest.raises(UsageError) as caught:
        score(golds, responses)

    assert str(caught.value) == (
        "1 question asked twice: 'a'; 1 question answered twice: 'a'; "
        "1 question answered but not asked: 'x'; 2 questions without an answer "
        "(`missing_as_failed=True` counts them): 'b', 'c'"
    )


def test_missing_answers_can_be_counted_as_failures():
    scored = score([Gold("a", ("x",))], [], missing_as_failed=True)

    assert scored[0].values["accuracy"] == 0.0
    assert scored[0].values["coverage"] == 0.0


def test_wrong_answers_score_nothing():
    golds = [Gold(str(n), (f"answer{n}",), (Place("a.pdf", n),)) for n in range(20)]
    canary = [
        answer(gold.id, "answered", "something else", cited_at("a.pdf", 999)) for gold in golds
    ]

    for each in score(golds, canary):
        values = dict(each.values)
        assert values.pop("coverage") == values.pop("citation_validity") == 1.0
        assert {value for value in values.values() if value is not None} == {0.0}
