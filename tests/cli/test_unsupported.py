"""How an answer that nothing supports is shown, and how it ends a command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docpager.batch.progress import BatchProgress
from docpager.cli.ask import finish
from docpager.core.places import Place
from docpager.run.answer_line import AnswerLine, Citation

PAGING = {"peak_worst_case": 1, "window": 2, "faults": 0, "rebuilds": 0}


def line(status: str, *citations: Citation, missing: tuple[str, ...] = ()) -> AnswerLine:
    return AnswerLine(
        id="q",
        answer="26 grams",
        status=status,
        citations=citations,
        names_missing=missing,
        paging=PAGING,
    )


UNREAD = Citation(Place("birds.pdf", 3), "weighed 26 grams", seen=False)
WRONG = Citation(Place("birds.pdf", 3), "weighed 27 grams", match="failed")


def test_an_unsupported_answer_says_so_and_ends_with_exit_code_1(capsys):
    with pytest.raises(SystemExit) as ended:
        finish(line("unsupported", UNREAD, WRONG), Path("archive"), as_json=False)

    out = capsys.readouterr().out
    assert ended.value.code == 1
    assert "(unsupported: no quote of it stands on a page that the model had read)" in out
    assert '"weighed 26 grams" (stands there, but was not read)' in out
    assert '"weighed 27 grams" (NOT FOUND there)' in out
    assert out.count("NOT FOUND") == 1


def test_its_json_says_so_too(capsys):
    with pytest.raises(SystemExit):
        finish(line("unsupported", UNREAD), Path("archive"), as_json=True)

    said = json.loads(capsys.readouterr().out)
    assert said["status"] == "unsupported"
    assert said["citations"][0]["seen"] is False
    assert said["citations"][0]["match"] == "exact"


def test_names_that_no_cited_page_holds_are_a_plain_remark(capsys):
    cited = Citation(Place("birds.pdf", 3), "weighed 26 grams")
    finish(line("answered", cited, missing=("Ada Quill", "1986")), Path("archive"), as_json=False)

    out = capsys.readouterr().out
    assert "(the cited pages and their titles do not name: Ada Quill, 1986)" in out


def test_a_batch_counts_it_among_what_is_asked_again():
    progress = BatchProgress(questions=2)
    progress.answered(line("unsupported", UNREAD))
    progress.answered(line("answered"))

    assert progress.failed == 1
    ((id, why),) = progress.failures
    assert id == "q"
    assert "no quote that supports it" in why


def test_a_citation_of_a_page_whose_text_may_be_wrong_says_so(capsys):
    quote = Citation(Place("birds.pdf", 3), "weighed 26 grams", doubt="order uncertain")

    finish(line("answered", quote), Path("archive"), as_json=False)

    out = capsys.readouterr().out
    assert '"weighed 26 grams" (the text of this page may be wrong: order uncertain)' in out
    assert quote.as_json()["doubt"] == "order uncertain"


def test_a_citation_of_no_place_says_so(capsys):
    nowhere = Citation(Place(""), "nothing found", match="failed")

    finish(line("abstained", nowhere), Path("archive"), as_json=False)

    assert '  no such place: "nothing found" (NOT FOUND there)' in capsys.readouterr().out
