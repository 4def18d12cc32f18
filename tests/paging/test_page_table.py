from __future__ import annotations

from resident_pages import passage, pid, table_of

from docpager.paging.page_table import Residency
from docpager.paging.token_sizes import Size


def test_a_passage_is_resident_from_its_page_in_until_it_is_not_kept() -> None:
    table = table_of({1: 10, 2: 20})

    left = table.keep_only([pid(2), pid(9)])

    assert [entry.passage.id for entry in left] == [pid(1)]
    assert table.ids == {pid(2)}
    assert pid(1) not in table
    assert len(table) == 1


def test_release_unpins_and_returns_only_what_is_resident() -> None:
    table = table_of({1: 10})
    table.reference([pid(1)], pin=True)
    assert table.pinned_tokens == 10

    assert table.release([pid(1), pid(7)]) == [pid(1)]
    assert table.pinned == []
    assert [entry.passage.id for entry in table.released] == [pid(1)]
    assert table.unreleased == []


def test_a_reference_takes_a_release_back_and_makes_the_page_the_most_recent() -> None:
    table = table_of({1: 10, 2: 20})
    table.release([pid(1)])
    table.reference([pid(1), pid(9)])

    assert table.released == []
    assert table[pid(1)].referenced > table[pid(2)].referenced


def test_a_reference_without_pin_keeps_a_pin() -> None:
    table = table_of({1: 10})
    table.reference([pid(1)], pin=True)
    table.reference([pid(1)])

    assert table[pid(1)].pinned


def test_a_page_remembers_when_it_came_and_what_it_costs() -> None:
    table = table_of({1: 10, 2: 20})

    assert (table[pid(2)].since, table[pid(2)].tokens) == (2, 20)


def test_a_copy_does_not_change_with_its_original() -> None:
    table = table_of({1: 10})
    copy = table.copy()
    table.release([pid(1)])
    table.page_in(passage(2), size=Size.exact(5), step=3)

    assert copy.ids == {pid(1)}
    assert copy.released == []


def test_which_passages_are_resident_is_known_after_every_change() -> None:
    table = table_of({1: 10, 2: 20})
    before = table.copy()
    assert table.ids == {pid(1), pid(2)}

    table.page_in(passage(3), size=Size.exact(5), step=9)
    assert table.ids == {pid(1), pid(2), pid(3)}
    table.keep_only([pid(3)])
    assert table.ids == {pid(3)}
    table.restore(before)
    assert table.ids == {pid(1), pid(2)}


def test_pages_that_stay_are_the_pinned_and_the_named_ones_unless_released() -> None:
    table = table_of({1: 10, 2: 20, 3: 30, 4: 40, 5: 50})
    table.reference([pid(1), pid(2), pid(5)], pin=True)
    table.release([pid(2), pid(4)])

    def numbers(entries: list[Residency]) -> list[int]:
        return [entry.passage.ordinal for entry in entries]

    assert numbers(table.unreleased_but({pid(5)})) == [1, 3]
    assert numbers(table.unreleased_but({pid(5)}, kept={pid(4)})) == [1]
    assert numbers(table.unreleased_but(set(), kept={pid(3), pid(4)})) == [1, 3, 5]
