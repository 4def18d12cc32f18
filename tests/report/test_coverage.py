"""How far runs got, in reports: by document and page, and over all questions of a batch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from make_pdf import make_pdf

import docpager
from docpager.archive.archive import Archive
from docpager.models.scripted import ScriptedModel, call
from docpager.report.coverage import coverage_of, written_pages
from docpager.report.reports import write_reports
from docpager.report.watching import watch

LONG = "The ledger of the quay names every barge and its captain. " * 40
CRANES = [
    f"Page one tells of cranes.\n{LONG}",
    f"The zirconium crane was sold.\n{LONG}",
    "",
    f"Nothing here.\n{LONG}",
]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a-cranes.pdf").write_bytes(make_pdf(CRANES))
    (docs / "b-boats.pdf").write_bytes(make_pdf(["The zirconium boat sank in May.", "Rope."]))
    (docs / "c-notes.txt").write_text("Tin was dear.\n")
    docpager.ingest([docs], tmp_path / ".docpager", embedder="hashing")
    return tmp_path


def asked(*calls: object) -> Path:
    answer = call("answer", text="It does not say.", citations=[], found=False)
    line = docpager.ask("What of zirconium?", model=ScriptedModel(*calls, answer))
    return Path(line.journal)


def test_each_document_has_the_pages_read_shown_never_seen_and_unreadable(folder):
    journal = asked(
        call("search", query="zirconium"),
        call("grep", pattern="boat", documents=["b-boats.pdf"]),
        call("page_in", locator="D1:p1"),
    )

    with Archive.open(folder / ".docpager") as archive:
        coverage = coverage_of(watch(journal), archive)

    cranes, boats = coverage.documents[:2]
    assert (cranes.name, cranes.size) == ("D1", "4 PDF pages")
    # The passage that page 1 begins with goes on to page 2.
    assert (cranes.read, cranes.shown, cranes.never_seen) == ("2: 1-2", "1: 4", "")
    assert cranes.unreadable == "1: 3"
    assert (boats.read, boats.shown, boats.never_seen) == ("", "1: 1", "1: 2")
    assert (cranes.searches, boats.searches, coverage.searches) == (1, 2, 2)


def test_every_page_of_a_document_is_in_one_column(folder):
    journal = asked(call("search", query="zirconium"), call("page_in", locator="D1:p1"))

    run = watch(journal)
    with Archive.open(folder / ".docpager") as archive:
        cranes = coverage_of(run, archive).documents[0]

    columns = (cranes.read, cranes.shown, cranes.never_seen, cranes.unreadable)
    assert sum(int(text.partition(":")[0]) for text in columns if text) == 4
    read = int(cranes.read.partition(":")[0])
    assert read == run.line.coverage.pages_read or run.line.coverage.pages == 0


def test_documents_that_were_not_seen_are_named_by_whether_a_search_went_over_them(folder):
    kept = asked(call("grep", pattern="boat", documents=["D2"]))
    over_all = asked(call("grep", pattern="boat"))

    with Archive.open(folder / ".docpager") as archive:
        unsearched = coverage_of(watch(kept), archive).unsearched
        unseen = coverage_of(watch(over_all), archive).unseen
    (page,) = write_reports([kept], folder / "run.html")

    assert [entry.path for entry in unsearched] == ["a-cranes.pdf", "c-notes.txt"]
    assert [entry.path for entry in unseen] == ["a-cranes.pdf", "c-notes.txt"]
    text = page.read_text("utf-8")
    assert "Not searched, and nothing read: 2 other documents" in text
    assert "D3 c-notes.txt" in text and "1 PDF page could not be read" in text


def test_what_did_not_fit_into_main_context_was_not_shown(folder):
    run = watch(asked(call("search", query="zirconium")))

    shown = sum(len(seen.shown - seen.read) for seen in run.documents)
    assert shown == run.line.coverage.searched


def test_a_batch_names_the_documents_that_no_question_read(folder):
    journals = [
        asked(call("page_in", locator="D1:p1")),
        asked(call("page_in", locator="D1:p2"), call("grep", pattern="boat")),
    ]
    lines = [
        {"schema_version": 2, "id": f"q{n}", "question": "?", "status": "abstained",
         "journal": str(journal)}
        for n, journal in enumerate(journals)
    ]  # fmt: skip
    answers = folder / "answers.jsonl"
    answers.write_text("".join(json.dumps(line) + "\n" for line in lines))

    (index,) = write_reports([answers], folder / "out", pictures=False)

    text = index.read_text("utf-8")
    assert (
        "2 questions whose runs are here read 1 of 3 documents; 1 page could not be read." in text
    )
    assert "2 documents that no question read" in text
    assert "D2 b-boats.pdf <small>(only shown in results, to 1 question" in text
    assert "D3 c-notes.txt <small>(never seen" in text
    assert '<tr><th scope="row">D1 a-cranes.pdf</th><td class="n">2</td>' in text


def test_long_lists_of_pages_are_cut_and_still_counted():
    assert written_pages(range(1, 400, 2)).startswith("200: 1, 3, 5") and "…" in written_pages(
        range(1, 400, 2)
    )
    assert written_pages([]) == ""
