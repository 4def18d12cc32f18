"""Questions over single long documents: five tasks of L-Eval."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.samples import TaskGold, opaque_id
from benchmarks.tasks.files import chosen, read_records
from benchmarks.tasks.task import BenchmarkTask, DocumentSet, Item, Wanted, sample_of

__all__ = ["LONG_CHOICES", "LONG_DOCS"]

FOLDER = "leval-longdoc"
OPEN = ("natural_question", "legal_contract_qa", "scientific_qa", "multidoc_qa")
CHOICE = "quality"
_CHOICE = re.compile(r"\s*\(([A-D])\)(.*)", re.DOTALL)


def make_items(data: Path, wanted: Wanted) -> Iterator[Item]:
    """Items by task of L-Eval."""
    for name in map(str, wanted.of("set")):
        pairs = [
            (record, question, answer)
            for record in read_records(data / FOLDER / f"{name}.dev.jsonl.gz")
            for question, answer in zip(record["instructions"], record["outputs"], strict=True)
        ]
        drawn = chosen(pairs, wanted.per_cell, seed=wanted.seed, cell=name)
        for number, (record, question, answer) in enumerate(drawn):
            yield _item(name, record, question, answer, number)


def _item(name: str, record: Mapping[str, Any], question: str, answer: str, number: int) -> Item:
    text = record["input"]
    documents = DocumentSet(f"{name}-{opaque_id(text)}", partial(_write, text))
    sample = sample_of("long_docs", question.strip(), documents, {"set": name}, number=number)
    accepted = [answer.strip()]
    if choice := _CHOICE.match(answer):
        accepted += filter(None, (choice[1], choice[2].strip()))
    return Item(sample, TaskGold((tuple(accepted),)), documents)


def _write(text: str, folder: Path) -> None:
    (folder / "document.txt").write_text(text, "utf-8")


LONG_DOCS = BenchmarkTask(
    name="long_docs",
    summary="questions over one long document (L-Eval, open answers)",
    make=make_items,
    axes={"set": OPEN},
    metrics=("f1", "rouge_l", "subspan"),
    files=tuple(f"{FOLDER}/{name}.dev.jsonl.gz" for name in OPEN),
)

LONG_CHOICES = BenchmarkTask(
    name="long_choices",
    summary="multiple choice over one long story (L-Eval, QuALITY)",
    make=make_items,
    axes={"set": (CHOICE,)},
    metrics=("choice",),
    files=(f"{FOLDER}/{CHOICE}.dev.jsonl.gz",),
)
