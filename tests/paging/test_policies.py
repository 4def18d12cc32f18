from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from resident_pages import passage, pid, table_of

from docpager.paging.page_table import PageTable
from docpager.paging.policies import POLICIES, survivors_within
from docpager.paging.token_sizes import Size

SIZES = st.dictionaries(st.integers(1, 40), st.integers(1, 400), max_size=15)


@pytest.mark.parametrize("name", POLICIES)
@given(sizes=SIZES, room=st.integers(-100, 3_000))
def test_survivors_fit_are_candidates_and_do_not_depend_on_the_order_given(
    name: str, sizes: dict[int, int], room: int
) -> None:
    pages = table_of(sizes).unreleased
    policy = POLICIES[name]

    survivors = policy.survivors(pages, room)

    assert policy.name == name
    assert len(set(survivors)) == len(survivors)
    assert set(survivors) <= {page.passage.id for page in pages}
    assert sum(sizes[id_.ordinal] for id_ in survivors) <= max(0, room)
    assert set(policy.survivors(pages[::-1], room)) == set(survivors)


@pytest.mark.parametrize("name", ["recent", "largest"])
@given(sizes=SIZES)
def test_everything_stays_where_everything_fits(name: str, sizes: dict[int, int]) -> None:
    pages = table_of(sizes).unreleased

    assert len(POLICIES[name].survivors(pages, sum(sizes.values()))) == len(sizes)


def test_the_most_recently_referenced_stay() -> None:
    table = table_of({1: 100, 2: 100, 3: 100})
    table.reference([pid(1)])

    assert POLICIES["recent"].survivors(table.unreleased, 250) == [pid(1), pid(3)]


def test_the_largest_stay_under_their_policy() -> None:
    pages = table_of({1: 300, 2: 10, 3: 200}).unreleased

    assert POLICIES["largest"].survivors(pages, 505) == [pid(1), pid(3)]


def test_notes_only_keeps_nothing() -> None:
    assert POLICIES["notes-only"].survivors(table_of({1: 1}).unreleased, 9_999) == []


@pytest.mark.parametrize("name", POLICIES)
@given(
    sizes=st.dictionaries(
        st.integers(1, 40), st.tuples(st.integers(1, 400), st.integers(0, 400)), max_size=15
    ),
    most=st.integers(-100, 4_000),
    likely=st.integers(-100, 3_000),
)
def test_those_who_stay_fit_as_they_are_likely_and_at_their_most(
    name: str, sizes: dict[int, tuple[int, int]], most: int, likely: int
) -> None:
    table = PageTable()
    for step, (ordinal, (size, more)) in enumerate(sizes.items()):
        table.page_in(passage(ordinal), size=Size(size + more, size), step=step)

    staying = survivors_within(POLICIES[name], table.unreleased, Size(most, likely))

    assert sum(page.tokens for page in staying) <= max(0, likely)
    assert sum(page.size.most for page in staying) <= max(0, most)


def test_a_page_that_the_server_counted_is_taken_at_that() -> None:
    table = PageTable()
    table.page_in(passage(1), size=Size(200, 100), step=1)
    table.measure([pid(1), pid(7)], lambda _: Size(200, 110), shortfall=1.5)
    assert table[pid(1)].tokens == 165

    table.measure([pid(1)], lambda _: Size(200, 110), shortfall=3.0)
    assert table[pid(1)].tokens == 200


def test_pages_are_weighed_anew_where_texts_take_more_than_was_thought() -> None:
    table = table_of({1: 100, 2: 200})
    table.reference([pid(2)], pin=True)
    table.weigh(lambda page: Size.exact(1_000 * page.ordinal))

    assert [table[pid(n)].size.most for n in (1, 2)] == [1_000, 2_000]
    assert table.pinned_tokens == 2_000
