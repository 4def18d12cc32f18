"""Reports of runs and batches: what they tell, and that no text of theirs becomes markup."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from reported import HOSTILE, QUESTION, batch_file, hostile_run

from docpager.cli import main
from docpager.core.errors import UsageError
from docpager.report.reports import write_reports
from docpager.report.run_page import watch


class Tags(HTMLParser):
    """The elements of a page, the text that a person reads, and headings of tables."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._quiet = 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._quiet += tag in ("script", "style")

    def handle_endtag(self, tag):
        self._quiet -= tag in ("script", "style")

    def handle_data(self, data):
        self.text += "" if self._quiet else data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def journal(folder) -> Path:
    line = hostile_run(folder)
    assert line.status == "answered", line
    return Path(line.journal)


@pytest.fixture(scope="module")
def run_page(folder, journal) -> str:
    (page,) = write_reports([journal], folder / "run.html")
    return page.read_text("utf-8")


@pytest.fixture(scope="module")
def index_page(folder, journal) -> str:
    (page,) = write_reports([batch_file(folder, str(journal))], folder / "batch")
    return page.read_text("utf-8")


@pytest.mark.parametrize("which", ["run_page", "index_page"])
def test_hostile_text_stays_text(which, request):
    page = request.getfixturevalue(which)
    tags = Tags(page)

    assert HOSTILE.replace("\x1b", "\\x1b") in tags.text
    assert "\x1b" not in page
    scripts = [attrs.get("type") for tag, attrs in tags.tags if tag == "script"]
    assert scripts in ([None], ["application/json", None]) and tags.count("style") == 1
    assert tags.count("img") == 0
    assert not [(tag, name) for tag, attrs in tags.tags for name in attrs if name[:2] == "on"]


@pytest.mark.parametrize("which", ["run_page", "index_page"])
def test_a_page_may_load_nothing_and_has_no_style_outside_its_sheet(which, request):
    tags = Tags(request.getfixturevalue(which)).tags
    (policy,) = [a["content"] for _, a in tags if a.get("http-equiv") == "Content-Security-Policy"]

    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert not [tag for tag, attrs in tags if "style" in attrs or "src" in attrs]
    assert {tag for tag, attrs in tags if "href" in attrs} <= {"a", "use"}
    addresses = [attrs["href"] for tag, attrs in tags if tag == "a"]
    assert all(re.fullmatch(r"#main|runs/[\w.-]+\.html|\.\./index\.html", a) for a in addresses)
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_a_run_tells_what_it_did(run_page, journal):
    text = Tags(run_page).text
    run = watch(journal)

    assert QUESTION.replace("\x1b", "\\x1b") in text
    assert "This page holds text of the documents" in text
    assert re.search(r"<mark>The crane stood here .* by the lantern\.</mark>", run_page)
    assert "NOT FOUND there" in text
    assert text.count("memory warning") >= 1 and text.count("rebuild") >= 1
    assert "no document D9" in text
    assert f"Step {len(run.steps)}" in text
    assert "farthest-next-use" in text
    assert run_page.count("<svg") == 2


def test_the_parts_of_every_prompt_add_up_to_it(journal):
    run = watch(journal)

    assert len(run.snapshots) == len(run.steps)
    for step in run.steps:
        filling = run.snapshots[step.number].filling
        parts = (filling.instructions, filling.map, filling.notes, *filling.passages.values())
        assert all(part >= 0 for part in (*parts, filling.turns))
        assert sum(parts) + filling.turns == filling.total == step.prompt_tokens
        assert len(run.snapshots[step.number].resident) == step.resident
        assert bool(filling.passages) == bool(step.resident)


def test_faults_of_the_pictures_are_those_of_the_answer_line(journal):
    run = watch(journal)

    assert sum(map(len, run.faults.values())) == run.line.paging["faults"]
    assert run.replacement.faults == run.line.paging["faults"]
    assert run.replacement.belady <= min(run.replacement.lru, run.replacement.faults)
    assert sum(len(each.read) for each in run.documents) == run.line.coverage.read


def test_a_batch_shows_every_answer_groups_reasons_and_opens_its_runs(index_page, folder):
    tags = Tags(index_page)

    assert index_page.count('<th scope="row">') >= 40
    assert "8 questions" in tags.text and "lost after … tries" in tags.text
    assert "39 questions: its journal was not found" in tags.text
    assert '<a href="runs/q0.html">q0</a>' in index_page
    assert "../index.html" in (folder / "batch" / "runs" / "q0.html").read_text("utf-8")
    assert index_page.count("<svg") == 4


