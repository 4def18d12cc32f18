"""Plots as SVG text. The only module that imports matplotlib.

Which passages stood in main context at each step, from a run's journal.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from benchmarks.systems.registry import BASELINES
from docpager.core.passages import PassageId
from docpager.run.journal import read_journal
from docpager.run.replay import Replay

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Curve",
    "Dot",
    "RunResidency",
    "plot_curves",
    "plot_dots",
    "plot_residency",
    "residency_of",
]


@dataclass(frozen=True, slots=True)
class RunResidency:
    """One run, step by step."""

    question: str
    window: int
    resident: tuple[frozenset[PassageId], ...]
    """What was in main context when each request was sent."""
    tokens: tuple[int, ...]
    """Size of each prompt."""
    rebuilt: tuple[int, ...]
    """Steps whose request began a new epoch, from 1."""

    @property
    def passages(self) -> list[PassageId]:
        """Every passage that was ever resident, in the order of arrival."""
        return list(dict.fromkeys(p for now in self.resident for p in sorted(now)))


def residency_of(journal: Path) -> RunResidency:
    """Replay a run and watch its main context; every request is proved on the way."""
    record = read_journal(journal)
    replay = Replay(record)
    resident: list[frozenset[PassageId]] = []
    tokens: list[int] = []
    rebuilt: list[int] = []
    before = 0
    for entry in record.entries:
        replay.feed(entry)
        if entry.kind == "request":
            context = replay.run.context
            resident.append(frozenset(context.table.ids))
            tokens.append(entry.prompt_tokens)
            if context.statistics.rebuilds > before:
                rebuilt.append(len(resident))
            before = context.statistics.rebuilds
    plan = record.header.plan
    return RunResidency(
        plan.question, plan.paging.window, tuple(resident), tuple(tokens), tuple(rebuilt)
    )


# Colours of Okabe and Ito, then of Tol, which most people can tell apart; the first is docpager's.
_COLOURS = (
    "#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00",
    "#56B4E9", "#8c8c8c", "#882255", "#332288", "#999933", "#b5651d", "#9467ff",
)  # fmt: skip
_MARKS = ("o", "s", "^", "v", "D", "P", "X", "<", ">", "*", "h", "d", "p")
HERO = "docpager"
_PLACES = {name: n for n, name in enumerate((HERO, *BASELINES))}
"""A system looks the same on every plot."""
_WIDEST_TICK = 18
_SETTINGS: Any = {
    "font.size": 9,
    "font.family": "sans-serif",
    "svg.fonttype": "none",
    "svg.hashsalt": "docpager",
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@dataclass(frozen=True, slots=True)
class Curve:
    """One system along an axis."""

    name: str
    points: Sequence[tuple[str, float, float, float]]
    """Value of the axis, mean, low and high end of its interval."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One system by what it took and what it got."""

    name: str
    cost: float
    mean: float
    low: float
    high: float


def plot_curves(curves: Sequence[Curve], *, axis: str, metric: str, ordered: bool = True) -> str:
    """Means along an axis with intervals, joined by lines where its values have an order."""
    with _figure(6.8, 3.6) as (figure, axes):
        values = _all_values(curves)
        # Along numbers a point must not seem to lie at another value.
        width = (0.12 if ordered else 0.36) / len(curves)
        for number, curve in enumerate(curves):
            # Points of one value stand beside each other, so that no interval hides another.
            shift = (number - (len(curves) - 1) / 2) * width
            at = [values.index(point[0]) + shift for point in curve.points]
            means = [point[1] for point in curve.points]
            low = [point[1] - point[2] for point in curve.points]
            high = [point[3] - point[1] for point in curve.points]
            axes.errorbar(
                at, means, yerr=[low, high], ecolor=_of_interval(curve.name, number, len(curves)),
                label=curve.name, zorder=2 + (curve.name == HERO),
                **{**_look(curve.name, number), **({} if ordered else {"linestyle": "none"})},
            )  # fmt: skip
        axes.set_xticks(range(len(values)), [fill(value, _WIDEST_TICK) for value in values])
        _finish(axes, x=axis, y=metric, legend=True)
        return _svg(figure)


def plot_dots(dots: Sequence[Dot], *, unit: str, metric: str) -> str:
    """Means over what an answer took, on a scale of powers of ten."""
    with _figure(6.8, 3.6) as (figure, axes):
        for number, dot in enumerate(dots):
            # Later marks are smaller, so that those on one spot are all seen.
            axes.errorbar(
                [dot.cost], [dot.mean], yerr=[[dot.mean - dot.low], [dot.high - dot.mean]],
                label=dot.name,
                **{**_look(dot.name, number), "linestyle": "none", "markersize": 11 - 0.6 * number},
            )  # fmt: skip
        axes.set_xscale("log")
        _plain_powers(axes, [dot.cost for dot in dots])
        _finish(axes, x=unit, y=metric, legend=True)
        return _svg(figure)


