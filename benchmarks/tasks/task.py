"""Task: makes items, then hands out samples and gold apart."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.samples import Axis, SystemQuestion, TaskGold, TaskSample, opaque_id
from docpager.core.errors import UsageError

__all__ = ["BenchmarkTask", "DocumentSet", "Item", "Wanted", "sample_of"]


@dataclass(frozen=True, slots=True)
class DocumentSet:
    """Documents that questions are asked of; written to disk once for all systems."""

    name: str
    write: Callable[[Path], None]
    """Puts the documents into a folder."""


@dataclass(frozen=True, slots=True)
class Item:
    """A sample and its gold, before they part."""

    sample: TaskSample
    gold: TaskGold
    documents: DocumentSet


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which items of a task: values of its axes, how many of each cell, from which seed."""

    axes: Mapping[str, tuple[Axis, ...]] = field(default_factory=dict)
    per_cell: int = 20
    seed: int = 0

    def of(self, axis: str) -> tuple[Axis, ...]:
        """The values that were asked for."""
        return self.axes[axis]


@dataclass(frozen=True, slots=True)
class BenchmarkTask:
    """A kind of question, with gold that can be checked by rule."""

    name: str
    summary: str
    make: Callable[[Path, Wanted], Iterable[Item]]
    """Items from a data folder: the same for the same folder and wish."""
    axes: Mapping[str, tuple[Axis, ...]]
    """Every axis with the values that are taken where none are named."""
    metrics: tuple[str, ...]
    """Names of metrics, the one that counts first."""
    files: tuple[str, ...] = ()
    """What it reads of the data folder: files and folders."""
    own_files: Mapping[str, str] = field(default_factory=dict)
    """sha256 of the user's own files that it reads, by path."""

    def wanted(self, axes: Mapping[str, Sequence[Axis]], *, per_cell: int, seed: int = 0) -> Wanted:
        """A wish with every axis filled in.

        Raises:
            UsageError: there is no such axis.
        """
        for name in axes:
            if name not in self.axes:
                raise UsageError(
                    f"task {self.name!r} has no axis {name!r}; it has {', '.join(self.axes)}"
                )
        chosen = {name: tuple(axes.get(name, values)) for name, values in self.axes.items()}
        return Wanted(chosen, per_cell, seed)

    def samples(
        self, data: Path, wanted: Wanted
    ) -> tuple[Sequence[TaskSample], Mapping[str, DocumentSet]]:
        """The samples, without gold, and the sets of documents by name."""
        items = self._items(data, wanted)
        sets = {item.documents.name: item.documents for item in items}
        return [item.sample for item in items], sets

    def golds(self, data: Path, wanted: Wanted) -> Mapping[str, TaskGold]:
        """What is right, by question. For `score` alone."""
        return {item.sample.question.id: item.gold for item in self._items(data, wanted)}

    def _items(self, data: Path, wanted: Wanted) -> list[Item]:
        """Items whose ids follow from all gold: who does not know it cannot try out axes."""
        items = list(self.make(data, wanted))
        secret = opaque_id(*(item.gold.secret for item in items))
        return [replace(item, sample=_renamed(item.sample, secret)) for item in items]

    def checksums(self, data: Path) -> dict[str, str]:
        """sha256 of every file that the task reads."""
        of_data = {
            path.relative_to(data).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for name in self.files
            for path in sorted(_files_at(data / name))
        }
        return {**of_data, **self.own_files}


def _files_at(place: Path) -> Iterable[Path]:
    if place.is_dir():
        return (path for path in place.rglob("*") if path.is_file())
    return [place] if place.is_file() else []


def _renamed(sample: TaskSample, secret: str) -> TaskSample:
    name = opaque_id(secret, sample.question.id)
    family = name if sample.family == sample.question.id else sample.family
    return replace(sample, question=replace(sample.question, id=name), family=family)


def sample_of(
    task: str,
    text: str,
    documents: DocumentSet,
    axes: Mapping[str, Axis],
    *,
    number: int,
    only: Sequence[str] = (),
    family: str = "",
) -> TaskSample:
    """A sample with an id of its own; what a system is told is made of it and the gold."""
    name = opaque_id(task, text, documents.name, sorted(axes.items()), number)
    question = SystemQuestion(name, text, tuple(only))
    return TaskSample(question, documents.name, dict(axes), family or name)
