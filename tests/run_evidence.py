"""What a finished run proves by its journal: what was resident when, and what was said when."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from docpager.core.passages import PassageId
from docpager.core.settings import PagingSettings, RunLimits
from docpager.models.messages import ChatModel, ModelReply
from docpager.paging.epoch import canonical_json
from docpager.run.answer_line import AnswerLine
from docpager.run.journal import read_journal
from docpager.run.replay import Replay
from docpager.run.service import AskSettings, OpenArchive, ask_archive


@dataclass(frozen=True)
class Evidence:
    """A run made again from its journal; moments are positions of its entries."""

    line: AnswerLine
    became_resident: dict[PassageId, int]
    """When results first brought each passage into main context."""
    replies: tuple[tuple[int, str], ...]
    """When each reply came, and its text and calls as JSON."""

    def first_said(self, words: str) -> int | None:
        """When a reply first held `words`."""
        return next((moment for moment, said in self.replies if words in said), None)


def ask_with_evidence(
    question: str,
    archive: OpenArchive,
    model: ChatModel,
    *,
    paging: PagingSettings,
    journal: Path,
    limits: RunLimits | None = None,
    scope: list[int] | None = None,
) -> Evidence:
    """Ask, then replay the journal (which proves every request) and watch main context."""
    settings = AskSettings(paging=paging, limits=limits or RunLimits())
    line = asyncio.run(
        ask_archive(question, archive, model, settings=settings, scope=scope, journal=journal)
    )
    return _watch(line, journal)


def _watch(line: AnswerLine, journal: Path) -> Evidence:
    record = read_journal(journal)
    replay = Replay(record)
    resident: dict[PassageId, int] = {}
    replies = []
    for moment, entry in enumerate(record.entries):
        replay.feed(entry)
        if entry.kind == "results":
            for passage in replay.run.context.table.ids:
                resident.setdefault(passage, moment)
        if entry.reply is not None:
            replies.append((moment, _said(entry.reply)))
    return Evidence(line, resident, tuple(replies))


def _said(reply: ModelReply) -> str:
    calls = [[call.name, dict(call.arguments)] for call in reply.calls]
    return canonical_json([reply.text, calls])
