"""The sample documents are what their generator makes and hold what the questions ask."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
import sys
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

SAMPLE = Path(__file__).parent.parent / "datasets" / "sample"
CHECKSUMS = json.loads((SAMPLE / "checksums.json").read_text(encoding="utf-8"))
QUESTIONS = [
    json.loads(line)
    for line in (SAMPLE / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]
SINGLE_FACTS = [question for question in QUESTIONS if question["kind"] in ("lookup", "table")]
SCANNED = ("central-stores-inventory.pdf", 7)


@cache
def pdf_pages(name: str) -> tuple[str, ...]:
    """The text of every pdf_page, its white space made single blanks."""
    with pypdfium2.PdfDocument(SAMPLE / "documents" / name) as pdf:
        return tuple(" ".join(page.get_textpage().get_text_range().split()) for page in pdf)


def labels(name: str) -> list[str]:
    with pypdfium2.PdfDocument(SAMPLE / "documents" / name) as pdf:
        return [pdf.get_page_label(index) for index in range(len(pdf))]


def installed_versions() -> dict[str, str]:
    """The versions here of what the bytes depend on; "missing" where it is not installed."""

    def version(package: str) -> str:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return "missing"

    names = ("reportlab", "pillow")
    return {**{name: version(name) for name in names}, "zlib": zlib.ZLIB_RUNTIME_VERSION}


def test_the_generator_writes_the_same_bytes_again(tmp_path: Path) -> None:
    if installed_versions() != CHECKSUMS["made_with"]:
        pytest.skip(f"made with {CHECKSUMS['made_with']}, here is {installed_versions()}")
    command = [sys.executable, str(SAMPLE / "make_sample.py"), "--out", str(tmp_path)]
    subprocess.run(command, check=True, timeout=60)
    again = json.loads((tmp_path / "checksums.json").read_text(encoding="utf-8"))
    assert again == CHECKSUMS


def test_every_document_has_its_recorded_checksum() -> None:
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (SAMPLE / "documents").iterdir()
    }
    assert found == CHECKSUMS["sha256"]


def test_the_readme_names_every_document_with_its_checksum() -> None:
    readme = (SAMPLE / "README.md").read_text(encoding="utf-8")
    for name, checksum in CHECKSUMS["sha256"].items():
        assert name in readme
        assert checksum in readme


def test_the_documents_stay_small() -> None:
    assert sum(path.stat().st_size for path in (SAMPLE / "documents").iterdir()) < 600_000


def test_question_ids_are_unique() -> None:
    assert len({question["id"] for question in QUESTIONS}) == len(QUESTIONS)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["id"])
def test_every_evidence_page_exists(question: dict[str, Any]) -> None:
    assert bool(question["evidence"]) == bool(question["answers"])
    for place in question["evidence"]:
        assert 1 <= place["pdf_page"] <= len(pdf_pages(place["document"]))


@pytest.mark.parametrize("question", SINGLE_FACTS, ids=lambda question: question["id"])
def test_a_single_fact_stands_on_its_page(question: dict[str, Any]) -> None:
    for place in question["evidence"]:
        assert question["answers"][0] in pdf_pages(place["document"])[place["pdf_page"] - 1]


def test_questions_without_an_answer_have_neither_answers_nor_evidence() -> None:
    without = [question for question in QUESTIONS if question["kind"] == "unanswerable"]
    assert len(without) == 4
    assert not any(question["answers"] or question["evidence"] for question in without)


def test_only_the_scanned_sheet_has_no_text() -> None:
    empty = [
        (name, number)
        for name in CHECKSUMS["sha256"]
        for number, text in enumerate(pdf_pages(name), start=1)
        if not text
    ]
    assert empty == [SCANNED]


def test_printed_labels_begin_roman_and_start_again_at_one() -> None:
    found = labels("veldmark-tramways-annual-report-2023.pdf")
    assert found[:5] == ["i", "ii", "iii", "1", "2"]


def test_the_printed_label_stands_at_the_foot_of_its_page() -> None:
    name = "series-k-maintenance-manual.pdf"
    with pypdfium2.PdfDocument(SAMPLE / "documents" / name) as pdf:
        feet = [page.get_textpage().get_text_bounded(top=40).strip() for page in pdf]
    assert feet[1:] == labels(name)[1:]


def test_one_document_has_no_label_table() -> None:
    assert set(labels("pruefbericht-klippenaufzug-2023.pdf")) == {""}


def test_the_outline_of_the_annual_report_is_three_levels_deep() -> None:
    path = SAMPLE / "documents" / "veldmark-tramways-annual-report-2023.pdf"
    with pypdfium2.PdfDocument(path) as pdf:
        assert {bookmark.level for bookmark in pdf.get_toc()} == {0, 1, 2}
