"""Whatever happens to a folder and its archive, in any order, the archive stays sound and true."""

from __future__ import annotations

import json
import random

import pytest

from docpager.archive.ingest import ingest
from docpager.archive.integrity import verify
from docpager.archive.maintenance import compact, forget
from docpager.testing import HashingEmbedder

STEPS = 22


class History:
    """A folder and an archive that somebody uses at random."""

    def __init__(self, workshop, seed: int) -> None:
        self.workshop = workshop
        self.random = random.Random(seed)
        self.done: list[str] = []

    def step(self) -> None:
        often = [self.write, self.ingest] * 3
        chosen = self.random.choice(
            [*often, self.write_lines, self.move, self.remove, self.forget, self.compact]
        )
        self.done.append(chosen.__name__)
        chosen()

    def write(self) -> None:
        name = f"f{self.random.randrange(6)}_txt"
        self.workshop.write(**{name: f"state {self.random.randrange(8)}"})

    def write_lines(self) -> None:
        numbers = [self.random.randrange(5) for _ in range(self.random.randrange(1, 5))]
        lines = (json.dumps({"text": f"state of record {number}"}) for number in numbers)
        self.workshop.write(r_jsonl="\n".join(lines))

    def move(self) -> None:
        if files := sorted(self.workshop.files.iterdir()):
            path = self.random.choice(files)
            path.rename(path.with_name(f"m{self.random.randrange(9)}{path.suffix}"))

    def remove(self) -> None:
        if files := sorted(self.workshop.files.iterdir()):
            self.random.choice(files).unlink()

    def ingest(self, *, prune: bool | None = None) -> None:
        ingest(
            [self.workshop.files],
            self.workshop.directory,
            embedder=HashingEmbedder(),
            source=self.workshop.source(),
            prune=self.random.random() < 0.6 if prune is None else prune,
            commit_passages=self.random.choice([1, 2, 1000]),
        )

    def forget(self) -> None:
        if documents := self.workshop.open().documents():
            forget(self.workshop.directory, [self.random.choice(documents).id])

    def compact(self) -> None:
        compact(self.workshop.directory)


def check(workshop) -> None:
    assert verify(workshop.directory).damages == ()
    archive = workshop.open()
    texts = {entry.id: archive.text(entry.id) for entry in archive.documents()}
    hits = archive.search("state", page_size=100).hits
    assert {hit.passage.document for hit in hits if hit.by != "meaning"} == set(texts)
    assert {hit.passage.document for hit in archive.grep("state", page_size=100).hits} == set(texts)


@pytest.mark.parametrize("seed", range(3))
def test_an_archive_tells_the_truth_after_any_history(workshop, seed):
    history = History(workshop, seed)
    history.write()
    history.ingest()
    for _ in range(STEPS):
        history.step()
        check(workshop)

    history.ingest(prune=True)

    archive = workshop.open()
    texts = {
        path: archive.text(entry.id)
        for entry in archive.documents()
        for path in entry.paths
        if path.endswith(".txt")
    }
    there = {path.name: path.read_text() for path in workshop.files.glob("*.txt")}
    assert texts == there, history.done
