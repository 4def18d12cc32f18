"""Questions whose answer is scattered over several windows: notes have to carry it."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from run_evidence import Evidence, ask_with_evidence
from toy_library import ToyLibrary, toy_document

from benchmarks.tasks.scattered_prose import paragraph
from benchmarks.tasks.scattered_puzzles import (
    Puzzle,
    PuzzlePlace,
    PuzzleRecord,
    make_puzzle,
    words_of,
)
from docpager.archive.archive import Archive
from docpager.archive.ingest import ingest
from docpager.core.locators import Locator, LocatorKind, parse_locator
from docpager.core.passages import Passage, PassageId
from docpager.core.settings import PagingSettings, RunLimits
from docpager.core.tokens import BuiltInEstimator
from docpager.models.extractive import ExtractiveModel
from docpager.models.messages import ToolCall, UserTurn
from docpager.models.scripted import ScriptedModel, call, reply
from docpager.paging.epoch import PromptSizer

SIZES = ((4, 4500), (8, 5000), (12, 6000))
"""Places of a question, and the window. A place is 3,500, 1,900 or 1,500 tokens long: the first do
not fit beside instructions and functions, and the last leave no room for another."""
SEEDS = (0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6)))
LIMITS = RunLimits(max_steps=400)
COMMON_WORDS = {"a", "and", "at", "in", "is", "of", "the", "to", "which", "what", "does"}


@dataclass(frozen=True)
class Asked:
    """A run over a puzzle, and what the archive made of the puzzle."""

    run: Evidence
    passages: Sequence[Passage]
    of_place: dict[str, list[PassageId]]
    """The passages that each named locator covers."""


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("places", "window"), SIZES)
def test_values_scattered_over_three_windows_are_all_found_and_cited(
    places: int, window: int, seed: int, tmp_path: Path
) -> None:
    puzzle = make_puzzle(places, window=window, seed=seed)

    assert list(_problems(puzzle, asked(puzzle, tmp_path, window=window), window)) == []


@pytest.mark.parametrize(("places", "window"), SIZES)
def test_without_notes_and_pins_values_are_lost(places: int, window: int, tmp_path: Path) -> None:
    puzzle = make_puzzle(places, window=window)

    line = asked(puzzle, tmp_path, window=window, remembering=False).run.line

    assert values_in(line.answer or "", puzzle) != [place.value for place in puzzle.places]


def test_a_note_paged_out_survives_a_rebuild_and_comes_back_by_recall(tmp_path: Path) -> None:
    text = "The bell is worth 61 ells.\n\n" + "\n\n".join(_paragraphs(60))
    library = ToyLibrary(toy_document(text))
    reading = [call("page_in", locator=f"D1:c{n}") for n in range(2, 24)]
    model = ScriptedModel(
        call("page_in", locator="D1:c1"),
        reply(
            call("write_note", text='bell: "worth 61 ells"', sources=["D1:c1"]),
            call("page_out", locators=["N1", "D1:c1"]),
        ),
        *reading,
        call("recall", query="what the bell is worth"),
        call("page_in", locator="N1"),
        call("answer", text="61 ells", citations=[{"locator": "D1:c1", "quote": "worth 61 ells"}]),
    )

    run = ask_with_evidence(
        "What is it worth?",
        library,
        model,
        paging=PagingSettings(window=5000),
        journal=tmp_path / "journal.jsonl",
    )

    recalling, returning, answering = (seen(request.turns) for request in model.requests[-3:])
    assert run.line.paging["rebuilds"] >= 2
    assert "61 ells" not in recalling
    assert "N1 (paged out; page_in N1)" in returning
    assert 'N1 [D1:c1] bell: "worth 61 ells"' in answering
    assert "The bell is worth 61 ells." not in answering
    assert run.line.status == "answered"
    assert [citation.match for citation in run.line.citations] == ["exact"]


# The puzzles themselves: that they ask what they are said to ask.


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("places", "window"), SIZES)
def test_named_places_are_three_windows_of_text_that_the_question_says_nothing_of(
    places: int, window: int, seed: int
) -> None:
    puzzle = make_puzzle(places, window=window, seed=seed)
    count = BuiltInEstimator().count

    assert len({place.value for place in puzzle.places}) == places
    assert sum(count(puzzle.text[place.start : place.end]) for place in puzzle.places) >= 3 * window
    assert words_of(puzzle.question) & words_of(puzzle.text) <= COMMON_WORDS
    for record in _records(puzzle):
        assert not words_of(puzzle.question) & words_of(record.text)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("places", "window"), SIZES)
def test_each_chain_is_the_longest_of_its_place_and_runs_all_over_it(
    places: int, window: int, seed: int
) -> None:
    puzzle = make_puzzle(places, window=window, seed=seed)
    library = ToyLibrary(toy_document(puzzle.text))
    passages = library.load_range(library.resolve(parse_locator("D1")))

    for place in puzzle.places:
        own = [p for p in passages if p.start < place.end and p.end > place.start]
        visible = "".join(passage.text for passage in own)
        standing = {r.text for r in _records(puzzle) if r.text in visible}
        assert standing == {r.text for r in (*place.chain, *place.distractors)}
        holding = {_passages_with(record, passages) for record in place.chain}
        links = [passage.ordinal for ids in holding for passage in ids]
        assert len(place.chain) >= 3 and len(holding) >= 3
        assert min(links) <= own[0].ordinal + 1 and max(links) >= own[-1].ordinal - 1
        assert len(place.chain) > _longest(place.distractors)


def test_places_named_by_their_passages_are_the_named_sections() -> None:
    puzzle = make_puzzle(8, window=5000)
    library = ToyLibrary(toy_document(puzzle.text))
    passages = library.load_range(library.resolve(parse_locator("D1")))
    ranges = re.findall(r"D1:c\d+-\d+", puzzle.question_by_passages)

    for place, written in zip(puzzle.places, ranges, strict=True):
        named = library.resolve(parse_locator(written))
        own = [p.ordinal for p in passages if p.start < place.end and p.end > place.start]
        assert (named.first, named.last) == (own[0], own[-1])


def test_an_answer_with_a_quote_for_each_of_twelve_values_fits_the_reply() -> None:
    puzzle = make_puzzle(12, window=6000)
    citations = [
        {"locator": "D1:c100", "quote": place.chain[-1].text.rpartition("\n")[2]}
        for place in puzzle.places
    ]
    text = "; ".join(f"{place.locator}: {place.value}" for place in puzzle.places)
    said = ToolCall("call-1", "answer", {"text": text, "citations": citations})

    assert PromptSizer.of(BuiltInEstimator(), 1.0).reply("", (said,)) <= 512


# How a puzzle is asked, and what is demanded of the run.


def asked(puzzle: Puzzle, folder: Path, *, window: int, remembering: bool = True) -> Asked:
    """The run over a puzzle that was ingested as a Markdown file."""
    files = folder / "files"
    files.mkdir()
    (files / "harbour.md").write_text(puzzle.text, "utf-8")
    ingest([files], folder / "archive")
    paging = PagingSettings(window=window, notes=remembering, pins=remembering)
    with closing(Archive.open(folder / "archive")) as archive:
        run = ask_with_evidence(
            puzzle.question,
            archive,
            ExtractiveModel(),
            paging=paging,
            limits=LIMITS,
            journal=folder / "journal.jsonl",
        )
        named = [place.locator for place in puzzle.places]
        covered = {each: archive.resolve(parse_locator(each)).ids() for each in named}
        return Asked(run, archive.load(Locator(LocatorKind.DOCUMENT, 1)), covered)


def _problems(puzzle: Puzzle, asked: Asked, window: int) -> Iterator[str]:
    line = asked.run.line
    wanted = [place.value for place in puzzle.places]
    if line.status != "answered":
        yield f"{line.status} after {line.steps} steps: {line.answer!r} ({line.error})"
    if (given := values_in(line.answer or "", puzzle)) != wanted:
        yield f"{given} instead of {wanted}"
    for place in puzzle.places:
        yield from _uncited(place, asked)
        unread = [p for p in asked.of_place[place.locator] if p not in asked.run.became_resident]
        if unread:
            yield f"of {place.locator} {', '.join(map(str, unread))} were never paged in"
    if failed := [each.quote for each in line.citations if each.match != "exact"]:
        yield f"quotes are not exact: {failed}"
    if line.paging["rebuilds"] < 2:
        yield f"{line.paging['rebuilds']} rebuilds"
    if line.paging["peak_worst_case"] > window:
        yield f"the worst case took {line.paging['peak_worst_case']} tokens"


def _uncited(place: PuzzlePlace, asked: Asked) -> Iterator[str]:
    """Nothing, if a quote holds the value and stands where the last record does."""
    holding = set(map(str, _passages_with(place.chain[-1], asked.passages)))
    quotes = [each for each in asked.run.line.citations if place.value in each.quote]
    if not any(set(each.passages) <= holding for each in quotes):
        yield f"{place.value!r} of {place.locator} is not cited from {', '.join(sorted(holding))}"


def values_in(answer: str, puzzle: Puzzle) -> list[str]:
    """Every key or value of a record that stands in the answer, in the order of the answer."""
    names = {name for record in _records(puzzle) for name in (record.key, record.value)}
    return sorted((name for name in names if name in answer), key=answer.index)


def seen(turns: Sequence[object]) -> str:
    """What the turns of the user say."""
    users = [turn for turn in turns if isinstance(turn, UserTurn)]
    return "\n".join(part for t in users for part in (*(r.text for r in t.results), t.text))


def _records(puzzle: Puzzle) -> list[PuzzleRecord]:
    own = [r for place in puzzle.places for r in (*place.chain, *place.distractors)]
    return [*own, *puzzle.unnamed]


def _passages_with(record: PuzzleRecord, passages: Sequence[Passage]) -> tuple[PassageId, ...]:
    """The passages over which the value of a record, its text's last words, extends."""
    text = "".join(passage.text for passage in passages)
    start = text.index(record.text) + record.text.rindex(record.value)
    end = start + len(record.value)
    return tuple(p.id for p in passages if p.start < end and p.end > start)


def _longest(records: Sequence[PuzzleRecord]) -> int:
    following = {record.key: record.value for record in records}

    def length(key: str) -> int:
        return 1 + length(following[key]) if key in following else 0

    return max(map(length, following))


def _paragraphs(number: int) -> list[str]:
    source = random.Random(7)
    return [paragraph(source) for _ in range(number)]
