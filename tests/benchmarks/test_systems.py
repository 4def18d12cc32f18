"""Systems: each within its window, and each seeing just what its name says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.samples import SystemQuestion
from benchmarks.systems.registry import ABLATIONS, BASELINES, system_named
from benchmarks.systems.system import Setup, SystemAnswer
from benchmarks.systems.text_cutting import backwards, cut_after, cut_before, fill, forwards
from benchmarks.tasks.scattered_prose import paragraph
from benchmarks.tasks.scattered_puzzles import make_puzzle
from docpager import Archive, ingest
from docpager.core.errors import UsageError
from docpager.core.tokens import BuiltInEstimator
from docpager.models.extractive import ExtractiveModel

WINDOW = 5_000
KEY, VALUE = "copper-lantern-17", "violet-anchor-58"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Three documents of about 4,000 tokens; a record stands in the middle of the second."""
    from random import Random

    folder = tmp_path_factory.mktemp("systems")
    (folder / "documents").mkdir()
    for number in range(3):
        source = Random(number)
        blocks = [paragraph(source) for _ in range(60)]
        if number == 1:
            blocks.insert(30, json.dumps({KEY: VALUE}))
        (folder / "documents" / f"{number}.txt").write_text("\n\n".join(blocks))
    ingest([folder / "documents"], folder / "archive")
    with closing(Archive.open(folder / "archive")) as opened:
        yield opened


def answered(archive: Archive, name: str, tmp_path: Path, **changes: object) -> SystemAnswer:
    setup = Setup(ExtractiveModel(), WINDOW, journals=tmp_path, allowance=9_000, **changes)
    question = SystemQuestion("q", f"Final value of key {KEY}? Follow values that are keys.")
    return asyncio.run(system_named(name).answer(question, archive, setup))


@pytest.mark.parametrize("name", ("docpager", *BASELINES, *ABLATIONS))
def test_every_contestant_stays_within_its_window(
    archive: Archive, name: str, tmp_path: Path
) -> None:
    answer = answered(archive, name, tmp_path)

    own = 1_000_000 if name == "whole-text" else WINDOW
    assert 0 < answer.peak_tokens <= own
    assert answer.status in ("answered", "abstained")
    assert answer.requests >= 1 and answer.shown


@pytest.mark.parametrize(
    "name", ("docpager", "whole-text", "files-grep", "map-reduce", "refine", "sliding-notes")
)
def test_who_sees_the_record_says_its_value(archive: Archive, name: str, tmp_path: Path) -> None:
    assert answered(archive, name, tmp_path).text == VALUE


@pytest.mark.parametrize("name", ("truncate-head", "truncate-tail", "truncate-both", "equal-share"))
def test_who_cut_the_record_off_does_not(archive: Archive, name: str, tmp_path: Path) -> None:
    assert VALUE not in answered(archive, name, tmp_path).text


def test_scattered_facts_named_by_passages_can_be_asked_of_everybody(tmp_path: Path) -> None:
    puzzle = make_puzzle(4, window=0, seed=3, section_tokens=700)
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "harbour.md").write_text(puzzle.text, "utf-8")
    ingest([tmp_path / "documents"], tmp_path / "archive")
    with closing(Archive.open(tmp_path / "archive")) as opened:
        text = {
            name: _said(opened, name, puzzle.question_by_passages, tmp_path)
            for name in ("docpager", "whole-text", "truncate-head", "files-grep")
        }
    values = [place.value for place in sorted(puzzle.places, key=lambda each: each.start)]

    assert all(value in text["docpager"] and value in text["whole-text"] for value in values)
    # A window of 5,000 holds the first place or two of 6,500 tokens of text, never all.
    assert values[0] in text["truncate-head"] and values[-1] not in text["truncate-head"]
    assert 1 <= sum(value in text["files-grep"] for value in values) < 4


def _said(archive: Archive, name: str, question: str, journals: Path) -> str:
    setup = Setup(ExtractiveModel(), WINDOW, journals=journals)
    answer = system_named(name).answer(SystemQuestion("q", question), archive, setup)
    return asyncio.run(answer).text


def test_truncation_shows_the_parts_that_it_is_named_after(
    archive: Archive, tmp_path: Path
) -> None:
    head, tail, both = (
        answered(archive, f"truncate-{part}", tmp_path).shown for part in ("head", "tail", "both")
    )
    end = len(archive.text(3))

    assert [(s.document, s.start) for s in head] == [("0.txt", 0)]
    assert [(s.document, s.end) for s in tail] == [("2.txt", end)]
    assert [s.document for s in both] == ["0.txt", "2.txt"]
    assert (both[0].start, both[1].end) == (0, end)


def test_equal_shares_are_equal_and_the_papers_are_shorter(
    archive: Archive, tmp_path: Path
) -> None:
    tokens = answered(archive, "equal-share", tmp_path).shown
    letters = answered(archive, "equal-share-characters", tmp_path).shown

    assert [s.document for s in tokens] == [s.document for s in letters]
    assert {s.start for s in (*tokens, *letters)} == {0}
    assert len({s.end for s in letters}) == 1
    assert all(2.5 * few.end < many.end for few, many in zip(letters, tokens, strict=True))


def test_a_share_of_the_first_documents_found_leaves_out_the_others(
    archive: Archive, tmp_path: Path
) -> None:
    shown = answered(archive, "equal-share:k=1", tmp_path).shown

    assert {s.document for s in shown} == {"1.txt"}


def test_text_is_filled_to_the_last_token(archive: Archive) -> None:
    count = BuiltInEstimator().count
    every = list(forwards(archive, [1]))

    kept = fill(forwards(archive, [1]), 1_000, count, cut=cut_after)

    joined = "".join(passage.text for passage in kept)
    assert archive.text(1).startswith(joined)
    assert kept[-1].text != every[len(kept) - 1].text
    assert [p.id for p in backwards(archive, [1])] == [p.id for p in reversed(every)]


def test_a_passage_cut_at_either_end_keeps_its_place(archive: Archive) -> None:
    passage = next(iter(forwards(archive, [2])))

    head, tail = cut_after(passage, 30), cut_before(passage, 30)

    assert (head.text, tail.text) == (passage.text[:30], passage.text[-30:])
    assert (head.start, tail.end) == (passage.start, passage.end)


def test_an_ablation_takes_just_that_away(archive: Archive, tmp_path: Path) -> None:
    class Watching(ExtractiveModel):
        functions: set[str] = set()  # noqa: RUF012

        async def complete(self, request):  # type: ignore[no-untyped-def]
            self.functions = {function.name for function in request.functions}
            return await super().complete(request)

    for name, missing in (("notes", "write_note"), ("page_out", "page_out")):
        model = Watching()
        question = SystemQuestion("q", f"Final value of key {KEY}?")
        setup = Setup(model, WINDOW, journals=tmp_path)
        asyncio.run(system_named(f"docpager:without={name}").answer(question, archive, setup))
        assert len(model.functions) == 7 and missing not in model.functions


@pytest.mark.parametrize(
    "name", ("nobody", "docpager:without=sense", "refine:k=3", "equal-share:k=x")
)
def test_an_unknown_contestant_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        system_named(name)


def test_a_contestant_says_how_often_it_may_ask() -> None:
    setup = Setup(ExtractiveModel(), 8_000)

    assert system_named("truncate-head").most_requests(10**8, setup) == 1
    assert system_named("map-reduce").most_requests(10**6, setup) > 200
