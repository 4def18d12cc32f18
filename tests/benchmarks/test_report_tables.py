"""Tables of results: what is written where little is known."""

from __future__ import annotations

from benchmarks.reporting.tables import written_interval
from docpager.evaluation.intervals import mean_interval


def test_an_interval_of_no_width_is_not_shown() -> None:
    equal, differing = mean_interval([0.5, 0.5]), mean_interval([0.25, 0.75] * 9)

    assert written_interval(equal, form="+.2f") == "+0.50"
    assert written_interval(differing).startswith("0.50 [0.")
    assert written_interval(None) == "not run"
