"""MemGPT's nested key-value task: UUID pairs as JSON text, in which values lead to other keys.

With the paper's data at hand its record and orderings are asked for 140 pairs and up to five
nestings; everything else is made from the seed. Pairs that belong to different questions never
meet, so that one made record serves many questions.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

from benchmarks.samples import TaskGold, opaque_id
from benchmarks.tasks.task import BenchmarkTask, DocumentSet, Item, Wanted, sample_of
from docpager.core.errors import UsageError
from docpager.core.places import Place

__all__ = ["NESTED_KV"]

FOLDER = "memgpt-nested-kv"
RECORD = "record.txt"
PAPER_PAIRS = 140
PAPER_NESTINGS = range(6)
QUESTION = "Final value of key {}? Follow values that are keys."
STEP = len('"": "", ') + 2 * 36
"""Characters from one pair to the next."""

Pairs = list[tuple[str, str]]


def make_items(data: Path, wanted: Wanted) -> Iterator[Item]:
    """Items by number of pairs and nesting."""
    has_paper = (data / FOLDER).is_dir()
    nestings = [int(each) for each in wanted.of("nesting")]
    for pairs in map(int, wanted.of("pairs")):
        in_paper = PAPER_NESTINGS if has_paper and pairs == PAPER_PAIRS else ()
        printed = [nesting for nesting in nestings if nesting in in_paper]
        for nesting in printed:
            yield from _paper_items(data / FOLDER, nesting, wanted)
        yield from _made_items(pairs, [n for n in nestings if n not in printed], wanted)


def _paper_items(folder: Path, nesting: int, wanted: Wanted) -> Iterator[Item]:
    record = json.loads((folder / "kv-record-0.json").read_text("utf-8"))["ordered_kv_records"]
    path = folder / f"orderings_{nesting + 1}_indices.seeds-0-49.jsonl"
    orderings = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for number, indices in enumerate(orderings[: wanted.per_cell]):
        pairs = [(key, value) for key, value in record]
        _nest(pairs, indices)
        documents = DocumentSet(f"nested-{opaque_id(pairs)}", partial(_write, pairs))
        yield _item(pairs, indices, documents, source="paper", number=number)


def _made_items(count: int, nestings: Sequence[int], wanted: Wanted) -> Iterator[Item]:
    """As many chains in one record as it has pairs for, then another record."""
    chains = [(nesting, n) for n in range(wanted.per_cell) for nesting in nestings]
    links = sum(nesting + 1 for nesting in nestings)
    if links > count:
        raise UsageError(f"{count} pairs cannot hold a chain of each nesting ({links} pairs)")
    together = len(nestings) * (count // links) if links else 0
    for part, first in enumerate(range(0, len(chains), together or 1)):
        chosen = chains[first : first + together]
        source = random.Random(f"{count}/{wanted.seed}/{part}")
        pairs = [(_uuid(source), _uuid(source)) for _ in range(count)]
        free = iter(source.sample(range(count), sum(nesting + 1 for nesting, _ in chosen)))
        orderings = [[next(free) for _ in range(nesting + 1)] for nesting, _ in chosen]
        for indices in orderings:
            _nest(pairs, indices)
        name = f"nested-{opaque_id(count, wanted.seed, part, orderings)}"
        documents = DocumentSet(name, partial(_write, pairs))
        for (_, number), indices in zip(chosen, orderings, strict=True):
            yield _item(pairs, indices, documents, source="made", number=number)


def _item(
    pairs: Pairs, indices: Sequence[int], documents: DocumentSet, *, source: str, number: int
) -> Item:
    links = [pairs[index] for index in indices]
    axes = {"pairs": len(pairs), "nesting": len(indices) - 1, "source": source}
    question = QUESTION.format(links[0][0])
    evidence = tuple(
        Place(RECORD, start=1 + STEP * index, end=STEP * (index + 1) - 1) for index in indices
    )
    return Item(
        sample_of("nested_kv", question, documents, axes, number=number),
        TaskGold(((links[-1][1],),), tuple(value for _, value in links[:-1]), evidence),
        documents,
    )


def _nest(pairs: Pairs, indices: Sequence[int]) -> None:
    """Make the value of each pair but the last the key of the next."""
    for here, following in pairwise(indices):
        pairs[here] = (pairs[here][0], pairs[following][0])


def _write(pairs: Pairs, folder: Path) -> None:
    (folder / RECORD).write_text(json.dumps(dict(pairs)), "utf-8")


def _uuid(source: random.Random) -> str:
    return str(uuid.UUID(int=source.getrandbits(128), version=4))


NESTED_KV = BenchmarkTask(
    name="nested_kv",
    summary="follow UUID keys through a JSON record (MemGPT, nested key-value)",
    make=make_items,
    axes={"pairs": (140, 10_000), "nesting": tuple(range(11))},
    metrics=("exact",),
    files=(FOLDER,),
)
