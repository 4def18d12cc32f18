from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from resident_pages import pid

from docpager.core.passages import PassageId
from docpager.paging.statistics import PagingStatistics, faults_under_belady, faults_under_lru

# Silberschatz, Galvin and Gagne, Operating System Concepts: three frames, LRU 12, optimal 9.
TEXTBOOK = [pid(n) for n in (7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1)]
REFERENCES = st.lists(st.integers(1, 8).map(pid), max_size=60)


def test_the_textbook_example_faults_as_in_the_textbook() -> None:
    assert faults_under_lru(TEXTBOOK, frames=3) == 12
    assert faults_under_belady(TEXTBOOK, frames=3) == 9


@given(REFERENCES, st.integers(1, 9))
def test_belady_never_faults_more_than_lru_nor_less_than_once_a_passage(
    references: list[PassageId], frames: int
) -> None:
    best, lru = (f(references, frames=frames) for f in (faults_under_belady, faults_under_lru))

    assert len(set(references)) <= best <= lru <= len(references)


@given(REFERENCES, st.integers(1, 9))
def test_more_frames_never_fault_more(references: list[PassageId], frames: int) -> None:
    for faults in (faults_under_belady, faults_under_lru):
        assert faults(references, frames=frames + 1) <= faults(references, frames=frames)


def test_a_fault_after_an_eviction_is_a_refault_with_its_distance() -> None:
    statistics = PagingStatistics(window=100)
    statistics.fault([pid(1), pid(2)], step=1)
    statistics.evict([pid(1), pid(2)], step=3, noted={pid(2)})
    statistics.fault([pid(1)], step=7)
    statistics.reference([pid(1)], step=8)

    assert (statistics.faults, statistics.refaults) == (3, 1)
    assert statistics.refault_distances == [4]
    assert (statistics.evicted, statistics.evicted_without_note) == (2, 1)
    assert statistics.reference_string[-1] == (8, pid(1))


def test_the_working_set_is_what_was_referenced_in_the_last_steps() -> None:
    statistics = PagingStatistics(window=100)
    for step in range(1, 9):
        statistics.fault([pid(step)], step=step)
    statistics.reference([pid(8)], step=9)

    assert statistics.working_set(step=9, steps=3) == 2
    assert statistics.working_set(step=9, steps=99) == 8


def test_useful_pages_are_those_both_read_and_cited() -> None:
    statistics = PagingStatistics(window=100)
    statistics.fault([pid(1), pid(2)], step=1)
    statistics.sent(50, 60)
    statistics.sent(40, 70)
    counts = statistics.as_dict(cited=[pid(2), pid(2), pid(9)])

    assert counts["useful_pages"] == 1
    assert (counts["peak_tokens"], counts["peak_worst_case"]) == (50, 70)
