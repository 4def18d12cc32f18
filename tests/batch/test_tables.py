"""Answers as tables: text stays text, numbers stay numbers, nothing becomes a formula."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys

import openpyxl
import pytest
from click.testing import CliRunner

from docpager.batch.parquet import read_parquet
from docpager.batch.tables import columns, export
from docpager.cli import main
from docpager.core.errors import UsageError

FORMULAS = [
    "=1+1",
    '=HYPERLINK("http://example.org", "more")',
    "+44 20 7946",
    "@SUM(A1)",
    "\t=1+1",
    "\n=1+1",
    " =1+1",
    "\ufeff=1+1",
    "- first\n- second",
    "-5+cmd|' /C calc'!A0",
    "＝1+1",
    "-",
]
NUMBERS = ["-5", "+3", "-12.5%", "1,234", "-1.5e6", "-.5"]
TEXTS = [
    "26 grams",
    "Zürich – 5 °C ‚日本‘",
    'a; "b", c',
    "_x0041_ as it stands",
    "2019-05-01",
    "007",
]
EVERY = [*FORMULAS, *NUMBERS, *TEXTS]


def answer(id, text, **fields):
    citations = [
        {"place": {"document": "gone.pdf"}, "quote": "not there", "match": "failed"},
        {"place": {"document": "=a.pdf", "page": 3, "label": "-5"}, "quote": text},
        {"place": {"document": "b.xlsx", "sheet": "Costs", "row": 4}, "quote": "two"},
    ]
    usage = {"input_tokens": 10, "cache_read_tokens": 5, "cache_write_tokens": 1}
    return {
        "id": id, "question": text, "status": "answered", "answer": text, "citations": citations,
        "cost_usd": 0.25, "steps": 3, "usage": {**usage, "output_tokens": 7}, **fields,
    }  # fmt: skip


@pytest.fixture
def answers(tmp_path):
    def written(lines):
        path = tmp_path / "answers.jsonl"
        path.write_text("".join(json.dumps(each) + "\n" for each in lines), "utf-8")
        return path

    return written


def csv_rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def xlsx_rows(path):
    head, *rows = openpyxl.load_workbook(path).active.iter_rows()
    return [dict(zip([cell.value for cell in head], row, strict=True)) for row in rows]


def test_a_row_for_each_question_shows_its_first_citation_that_stands(answers, tmp_path):
    lines = answers([answer("q", "text"), {"id": "r", "status": "failed", "error": "why"}])

    assert export(lines, tmp_path / "a.csv") == 2
    first, second = csv_rows(tmp_path / "a.csv")

    assert list(first) == [column.name for column in columns(by_citation=False)]
    assert (first["citations"], first["file"], first["page"]) == ("3", "'=a.pdf", "3")
    assert (first["match"], first["seen"]) == ("exact", "yes")
    assert (first["tokens_in"], first["tokens_out"], first["cost_usd"]) == ("16", "7", "0.25")
    assert (second["error"], second["file"], second["cost_usd"]) == ("why", "", "")


def test_a_row_for_each_citation_adds_up_to_the_same_cost(answers, tmp_path):
    lines = answers([answer("q", "text"), {"id": "r", "status": "failed"}])

    export(lines, tmp_path / "c.csv", by_citation=True)
    rows = csv_rows(tmp_path / "c.csv")

    assert [(row["id"], row["citation"]) for row in rows] == [
        ("q", "1"), ("q", "2"), ("q", "3"), ("r", "")
    ]  # fmt: skip
    assert [row["cost_usd"] for row in rows] == ["0.25", "", "", ""]
    assert (rows[2]["sheet"], rows[2]["row"]) == ("Costs", "4")


def test_csv_marks_what_would_be_a_formula_and_leaves_numbers(answers, tmp_path):
    export(answers([answer("q", text) for text in EVERY]), tmp_path / "a.csv")

    shown = [row["answer"] for row in csv_rows(tmp_path / "a.csv")]
    assert shown == [*(f"'{text}" for text in FORMULAS), *NUMBERS, *TEXTS]
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbfid,")


def test_a_workbook_holds_typed_cells_and_no_formula(answers, tmp_path):
    export(answers([answer("q", text) for text in EVERY]), tmp_path / "a.xlsx")
    rows = xlsx_rows(tmp_path / "a.xlsx")

    assert [row["quote"].value.replace("_x005F", "") for row in rows] == EVERY
    for row in rows:
        assert {cell.data_type for cell in row.values()} == {"s", "n"}
        assert (row["answer"].data_type, row["page"].value, row["cost_usd"].value) == ("s", 3, 0.25)


def test_parquet_holds_the_text_as_it_is(answers, tmp_path):
    lines = answers([answer("q", text) for text in (*EVERY, "a\x00\x1b[2J", "half \ud800")])
    export(lines, tmp_path / "a.parquet")
    rows = list(read_parquet(tmp_path / "a.parquet"))

    assert [row["answer"] for row in rows] == [*EVERY, "a\x00\x1b[2J", "half \\ud800"]
    assert {type(row["page"]) for row in rows} == {int}
    assert list(rows[0]) == [column.name for column in columns(by_citation=False)]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_control_characters_are_spelled_out(ending, answers, tmp_path):
    path = tmp_path / f"a.{ending}"
    export(answers([answer("q", "a\x00b\x1b[2J\x07\r\nnext \ud800\uffff")]), path)

    shown = csv_rows(path)[0]["answer"] if ending == "csv" else xlsx_rows(path)[0]["answer"].value
    assert shown == "a\\x00b\\x1b[2J\\x07\nnext \\ud800\\uffff"


def test_a_text_longer_than_a_cell_is_cut_and_says_so(answers, tmp_path):
    export(answers([answer("q", "\U0001d518" * 30_000)]), tmp_path / "a.xlsx")
    (row,) = xlsx_rows(tmp_path / "a.xlsx")

    shown = row["answer"].value
    assert shown.endswith("the whole text is in the answers file]")
    assert 32_760 <= len(shown.encode("utf-16-le")) // 2 <= 32_767


def test_a_parquet_file_of_a_batch_and_a_torn_last_line_are_read(answers, tmp_path):
    from docpager.batch.parquet import write_parquet

    lines = answers([answer("q", "text")])
    write_parquet(lines, tmp_path / "whole.parquet")
    with lines.open("a") as file:
        file.write('{"id": "r", "sta')

    assert export(lines, tmp_path / "a.csv") == 1
    assert export(tmp_path / "whole.parquet", tmp_path / "b.csv") == 1
    assert csv_rows(tmp_path / "a.csv") == csv_rows(tmp_path / "b.csv")


def test_what_cannot_be_exported_says_why_and_leaves_the_old_table(answers, tmp_path):
    lines, table = answers([answer("q", "text"), {"id": "r"}]), tmp_path / "a.csv"
    table.write_text("old")

    with pytest.raises(UsageError, match=r"line 2 of .* is not an answer: 'status' must be one of"):
        export(lines, table)
    with pytest.raises(UsageError, match=r"ends in \.csv, \.xlsx or \.parquet"):
        export(lines, tmp_path / "a.txt")
    with pytest.raises(UsageError, match=r"cannot write .*No such file or directory"):
        export(answers([answer("q", "text")]), tmp_path / "nowhere" / "a.csv")
    lines.rename(tmp_path / "answers.csv")
    with pytest.raises(UsageError, match="is the answers file itself"):
        export(tmp_path / "answers.csv", tmp_path / "answers.csv")
    assert table.read_text() == "old"
    assert not list(tmp_path.glob("*.new"))


def test_without_the_extra_a_workbook_is_refused_with_the_way_to_it(answers, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)

    with pytest.raises(UsageError, match=r"pip install 'docpager\[tables\]'"):
        export(answers([answer("q", "text")]), tmp_path / "a.xlsx")


def test_the_command_says_what_it_wrote(answers, tmp_path):
    table = tmp_path / "c.csv"
    result = CliRunner().invoke(
        main, ["export", str(answers([answer("q", "t")])), "-o", str(table), "--by", "citation"]
    )

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"1 answer in {table}\n"
    assert len(csv_rows(table)) == 3


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("libreoffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_libreoffice_sees_texts_numbers_and_no_formula(ending, answers, tmp_path):
    export(answers([answer("q", text) for text in EVERY]), tmp_path / f"a.{ending}")
    # Comma, double quote, UTF-8, from the first line: what its dialog proposes for this file.
    reading = ["--infilter=CSV:44,34,UTF8,1"] if ending == "csv" else []
    subprocess.run(
        ["libreoffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", *reading,
         "--convert-to", "xlsx", "--outdir", tmp_path / "read", tmp_path / f"a.{ending}"],
        check=True, capture_output=True, timeout=240,
    )  # fmt: skip
    rows = xlsx_rows(tmp_path / "read" / "a.xlsx")

    assert not [cell for row in rows for cell in row.values() if cell.data_type == "f"]
    assert {(row["page"].value, row["cost_usd"].value) for row in rows} == {(3, 0.25)}
    by_text = dict(zip(EVERY, [row["answer"] for row in rows], strict=True))
    for text in FORMULAS:
        shown = text if ending == "xlsx" else f"'{text}"
        assert (by_text[text].value, by_text[text].data_type) == (shown, "s")
    assert by_text["-5"].value == (-5 if ending == "csv" else "-5")
    assert by_text["Zürich – 5 °C ‚日本‘"].value == "Zürich – 5 °C ‚日本‘"


def test_an_answers_table_takes_halves_of_characters(tmp_path):
    from docpager.batch.parquet import read_parquet, write_parquet

    texts = ["half \ud800 of it", "whole \U0001f600", "a backslash \\ud800", "plain"]
    lines = tmp_path / "lines.jsonl"
    lines.write_text("".join(json.dumps(answer(f"q{n}", t)) + "\n" for n, t in enumerate(texts)))

    write_parquet(lines, tmp_path / "answers.parquet")

    written = [row["answer"] for row in read_parquet(tmp_path / "answers.parquet")]
    assert written == ["half \\ud800 of it", *texts[1:]]
