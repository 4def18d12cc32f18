from __future__ import annotations

import pytest

from docpager.paging.token_sizes import NOTHING, Size


def test_sizes_add_up_part_by_part() -> None:
    assert Size(30, 20) + Size.exact(5) - Size(5, 1) == Size(30, 24)
    assert sum([Size(2, 1), Size(3, 3)], NOTHING) == Size(5, 4)


@pytest.mark.parametrize(
    ("size", "lacking"),
    [(Size(90, 40), 0), (Size(90, 60), 10), (Size(120, 40), 30), (Size(100, 60), 10)],
)
def test_a_part_fits_only_at_its_most_and_as_it_is_likely(size: Size, lacking: int) -> None:
    free = Size(90, 50)

    assert max(0, size.lacking(free)) == lacking
    assert free.least == 50
