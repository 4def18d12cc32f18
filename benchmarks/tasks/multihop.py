"""Multi-hop questions over a pooled corpus: HotpotQA and MuSiQue."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.samples import TaskGold
from benchmarks.tasks.files import chosen, read_records, write_documents
from benchmarks.tasks.task import BenchmarkTask, DocumentSet, Item, Wanted, sample_of
from docpager.core.places import Place

__all__ = ["MULTIHOP"]

FOLDER = "multihop"
Reading = tuple[str, tuple[str, ...], set[tuple[str, str]]]
"""Kind of the question, accepted answers, and the paragraphs it needs (title and text)."""


def make_items(data: Path, wanted: Wanted) -> Iterator[Item]:
    """Items by data set and kind."""
    for name in map(str, wanted.of("set")):
        corpus = list(read_records(data / FOLDER / f"{name}-corpus.dev.jsonl.gz"))
        places = {(each["title"], each["text"]): n for n, each in enumerate(corpus, 1)}
        documents = DocumentSet(f"{name}-{len(corpus)}", partial(write_documents, corpus))
        records = list(read_records(data / FOLDER / f"{name}.dev.jsonl.gz"))
        kinds = [_READERS[name](record)[0] for record in records]
        for kind in dict.fromkeys(kinds):
            of_kind = [r for r, each in zip(records, kinds, strict=True) if each == kind]
            drawn = chosen(of_kind, wanted.per_cell, seed=wanted.seed, cell=kind)
            for number, record in enumerate(drawn):
                yield _item(name, record, documents, places, number)


def _item(
    name: str,
    record: Mapping[str, Any],
    documents: DocumentSet,
    places: Mapping[tuple[str, str], int],
    number: int,
) -> Item:
    kind, answers, needed = _READERS[name](record)
    numbers = sorted(places[each] for each in needed if each in places)
    evidence = tuple(Place(f"documents.jsonl#{at}") for at in numbers)
    axes = {"set": name, "kind": kind}
    sample = sample_of("multihop", record["question"], documents, axes, number=number)
    return Item(sample, TaskGold((answers,), evidence=evidence), documents)


def _hotpotqa(record: Mapping[str, Any]) -> Reading:
    titles = {title for title, _ in record["supporting_facts"]}
    needed = {(t, "".join(sentences)) for t, sentences in record["context"] if t in titles}
    return record["type"], (record["answer"],), needed


def _musique(record: Mapping[str, Any]) -> Reading:
    needed = {
        (each["title"], each["paragraph_text"])
        for each in record["paragraphs"]
        if each["is_supporting"]
    }
    kind = f"{record['id'][0]} hops"
    return kind, (record["answer"], *record["answer_aliases"]), needed


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Reading]] = {
    "hotpotqa": _hotpotqa,
    "musique": _musique,
}

MULTIHOP = BenchmarkTask(
    name="multihop",
    summary="questions that need two to four paragraphs of a pooled corpus",
    make=make_items,
    axes={"set": ("hotpotqa", "musique")},
    metrics=("subspan", "f1", "evidence_cited"),
    files=tuple(
        f"{FOLDER}/{name}{part}.dev.jsonl.gz" for name in _READERS for part in ("", "-corpus")
    ),
)
