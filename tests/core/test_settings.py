from __future__ import annotations

import pytest

from docpager.core.errors import UsageError
from docpager.core.settings import PagingSettings, RunLimits


def test_the_defaults_are_accepted() -> None:
    assert PagingSettings().window == 32_000
    assert RunLimits().max_steps == 60


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": 0},
        {"max_output": 0},
        {"rebuild_to": 0},
        {"rebuild_to": 0.8},
        {"warn_at": 0.95},
        {"rebuild_at": 1.1},
        {"warn_at": float("nan")},
    ],
)
def test_settings_that_contradict_each_other_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        PagingSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"max_steps": 0}, "`max_steps=`"),
        ({"timeout_seconds": 0}, "`timeout_seconds=`"),
        ({"max_usd": 0}, "`max_usd=` must be above 0"),
        ({"max_usd": float("nan")}, "`max_usd=` must be above 0"),
        ({"max_usd": float("inf")}, "`max_usd=` must be a finite number of dollars"),
    ],
)
def test_limits_that_allow_nothing_are_refused_by_name(wrong: dict[str, int], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        RunLimits(**wrong)
