"""MemGPT's nested key-value task, with main context at half the record's size."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from nested_records import (
    LEVELS,
    PAPER,
    NestedRecord,
    made_record,
    nest,
    paper_orderings,
    paper_pairs,
)
from run_evidence import Evidence, ask_with_evidence

from docpager.archive.archive import Archive
from docpager.archive.ingest import ingest
from docpager.core.locators import Locator, LocatorKind
from docpager.core.passages import Passage, PassageId
from docpager.core.settings import PagingSettings
from docpager.core.tokens import BuiltInEstimator
from docpager.models.extractive import ExtractiveModel

WINDOW = 4000
PAGING = PagingSettings(window=WINDOW, max_output=512)
FEW = 2
"""Orderings of the paper that are asked each time; `-m slow` asks them all."""

needs_paper = pytest.mark.skipif(
    not PAPER.is_dir(), reason=f"the paper's record is not at {PAPER}; made records are asked"
)


@pytest.mark.parametrize("level", LEVELS)
def test_a_chain_through_a_made_record_is_followed_to_its_end(level: int, tmp_path: Path) -> None:
    assert problems_of([made_record(level, seed=0)], tmp_path) == []


@needs_paper
@pytest.mark.parametrize("level", LEVELS)
def test_a_chain_of_the_paper_is_followed_to_its_end(level: int, tmp_path: Path) -> None:
    orderings = paper_orderings(level)[:FEW]

    assert problems_of([nest(paper_pairs(), each) for each in orderings], tmp_path) == []


@needs_paper
@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_every_chain_of_the_paper_is_followed_to_its_end(level: int, tmp_path: Path) -> None:
    records = [nest(paper_pairs(), each) for each in paper_orderings(level)]

    assert problems_of(records, tmp_path) == []


@pytest.mark.parametrize("level", (1, 2, 3))
def test_truncation_answers_just_the_made_chains_that_it_leaves_whole(
    level: int, tmp_path: Path
) -> None:
    made = [made_record(level, seed=seed) for seed in range(60)]
    whole = [record for record in made if record.survives_in(record.head(tokens=WINDOW))]
    broken = [record for record in made if record not in whole]

    assert answered_when_truncated(whole[:2], tmp_path / "whole") == [True, True]
    assert answered_when_truncated(broken[:2], tmp_path / "broken") == [False, False]


@needs_paper
@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_truncation_answers_just_the_chains_of_the_paper_that_it_leaves_whole(
    level: int, tmp_path: Path
) -> None:
    records = [nest(paper_pairs(), each) for each in paper_orderings(level)]
    whole = [record.survives_in(record.head(tokens=WINDOW)) for record in records]

    assert False in whole
    assert answered_when_truncated(records, tmp_path) == whole


def test_a_record_is_larger_than_the_window_and_its_head_fills_it() -> None:
    record = made_record(6, seed=0)
    count = BuiltInEstimator().count

    assert 7000 <= count(record.text) <= 9000
    assert WINDOW - 60 <= count(record.head(tokens=WINDOW)) <= WINDOW
    assert record.survives_in(record.text)
    assert [value for _, value in record.links[:-1]] == list(record.chain[1:])
    assert record.final not in dict(record.pairs)


# How a set of records is asked, and what is demanded of each run.


def problems_of(records: Sequence[NestedRecord], folder: Path) -> list[str]:
    """Everything that is wrong with the runs over these records, each in an archive of its own."""
    problems = []
    for number, record in enumerate(records):
        run, passages = asked(record, record.text, folder / str(number))
        problems += [f"record {number}: {problem}" for problem in _problems(record, run, passages)]
    return problems


def answered_when_truncated(records: Sequence[NestedRecord], folder: Path) -> list[bool]:
    """Whether each record's question is answered from the head of its text."""
    return [
        _is_exact(record, asked(record, record.head(tokens=WINDOW), folder / str(number))[0])
        for number, record in enumerate(records)
    ]


def asked(record: NestedRecord, text: str, folder: Path) -> tuple[Evidence, Sequence[Passage]]:
    """The run over `text` as the only document, and that document's passages."""
    files = folder / "files"
    files.mkdir(parents=True)
    (files / "record.txt").write_text(text, "utf-8")
    ingest([files], folder / "archive")
    with closing(Archive.open(folder / "archive")) as archive:
        run = ask_with_evidence(
            record.question,
            archive,
            ExtractiveModel(),
            paging=PAGING,
            journal=folder / "journal.jsonl",
        )
        return run, archive.load(Locator(LocatorKind.DOCUMENT, 1))


def _problems(record: NestedRecord, run: Evidence, passages: Sequence[Passage]) -> Iterator[str]:
    holding = [_passages_of(link, record.text, passages) for link in record.links]
    distinct = set().union(*holding)
    if not _is_exact(record, run):
        yield f"{run.line.status} {run.line.answer!r} ({run.line.error}), not {record.final}"
    yield from _uncited(record, run, holding)
    yield from _followed_unread(record, run, holding)
    if run.line.paging["faults"] < len(distinct):
        yield f"{run.line.paging['faults']} faults for {len(distinct)} passages with links"
    if run.line.paging["peak_worst_case"] > WINDOW:
        yield f"the worst case took {run.line.paging['peak_worst_case']} tokens"


def _is_exact(record: NestedRecord, run: Evidence) -> bool:
    """The last value is given, and none of the others."""
    answer = run.line.answer or ""
    others = {value for _, value in record.pairs} - {record.final}
    right = record.final in answer and not any(value in answer for value in others)
    return run.line.status == "answered" and right


def _uncited(
    record: NestedRecord, run: Evidence, holding: Sequence[Collection[PassageId]]
) -> Iterator[str]:
    """Links whose passage no citation names, and a last value that no quote holds."""
    citations = run.line.citations
    cited = {passage for citation in citations for passage in citation.passages}
    for (key, _), passages in zip(record.links, holding, strict=True):
        if not cited >= set(map(str, passages)):
            yield f"{', '.join(map(str, passages))} with the link of {key} is not cited"
    if not any(record.final in citation.quote for citation in citations):
        yield "no quote holds the last value"
    if failed := [citation.quote for citation in citations if citation.match != "exact"]:
        yield f"quotes are not exact: {failed}"


def _followed_unread(
    record: NestedRecord, run: Evidence, holding: Sequence[Collection[PassageId]]
) -> Iterator[str]:
    """Links whose value was used, by the answer at the latest, before their passage was read."""
    for (key, value), passages in zip(record.links, holding, strict=True):
        used = run.first_said(value) or run.replies[-1][0]
        if unread := [p for p in passages if run.became_resident.get(p, used) >= used]:
            yield f"the value of {key} was used before {', '.join(map(str, unread))} was read"


def _passages_of(link: tuple[str, str], text: str, passages: Sequence[Passage]) -> set[PassageId]:
    """The passages over which a pair of the record extends."""
    written = '"{}": "{}"'.format(*link)
    start = text.index(written)
    end = start + len(written)
    return {passage.id for passage in passages if passage.start < end and passage.end > start}
