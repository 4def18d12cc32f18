"""What the recorded answers are worth: one table for each half, and pairs by question."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.local_models.questions import DrawnQuestion, draw
from benchmarks.local_models.systems import named_in
from benchmarks.unseen.score import judge
from docpager.evaluation.intervals import paired_interval
from docpager.evaluation.scoring import right as says

__all__ = ["ScoredAnswer", "marks_of", "print_scores"]

STATUSES = ("answered", "unsupported", "abstained", "stopped", "failed")
COUNTED = ("right", "said", "quoted", "no standing quote", *STATUSES)
"""Columns that count questions."""


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """One question and how it went."""

    question: DrawnQuestion
    line: Mapping[str, Any]
    counts: Mapping[str, bool]

    @property
    def anew(self) -> int:
        """Prompt tokens that the server read, without those that its cache still held."""
        return int(self.line["usage"]["input_tokens"])


def marks_of(question: DrawnQuestion, line: Mapping[str, Any]) -> ScoredAnswer:
    """`right`: answered right with a citation that stands, or abstained where nothing is to be
    found. `said`: the same by its words alone, whatever it cites. `quoted`: the gold answer stands
    in a quote that stands on its page."""
    is_right = judge(question.gold, line)["right"]
    spoken = {**line, "status": "answered"} if line["status"] == "unsupported" else line
    standing = [
        each
        for each in line.get("citations") or []
        if each["match"] != "failed" and each.get("seen")
    ]
    quoted = any(
        says(each["quote"], question.gold["answers"], one_of_several=True) for each in standing
    )
    bare = line["status"] == "answered" and not standing
    counts = {
        "right": bool(is_right),
        "said": bool(judge(question.gold, spoken)["right"]),
        "quoted": quoted,
        "no standing quote": bare,
        **{status: line["status"] == status for status in STATUSES},
    }
    return ScoredAnswer(question, line, counts)


def print_scores(half: str, folder: Path, *, show: bool = False) -> None:
    """Every recorded system of a half, and each docpager beside each other system."""
    tables: dict[str, list[ScoredAnswer]] = {}
    for path in sorted(folder.glob(f"*-{half}-*.jsonl")):
        model, _, written = path.stem.partition(f"-{half}-")
        tables[f"{model} {named_in(written)}"] = _marks_in(path, draw(half))
    width = max(map(len, tables), default=0)
    print(f"{half:<{width}} asked " + " ".join(COUNTED) + " steps anew seconds")
    for name, marked in tables.items():
        print(_row(name.ljust(width), marked))
        for each in marked if show else ():
            print(_shown(each))
    for name, marked in tables.items():
        for other, against in tables.items():
            if _is_pair(name, other):
                print(_compared(name, marked, other, against))


def _marks_in(path: Path, questions: Sequence[DrawnQuestion]) -> list[ScoredAnswer]:
    known = {question.id: question for question in questions}
    written = map(json.loads, path.read_text("utf-8").splitlines())
    return [marks_of(known[each["question"]], each["line"]) for each in written]


def _row(name: str, marked: Sequence[ScoredAnswer]) -> str:
    cells = [
        str(sum(each.counts[column] for each in marked)).rjust(len(column)) for column in COUNTED
    ]
    cells.append(f"{mean(each.line['steps'] for each in marked):5.1f}")
    cells.append(f"{mean(each.anew for each in marked):4.0f}")
    cells.append(f"{mean(each.line['seconds'] for each in marked):7.0f}")
    return f"{name} {len(marked):>5} " + " ".join(cells)


def _shown(each: ScoredAnswer) -> str:
    gold = each.question.gold.get("parts") or each.question.gold["answers"]
    letters = (("r", "right"), ("s", "said"), ("q", "quoted"))
    mark = "".join(letter if each.counts[column] else "-" for letter, column in letters)
    said = each.line.get("answer") or each.line.get("error") or ""
    took = f"{each.line['steps']:>2} steps {each.line['seconds']:>4.0f} s"
    status = each.line["status"]
    return f"  {mark} {each.question.id} {status:<11} {took} gold {gold} | {said[:150]!r}"


def _is_pair(name: str, other: str) -> bool:
    """Whether a docpager of today is to be set beside another system with the same model."""
    model, contestant = name.split(" ", 1)
    its_model, its_contestant = other.split(" ", 1)
    ours = contestant.startswith("docpager")
    return ours and model == its_model and not its_contestant.startswith("docpager")


def _compared(
    name: str, ours: Sequence[ScoredAnswer], other: str, theirs: Sequence[ScoredAnswer]
) -> str:
    """The difference of shares that are right, over the questions that both were asked."""
    right = {each.question.id: each.counts["right"] for each in theirs}
    both = [each for each in ours if each.question.id in right]
    differences = [float(each.counts["right"]) - float(right[each.question.id]) for each in both]
    found = paired_interval(differences)
    assert found is not None, "both were asked something"
    return (f"right, {name} less {other}: {found.mean:+.2f} [{found.low:+.2f}, {found.high:+.2f}] "
            f"over {found.n}")  # fmt: skip
