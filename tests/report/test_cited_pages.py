"""Cited pages in reports: beside the quote, marked, drawn once; named where they cannot be."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from make_pdf import make_pdf
from page_pdf import page_pdf, text_at

import docpager
from docpager.archive.archive import Archive
from docpager.cli import main
from docpager.core.errors import DocumentError, UsageError
from docpager.models.scripted import ScriptedModel, call
from docpager.report.page_pictures import PagePictures
from docpager.report.reports import write_reports
from docpager.run.cited_places import cited_place

HOSTILE = "<b onload=alert(1)>&'.pdf"
PAGES = [
    "The Harbour Trust was founded in 1911 by Ada Quill.\n" + "Its records are long.\n" * 30,
    "Maintenance. The north crane was repaired in March 1974 by Tomas Berg.\n" + "Rope.\n" * 50
    + "The last line of this page goes on",
    "upon the page that follows it.\nTotal dredging expenses were 48,200 crowns in 1975.",
    "",
]  # fmt: skip
CRANE = "north crane was repaired in March 1974"
BERG = "by Tomas Berg"
OVER = "this page goes on\nupon the page"
LAMP = "the lamp was lit on Friday"


def run_docpager(*arguments: object) -> str:
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / HOSTILE).write_bytes(make_pdf(PAGES))
    (tmp_path / "docs" / "letter.txt").write_text(f"Dear Sir,\n\n{LAMP}.\n\nYours, Ida\n")
    run_docpager("ingest", "docs", "--embedder", "hashing")
    return tmp_path


def asked(*quotes: str) -> Path:
    """The journal of a run that reads both documents and cites these."""
    where = {quote: "D2:c1" if quote == LAMP else "D1:p2" for quote in quotes}
    answer = call(
        "answer",
        text="So it is.",
        citations=[{"locator": where[quote], "quote": quote} for quote in quotes],
        found=True,
    )
    model = ScriptedModel(
        call("search", query="crane"),
        call("page_in", locator="D1:p1-3"),
        call("page_in", locator="D2:c1"),
        answer,
    )
    line = docpager.ask("What was repaired?", model=model)
    assert line.status == "answered", line
    return Path(line.journal)


def reported(journal: Path, **options: object) -> str:
    (page,) = write_reports([journal], Path("run.html"), **options)
    return page.read_text("utf-8")


def marks(page: str) -> list[list[float]]:
    found = re.findall(
        r'<rect class="quoted" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/>', page
    )
    return [[float(side) for side in each] for each in found]


def test_a_citation_has_the_page_with_its_words_marked_where_open_marks_them(folder):
    page = reported(asked(CRANE))

    assert page.count("data:image/png;base64,iVBOR") == 1
    (picture,) = json.loads(
        run_docpager("open", "D1:p2", "--quote", CRANE, "--json")
    )["pages"]  # fmt: skip
    ((left, top, right, bottom),) = picture["rectangles"]
    ((x, y, width, height),) = marks(page)
    assert (x, y) == (left, top)
    assert (width, height) == (pytest.approx(right - left), pytest.approx(bottom - top))
    assert "<mark>north crane was repaired in March 1974</mark>" in page
    assert "Maintenance. The " in page and "The last line of this page goes on" in page
    assert "Its records are long" not in re.search(r"excerpt.*?</div>", page, re.DOTALL)[0]
    assert "<b onload" not in page and "Picture of page 2 of &lt;b onload" in page


def test_two_quotes_of_a_page_share_its_picture_and_a_quote_over_its_end_has_both_pages(folder):
    page = reported(asked(CRANE, BERG, OVER))

    assert page.count("data:image/png") == 2
    assert re.findall(r'<use href="#(page-D1-\d)"/>', page) == [
        "page-D1-2", "page-D1-2", "page-D1-2", "page-D1-3",
    ]  # fmt: skip
    assert len(marks(page)) == 4


def test_what_has_no_pages_is_shown_as_text_with_the_words_marked(folder):
    page = reported(asked(LAMP))

    assert f"<mark>{LAMP}</mark>" in page
    assert "data:image" not in page and "There is no picture" not in page
    assert "This page holds text of the documents" in page


@pytest.mark.parametrize("what", ["changed", "missing"])
def test_a_source_that_changed_or_is_gone_is_named_and_its_text_still_shown(folder, what):
    journal = asked(CRANE, BERG)
    file = folder / "docs" / HOSTILE
    file.unlink() if what == "missing" else file.write_bytes(make_pdf(["Another one."]))

    page = reported(journal)

    said = "is no longer there" if what == "missing" else "has changed since it was ingested"
    assert page.count("There is no picture of the page") == 2 and said in page
    assert "data:image" not in page
    assert f"<mark>{CRANE}</mark>" in page and f"<mark>{BERG}</mark>" in page


def test_where_the_archive_is_gone_the_passage_is_shown_and_that_is_said(folder):
    journal = asked(CRANE)
    kept = folder / "kept.jsonl"
    kept.write_bytes(journal.read_bytes())
    (folder / ".docpager").rename(folder / "moved")

    page = reported(kept)

    assert f"<mark>{CRANE}</mark>" in page and "from the passage that the run read" in page
    assert "There is no picture of the page: the archive" in page


def test_without_pictures_no_page_is_drawn_and_nothing_is_said_of_it(folder):
    page = reported(asked(CRANE), pictures=False)

    assert "data:image" not in page and "<svg" not in page and "no picture" not in page
    assert f"<mark>{CRANE}</mark>" in page


def batch_of(count: int) -> Path:
    """Answers whose runs all cite the same pages."""
    journal = asked(CRANE, OVER)
    line = {
        "schema_version": 2,
        "status": "answered",
        "answer": "So it is.",
        "journal": str(journal),
        "citations": [
            {"place": {"kind": "page", "document": HOSTILE, "page": 2}, "quote": CRANE,
             "match": "exact"}
        ],
    }  # fmt: skip
    rows = [{**line, "id": f"q{n}", "question": f"Question {n}"} for n in range(count)]
    Path("answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return Path("answers.jsonl")


def test_a_page_is_drawn_once_for_all_questions_of_a_batch(folder, monkeypatch):
    made = []
    begin = PagePictures.__init__
    monkeypatch.setattr(PagePictures, "__init__", lambda each: made.append(each) or begin(each))

    write_reports([batch_of(5)], Path("out"))

    (pictures,) = made
    assert pictures.drawn == 2
    pages = [Path(f"out/runs/q{n}.html").read_text("utf-8") for n in range(5)]
    assert {page.count("data:image/png") for page in pages} == {2}


def test_pictures_can_be_kept_to_the_first_runs_of_a_batch(folder):
    answers = batch_of(4)

    run_docpager("report", answers, "--pictures", "2", "-o", "out")

    drawn = ["data:image" in Path(f"out/runs/q{n}.html").read_text("utf-8") for n in range(4)]
    assert drawn == [True, True, False, False]
    index = Path("out/index.html").read_text("utf-8")
    assert "The pages of the first 2 questions have pictures" in index
    with pytest.raises(UsageError, match="0 runs or more"):
        write_reports([answers], Path("out"), pictures=-1)
    refused = CliRunner().invoke(
        main, ["report", str(answers), "--no-pictures", "--pictures", "2", "-o", "out"]
    )
    assert refused.exit_code == 2 and "exclude each other" in refused.output


def test_after_two_pages_that_cannot_be_drawn_the_others_of_the_document_are_not_tried(tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    sheets = ["/MediaBox [0 0 14400 14400] /UserUnit 75"] * 3
    drawn = [text_at(72, 700, f"The crane of page {n} is green.") for n in range(3)]
    (docs / "vast.pdf").write_bytes(page_pdf(*drawn, pages=sheets))
    docpager.ingest([docs], tmp_path / "archive", embedder="hashing")

    said = []
    with Archive.open(tmp_path / "archive") as archive, PagePictures() as pictures:
        for n in range(3):
            cited = cited_place(archive, f"D1:p{n + 1}", f"crane of page {n}")
            with pytest.raises(DocumentError) as refused:
                pictures.of(archive, cited)
            said.append(str(refused.value))

    assert "too large to be drawn" in said[0] and "too large to be drawn" in said[1]
    assert "the others were not tried" in said[2]


@pytest.mark.parametrize("compacted", [False, True])
def test_a_forgotten_document_leaves_neither_picture_nor_quote_nor_text(folder, compacted):
    journal = asked(CRANE, LAMP)
    before = reported(journal)
    assert "data:image" in before and CRANE in before and "Tomas Berg" in before

    run_docpager("forget", "D1")
    if compacted:
        run_docpager("compact")
    after = reported(journal)

    assert "data:image" not in after and "<rect" not in after
    assert "crane was" not in after and "Tomas" not in after
    assert "D1 was forgotten" in after
