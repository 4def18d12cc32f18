"""Pieces of one passage: shown as one page, so that none covers another."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from benchmarks.samples import SystemQuestion
from benchmarks.systems.registry import system_named
from benchmarks.systems.system import Setup
from benchmarks.systems.text_cutting import cut_after, cut_before, joined, joined_size, passage_size
from benchmarks.tasks.scattered_prose import paragraph
from docpager import Archive, ingest
from docpager.core.passages import Passage
from docpager.core.tokens import BuiltInEstimator
from docpager.models.extractive import ExtractiveModel
from docpager.models.extractive.parsing import parse_passages
from docpager.paging.rendering import render_passages

WHOLE = Passage(2, 7, "One is red. Two is blue. Three is green.", 12, 100, 45, ((12, 46), (25, 47)))


def piece(text: str) -> Passage:
    """That part of the passage, as a quote of it."""
    after = len(WHOLE.text) - WHOLE.text.index(text)
    return cut_after(cut_before(WHOLE, after), len(text))


def test_quotes_of_one_passage_become_one_page_in_text_order() -> None:
    other = Passage(2, 8, "Four.", 2, 140, 47)

    pages = joined([piece("Three is green."), other, piece("One is red."), piece("One is red.")])

    assert [page.id for page in pages] == [WHOLE.id, other.id]
    assert pages[0].text == "One is red.\nThree is green."
    assert pages[0].start == WHOLE.start


@pytest.mark.parametrize(
    "second", (" is blue. Three", "Two is blue. Three", ". Two is blue. Three")
)
def test_pieces_that_touch_or_overlap_give_back_the_text_between(second: str) -> None:
    (page,) = joined([piece(second), piece("One is red. Two")])

    assert page.text == "One is red. Two is blue. Three"


def test_a_piece_within_another_adds_nothing() -> None:
    assert joined([WHOLE, piece("Two is blue.")]) == [WHOLE]


def test_joined_quotes_stay_on_their_pdf_pages() -> None:
    (page,) = joined([piece("One is red."), piece("Three is green.")])
    (seen,) = parse_passages(render_passages([page]))

    assert page.pdf_pages == (45, 47)
    assert page.pdf_page_at(page.text.index("Three")) == 47
    assert seen.text == page.text
    assert [number for _, number in seen.page_starts] == [45, 47]


def test_halves_of_a_passage_join_to_the_passage_itself() -> None:
    for length in range(1, len(WHOLE.text)):
        halves = [cut_before(WHOLE, len(WHOLE.text) - length), cut_after(WHOLE, length)]
        assert joined(halves) == [WHOLE]


def test_joined_quotes_take_no_more_room_than_apart() -> None:
    count = BuiltInEstimator().count
    pieces = [piece("Three is green."), piece("One is red."), piece("Two is blue.")]

    assert joined_size(pieces, count) < sum(passage_size(each, count) for each in pieces)


@pytest.mark.parametrize(
    ("name", "last"),
    # Windows are mapped apart: where the chain goes on is not noticed there.
    (("sliding-notes", "value-d-4"), ("refine", "value-d-4"), ("map-reduce", "key-c-3")),
)
def test_two_links_quoted_from_one_passage_both_stay(name: str, last: str, tmp_path: Path) -> None:
    links = {"key-a-1": "key-b-2", "filler-x-1": "filler-y-1", "key-b-2": "key-c-3"}
    blocks = [paragraph(Random(number)) for number in range(60)]
    blocks.insert(1, json.dumps(links))
    blocks.append(json.dumps({"key-c-3": "value-d-4"}))
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "links.txt").write_text("\n\n".join(blocks))
    ingest([tmp_path / "documents"], tmp_path / "archive")
    question = SystemQuestion("q", "Final value of key key-a-1? Follow values that are keys.")
    setup = Setup(ExtractiveModel(), 5_000, journals=tmp_path)

    with closing(Archive.open(tmp_path / "archive")) as archive:
        answer = asyncio.run(system_named(name).answer(question, archive, setup))

    assert answer.requests > 1
    assert answer.text == last
