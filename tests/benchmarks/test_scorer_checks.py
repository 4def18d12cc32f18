"""Canaries: no honest gold stops a scoring, and no planted scorer passes."""

from __future__ import annotations

from dataclasses import replace
from string import ascii_lowercase

import pytest

from benchmarks.metrics import OF_TEXT, mark
from benchmarks.samples import TaskGold
from benchmarks.scorer_checks import OF_EVIDENCE, ScorerError, check_scorer, nonsense_for
from benchmarks.systems.system import SystemAnswer
from docpager.core.places import Place

PAGED = (
    TaskGold((("amber heron",),), evidence=(Place("a.pdf", 3),)),
    TaskGold((("1,577 million",),), evidence=(Place("a.pdf", 8), Place("b.pdf", 2))),
    TaskGold((("Ilse Brandvold",),), evidence=tuple(Place("c.pdf", page) for page in range(1, 6))),
)
PLACED = (
    TaskGold((("amber heron",),), evidence=(Place("a.md", start=10, end=40),)),
    TaskGold((("Ilse Brandvold",),), evidence=(Place("b.md"),)),
    TaskGold(()),
)


@pytest.mark.parametrize("metric", sorted(OF_TEXT.keys() - {"choice"}))
def test_golds_of_one_letter_can_be_scored(metric: str) -> None:
    golds = [TaskGold(((letter,),)) for letter in ascii_lowercase if letter != "a"]

    check_scorer(mark, (metric,), golds)


def test_articles_signs_and_verdicts_can_be_scored() -> None:
    golds = [TaskGold(((said,),)) for said in ("A", "+", "No", "7", "qzxv", "wkjh ptbfl", "\u6771")]

    check_scorer(mark, ("right", "subspan", "exact"), golds)


def test_nonsense_holds_no_word_of_a_gold_answer() -> None:
    first = nonsense_for([TaskGold((("x",),))])
    golds = [TaskGold((("x",), (word,))) for word in first.split()]

    assert len(first.split()) == 3
    assert not set(nonsense_for(golds).split()) & {"x", *first.split()}
    assert nonsense_for(golds) == nonsense_for(golds)


@pytest.mark.parametrize("metric", OF_EVIDENCE)
@pytest.mark.parametrize("golds", (PAGED, PLACED))
def test_metrics_of_evidence_pass_their_canaries(metric: str, golds: tuple[TaskGold, ...]) -> None:
    check_scorer(mark, (metric,), golds)


@pytest.mark.parametrize("metric", OF_EVIDENCE)
def test_a_scorer_of_evidence_that_always_says_no_is_found_out(metric: str) -> None:
    with pytest.raises(ScorerError, match="citing and seeing its evidence, but scores less"):
        check_scorer(lambda metric, gold, answer: 0.0, (metric,), PAGED)


def blind_to_pages(metric: str, gold: TaskGold, answer: SystemAnswer) -> float | None:
    pages = tuple(Place(place.document) for place in gold.evidence)
    return mark(metric, replace(gold, evidence=pages), answer)


@pytest.mark.parametrize("metric", OF_EVIDENCE)
def test_a_scorer_that_does_not_look_at_pages_is_found_out(metric: str) -> None:
    with pytest.raises(ScorerError, match="wrong, but scores"):
        check_scorer(blind_to_pages, (metric,), PAGED)


def test_a_scorer_that_does_not_look_at_places_is_found_out() -> None:
    with pytest.raises(ScorerError, match="wrong, but scores"):
        check_scorer(blind_to_pages, ("evidence_seen",), PLACED)


@pytest.mark.parametrize("metric", ("exact", "right", "f1"))
@pytest.mark.parametrize("refused", ("qzxv wkjh ptbfl", nonsense_for(PAGED)))
def test_a_scorer_that_takes_any_short_text_but_nonsense_is_found_out(
    metric: str, refused: str
) -> None:
    def credulous(metric: str, gold: TaskGold, answer: SystemAnswer) -> float:
        short = 0 < len(answer.text.split()) < 60
        return float(short and answer.status == "answered" and answer.text != refused)

    with pytest.raises(ScorerError, match="wrong, but scores"):
        check_scorer(credulous, (metric,), PAGED)


@pytest.mark.parametrize("metric", ("evidence_cited", "evidence_hit"))
def test_a_scorer_that_takes_any_citation_of_a_real_document_is_found_out(metric: str) -> None:
    def credulous(metric: str, gold: TaskGold, answer: SystemAnswer) -> float:
        wrong_page = {c.place.document for c in answer.citations} == {
            p.document for p in gold.evidence
        }
        right = mark(metric, gold, answer) or 0.0
        cites = any(c.place.document != "no-such-document" for c in answer.citations)
        return right if wrong_page else float(cites)

    with pytest.raises(ScorerError, match="wrong, but scores"):
        check_scorer(credulous, (metric,), PAGED)


def test_answers_that_share_words_or_amounts_are_no_canaries() -> None:
    texts = ("The red house", "the house", "0.05", "5%", "(A) a sea", "(B) a sky", "café", "cafe")
    golds = [TaskGold(((said,),)) for said in texts]

    check_scorer(mark, ("right", "f1", "rouge_l", "numeric", "subspan", "exact"), golds)
    check_scorer(mark, ("choice",), [TaskGold(((w, w[1], w[4:]),)) for w in texts[4:6]])


@pytest.mark.parametrize("metric", ("evidence_cited", "evidence_hit"))
@pytest.mark.parametrize("status", ("failed", "stopped", "not run", "abstained"))
def test_a_scorer_that_counts_citations_of_no_answer_is_found_out(metric: str, status: str) -> None:
    def lenient(metric: str, gold: TaskGold, answer: SystemAnswer) -> float | None:
        taken = replace(answer, status="answered") if answer.status == status else answer
        return mark(metric, gold, taken)

    with pytest.raises(
        ScorerError, match=rf"\({status}, cites a.pdf, page 3\) is wrong, but scores"
    ):
        check_scorer(lenient, (metric,), PAGED)