def plot_residency(run: RunResidency) -> str:
    """Passages over steps: a bar where one is resident; below, the prompt against the window."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot
    from matplotlib.ticker import MaxNLocator

    with matplotlib.rc_context(_SETTINGS):
        figure, (above, below) = pyplot.subplots(
            2, 1, figsize=(6.8, 4.6), sharex=True, height_ratios=(2, 1), layout="constrained"
        )
        for row, passage in enumerate(run.passages):
            steps = [n for n, now in enumerate(run.resident, 1) if passage in now]
            spans = [(first - 0.5, last - first + 1) for first, last in _spans(steps)]
            above.broken_barh(spans, (row - 0.4, 0.8), color=_COLOURS[1])
        above.set_ylabel("passages, by arrival")
        above.set_ylim(max(1, len(run.passages)) - 0.5, -0.5)
        above.yaxis.set_major_locator(MaxNLocator(integer=True))
        above.yaxis.set_major_formatter(lambda row, _: f"{row + 1:.0f}")
        below.bar(range(1, len(run.tokens) + 1), run.tokens, color=_COLOURS[6], width=0.9)
        below.axhline(run.window, color=_COLOURS[2], linewidth=1)
        below.annotate(
            f"window {run.window:,}", (1, run.window), xytext=(0, 3), textcoords="offset points",
            color=_COLOURS[2],
        )  # fmt: skip
        below.set_ylim(0, run.window * 1.25)
        below.set_xlim(0.4, len(run.tokens) + 0.6)
        below.xaxis.set_major_locator(MaxNLocator(integer=True))
        below.yaxis.set_major_formatter(lambda tokens, _: f"{tokens:,.0f}")
        below.set_ylabel("prompt tokens")
        below.set_xlabel("step (dotted lines: rebuilds)")
        for step in run.rebuilt:
            for axes in (above, below):
                axes.axvline(step - 0.5, color="#555555", linestyle=":", linewidth=1)
        svg = _svg(figure)
        pyplot.close(figure)
        return svg


def _spans(steps: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of each stretch of steps that follow each other."""
    first = last = None
    for step in steps:
        if last is not None and step == last + 1:
            last = step
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = step
    if first is not None and last is not None:
        yield first, last


class _figure:
    """One plot with our settings, closed at the end."""

    def __init__(self, width: float, height: float) -> None:
        self._size = (width, height)

    def __enter__(self) -> tuple[Figure, Axes]:
        import matplotlib

        matplotlib.use("svg")
        from matplotlib import pyplot

        self._settings = matplotlib.rc_context(_SETTINGS)
        self._settings.__enter__()
        self._figure, axes = pyplot.subplots(figsize=self._size, layout="constrained")
        return self._figure, axes

    def __exit__(self, *error: Any) -> None:
        from matplotlib import pyplot

        pyplot.close(self._figure)
        self._settings.__exit__(*error)


def _look(name: str, number: int) -> Mapping[str, Any]:
    """Colour, mark and weight of a system; docpager's is the heaviest."""
    place = _place(name, number)
    return {
        "color": _COLOURS[place],
        "marker": _MARKS[place],
        "linestyle": "-" if place < 6 else "--",
        "linewidth": 2 if name == HERO else 1,
        "markersize": 5,
        "elinewidth": 0.9,
    }


def _place(name: str, number: int) -> int:
    """Where its colour and mark stand: ablations and other variants take the next."""
    variant = 1 + number % (len(_COLOURS) - 1)
    usual = len(_PLACES) if name.startswith("retrieve-once:") else variant
    return _PLACES.get(name, usual) % len(_COLOURS)


def _of_interval(name: str, number: int, curves: int) -> str:
    """Colour of an interval: where many curves stand together all but docpager's are pale."""
    return _COLOURS[_place(name, number)] + ("80" if curves > 6 and name != HERO else "")


def _plain_powers(axes: Axes, costs: Sequence[float]) -> None:
    """Ticks as people write them, on a logarithmic scale: 1, 2, 5 or 1, 3 times powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xlim(min(costs) / 1.3, max(costs) * 1.3)
    subs = (1, 2, 5) if max(costs) < 30 * min(costs) else (1, 3)
    axes.xaxis.set_major_locator(LogLocator(base=10, subs=subs))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))


def _all_values(curves: Sequence[Curve]) -> list[str]:
    longest = max(curves, key=lambda curve: len(curve.points))
    values = [point[0] for point in longest.points]
    return values + [p[0] for c in curves for p in c.points if p[0] not in values]


def _finish(axes: Axes, *, x: str, y: str, legend: bool) -> None:
    axes.set_ylim(-0.03, 1.05)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)
    if legend:
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8)


def _svg(figure: Figure) -> str:
    """The figure as an element for a page, without what changes from day to day."""
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    text = written.getvalue()
    return re.sub(r"^.*?(?=<svg)", "", text, count=1, flags=re.DOTALL)
