"""Multi-document QA of Lost in the Middle: the gold document among others, at a given position.

Whoever has the original files puts them into `litm-original/`; they are taken only if their
checksums are right. Otherwise the derived ones are asked, which are easier: their distractors come
from other questions, so that figures must not be compared with the papers'.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.samples import TaskGold, opaque_id
from benchmarks.tasks.files import chosen, read_records, write_documents
from benchmarks.tasks.task import BenchmarkTask, DocumentSet, Item, Wanted, sample_of
from docpager.core.errors import UsageError
from docpager.core.places import Place

__all__ = ["LITM_POOL", "LITM_QA", "item_of", "read_original"]

DERIVED = "litm-nq-open"
ORIGINAL = "litm-original"
POOL = f"{DERIVED}/derived-bm25-pool.dev.jsonl.gz"
POOL_QUESTIONS = f"{DERIVED}/derived-bm25-questions.dev.jsonl.gz"
CELLS = ((10, 4), (20, 0), (20, 4), (20, 9), (20, 14), (20, 19), (30, 14))
"""Documents of a question, and the gold one's position from 0."""

ORIGINAL_SHA256 = {
    (20, 0): "69a8dd87a45f07fb3ed9b804917a89db975cd6e488682fc838edca029cc3881f",
    (20, 4): "e5c44700c4db24536f139f7383e3dd002413515ee889aeadc72767dd7f289682",
    (20, 9): "cbada411f70235afc47d9b5407e9358ad72eb021742402ff032c8b65076ffb2f",
    (20, 14): "86c1a25093615baefdd1ee4db7a993548b3bef24ca02eb9bd8db43fbedf517f2",
    (20, 19): "d79b715e1b8c8301335e93cb01659f68c24f0253a808c3190b06d21896506c6c",
    (10, 4): "f8425253dafc19cd9de31c06ab6c8b57d4da2bf48b8ea2d0790b805fb3aa1968",
    (30, 14): "14ec97b971d111e381b8ad6a3c14eb87f6bff83401678afcdc32ec4afed9aeb7",
}
"""Of the files at nelson-liu/lost-in-the-middle, commit 29b8a6d."""


def make_items(data: Path, wanted: Wanted) -> Iterator[Item]:
    """Items by number of documents and position of the gold one."""
    for count, position in CELLS:
        if count in wanted.of("documents") and position in wanted.of("gold_position"):
            records, source = _records(data, count, position)
            # The same questions in every cell: positions are compared on equal terms.
            drawn = chosen(records, wanted.per_cell, seed=wanted.seed, cell="litm")
            for number, record in enumerate(drawn):
                yield item_of(record, count, position, source, number)


def _records(data: Path, count: int, position: int) -> tuple[list[dict[str, Any]], str]:
    name = f"nq-open-{count}_total_documents_gold_at_{position}.jsonl.gz"
    original = data / ORIGINAL / name
    if original.exists():
        return read_original(original, sha256=ORIGINAL_SHA256[count, position]), "original"
    derived = f"derived-bm25-{count}docs-gold-at-{position}.dev.jsonl.gz"
    return list(read_records(data / DERIVED / derived)), "derived"


def read_original(path: Path, *, sha256: str) -> list[dict[str, Any]]:
    """The records of an original file: `question`, `answers`, `ctxs` with the gold one in place.

    Raises:
        UsageError: it is another file.
    """
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise UsageError(f"{path} is not the original file: its sha256 is {found[:12]}...")
    return list(read_records(path))


def item_of(record: Mapping[str, Any], count: int, position: int, source: str, number: int) -> Item:
    """A record in its arrangement, and where its gold document stands."""
    contexts = record["ctxs"]
    name = f"litm-{opaque_id(source, record['question'], [c['title'] for c in contexts])}"
    documents = DocumentSet(name, partial(write_documents, contexts))
    axes = {"documents": count, "gold_position": position, "source": source}
    gold = tuple(
        Place(f"documents.jsonl#{at}") for at, each in enumerate(contexts, 1) if each["isgold"]
    )
    asked = _question(record)
    sample = sample_of("litm_qa", asked, documents, axes, number=number, family=opaque_id(asked))
    return Item(sample, TaskGold((tuple(record["answers"]),), evidence=gold), documents)


def make_pool_items(data: Path, wanted: Wanted) -> Iterator[Item]:
    """Questions over the pooled passages of all questions: systems retrieve by themselves."""
    pool = list(read_records(data / POOL))
    questions = list(read_records(data / POOL_QUESTIONS))
    documents = DocumentSet(f"litm-pool-{len(pool)}", partial(write_documents, pool))
    at = {each["doc"]: number for number, each in enumerate(pool, 1)}
    for number, record in enumerate(
        chosen(questions, wanted.per_cell, seed=wanted.seed, cell="pool")
    ):
        sample = sample_of("litm_pool", _question(record), documents, {}, number=number)
        evidence = (Place(f"documents.jsonl#{at[record['gold']]}"),)
        yield Item(sample, TaskGold((tuple(record["answers"]),), evidence=evidence), documents)


def _question(record: Mapping[str, Any]) -> str:
    question: str = record["question"].strip()
    return question if question.endswith("?") else f"{question}?"


def _axis(values: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(set(values)))


LITM_QA = BenchmarkTask(
    name="litm_qa",
    summary="multi-document QA, gold document at a position (Lost in the Middle)",
    make=make_items,
    axes={
        "documents": _axis([count for count, _ in CELLS]),
        "gold_position": _axis([position for _, position in CELLS]),
    },
    metrics=("subspan", "evidence_cited"),
    files=(DERIVED, ORIGINAL),
)

LITM_POOL = BenchmarkTask(
    name="litm_pool",
    summary="the same questions over all passages together (MemGPT, figure 5)",
    make=make_pool_items,
    axes={},
    metrics=("subspan", "evidence_cited"),
    files=(POOL, POOL_QUESTIONS),
)
