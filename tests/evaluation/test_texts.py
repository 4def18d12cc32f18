"""Words against words: the measures of the field, and the packages that everybody uses for them."""

from __future__ import annotations

import importlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_questions import answer_pairs

from docpager.evaluation.texts import best_subspan, exact_match, normalised, rouge_l, token_f1

WORDS = st.text(st.sampled_from("aAbtheTHE 0.,'-é\n"), max_size=30)


def squad():
    """SQuAD 2.0's script, as the last versions of `transformers` that had it keep it."""
    try:
        return importlib.import_module("transformers.data.metrics.squad_metrics")
    except ImportError:
        pytest.skip("the reference for SQuAD comes with transformers below 5, not installed here")


def rouge_scorer():
    scorer = pytest.importorskip("rouge_score.rouge_scorer", reason="rouge-score is not installed")
    return scorer.RougeScorer(["rougeL"])


def test_case_punctuation_articles_and_blanks_do_not_count():
    assert normalised("  The U.S. Dollar,\n an\tasset ") == "us dollar asset"
    assert exact_match("The Beatles!", ["beatles"]) == 1.0
    assert exact_match("The Beatles and others", ["beatles"]) == 0.0


def test_the_best_gold_answer_counts():
    assert exact_match("blue", ["red", "Blue."]) == 1.0
    assert token_f1("dark blue", ["red", "blue"]) == pytest.approx(2 / 3)
    assert best_subspan("It is dark blue.", ["red", "Blue"]) == 1.0


def test_repeated_words_count_as_often_as_both_have_them():
    assert token_f1("no no no", ["no no yes"]) == pytest.approx(2 / 3)


def test_nothing_is_like_nothing_only():
    assert token_f1("", ["the"]) == 1.0
    assert token_f1("", ["blue"]) == 0.0
    assert token_f1("blue", []) == 0.0
    assert exact_match("", []) == 0.0


def test_a_gold_answer_without_words_stands_nowhere():
    assert best_subspan("anything", ["The", ""]) == 0.0


def test_rouge_follows_the_order_of_words():
    (overlap,) = rouge_l("the cat sat", ["the cat was there and sat down"])

    assert (overlap.precision, overlap.recall) == (1.0, pytest.approx(3 / 7))
    assert overlap.f1 == pytest.approx(0.6)
    assert rouge_l("b a", ["a b"])[0].f1 == 0.5
    assert rouge_l("", ["a b"])[0].f1 == 0.0


def test_words_agree_with_squads_script_on_the_shared_questions():
    reference = squad()
    for answer, golds in answer_pairs():
        assert exact_match(answer, golds) == max(reference.compute_exact(g, answer) for g in golds)
        assert token_f1(answer, golds) == pytest.approx(
            max(reference.compute_f1(gold, answer) for gold in golds)
        )


def test_subspans_agree_with_the_papers_rule_on_the_shared_questions():
    reference = squad().normalize_answer
    for answer, golds in answer_pairs():
        stands = any(reference(gold).lower() in reference(answer).lower() for gold in golds)
        assert best_subspan(answer, golds) == float(stands)


@given(WORDS, WORDS)
def test_words_agree_with_squads_script_on_any_text(answer, gold):
    reference = squad()

    assert normalised(answer) == reference.normalize_answer(answer)
    assert token_f1(answer, [gold]) == pytest.approx(reference.compute_f1(gold, answer))


def test_rouge_agrees_with_rouge_score_on_the_shared_questions():
    reference = rouge_scorer()
    for answer, golds in answer_pairs(60):
        for gold, overlap in zip(golds, rouge_l(answer, golds), strict=True):
            expected = reference.score(gold, answer)["rougeL"]
            assert overlap.precision == pytest.approx(expected.precision)
            assert overlap.recall == pytest.approx(expected.recall)
            assert overlap.f1 == pytest.approx(expected.fmeasure)


@given(WORDS, WORDS)
def test_rouge_agrees_with_rouge_score_on_any_text(answer, gold):
    expected = rouge_scorer().score(gold, answer)["rougeL"]

    assert rouge_l(answer, [gold])[0].f1 == pytest.approx(expected.fmeasure)
