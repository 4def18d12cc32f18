"""Figures as tables show them."""

from __future__ import annotations

from docpager.evaluation.intervals import Interval

__all__ = ["written_interval"]


def written_interval(interval: Interval | None, *, form: str = ".2f") -> str:
    """A mean with its interval, as tables show it; alone where nothing is known of its width."""
    if interval is None:
        return "not run"
    if interval.low == interval.high:
        return f"{interval.mean:{form}}"
    return f"{interval.mean:{form}} [{interval.low:{form}}, {interval.high:{form}}]"
