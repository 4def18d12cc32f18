"""What batches are measured on: the filings if they are at hand, else files of made-up facts."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

from docpager.batch.questions import Question

WORDS = ("river", "plant", "winter", "copper", "signal", "margin", "revenue", "harbour", "crown")


def make_documents(folder: Path, *, files: int = 60, paragraphs: int = 120, seed: int = 1) -> Path:
    """Files of about 40 passages each, every one different."""
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        lines = [
            f"In {1800 + draw.randrange(220)} the {draw.choice(WORDS)} of district {number}-{each} "
            f"cost {draw.randrange(10_000)} crowns, "
            + " ".join(draw.choice(WORDS) for _ in range(60))
            for each in range(paragraphs)
        ]
        (folder / f"district-{number:03}.txt").write_text("\n\n".join(lines), "utf-8")
    return folder


def make_questions(count: int, *, files: int = 60, paragraphs: int = 120) -> list[Question]:
    """Questions about them; each file is asked about again and again."""
    return [
        Question(
            f"Q{n:05}",
            f"What did the works in district {n % files}-{n // files % paragraphs} cost (no. {n})?",
            line=n + 1,
        )
        for n in range(count)
    ]


def read_asked(path: Path) -> list[Question]:
    """What the lines of a file ask, whatever else stands on them: other people's data sets write
    evidence in their own ways."""
    lines = [json.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
    return [Question(f"Q{n:05}", str(each["question"]), line=n) for n, each in enumerate(lines, 1)]


def repeated(path: Path, count: int) -> list[Question]:
    """So many questions from a file, with other ids and words where they come again."""
    known = read_asked(path)
    return [
        Question(
            f"{one.id}-{n // len(known)}", f"{one.question} (asked for the {n}th time)", line=n
        )
        for n in range(count)
        for one in [known[n % len(known)]]
    ]


def write_questions(questions: Sequence[Question], path: Path) -> Path:
    """As a questions file."""
    lines = [json.dumps({"id": each.id, "question": each.question}) for each in questions]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path
