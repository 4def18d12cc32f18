"""What somebody meets who tries the commands for the first time, in a folder of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from make_pdf import make_pdf

from docpager.cli import main


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: str, content: str | bytes) -> None:
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content.encode() if isinstance(content, str) else content)


def docpager(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def ingested(*arguments: object) -> Result:
    return docpager("ingest", "--embedder", "hashing", *arguments)


def rows(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


OFFICE = b"PK\x03\x04\x14\x00\x06\x00\x08\x00"


def test_files_of_a_kind_that_is_not_read_are_counted_each_time(here):
    write("docs/a.txt", "Tin sales fell.")
    for name in ("x.dwg", "sub/y.dwg", "z.DWG", "t.vsdx", "u.vsdx", "all.zip", "Makefile"):
        write(f"docs/{name}", OFFICE)
    write("docs/.hidden.dwg", OFFICE)
    said = "not read: 3 .dwg, 2 .vsdx, 1 without an ending, 1 .zip\n"

    for _ in range(2):
        result = ingested("docs")
        assert result.exit_code == 0
        assert said in result.stderr
    assert said in docpager("ask", "What fell?", "docs").stderr
    report = json.loads(ingested("docs", "--json").stdout)
    assert report["unsupported"] == [
        "Makefile", "all.zip", "sub/y.dwg", "t.vsdx", "u.vsdx", "x.dwg", "z.DWG",
    ]  # fmt: skip
    assert report["files"] == 1
    assert "not read: sub/y.dwg\n" in ingested("docs", "--verbose").stderr
    assert ingested("docs", "--strict").exit_code == 1
    assert "not read" not in ingested("docs", "--exclude", "[!a]*", "--exclude", "*.zip").stderr


def test_few_files_that_are_not_read_are_named(here):
    write("docs/a.txt", "Tin sales fell.")
    write("docs/deep/contract.dwg", OFFICE)

    assert "not read: 1 .dwg (deep/contract.dwg)\n" in ingested("docs").stderr


def test_what_a_batch_wrote_is_not_named_as_unread(here):
    write("docs/a.txt", "Tin sales fell.")
    write("docs/q/questions.jsonl", '{"question": "What fell?"}\n')
    arguments = ("docs/q/questions.jsonl", "docs/a.txt", "-o", "docs/out/answers.parquet")
    assert docpager("batch", *arguments).exit_code == 0

    assert "not read" not in ingested("docs").stderr


@pytest.mark.parametrize("command", [("ingest",), ("ask", "What fell?")])
def test_a_file_of_a_kind_that_is_not_read_is_refused_by_name(here, command):
    write("a.txt", "Tin sales fell.")
    write("contract.dwg", OFFICE)
    write("letter.eps", "%!PS-Adobe-3.0 EPSF-3.0")

    for name in ("contract.dwg", "letter.eps"):
        result = docpager(*command, "a.txt", name)
        assert result.exit_code == 2
        assert f"'{name}' is of the kind {Path(name).suffix}" in result.stderr
        assert not Path(".docpager").exists()


def test_a_file_that_was_named_itself_stays_when_its_folder_is_ingested(here):
    write("docs/a.txt", "Tin sales fell.")
    write("docs/notes.whatever", "Lead sales rose.")
    assert ingested("docs/notes.whatever").exit_code == 0

    result = ingested("docs", "--prune")

    assert "2 documents" in result.stdout
    assert "not read" not in result.stderr


def test_every_question_that_is_skipped_is_named_with_its_line_and_reason(here):
    write("docs/a.txt", "Tin sales fell. Lead sales rose.")
    write(
        "questions.jsonl",
        '{"question": "What fell?"}\n{"question": 5}\n'
        '{"question": "What rose?", "documents": ["b.txt"]}\n',
    )
    arguments = ("batch", "questions.jsonl", "docs", "-o", "answers.jsonl", "--skip-invalid")

    for more in (["--estimate"], []):
        result = docpager(*arguments, *more)
        assert result.exit_code == 0, result.output
        assert "skipped: line 2: 'question' must be text, not 5\n" in result.stderr
        assert "skipped: line 3: no document 'b.txt'" in result.stderr


@pytest.mark.parametrize("name", ["answers.txt", "answers.json", "answers"])
def test_an_output_that_will_not_be_what_its_name_says_is_refused(here, name):
    write("docs/a.txt", "Tin sales fell.")
    write("questions.jsonl", '{"question": "What fell?"}\n')

    result = docpager("batch", "questions.jsonl", "docs", "-o", name)

    assert result.exit_code == 2
    assert "answers are written as JSON Lines" in result.stderr
    assert "name it answers.jsonl, answers.csv, answers.xlsx or answers.parquet" in result.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["docs", "questions.jsonl"]


def test_a_batch_that_was_begun_under_another_ending_goes_on(here):
    write("docs/a.txt", "Tin sales fell.")
    write("questions.jsonl", '{"question": "What fell?"}\n')
    arguments = ("batch", "questions.jsonl", "docs", "-o")
    assert docpager(*arguments, "answers.jsonl").exit_code == 0
    Path("answers.jsonl").rename("answers.out")
    Path("answers.jsonl.batch").rename("answers.out.batch")

    assert docpager(*arguments, "answers.out").exit_code == 0


GOLD = {"id": "q", "question": "What fell?", "answers": ["tin"]}
ANSWER = {
    "id": "q",
    "status": "answered",
    "answer": "tin",
    "citations": [{"document": "a.pdf", "pdf_page": 7, "match": "exact"}],
}


@pytest.mark.parametrize(
    ("place", "meant"),
    [({"pages": 3}, "page"), ({"pdfpage": 3}, "page"), ({"file": "a.pdf"}, "document")],
)
def test_a_misspelt_field_of_evidence_is_refused(here, place, meant):
    place = {"document": "a.pdf", **place}
    write("questions.jsonl", json.dumps({**GOLD, "evidence": [place]}))
    write("answers.jsonl", json.dumps(ANSWER))

    result = docpager("evaluate", "answers.jsonl", "questions.jsonl")

    assert result.exit_code == 2
    assert f"line 1: '{list(place)[1]}' is not a field of evidence" in result.stderr
    assert f"did you mean '{meant}'?" in result.stderr
    assert "recall" not in result.stdout


def test_fields_that_score_nothing_are_named(here):
    gold = {"id": "q", "question": "What fell?", "answer": "tin", "kind": "metal", "level": 2}
    write("questions.jsonl", json.dumps(gold))
    write("answers.jsonl", json.dumps(ANSWER))

    result = docpager("evaluate", "answers.jsonl", "questions.jsonl", "--by", "kind")

    assert result.exit_code == 0
    assert "fields that are not scored (--by splits results by them): answer, level\n" in (
        result.stderr
    )
    assert "'answer' is not a field of a question; did you mean 'answers'?" in result.stderr
    assert (
        "did you mean" in docpager("batch", "questions.jsonl", "-o", "a.jsonl", "--estimate").stderr
    )


@pytest.fixture
def twins(here: Path) -> Path:
    """Two files of one name, in two folders that were both ingested."""
    write("old/a/r.txt", "Tin sales fell to 40 tons.")
    write("old/b/r.txt", "Lead sales rose to 50 tons.")
    write("old/b/s.txt", "Zinc was not sold.")
    assert ingested("old/a", "old/b").exit_code == 0
    return here


def test_two_files_of_one_name_are_told_apart_everywhere(twins):
    shown = ["a/r.txt", "b/r.txt", "s.txt"]
    assert [row["document"] for row in rows(docpager("contents", "--json"))] == shown
    assert [line.split()[1] for line in docpager("contents").stdout.splitlines()] == shown
    assert "D2:c1  b/r.txt  [pattern]" in docpager("grep", "Lead").stdout
    assert rows(docpager("search", "lead", "--json"))[0]["place"]["document"] == "b/r.txt"

    result = docpager("ask", "To how many tons did lead sales rise?", "--json")
    line = json.loads(result.stdout)
    assert line["citations"][0]["place"]["document"] == "b/r.txt"
    assert "D1 a/r.txt" in Path(line["journal"]).read_text()


def test_a_name_that_several_documents_have_is_refused_with_all_of_them(twins):
    for command in (["forget", "r.txt"], ["search", "tons", "--in", "r.txt"]):
        result = docpager(*command)
        assert result.exit_code == 2
        assert "'r.txt' is the name of 2 documents: D1 a/r.txt, D2 b/r.txt;" in result.stderr
    assert len(rows(docpager("contents", "--json"))) == 3

    assert docpager("forget", "a/r.txt").stdout == "forgotten: D1 a/r.txt\n"
    assert docpager("forget", "r.txt").stdout == "forgotten: D2 r.txt\n"


@pytest.mark.parametrize(
    ("name", "found"),
    [("b/r.txt", {"b/r.txt"}), ("old/b/r.txt", {"b/r.txt"}), ("*r.txt", {"a/r.txt", "b/r.txt"})],
)
def test_a_path_that_is_long_enough_or_a_glob_names_them(twins, name, found, monkeypatch):
    monkeypatch.chdir("/")  # so that no path leads there from here
    archive = twins / ".docpager"
    hits = rows(docpager("search", "tons", "--in", name, "--archive", archive, "--json"))[:-1]

    assert {hit["place"]["document"] for hit in hits} == found


def test_a_file_at_the_top_is_named_by_its_whole_path(here):
    write("docs/r.txt", "Tin sales fell.")
    write("docs/sub/r.txt", "Lead sales rose.")
    ingested("docs")

    assert docpager("forget", "r.txt").stdout == "forgotten: D1 r.txt\n"


def test_copies_and_unreadable_files_of_one_name_are_told_apart(here):
    for folder in ("a", "b"):
        write(f"{folder}/r.txt", "Tin sales fell.")
        write(f"{folder}/bad.pdf", "%PDF-1.4 nothing")
        write(f"{folder}/x.pdf", make_pdf([f"{folder} has tin.", ""]))

    result = ingested("a", "b")

    assert "equal to a/r.txt: b/r.txt\n" in result.stderr
    for folder in ("a", "b"):
        assert f"skipped: {folder}/bad.pdf: damaged" in result.stderr
        assert f"{folder}/x.pdf: 1 page (2)" in result.stderr
    assert rows(docpager("contents", "--json"))[0]["other_paths"] == ["b/r.txt"]


@pytest.fixture
def paged(here: Path) -> list[str]:
    """Five short PDF pages, all of them in one passage; returns what is on each."""
    texts = [f"Page {word} tells of tin." for word in ("one", "two", "three", "four", "five")]
    write("docs/a.pdf", make_pdf(texts, labels=["i", "ii", "1", "2", "3"], outline=[(0, "Two", 2)]))
    write("docs/b.md", "# One\n\nTin.\n\n# Two\n\nLead.\n\n## Inner\n\nZinc.\n\n# Three\n\nIron.\n")
    assert ingested("docs").exit_code == 0
    return texts


def test_show_prints_the_pages_asked_for_and_no_other(paged):
    assert docpager("show", "D1:p4").stdout.strip() == f"[p4 (printed 2)] {paged[3]}"
    both = docpager("show", "D1:p4-5").stdout.split()
    assert " ".join(both) == f"[p4 (printed 2)] {paged[3]} [p5 (printed 3)] {paged[4]}"
    (row,) = rows(docpager("show", "D1:p4", "--json"))
    assert str(row["text"]).strip() == paged[3]
    assert (row["locator"], row["pdf_pages"], row["page_labels"]) == ("D1:c1", [4, 4], ["2", "2"])
    whole = docpager("show", "D1").stdout
    assert whole == docpager("show", "D1:p1-5").stdout == docpager("show", "D1:c1").stdout
    assert [text in whole for text in paged] == [True] * 5
    place = row["place"]
    assert isinstance(place, dict)
    assert (place["kind"], place["page"], place["label"]) == ("page", 4, "2")
    assert place["start"] > len(paged[0])


def test_show_prints_the_section_asked_for_and_no_other(paged):
    section = docpager("show", "D2:s2").stdout
    assert section.strip() == "# Two\n\nLead.\n\n## Inner\n\nZinc."
    assert docpager("show", "D2:s2.1").stdout.strip() == "## Inner\n\nZinc."


def test_a_folder_without_a_file_that_can_be_read_says_what_is(here):
    Path("empty").mkdir()
    result = ingested("empty")

    assert result.exit_code == 1
    assert "no file that can be read, such as PDF, office, web, mail and text files" in (
        result.stderr
    )
