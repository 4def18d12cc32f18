"""Questions over PDFs with evidence pages: FinanceBench, Docugami's 10-Qs, MMLongBench-Doc."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.samples import Axis, TaskGold
from benchmarks.tasks.files import chosen, copy_files, read_records
from benchmarks.tasks.task import BenchmarkTask, DocumentSet, Item, Wanted, sample_of
from docpager.core.places import Place

__all__ = ["DOCUGAMI", "FINANCEBENCH", "MMLONGBENCH"]

_TEXT_SOURCES = ("Pure-text", "Table")
_UNANSWERABLE = "Not answerable"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question of a data set, read."""

    text: str
    kind: str
    """What results are split by."""
    gold: TaskGold
    documents: tuple[str, ...] = ()
    """Files that it is asked of; empty for all."""


def _make(
    name: str,
    folder: str,
    read: Callable[[Mapping[str, Any], Wanted, Sequence[str]], Iterable[_Asked]],
    data: Path,
    wanted: Wanted,
) -> Iterator[Item]:
    place = data / folder
    names = sorted(path.name for path in place.glob("pdfs/*.pdf"))
    documents = DocumentSet(f"{name}-{len(names)}", partial(copy_files, place / "pdfs", names))
    every = [
        asked
        for record in read_records(place / "questions.jsonl")
        for asked in read(record, wanted, names)
    ]
    for kind in dict.fromkeys(each.kind for each in every):
        of_kind = [each for each in every if each.kind == kind]
        drawn = chosen(of_kind, wanted.per_cell, seed=wanted.seed, cell=kind)
        for number, asked in enumerate(drawn):
            axes: dict[str, Axis] = {
                "type": kind, "asked_of": len(asked.documents) or len(names),
            }  # fmt: skip
            sample = sample_of(
                name, asked.text, documents, axes, number=number, only=asked.documents
            )
            yield Item(sample, asked.gold, documents)


def _financebench(
    record: Mapping[str, Any], wanted: Wanted, names: Sequence[str]
) -> Iterator[_Asked]:
    file = f"{record['doc_name']}.pdf"
    evidence = tuple(
        Place(f"{each['doc_name']}.pdf", each["evidence_page_num"] + 1)
        for each in record["evidence"]
    )
    gold = TaskGold(((str(record["answer"]),),), evidence=evidence)
    for scope in wanted.of("scope"):
        only = (file,) if scope == "document" else ()
        yield _Asked(record["question"], record["question_type"], gold, only)


def _docugami(record: Mapping[str, Any], wanted: Wanted, names: Sequence[str]) -> Iterator[_Asked]:
    """Evidence is known by document only."""
    named = [name for name in names if fnmatchcase(name, f"{record['source_docs']}.pdf")]
    named = named or [name for name in names if fnmatchcase(name, record["source_docs"])]
    answer = record["answer"].split("SOURCE(S)")[0].strip()
    gold = TaskGold(((answer,),), evidence=tuple(Place(name) for name in named))
    yield _Asked(record["question"], record["question_type"], gold)


def _mmlongbench(
    record: Mapping[str, Any], wanted: Wanted, names: Sequence[str]
) -> Iterator[_Asked]:
    pages = json.loads(record["evidence_pages"])
    evidence = tuple(Place(record["doc_id"], page) for page in pages)
    sources = ast.literal_eval(record["evidence_sources"])
    is_text = any(each.startswith(_TEXT_SOURCES) for each in sources)
    kind = "text or table" if is_text else "chart, figure or layout"
    parts: tuple[tuple[str, ...], ...] = ((str(record["answer"]),),)
    if record["answer_format"] == "List":
        parts = tuple((str(each),) for each in ast.literal_eval(record["answer"]))
    if record["answer"] == _UNANSWERABLE:
        kind, parts, evidence = "unanswerable", (), ()
    yield _Asked(record["question"], kind, TaskGold(parts, evidence=evidence), (record["doc_id"],))


FINANCEBENCH = BenchmarkTask(
    name="financebench",
    summary="questions over company filings, with evidence pages",
    make=partial(_make, "financebench", "financebench", _financebench),
    axes={"scope": ("store",)},
    metrics=("evidence_hit", "right", "evidence_cited"),
    files=("financebench/questions.jsonl", "financebench/pdfs"),
)

DOCUGAMI = BenchmarkTask(
    name="docugami",
    summary="questions over 10-Qs, a third of them about several documents",
    make=partial(_make, "docugami", "docugami-sec-10q", _docugami),
    axes={},
    metrics=("evidence_cited", "rouge_l", "f1"),
    files=("docugami-sec-10q/questions.jsonl", "docugami-sec-10q/pdfs"),
)

MMLONGBENCH = BenchmarkTask(
    name="mmlongbench",
    summary="questions over varied PDFs, some without an answer",
    make=partial(_make, "mmlongbench", "mmlongbench-doc", _mmlongbench),
    axes={},
    metrics=("right", "evidence_hit", "f1"),
    files=("mmlongbench-doc/questions.jsonl", "mmlongbench-doc/pdfs"),
)
