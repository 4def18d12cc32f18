"""docpager as a system, and docpager with a part of it taken away."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.samples import SystemQuestion
from benchmarks.systems.system import Setup, Stretch, SystemAnswer, scope_of, stretches
from docpager import AnswerLine, Archive, PagingSettings, RunLimits
from docpager.archive.search import SearchPage
from docpager.core.errors import UsageError
from docpager.core.passages import PassageRange
from docpager.models.messages import ChatModel, ModelReply, ModelRequest
from docpager.paging.statistics import PagingStatistics, faults_under_belady, faults_under_lru
from docpager.run.journal import read_journal
from docpager.run.replay import Replay
from docpager.run.service import AskSettings, ask_archive

__all__ = ["Paging"]


@dataclass(frozen=True)
class Paging:
    """docpager through its library; `without` names what is taken away."""

    policy: str = "recent"
    without: str = ""
    """`notes`, `log`, `pins`, `page_out`, `words` or `meaning`."""

    @property
    def name(self) -> str:
        if self.without:
            return f"docpager:without={self.without}"
        return "docpager" if self.policy == "recent" else f"docpager:policy={self.policy}"

    @property
    def remark(self) -> str:
        if self.without == "page_out":
            return "ablation: the model is not offered page_out"
        return "ablation" if self.without or self.policy != "recent" else ""

    def most_requests(self, tokens: int, setup: Setup) -> int:
        return setup.max_steps

    async def answer(
        self, question: SystemQuestion, archive: Archive, setup: Setup
    ) -> SystemAnswer:
        model: ChatModel = setup.model
        if self.without == "page_out":
            model = _Without(model, "page_out")
        library = archive
        if self.without in ("words", "meaning"):
            library = _OneWay(archive, by="meaning" if self.without == "words" else "words")
        journal = _fresh(setup.journals, f"{question.id}-{self.name}-{setup.window}.jsonl")
        line = await ask_archive(
            question.text,
            library,  # type: ignore[arg-type]
            model,
            settings=self._settings(setup),
            scope=scope_of(question, archive),
            journal=journal,
            id=question.id,
        )
        return _answer(line, archive)

    def _settings(self, setup: Setup) -> AskSettings:
        return AskSettings(
            paging=PagingSettings(
                window=setup.window,
                max_output=setup.max_output,
                notes=self.without != "notes",
                reading_log=self.without != "log",
                pins=self.without != "pins",
            ),
            limits=RunLimits(max_steps=setup.max_steps, max_usd=setup.max_usd),
            policy=self.policy,
            factor=setup.factor,
        )


class _OneWay:
    """An archive that is searched by words alone, or by meaning alone."""

    def __init__(self, archive: Archive, *, by: str) -> None:
        self._archive, self._by = archive, by

    def __getattr__(self, name: str) -> object:
        return getattr(self._archive, name)

    def search(self, query: str, **where: object) -> SearchPage:
        return self._archive.search(query, by=self._by, **where)  # type: ignore[arg-type]


class _Without(ChatModel):
    """A model that is not offered one of the functions, nor asked for counts, as `Remembering`."""

    def __init__(self, model: ChatModel, function: str) -> None:
        self.name = model.name
        self._model, self._function = model, function

    async def complete(self, request: ModelRequest) -> ModelReply:
        offered = tuple(each for each in request.functions if each.name != self._function)
        return await self._model.complete(replace(request, functions=offered))


def _fresh(folder: Path | None, name: str) -> Path | None:
    """A place for a journal; one that an interrupted comparison left there is removed."""
    if folder is None:
        return None
    path = folder / name.replace(":", "-").replace("=", "-")
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    return path


def _answer(line: AnswerLine, archive: Archive) -> SystemAnswer:
    if line.journal is None:
        raise UsageError("a run without a journal cannot be examined")
    statistics, frames = _replayed(Path(line.journal))
    return SystemAnswer(
        status=line.status,
        text=line.answer or "",
        citations=line.citations,
        requests=line.steps,
        usage=line.usage,
        cost_usd=line.cost_usd,
        peak_tokens=line.paging["peak_worst_case"],
        shown=_read(statistics, archive),
        paging={**line.paging, **_offline(statistics, frames, line.steps)},
        journal=Path(line.journal).name,
        error=line.error or "",
    )


def _replayed(journal: Path) -> tuple[PagingStatistics, int]:
    """The run made again from its journal, every request proved; most passages resident at once."""
    replay = Replay(read_journal(journal))
    most = 1
    for entry in replay.record.entries:
        replay.feed(entry)
        most = max(most, len(replay.run.context.table.ids))
    return replay.run.context.statistics, most


def _read(statistics: PagingStatistics, archive: Archive) -> tuple[Stretch, ...]:
    """All that was ever paged in."""
    passages = [
        passage
        for number, ordinal in sorted(statistics.read)
        for passage in archive.load_range(PassageRange(number, ordinal, ordinal))
    ]
    return stretches(passages, archive)


def _offline(statistics: PagingStatistics, frames: int, steps: int) -> Mapping[str, float]:
    """Faults of the recorded page-ins under other replacements with as many frames.

    The answer's citations are left out: notes serve them, and no replacement could.
    """
    references = [passage for step, passage in statistics.reference_string if step < steps]
    return {
        "references": len(references),
        "frames": frames,
        "lru_faults": faults_under_lru(references, frames=frames),
        "belady_faults": faults_under_belady(references, frames=frames),
    }
