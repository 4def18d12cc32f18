"""Citations against evidence pages."""

from __future__ import annotations

import pytest

from docpager.core.places import Place
from docpager.evaluation.scoring import citation_validity, evidence_precision, evidence_recall
from docpager.run.answer_line import Citation

PLACES = (Place("a.pdf", 3), Place("a.pdf", 9))


def cited_at(document: str, page: int | None = None, match: str = "exact") -> Citation:
    return Citation(Place(document, page), "a quote", match)


def test_recall_counts_the_evidence_and_precision_the_citations():
    cited = [cited_at("x/a.pdf", 3), cited_at("x/a.pdf", 4), cited_at("x/b.pdf", 3)]

    assert evidence_recall(cited, PLACES) == 0.5
    assert evidence_precision(cited, PLACES) == pytest.approx(1 / 3)


def test_a_page_cited_twice_counts_once():
    cited = [cited_at("a.pdf", 3), cited_at("a.pdf", 3), cited_at("a.pdf", 4)]

    assert evidence_precision(cited, PLACES) == 0.5
    assert evidence_recall(cited, (*PLACES, PLACES[0])) == 0.5


def test_a_quote_that_was_not_found_leads_nowhere():
    cited = [cited_at("a.pdf", 3, "failed"), cited_at("a.pdf", 9)]

    assert evidence_recall(cited, PLACES) == 0.5
    assert evidence_precision(cited, PLACES) == 0.5
    assert citation_validity(cited) == 0.5


def test_evidence_without_a_page_is_anywhere_in_the_document():
    assert evidence_recall([cited_at("a.txt")], [Place("a.txt")]) == 1.0
    assert evidence_recall([cited_at("a.txt")], [Place("a.txt", 1)]) == 0.0


@pytest.mark.parametrize(
    ("cited", "wanted", "same"),
    [
        ("reports/a.pdf", "a.pdf", True),
        ("reports\\a.pdf", "reports/a.pdf", True),
        ("a.pdf", "./a.pdf", True),
        ("aa.pdf", "a.pdf", False),
        ("a.pdf", "reports/a.pdf", False),
    ],
)
def test_a_document_is_named_by_the_end_of_its_path(cited, wanted, same):
    assert evidence_recall([cited_at(cited, 1)], [Place(wanted, 1)]) == float(same)


def test_nothing_is_asked_where_nothing_is_named_or_cited():
    assert evidence_recall([cited_at("a.pdf", 3)], ()) is None
    assert evidence_precision([cited_at("a.pdf", 3)], ()) is None
    assert evidence_precision([], PLACES) is None
    assert evidence_recall([], PLACES) == 0.0
    assert citation_validity([]) is None
