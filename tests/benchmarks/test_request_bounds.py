"""How often systems may ask: said beforehand, and never exceeded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from random import Random

import pytest

from benchmarks.samples import SystemQuestion
from benchmarks.systems.registry import system_named
from benchmarks.systems.system import Setup
from benchmarks.systems.text_cutting import shown_tokens
from benchmarks.tasks.scattered_prose import paragraph
from docpager import Archive, ingest
from docpager.core.tokens import BuiltInEstimator
from docpager.models.extractive.parsing import parse_passages
from docpager.models.messages import ChatModel, ModelReply, ModelRequest

COUNT = BuiltInEstimator().count


class Quoting(ChatModel):
    """Quotes the beginning of every page, as many as a reply may hold: notes are always full."""

    name = "quoting"

    async def complete(self, request: ModelRequest) -> ModelReply:
        lines = ["This."]
        for page in parse_passages(request.turns[0].text):
            line = f'[D{page.document}:c{page.ordinal}] "{page.text[:60].splitlines()[0]}"'
            if COUNT("\n".join([*lines, line])) > request.max_output_tokens:
                break
            lines.append(line)
        return ModelReply("\n".join(lines))


@pytest.fixture(scope="module", params=("prose", "records"))
def archive(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archive]:
    """Long passages, or many so short that their headers are longer than they."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "documents").mkdir()
    if request.param == "prose":
        prose = "\n\n".join(paragraph(Random(number)) for number in range(250))
        (folder / "documents" / "prose.txt").write_text(prose)
    else:
        lines = (json.dumps({"text": f"item {number} is red"}) for number in range(1_200))
        (folder / "documents" / "records.jsonl").write_text("\n".join(lines))
    ingest([folder / "documents"], folder / "archive")
    with closing(Archive.open(folder / "archive")) as opened:
        yield opened


@pytest.mark.parametrize("window", (4_200, 6_500, 12_000))
@pytest.mark.parametrize("name", ("sliding-notes", "map-reduce", "refine"))
def test_nobody_asks_more_often_than_it_said(archive: Archive, name: str, window: int) -> None:
    setup = Setup(Quoting(), window)
    most = system_named(name).most_requests(shown_tokens(archive.documents()), setup)

    answer = asyncio.run(
        system_named(name).answer(SystemQuestion("q", "What is red?"), archive, setup)
    )

    assert answer.status == "answered"
    assert answer.peak_tokens <= window
    assert 1 < answer.requests <= most <= 4 * answer.requests


def test_shown_tokens_count_headers(archive: Archive) -> None:
    entries = archive.documents()
    headers = sum(COUNT(f"[D{e.id}:c{n}]\n") for e in entries for n in range(1, e.passages + 1))

    assert shown_tokens(entries) >= sum(entry.tokens for entry in entries) + headers


def test_a_larger_safety_factor_asks_more_often() -> None:
    plain, safe = (Setup(Quoting(), 16_000, factor=factor) for factor in (1.0, 2.0))
    system = system_named("refine")

    assert system.most_requests(10**6, plain) < system.most_requests(10**6, safe)
