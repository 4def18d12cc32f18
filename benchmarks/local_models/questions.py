"""The questions: 12 to tune on and 12 to report, drawn by hash from two question sets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["HALVES", "SETS", "DrawnQuestion", "draw"]

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


def draw(half: str) -> list[DrawnQuestion]:
    """The questions of a half, those of one set beside each other: a server's cache keeps what
    their prompts begin with."""
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
