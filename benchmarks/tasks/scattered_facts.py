"""Scattered facts: chains of records all over long sections, which notes have to carry.

`places` sections are asked for at once and each is `section_tokens` long: their product over the
window says how many windows of text must be read before the answer can be given.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.samples import TaskGold, opaque_id
from benchmarks.tasks.scattered_puzzles import Puzzle, make_puzzle
from benchmarks.tasks.task import BenchmarkTask, DocumentSet, Item, Wanted, sample_of
from docpager.core.places import Place

__all__ = ["SCATTERED_FACTS"]

DOCUMENT = "harbour.md"


def make_items(data: Path, wanted: Wanted) -> Iterator[Item]:
    """Puzzles by number of places and their size; nothing is read from `data`."""
    for places in map(int, wanted.of("places")):
        for section_tokens in map(int, wanted.of("section_tokens")):
            for named_by in map(str, wanted.of("named_by")):
                for number in range(wanted.per_cell):
                    yield _item(places, section_tokens, named_by, number, wanted.seed)


def _item(places: int, section_tokens: int, named_by: str, number: int, seed: int) -> Item:
    drawn = seed * 1000 + number
    puzzle = make_puzzle(places, window=0, seed=drawn, section_tokens=section_tokens)
    documents = DocumentSet(f"scattered-{opaque_id(puzzle.text)}", partial(_write, puzzle))
    axes = {
        "places": places,
        "section_tokens": section_tokens,
        "text": places * section_tokens,
        "named_by": named_by,
    }
    asked = puzzle.question if named_by == "sections" else puzzle.question_by_passages
    sample = sample_of("scattered_facts", asked, documents, axes, number=number)
    return Item(sample, _gold(puzzle), documents)


def _gold(puzzle: Puzzle) -> TaskGold:
    wrong = [r.value for place in puzzle.places for r in (*place.chain[:-1], *place.distractors)]
    return TaskGold(
        parts=tuple((place.value,) for place in puzzle.places),
        rivals=tuple(wrong),
        evidence=tuple(
            Place(DOCUMENT, start=start, end=start + len(record.text))
            for place in puzzle.places
            for record in place.chain
            for start in [puzzle.text.index(record.text, place.start)]
        ),
    )


def _write(puzzle: Puzzle, folder: Path) -> None:
    (folder / DOCUMENT).write_text(puzzle.text, "utf-8")


SCATTERED_FACTS = BenchmarkTask(
    name="scattered_facts",
    summary="records scattered over long sections, several of which are asked for at once",
    make=make_items,
    axes={
        "places": (4, 8),
        "section_tokens": (2_000, 8_000),
        "named_by": ("sections", "passages"),
    },
    metrics=("all_parts", "parts"),
)
