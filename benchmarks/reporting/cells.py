"""Figures as tables show them."""

from __future__ import annotations

from docpager.evaluation.intervals import Interval

__all__ = ["written_interval", "written_mean"]


def written_interval(
    interval: Interval | None, *, form: str = ".2f", usual: int | None = None
) -> str:
    """A mean with its interval, where anything is known of its width.

    It names its questions where they are not as many as those around it are means of (`usual`).
    """
    if interval is None:
        return "not run"
    low, high = interval.low, interval.high
    width = "" if low == high else f" [{low:{form}}, {high:{form}}]"
    return f"{interval.mean:{form}}{width}{_over(interval, usual)}"


def written_mean(interval: Interval | None, *, usual: int | None = None) -> str:
    """A mean alone, with its questions as for `written_interval`; nothing where none is asked."""
    return "" if interval is None else f"{interval.mean:.2f}{_over(interval, usual)}"


def _over(interval: Interval, usual: int | None) -> str:
    return "" if usual is None or interval.n == usual else f" (n {interval.n})"
