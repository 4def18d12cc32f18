"""Systems use their windows: all of the text where it fits, and as much as fits elsewhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from benchmarks.samples import SystemQuestion
from benchmarks.systems.reading import ModelReader
from benchmarks.systems.registry import system_named
from benchmarks.systems.system import Setup, Stretch, SystemAnswer
from benchmarks.systems.text_cutting import Unread, fill, forwards, passage_size
from benchmarks.tasks.scattered_prose import paragraph
from docpager import Archive, ingest
from docpager.core.tokens import BuiltInEstimator
from docpager.models.extractive import ExtractiveModel
from docpager.models.extractive.parsing import parse_passages
from docpager.models.messages import ModelReply, ModelRequest

COUNT = BuiltInEstimator().count
CHAIN = {"key-a-1": "key-b-2", "key-b-2": "value-c-3"}
QUESTION = SystemQuestion("q", "Final value of key key-a-1? Follow values that are keys.")
ALL_SEEING = (
    "truncate-head",
    "truncate-tail",
    "truncate-both",
    "equal-share",
    "sliding-notes",
    "map-reduce",
    "refine",
    "whole-text",
)


class Listening(ExtractiveModel):
    """The built-in reader, which keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[ModelRequest] = []

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.requests.append(request)
        return await super().complete(request)

    def pages(self, request: int) -> list[tuple[int, str]]:
        """Ordinals and texts of the pages in a request, as often as they stand there."""
        seen = parse_passages(self.requests[request].turns[0].text)
        return [(passage.ordinal, passage.text) for passage in seen]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """One document of about 5,000 tokens; the links of a chain stand near its two ends."""
    folder = tmp_path_factory.mktemp("windows")
    blocks = [paragraph(Random(number)) for number in range(60)]
    for at, (key, value) in zip((2, -2), CHAIN.items(), strict=True):
        blocks.insert(at, json.dumps({key: value}))
    (folder / "documents").mkdir()
    (folder / "documents" / "one.txt").write_text("\n\n".join(blocks))
    ingest([folder / "documents"], folder / "archive")
    with closing(Archive.open(folder / "archive")) as opened:
        yield opened


def answered(
    archive: Archive, name: str, window: int, journals: Path, model: ExtractiveModel | None = None
) -> SystemAnswer:
    setup = Setup(model or ExtractiveModel(), window, journals=journals)
    return asyncio.run(system_named(name).answer(QUESTION, archive, setup))


def window_with_room(archive: Archive, spare: int) -> int:
    """The window whose room is that much larger than the whole text."""
    room = ModelReader(QUESTION, archive, Setup(ExtractiveModel(), 10_000)).room
    whole = sum(passage_size(passage, COUNT) for passage in forwards(archive, [1]))
    return 10_000 - room + whole + spare


def characters(shown: tuple[Stretch, ...]) -> int:
    return sum(stretch.end - stretch.start for stretch in shown)


@pytest.mark.parametrize("spare", (0, 1, 3_000))
def test_where_everything_fits_all_answer_the_same_once(
    archive: Archive, spare: int, tmp_path: Path
) -> None:
    window = window_with_room(archive, spare)
    asked = {name: Listening() for name in ALL_SEEING}

    answers = [answered(archive, name, window, tmp_path, asked[name]) for name in ALL_SEEING]

    whole = (Stretch("one.txt", 0, len(archive.text(1))),)
    assert {answer.text for answer in answers} == {"value-c-3"}
    assert {answer.shown for answer in answers} == {whole}
    assert {answer.requests for answer in answers} == {1}
    assert len({model.requests[0].turns for model in asked.values()}) == 1


@pytest.mark.parametrize("name", ("sliding-notes", "refine", "map-reduce"))
def test_the_first_request_is_filled_with_whole_passages(
    archive: Archive, name: str, tmp_path: Path
) -> None:
    model = Listening()
    room = ModelReader(QUESTION, archive, Setup(model, 5_000)).room

    answered(archive, name, 5_000, tmp_path, model)

    fitting = fill(forwards(archive, [1]), room, COUNT)
    assert [ordinal for ordinal, _ in model.pages(0)] == [p.ordinal for p in fitting]


@pytest.mark.parametrize("name", ("sliding-notes", "refine"))
def test_later_requests_are_filled_beside_the_notes(
    archive: Archive, name: str, tmp_path: Path
) -> None:
    model = Listening()
    setup = Setup(model, 4_500)
    reader = ModelReader(QUESTION, archive, setup)

    answered(archive, name, 4_500, tmp_path, model)

    (note, first), *chunk = model.pages(1)
    left = reader.room - reader.count(f"[D1:c{note}]\n{first}\n")
    after_first = [p for p in forwards(archive, [1]) if p.ordinal > model.pages(0)[-1][0]]
    assert first == '"key-a-1": "key-b-2"'
    assert [ordinal for ordinal, _ in chunk] == [
        passage.ordinal for passage in fill(after_first, left, COUNT)
    ]


def test_a_passage_larger_than_the_room_is_read_in_parts(archive: Archive) -> None:
    unread, parts = Unread(forwards(archive, [1]), COUNT), []
    while chunk := unread.take(60):
        parts += chunk

    assert all(passage_size(part, COUNT) <= 60 for part in parts)
    assert "".join(part.text for part in parts) == archive.text(1)


def test_head_and_tail_that_meet_in_a_passage_both_show_their_part(
    archive: Archive, tmp_path: Path
) -> None:
    model = Listening()

    answer = answered(archive, "truncate-both", window_with_room(archive, -20), tmp_path, model)

    pages = model.pages(0)
    assert [ordinal for ordinal, _ in pages] == list(range(1, archive.document(1).passages + 1))
    # What does not fit, and the second header of the passage in the middle.
    assert len(archive.text(1)) - characters(answer.shown) < (20 + 10) * 6
    assert answer.text == "value-c-3"


def test_a_search_without_a_number_fills_the_window(archive: Archive, tmp_path: Path) -> None:
    filled, counted = (
        answered(archive, name, 5_000, tmp_path) for name in ("retrieve-once", "retrieve-once:k=99")
    )

    # The size of a fence is set aside as an upper bound.
    assert 5_000 - 60 <= filled.peak_tokens <= 5_000
    assert characters(counted.shown) < characters(filled.shown)
