"""Any file of questions over any folder of documents."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path

from benchmarks.samples import opaque_id
from benchmarks.tasks.own_questions import OwnQuestion, read_own_questions
from benchmarks.tasks.task import DocumentSet, Item, Task, Wanted, sample_of
from docpager.core.errors import UsageError

__all__ = ["any_jsonl_task"]


def any_jsonl_task(options: Mapping[str, str]) -> Task:
    """A task over `questions` (JSONL: `question`, `answers`, `evidence`) and the folder `docs`.

    Raises:
        UsageError: one of them is missing, or the documents hold the questions.
    """
    questions, docs = Path(options["questions"]), Path(options["docs"])
    for path, exists in ((questions, questions.is_file()), (docs, docs.is_dir())):
        if not exists:
            raise UsageError(f"there is no {path}")
    held, asked = _held(docs), _sha256(questions)
    for path, sha256 in held.items():
        if sha256 == asked:
            raise UsageError(
                f"{docs / path} holds the questions with their answers, which would be read as a "
                f"document; move it out of {docs}"
            )
    return Task(
        name="any_jsonl",
        summary=f"questions of {questions.name} over {docs.name}",
        make=partial(_items, questions, docs, held),
        axes={},
        metrics=("right", "f1", "evidence_cited"),
        own_files={
            questions.as_posix(): asked,
            **{(docs / path).as_posix(): sha256 for path, sha256 in held.items()},
        },
    )


def _items(
    questions: Path, docs: Path, held: Mapping[str, str], data: Path, wanted: Wanted
) -> Iterator[Item]:
    name = f"{docs.name}-{opaque_id(sorted(held.items()))}"
    documents = DocumentSet(name, partial(_copy, docs, list(held)))
    # All are read before the first is asked: a bad line is named at once.
    for asked in islice(list(read_own_questions(questions)), wanted.per_cell):
        yield _item(asked, documents)


def _item(asked: OwnQuestion, documents: DocumentSet) -> Item:
    sample = sample_of(
        "any_jsonl", asked.text, documents, asked.axes, number=asked.line, only=asked.documents
    )
    return Item(sample, asked.gold, documents)


def _held(docs: Path) -> dict[str, str]:
    """sha256 of every file of a folder, by its path in it; links are followed."""
    files = (
        Path(folder, name) for folder, _, names in os.walk(docs, followlinks=True) for name in names
    )
    return {path.relative_to(docs).as_posix(): _sha256(path) for path in sorted(files)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(docs: Path, names: list[str], folder: Path) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(docs / name, folder / name)
