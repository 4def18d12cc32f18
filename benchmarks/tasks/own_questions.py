"""Reads a file of questions with their gold: every field is checked before anything is asked.

Any file of questions over any folder of documents.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.samples import Axis, TaskGold, opaque_id
from benchmarks.tasks.task import BenchmarkTask, DocumentSet, Item, Wanted, sample_of
from docpager.batch.questions import Question, parse_question, parse_texts
from docpager.core.errors import UsageError
from docpager.storage.json_lines import read_lines

__all__ = ["OwnQuestion", "any_jsonl_task", "read_own_questions"]

_OWN = ("id", "question", "answers", "answer", "evidence", "documents", "parts", "rivals")
_GOLD = ("answers", "answer", "parts")


@dataclass(frozen=True, slots=True)
class OwnQuestion:
    """One line of the file."""

    line: int
    text: str
    documents: tuple[str, ...]
    axes: Mapping[str, Axis]
    gold: TaskGold


def read_own_questions(path: Path) -> Iterator[OwnQuestion]:
    """The questions of a file, in its order.

    Raises:
        UsageError: a line is no question (names line, field and what is wrong).
    """
    for line in read_lines(path):
        try:
            if line.value is None:
                raise ValueError(line.problem)
            yield _question(line.value, line.number)
        except ValueError as error:
            raise UsageError(f"line {line.number} of {str(path)!r}: {error}") from error


def _question(value: Mapping[str, Any], line: int) -> OwnQuestion:
    parsed = parse_question({k: v for k, v in value.items() if k not in _GOLD}, line=line)
    axes = {k: v for k, v in value.items() if k not in _OWN and isinstance(v, Axis)}
    return OwnQuestion(line, parsed.question, parsed.documents, axes, _gold(value, parsed))


def _gold(value: Mapping[str, Any], parsed: Question) -> TaskGold:
    given = [name for name in _GOLD if value.get(name) is not None]
    if len(given) > 1:
        raise ValueError(f"both {given[0]!r} and {given[1]!r}; keep one of them")
    parts: tuple[tuple[str, ...], ...] = ()
    if given == ["parts"]:
        parts = _parts(value["parts"])
    elif given:
        answers = _texts(value[given[0]], given[0])
        parts = (answers,) if answers else ()
    return TaskGold(
        parts, _texts(value.get("rivals", []), "rivals"), parsed.evidence, known=bool(given)
    )


def _parts(given: object) -> tuple[tuple[str, ...], ...]:
    if not isinstance(given, list) or not all(isinstance(each, list) and each for each in given):
        raise ValueError("'parts' must be a list of lists: the wordings of each thing asked")
    if not given:
        raise ValueError("'parts' is empty; write \"answers\": [] where there is no answer")
    return tuple(_texts(each, "parts") for each in given)


def _texts(given: object, name: str) -> tuple[str, ...]:
    """A text, a number or a list of them, read as `docpager batch` reads gold answers."""
    return parse_texts(given, name) or ()


def any_jsonl_task(options: Mapping[str, str]) -> BenchmarkTask:
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
    return BenchmarkTask(
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
