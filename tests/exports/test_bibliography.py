"""Bibliographies of cited documents: kept parsers read them, and hostile titles stay text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from click.testing import CliRunner
from published_files import HOSTILE, SENTENCES, library

import docpager
from docpager.cli import main
from docpager.documents.details import dublin_core, make_details


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """An archive of published files, and answers that cite each of them."""
    folder = tmp_path_factory.mktemp("works")
    library(folder / "files")
    docpager.ingest(folder / "files", folder / "archive")
    write_answers(folder, SENTENCES)
    return folder


def write_answers(folder: Path, cited) -> None:
    lines = []
    for number, (name, sentence) in enumerate(cited.items()):
        place = {"kind": "document", "document": name}
        if name.endswith(".pdf"):
            place = {"kind": "page", "document": name, "page": 1}
        standing = {"place": place, "quote": sentence, "match": "exact"}
        failed = {"place": {"document": "never.pdf"}, "quote": "not there", "match": "failed"}
        lines.append({"id": f"q{number}", "status": "answered", "answer": "nine",
                      "citations": [standing, failed, standing]})  # fmt: skip
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "answers.jsonl").write_text(text, "utf-8")


def export(world, output, *more):
    arguments = ["export", world / "answers.jsonl", "-o", output, "--archive", world / "archive"]
    return CliRunner().invoke(main, [*map(str, arguments), *more])


@pytest.fixture(scope="module")
def bib(world):
    done = export(world, world / "cited.bib")
    assert done.exit_code == 0, done.output
    assert "7 cited documents" in done.output and "2 without a title" in done.output
    return (world / "cited.bib").read_text("utf-8")


@pytest.fixture(scope="module")
def items(world):
    done = export(world, world / "cited.json")
    assert done.exit_code == 0, done.output
    found = json.loads((world / "cited.json").read_text("utf-8"))
    return {re.search(r"file: ([\w.]+)", item["note"])[1]: item for item in found}


def test_each_cited_document_is_one_item_with_what_its_file_says(items):
    assert list(items) == list(SENTENCES)
    assert items["article.pdf"] == {
        "id": "roe2021cranes",
        "type": "article-journal",
        "title": "Cranes of the North Sea",
        "author": [{"literal": "Jane Roe"}, {"family": "Müller", "given": "Jörg"}],
        "issued": {"date-parts": [[2021, 3]]},
        "container-title": "Journal of Quays",
        "DOI": "10.1234/abc_def.5",
        "note": "file: article.pdf; cited: page 1",
    }
    assert items["report.docx"]["title"] == "Report on Moorings"
    assert [a["literal"] for a in items["report.docx"]["author"]] == ["John Smith", "Mary Jones"]
    assert items["report.docx"]["issued"] == {"date-parts": [[2019, 5, 4]]}
    book = items["book.epub"]
    assert (book["type"], book["publisher"], book["ISBN"]) == (
        "book", "Quay & Sons", "978-3-16-148410-0",
    )  # fmt: skip
    assert book["author"] == [{"literal": "Ministry of Trade and Industry"}]
    page = items["page.html"]
    assert page["type"] == "webpage" and page["author"] == [{"literal": "Ann Lee"}]
    assert page["URL"] == "https://example.org/a_b?c=1&d=%20"


def test_what_has_no_title_is_named_by_its_file_and_says_so(items, bib):
    for name in ("slides.pdf", "plain.txt"):
        assert items[name]["title"] == name
        assert items[name]["note"].endswith("no title in its file; named by its file")
        assert "author" not in items[name]  # Admin is nobody
    assert bib.count("named by its file") == 2


def test_hostile_words_stay_words(items, bib):
    assert items["hostile.pdf"]["title"] == HOSTILE
    assert "DOI" not in items["hostile.pdf"]
    depth = 0
    for character in bib:
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    assert depth == 0
    assert "\\input" not in bib and "{/etc" not in bib
    assert len(re.findall(r"^@", bib, re.MULTILINE)) == 7
    assert re.fullmatch(r"[a-z0-9-]+", items["hostile.pdf"]["id"])


def printed(latex: str) -> str:
    """What LaTeX prints for the commands that it has for single characters."""
    names = {"backslash": "\\", "braceleft": "{", "braceright": "}", "asciitilde": "~",
             "asciicircum": "^"}  # fmt: skip
    text = re.sub(r"\\([&%$#_])", r"\1", latex)
    return re.sub(r"\\text(\w+)\{\}", lambda command: names[command[1]], text)


def test_a_parser_of_bibtex_reads_it_back(bib):
    bibtexparser = pytest.importorskip("bibtexparser", minversion="2")
    from bibtexparser.middlewares import SeparateCoAuthors

    read = bibtexparser.parse_string(bib, append_middleware=[SeparateCoAuthors()])

    assert not read.failed_blocks and len(read.entries) == 7
    by_file = {re.search(r"file: ([\w.]+)", e["note"])[1]: e for e in read.entries}
    article = by_file["article.pdf"]
    assert article.entry_type == "article" and article.key == "roe2021cranes"
    assert article["journal"] == "Journal of Quays" and article["doi"] == "10.1234/abc_def.5"
    assert article["author"] == ["Jane Roe", "Müller, Jörg"]
    assert (article["year"], article["month"]) == ("2021", "mar")
    assert printed(by_file["hostile.pdf"]["title"][1:-1]) == HOSTILE
    # One author, though its name has an "and" in it.
    assert [name.strip("{}") for name in by_file["book.epub"]["author"]] == [
        "Ministry of Trade and Industry"
    ]
    assert by_file["book.epub"].entry_type == "book"
    assert by_file["plain.txt"].entry_type == "misc"


def test_a_citation_processor_reads_the_items(world, items):
    citeproc = pytest.importorskip("citeproc", reason="citeproc-py is not installed")
    from citeproc.source.json import CiteProcJSON

    source = CiteProcJSON(list(items.values()))
    style = citeproc.CitationStylesStyle("harvard-cite-them-right", validate=False)
    bibliography = citeproc.CitationStylesBibliography(style, source, citeproc.formatter.plain)
    for item in items.values():
        bibliography.register(citeproc.Citation([citeproc.CitationItem(item["id"])]))

    said = [str(each) for each in bibliography.bibliography()]

    assert len(said) == 7
    (article,) = [each for each in said if "Journal of Quays" in each]
    assert "Jane Roe" in article and "2021" in article


def test_a_file_that_is_gone_or_changed_keeps_its_title_and_says_so(world, tmp_path):
    library(tmp_path / "files")
    docpager.ingest(tmp_path / "files", tmp_path / "archive")
    write_answers(tmp_path, SENTENCES)
    (tmp_path / "files" / "report.docx").unlink()
    (tmp_path / "files" / "page.html").write_text("<title>other</title><p>other</p>")

    done = export(tmp_path, tmp_path / "cited.bib")

    bib = (tmp_path / "cited.bib").read_text("utf-8")
    assert done.exit_code == 0
    assert "{{Report on Moorings}}" in bib and "is no longer there" in bib
    assert "has changed since it was ingested" in bib and "John Smith" not in bib


def test_a_document_that_is_not_in_the_archive_is_named_and_left_out(world, tmp_path):
    library(tmp_path / "files")
    (tmp_path / "files" / "plain.txt").unlink()
    docpager.ingest(tmp_path / "files", tmp_path / "archive")
    write_answers(tmp_path, SENTENCES)

    done = export(tmp_path, tmp_path / "cited.bib")

    assert "left out: plain.txt: it is not in the archive" in done.output
    assert "6 cited documents" in done.output


def test_nothing_is_written_where_nothing_is_cited(world, tmp_path):
    (tmp_path / "answers.jsonl").write_text('{"id": "q", "status": "abstained"}\n')
    docpager.ingest(world / "files", tmp_path / "archive")

    done = export(tmp_path, tmp_path / "cited.bib")
    by = export(tmp_path, tmp_path / "cited.bib", "--by", "citation")

    assert done.exit_code != 0 and "nothing was written" in done.output
    assert by.exit_code != 0 and "--by is for tables" in by.output
    assert not (tmp_path / "cited.bib").exists()


def test_what_programs_write_by_themselves_is_left_out():
    details = make_details(
        title="Microsoft Word - Q3.doc", authors=["karlp", "Owner", "bell hooks"]
    )
    assert (details.title, details.authors) == ("", ("bell hooks",))

    dated = (
        "<p><created>2006-09-16T00:00:00Z</created><modified>2019-02-03T10:00:00Z</modified></p>"
    )
    assert dublin_core(fromstring(dated)).date == "2019-02-03"


@pytest.mark.parametrize(
    ("written", "authors"),
    [
        ("Jane Roe; Roe, Richard", ("Jane Roe", "Roe, Richard")),
        ("Jane Roe and John Doe", ("Jane Roe", "John Doe")),
        ("Jane Roe, John Doe", ("Jane Roe", "John Doe")),
        ("Roe, Jane", ("Roe, Jane",)),
        ("Ministry of Trade and Industry", ("Ministry of Trade and Industry",)),
        ("Smith, Jones & Partners", ("Smith, Jones & Partners",)),
    ],
)
def test_authors_in_one_text_are_told_apart(written, authors):
    assert make_details(authors=[written]).authors == authors
