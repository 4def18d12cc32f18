from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from resident_pages import pid, table_of

from docpager.paging.policies import POLICIES

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
