"""Facts of 40 real office, web and mail files: are they found, and cited at their place?

python -m benchmarks.office_facts FOLDER --loaders PYTHON
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.office_facts.facts import (
    WrittenFact,
    collect,
    stretch_holding,
    stretch_of,
    written_facts,
    wrong_files,
)
from docpager import Archive, ingest
from docpager.core.locators import parse_locator
from docpager.core.passages import PassageRange
from docpager.run.quotes import QuoteChecker

HITS = 10
FAMILIES = {
    "text documents": (".docx", ".odt", ".rtf"),
    "tables": (".xlsx", ".xls", ".ods", ".csv"),
    "presentations": (".pptx", ".odp"),
    "web pages, books": (".html", ".epub"),
    "mail": (".eml", ".msg"),
}


@dataclass(frozen=True)
class FactFound:
    """How far one reader got with one fact."""

    system: str
    fact: WrittenFact
    read: bool
    """Whether its pieces stand together in what was read, as the file shows them."""
    stored: bool
    """Whether they do as shown or as stored."""
    found: bool
    """Whether one of the first hits holds it; for loaders the same as `read`: nothing searches."""
    placed: bool
    """Whether the place that is told of it is the written one."""
    told: str
    """That place, or what went wrong."""


def by_docpager(facts: Sequence[WrittenFact], folder: Path, archive_at: Path) -> list[FactFound]:
    """Every file in one archive; each question searched in all of it, its fact quoted."""
    report = ingest(folder, archive_at)
    print(f"{report.documents} documents, {report.passages} passages")
    for skipped in report.skipped:
        print(f"not read: {skipped.path}: {skipped.message}")
    archive = Archive.open(archive_at)
    checker = QuoteChecker(archive, parse_locator)
    return [_by_docpager(fact, archive, checker) for fact in facts]


def _by_docpager(fact: WrittenFact, archive: Archive, checker: QuoteChecker) -> FactFound:
    read = stored = False
    for entry in archive.documents():
        if entry.path.startswith(fact.file):
            passages = archive.load_range(PassageRange(entry.id, 1, entry.passages))
            text = "".join(passage.text for passage in passages)
            read = read or stretch_holding(fact.pieces, text, rivals=fact.rivals) is not None
            stored = stored or stretch_of(fact, text) is not None
    told = "not among the first hits"
    for hit in archive.search(fact.question, page_size=HITS).hits:
        one = PassageRange(hit.passage.document, hit.passage.ordinal, hit.passage.ordinal)
        (passage,) = archive.load_range(one)
        quote = stretch_of(fact, passage.text)
        if quote is None:
            continue
        # A single wording is quoted as it was written down; a row as it was read.
        written = fact.pieces[0] if len(fact.pieces) == 1 else quote
        cited = [{"locator": str(hit.passage), "quote": written}]
        (check,) = checker.check_all(cited).checks
        told = str(check.place) if check.match != "failed" else str(check.problem)
        if check.place and check.match != "failed" and fact.place.document in check.place.document:
            right = fact.place.holds(check.place)
            return FactFound("docpager", fact, read, stored, True, right, told)
    return FactFound("docpager", fact, read, stored or read, False, False, told)


def by_loaders(facts: Sequence[WrittenFact], lines: Iterable[str]) -> list[FactFound]:
    """Both libraries, from what `loaders.py` printed."""
    loaded = {(line["library"], line["file"]): line for line in map(json.loads, lines)}
    return [
        _by_loader(library, fact, loaded[library, fact.file])
        for library in ("LangChain", "LlamaIndex")
        for fact in facts
    ]


def _by_loader(library: str, fact: WrittenFact, line: Mapping[str, Any]) -> FactFound:
    documents = [(_all_of(each), each["metadata"]) for each in line["documents"]]
    shown = [
        metadata
        for text, metadata in documents
        if stretch_holding(fact.pieces, text, rivals=fact.rivals)
    ]
    stored = shown or [metadata for text, metadata in documents if stretch_of(fact, text)]
    placed = any(_tells(metadata, fact) for metadata in stored)
    told = line.get("failure") or (str(stored[0]) if stored else "not in the text")
    return FactFound(library, fact, bool(shown), bool(stored), bool(stored), placed, told)


def _all_of(document: Mapping[str, Any]) -> str:
    """The text of a loader's document, and what it tells beside it, such as a letter's subject."""
    return "\n".join([document["text"], *map(str, document["metadata"].values())])


def _tells(metadata: Mapping[str, Any], fact: WrittenFact) -> bool:
    """Whether a document's metadata name the place, in whatever field.

    A row may be counted from 0, and without the row of headers.
    """
    values = {str(value) for value in metadata.values()}
    place = fact.place
    inside = place.document.partition("#")[2]
    if inside and not any(value.endswith(inside) for value in values):
        return False
    if place.section and not any(place.section in value for value in values):
        return False
    rows = {str(place.row - less) for less in (0, 1, 2)} if place.row else values
    whole = [str(part) for part in (place.sheet, place.slide, place.page) if part is not None]
    return bool(rows & values) and all(part in values for part in whole)


def _table(found: Sequence[FactFound]) -> str:
    lines = [
        "| | facts | read by | as shown | as shown or stored | found | at its place |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    for family, endings in (*FAMILIES.items(), ("all", ())):
        for system in dict.fromkeys(each.system for each in found):
            own = [
                each
                for each in found
                if each.system == system and each.fact.file.endswith(endings or "")
            ]
            counts = [sum(map(bool, column)) for column in zip(*map(_marks, own), strict=True)]
            last = counts[2:] if system == "docpager" else ["", counts[3]]
            cells = [family, len(own), system, *counts[:2], *last]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _marks(each: FactFound) -> tuple[bool, bool, bool, bool]:
    return each.read, each.stored, each.found, each.placed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the 40 files, and nothing else")
    parser.add_argument(
        "--from",
        dest="roots",
        type=Path,
        nargs="+",
        default=(),
        help="unpacked packages to copy from",
    )
    parser.add_argument("--loaders", type=Path, help="a Python with LangChain and LlamaIndex")
    parser.add_argument("--loaded", type=Path, help="what loaders.py printed, instead")
    parser.add_argument("--archive", type=Path, help="where the archive is kept")
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    facts = written_facts()
    if arguments.roots:
        collect(facts, arguments.roots, arguments.folder)
    if wrong := wrong_files(facts, arguments.folder):
        raise SystemExit(f"missing in {arguments.folder}, or changed: {', '.join(wrong)}")
    with tempfile.TemporaryDirectory() as temporary:
        found = by_docpager(facts, arguments.folder, arguments.archive or Path(temporary) / "kept")
    if arguments.loaded:
        found += by_loaders(facts, arguments.loaded.read_text("utf-8").splitlines())
    elif arguments.loaders:
        names = list(dict.fromkeys(fact.file for fact in facts))
        script = Path(__file__).with_name("loaders.py")
        command = [arguments.loaders, script, arguments.folder, *names]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found += by_loaders(facts, done.stdout.splitlines())
    print(_table(found))
    for each in found:
        if not all(_marks(each)):
            marks = "".join("x" if mark else "-" for mark in _marks(each))
            print(f"{marks} {each.system}: {each.fact.place} {list(each.fact.pieces)}: {each.told}")


if __name__ == "__main__":
    main()
