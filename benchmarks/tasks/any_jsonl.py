"""Any file of questions over any folder of documents."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.samples import Axis, Gold, Place, opaque_id
from benchmarks.tasks.task import DocumentSet, Item, Task, Wanted, sample_of
from docpager.batch.jsonl import read_lines
from docpager.errors import UsageError

__all__ = ["any_jsonl_task"]

_OWN = ("id", "question", "answers", "answer", "evidence", "documents", "parts", "rivals")


def any_jsonl_task(options: Mapping[str, str]) -> Task:
    """A task over `questions` (JSONL: `question`, `answers`, `evidence`) and the folder `docs`.

    Raises:
        UsageError: one of them is missing.
    """
    questions, docs = Path(options["questions"]), Path(options["docs"])
    for path in (questions, docs):
        if not path.exists():
            raise UsageError(f"there is no {path}")
    return Task(
        name="any_jsonl",
        summary=f"questions of {questions.name} over {docs.name}",
        make=partial(_items, questions, docs),
        axes={},
        metrics=("right", "f1", "evidence_cited"),
    )


def _items(questions: Path, docs: Path, data: Path, wanted: Wanted) -> Iterator[Item]:
    stamp = [
        (p.as_posix(), p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(docs.rglob("*"))
    ]
    documents = DocumentSet(f"{docs.name}-{opaque_id(stamp)}", partial(_copy, docs))
    for line in islice(read_lines(questions), wanted.per_cell):
        if line.value is None or not isinstance(line.value.get("question"), str):
            problem = line.problem or "no field 'question' with text"
            raise UsageError(f"line {line.number} of {str(questions)!r}: {problem}")
        yield _item(line.value, documents, line.number)


def _item(record: Mapping[str, Any], documents: DocumentSet, number: int) -> Item:
    axes: dict[str, Axis] = {
        key: value for key, value in record.items() if key not in _OWN and isinstance(value, Axis)
    }
    answers = record.get("answers", [record["answer"]] if record.get("answer") else [])
    parts = record.get("parts") or ([answers] if answers else [])
    evidence = tuple(
        Place(place["document"], place.get("pdf_page")) for place in record.get("evidence", ())
    )
    sample = sample_of(
        "any_jsonl", record["question"], documents, axes, number=number,
        only=record.get("documents", ()),
    )  # fmt: skip
    gold = Gold(tuple(map(tuple, parts)), tuple(record.get("rivals", ())), evidence)
    return Item(sample, gold, documents)


def _copy(docs: Path, folder: Path) -> None:
    shutil.copytree(docs, folder, dirs_exist_ok=True)
