"""Answers and gold from the shared question sets, for tests that compare with other software."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[3] / "shared" / "data"
"""Beside the project; not part of it."""


def answer_pairs(limit: int = 150) -> list[tuple[str, list[str]]]:
    """Texts that could be answers, each with the gold answers of its question."""
    _skip_where_missing()
    return [pair for source in (_short, _long, _finance) for pair in islice(source(), limit)]


def gold_figures() -> list[str]:
    """Gold answers that their data set calls whole numbers or decimal fractions."""
    _skip_where_missing()
    records = _records(SHARED / "mmlongbench-doc" / "questions.jsonl")
    return [each["answer"] for each in records if each["answer_format"] in ("Int", "Float")]


def _skip_where_missing() -> None:
    if not SHARED.is_dir():
        pytest.skip("the shared question sets are not on this machine")


def _short() -> Iterator[tuple[str, list[str]]]:
    """The passage that holds the answer, and the answer with its neighbour's."""
    records = list(_records(SHARED / "litm-nq-open" / "nq-open-oracle.dev.jsonl.gz"))
    for record, other in pairwise(records):
        yield record["ctxs"][0]["text"], record["answers"]
        yield f"The {record['answers'][0]}; {other['answers'][0]}.", record["answers"]


def _long() -> Iterator[tuple[str, list[str]]]:
    for record in _records(SHARED / "docugami-sec-10q" / "questions.jsonl"):
        yield record["answer"].split(" (SOURCE")[0][:400], [record["answer"], record["question"]]


def _finance() -> Iterator[tuple[str, list[str]]]:
    for record in _records(SHARED / "financebench" / "questions.jsonl"):
        yield record["justification"] or record["question"], [record["answer"]]
        yield record["answer"].lower(), [record["answer"]]


def _records(path: Path) -> Iterator[dict[str, Any]]:
    content = path.read_bytes()
    lines = gzip.decompress(content) if path.suffix == ".gz" else content
    yield from (json.loads(line) for line in lines.splitlines())
