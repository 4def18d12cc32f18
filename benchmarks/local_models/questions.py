"""The questions: 12 to tune on and 12 to report, drawn by hash from two question sets, and keys to
follow through a made record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.tasks.nested_kv import make_items
from benchmarks.tasks.task import Wanted

__all__ = ["HALVES", "NESTED", "SETS", "DrawnQuestion", "documents_of", "draw"]

_DATASETS = Path(__file__).parent.parent.parent / "datasets"
SETS: Mapping[str, Path] = {name: _DATASETS / name / "documents" for name in ("sample", "unseen")}
"""Documents by the name of their set."""

HALVES = ("tuning", "reporting")
ANSWERABLE, UNANSWERABLE = 5, 1
"""Questions of each kind that are drawn from each set for each half."""


@dataclass(frozen=True, slots=True)
class DrawnQuestion:
    """One question, its set, and the line that says what is right."""

    id: str
    text: str
    document_set: str
    gold: Mapping[str, Any]


NESTED = "nested"
"""Keys of a record of 140 pairs: values that lead to no other key, to one, and to two."""
_NESTED = Wanted({"pairs": (140,), "nesting": (0, 1, 2)}, per_cell=5)


def documents_of(name: str, work: Path) -> Path:
    """Where the documents of a set are; those of the record are made in `work`."""
    if name != NESTED:
        return SETS[name]
    folder = work / "nested-documents"
    folder.mkdir(parents=True, exist_ok=True)
    next(make_items(work, _NESTED)).documents.write(folder)
    return folder


def draw(half: str) -> list[DrawnQuestion]:
    """The questions of a half, those of one set beside each other: a server's cache keeps what
    their prompts begin with. The half `nested` is that of the keys."""
    if half == NESTED:
        return [
            DrawnQuestion(
                f"n{item.sample.axes['nesting']}-{number}",
                item.sample.question.text,
                NESTED,
                {
                    "answers": list(item.gold.parts[0]),
                    "rivals": list(item.gold.rivals),
                    "evidence": [],
                },
            )
            for number, item in enumerate(make_items(Path(), _NESTED))
        ]
    place = HALVES.index(half)
    return [
        question
        for name in SETS
        for answerable, count in ((True, ANSWERABLE), (False, UNANSWERABLE))
        for question in _ranked(name, answerable)[place * count : (place + 1) * count]
    ]


@cache
def _ranked(name: str, answerable: bool) -> Sequence[DrawnQuestion]:
    """Questions of a set in the order of their hashes, which nobody chose."""
    lines = (_DATASETS / name / "questions.jsonl").read_text("utf-8").splitlines()
    golds = [gold for gold in map(json.loads, lines) if bool(gold["answers"]) is answerable]
    return [
        DrawnQuestion(gold["id"], gold["question"], name, gold)
        for gold in sorted(golds, key=lambda gold: _hash(gold["id"]))
    ]


def _hash(id: str) -> str:
    return hashlib.sha256(f"local models {id}".encode()).hexdigest()