def test_pictures_can_be_left_out_and_then_need_no_matplotlib(folder, journal, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    (page,) = write_reports([journal], folder / "plain.html", pictures=False)

    assert "<svg" not in page.read_text("utf-8")
    with pytest.raises(UsageError, match=r"pip install 'docpager\[report\]'"):
        write_reports([journal], folder / "plain.html")


def test_without_jinja_the_error_says_what_to_install(folder, journal, monkeypatch):
    from docpager.report import pages

    monkeypatch.setitem(sys.modules, "jinja2", None)
    pages._environment.cache_clear()

    with pytest.raises(UsageError, match=r"pip install 'docpager\[report\]'"):
        write_reports([journal], folder / "none.html")

    pages._environment.cache_clear()


def test_nothing_but_a_report_is_written_over(folder, journal):
    mine = folder / "mine.html"
    mine.write_text("<p>mine")

    with pytest.raises(UsageError, match="is no report of docpager"):
        write_reports([journal], mine)

    assert mine.read_text() == "<p>mine"
    write_reports([journal], folder / "again.html")
    write_reports([journal], folder / "again.html")


@pytest.mark.parametrize("content", ["", '{"id": "a"}\n', "no json\n"])
def test_what_is_neither_run_nor_batch_is_refused(tmp_path, content):
    (tmp_path / "other.jsonl").write_text(content)

    result = CliRunner().invoke(
        main, ["report", str(tmp_path / "other.jsonl"), "-o", str(tmp_path / "out")]
    )

    assert result.exit_code == 2
    assert "other.jsonl" in result.output
    assert not (tmp_path / "out").exists()


def test_a_folder_of_journals_has_a_page_for_each_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = Path("archive/runs")
    runs.mkdir(parents=True)
    Path(hostile_run(tmp_path).journal).rename(runs / "whole.jsonl")
    lines = (runs / "whole.jsonl").read_bytes().splitlines(keepends=True)
    (runs / "begun.jsonl").write_bytes(b"".join(lines[:3]))
    (runs / "damaged.jsonl").write_bytes(b"".join([*lines[:2], *lines[3:]]))
    (runs / "other.jsonl").write_text("no journal")

    result = CliRunner().invoke(main, ["report", str(runs)])

    assert result.output.split() == ["runs-report/index.html"], result.output
    index = Path("runs-report/index.html").read_text("utf-8")
    rows = {row[0]: row for row in json.loads(index.split('id="rows">')[1].split("</script>")[0])}
    assert sorted(rows) == ["begun", "damaged", "whole"]
    whole = watch(runs / "whole.jsonl").line
    tokens = whole.usage.prompt_tokens + whole.usage.output_tokens
    read, steps = whole.coverage.read, whole.steps
    standing = sum(citation.stands for citation in whole.citations)
    assert rows["whole"][3:8] == [whole.status, standing, read, steps, tokens]
    assert rows["begun"][3] == "unfinished" and rows["begun"][-1] == "runs/begun.html"
    assert "damaged" in Tags(index).text and rows["damaged"][-1] == ""
    assert sorted(page.name for page in Path("runs-report/runs").iterdir()) == [
        "begun.html", "whole.html"]  # fmt: skip


@pytest.mark.parametrize("named", ["empty", "gone"])
def test_what_holds_no_journals_is_refused_as_export_refuses_it(tmp_path, monkeypatch, named):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    said = [
        CliRunner().invoke(main, [command, named, "-o", f"out{ending}", *more]).output
        for command, ending, more in (("report", "", []), ("export", ".csv", ["--by", "step"]))
    ]

    assert said[0] == said[1] != ""


SECRET = "zanzibarite"


@pytest.mark.parametrize("compacted", [False, True])
def test_forgotten_documents_are_redacted(tmp_path, monkeypatch, compacted):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text(f"The price of {SECRET} was 1,577 crowns in 2018.")
    (tmp_path / "docs" / "b.txt").write_text("The price of tin fell to 12 crowns in 2018.")
    (tmp_path / "q.jsonl").write_text('{"id": "q1", "question": "What was the price in 2018?"}\n')

    def docpager(*arguments: str) -> None:
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output

    docpager("batch", "q.jsonl", "docs", "-o", "answers.jsonl", "--model", "extractive",
             "--embedder", "hashing")  # fmt: skip
    docpager("report", "answers.jsonl")
    index, page = Path("answers-report/index.html"), Path("answers-report/runs/q1.html")
    assert SECRET in page.read_text("utf-8")
    assert json.loads(Path("answers.jsonl").read_text())["answer"]

    docpager("forget", "D1")
    if compacted:
        docpager("compact")
    docpager("report", "answers.jsonl")

    assert SECRET not in page.read_text("utf-8") + index.read_text("utf-8")
    assert "1,577" not in page.read_text("utf-8") + index.read_text("utf-8")
    assert "D1 was forgotten" in Tags(page.read_text("utf-8")).text
    assert "[redacted]" in index.read_text("utf-8")
    assert "Step 0" not in Tags(page.read_text("utf-8")).text
    journals = Path(json.loads(Path("answers.jsonl").read_text())["journal"]).parent
    docpager("report", str(journals), "-o", "folder")
    written = [path.read_text("utf-8") for path in Path("folder").rglob("*.html")]
    assert len(written) == 2
    assert "[redacted]" in "".join(written)
    assert not {SECRET, "1,577"} & set(re.findall(r"[\w,]+", "".join(written)))


def test_ids_that_differ_in_case_or_are_no_file_names_have_pages_of_their_own():
    from docpager.report.reports import _file_name

    used: set[str] = set()
    names = [_file_name(id, used) for id in ("a", "A", "../x", "con.", "é" * 200)]

    assert names[0] == "a"
    assert len({name.casefold() for name in names}) == 5
    assert all(re.fullmatch(r"[A-Za-z0-9-]+", name) for name in names)
