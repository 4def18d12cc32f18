"""Which passages stood in main context at each step, from a run's journal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from docpager.core.passages import PassageId
from docpager.run.journal import read_journal
from docpager.run.replay import Replay

__all__ = ["Residency", "residency_of"]


@dataclass(frozen=True, slots=True)
class Residency:
    """One run, step by step."""

    question: str
    window: int
    resident: tuple[frozenset[PassageId], ...]
    """What was in main context when each request was sent."""
    tokens: tuple[int, ...]
    """Size of each prompt."""
    rebuilt: tuple[int, ...]
    """Steps whose request began a new epoch, from 1."""

    @property
    def passages(self) -> list[PassageId]:
        """Every passage that was ever resident, in the order of arrival."""
        return list(dict.fromkeys(p for now in self.resident for p in sorted(now)))


def residency_of(journal: Path) -> Residency:
    """Replay a run and watch its main context; every request is proved on the way."""
    record = read_journal(journal)
    replay = Replay(record)
    resident: list[frozenset[PassageId]] = []
    tokens: list[int] = []
    rebuilt: list[int] = []
    before = 0
    for entry in record.entries:
        replay.feed(entry)
        if entry.kind == "request":
            context = replay.run.context
            resident.append(frozenset(context.table.ids))
            tokens.append(entry.prompt_tokens)
            if context.statistics.rebuilds > before:
                rebuilt.append(len(resident))
            before = context.statistics.rebuilds
    plan = record.header.plan
    return Residency(
        plan.question, plan.paging.window, tuple(resident), tuple(tokens), tuple(rebuilt)
    )
