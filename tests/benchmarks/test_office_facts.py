"""Facts of office files: what counts as read, found and placed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.office_facts.__main__ import FAMILIES, by_docpager, by_loaders
from benchmarks.office_facts.facts import (
    WrittenFact,
    collect,
    stretch_holding,
    stretch_of,
    written_facts,
    wrong_files,
)
from docpager.core.places import Place


def fact(*pieces: str, place: Place, question: str = "consulting", **more: tuple[str, ...]):
    stored, rivals = more.get("stored", ()), more.get("rivals", ())
    return WrittenFact(place.document, "", question, pieces, stored, place, rivals)


def test_three_facts_of_each_of_forty_files_are_written_down():
    facts = written_facts()

    assert set(Counter(each.file for each in facts).values()) == {3}
    assert len({each.sha256 for each in facts}) == 40
    for name, endings in FAMILIES.items():
        assert sum(each.file.endswith(endings) for each in facts) >= 18, name
    assert all(each.place.document.startswith(each.file) for each in facts)


@pytest.mark.parametrize(
    ("pieces", "text", "found"),
    [
        (["227 folios"], "el auto – 227\nfolios –", "227\nfolios"),
        (["Pre-Elect – Ann"], "Pre-Elect - Ann", "Pre-Elect - Ann"),
        (["92", "Consulting"], f"Consulting {'x ' * 300}92", f"Consulting {'x ' * 300}92"),
        (["Consulting", "92"], "Consulting\n16.9\n92", "Consulting\n16.9\n92"),
        (["Consulting", "92"], "Consulting\n" + "x " * 300 + "\n92", None),
        (["92"], "92.5, 1,92 and 492", None),
        (["2 bytes"], "smallint2 bytes", None),
    ],
)
def test_pieces_stand_together_on_a_line_or_near_each_other(pieces, text, found):
    assert stretch_holding(pieces, text) == found


def test_a_figure_among_those_of_other_rows_says_nothing():
    text = "Gross Net | 24,960 21,855"

    assert stretch_holding(["Net", "21,855"], text) is not None
    assert stretch_holding(["Net", "21,855"], text, rivals=["24,960"]) is None


def test_a_cell_may_be_written_as_it_is_stored():
    one = fact("Alumni", "1.8%", place=Place("a.csv"), stored=("Alumni", "0.0184"))

    assert stretch_of(one, "Alumni 0.0184162") == "Alumni 0.0184"
    assert stretch_of(one, "Alumni 0.0284") is None


def test_files_are_known_by_their_content(tmp_path):
    content = b"Consulting,92\n"
    one = WrittenFact("a.csv", hashlib.sha256(content).hexdigest(), "", ("92",), (), Place("a.csv"))
    (tmp_path / "package" / "tests").mkdir(parents=True)
    (tmp_path / "package" / "tests" / "other-name").write_bytes(content)

    assert wrong_files([one], tmp_path / "kept") == ["a.csv"]
    collect([one], [tmp_path / "package"], tmp_path / "kept")
    assert wrong_files([one], tmp_path / "kept") == []
    (tmp_path / "kept" / "a.csv").write_bytes(b"changed")
    assert wrong_files([one], tmp_path / "kept") == ["a.csv"]


def test_docpager_is_marked_by_what_it_finds_and_where(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "hires.csv").write_text("Industry,Number\nConsulting,92\nRetail,7\n", "utf-8")
    right = fact("Consulting", "92", place=Place("hires.csv", row=2))
    elsewhere = fact("Consulting", "92", place=Place("hires.csv", row=3))
    absent = fact("Consulting", "93", place=Place("hires.csv", row=2))

    found = by_docpager([right, elsewhere, absent], folder, tmp_path / "archive")

    marks = [(each.read, each.found, each.placed) for each in found]
    assert marks == [(True, True, True), (True, True, False), (False, False, False)]
    assert found[1].told == "hires.csv, row 2"


def loaded(file: str, *documents: tuple[str, dict[str, object]]) -> list[str]:
    given = [{"text": text, "metadata": metadata} for text, metadata in documents]
    return [
        json.dumps({"library": library, "file": file, "documents": given})
        for library in ("LangChain", "LlamaIndex")
    ]


@pytest.mark.parametrize(
    ("place", "metadata", "placed"),
    [
        (Place("a.pptx", slide=3), {"page_label": 3}, True),
        (Place("a.pptx", slide=3), {"page_label": 2}, False),
        (Place("a.csv", row=12), {"row": 10}, True),
        (Place("a.xlsx", sheet="Exp1", row=12), {"row": 12}, False),
        (Place("a.html", section="Storm"), {"title": "Storm - CNN"}, True),
        (Place("a.html", section="Storm"), {"source": "a.html"}, False),
        (Place("a.eml#b.pdf"), {"source": "a.eml"}, False),
        (Place("a.docx"), {"source": "a.docx"}, True),
    ],
)
def test_loaders_are_marked_by_their_documents(place, metadata, placed):
    one = WrittenFact(place.document.partition("#")[0], "", "", ("Net", "21,855"), (), place)
    lines = loaded(one.file, ("Gross 1", {}), ("Net 21,855", metadata))

    found, _ = by_loaders([one], lines)

    assert (found.read, found.placed) == (True, placed)


def test_the_sources_are_named():
    path = Path(__file__).parents[2] / "benchmarks" / "office_facts" / "facts.jsonl"

    assert all(json.loads(line)["source"] for line in path.read_text("utf-8").splitlines())
