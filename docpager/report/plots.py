"""Pictures of a report as SVG elements. The only module of this room that imports matplotlib.

They hold figures and fixed words alone, never a document's text; names stand in the page beside
them. Colours are classes of the page's style sheet or its own ink, so that a picture follows the
page into the dark, and no element has a style of its own, which the page's policy would forbid.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from docpager.core.errors import UsageError
from docpager.core.passages import PassageId
from docpager.report.watching import WatchedRun, stretches

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Layer",
    "layers_of",
    "page_element",
    "plot_distribution",
    "plot_filling",
    "plot_residency",
]

PALETTE = ("#8c8c8c", "#5b4b9a", "#b8860b", "#0072b2", "#d55e00", "#009e73", "#cc79a7",
           "#3aa0d8", "#a0522d", "#b0b0b0")  # fmt: skip
"""Stand-ins while matplotlib draws: each becomes the class of its place, as in `c3`."""
_INK, _QUIET = "#010203", "#040506"
"""Stand-ins for the page's ink and its pale lines; other plots draw such lines in #e4e4e4."""
MOST_DOCUMENTS = 5
"""Documents that have a colour of their own; the others share one."""
MOST_ROWS = 400
"""Passages that the picture of residency shows: more would be thinner than a line."""
_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_SETTINGS: Any = {
    "font.size": 9,
    "font.family": "sans-serif",
    "svg.fonttype": "none",
    "svg.hashsalt": "docpager",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "text.color": _INK,
}
_PRESENTED = frozenset(
    {"fill", "stroke", "opacity", "text-anchor", "font-size", "font-family", "font-weight"}
)


@dataclass(frozen=True, slots=True)
class Layer:
    """One part of main context over the steps."""

    name: str
    tokens: tuple[int, ...]
    colour: int
    """Its place in the palette."""


def layers_of(run: WatchedRun) -> list[Layer]:
    """What filled main context when each request was sent, from the bottom up."""
    fillings = [run.snapshots[step].filling for step in sorted(run.snapshots)]
    peaks = {n: max(f.passages.get(n, 0) for f in fillings) for f in fillings for n in f.passages}
    largest = sorted(sorted(peaks, key=lambda n: (-peaks[n], n))[:MOST_DOCUMENTS])
    paths = {document.number: document.path for document in run.documents}
    layers = [
        Layer("instructions and functions", tuple(f.instructions for f in fillings), 0),
        Layer("document map and question", tuple(f.map for f in fillings), 1),
        Layer("notes", tuple(f.notes for f in fillings), 2),
        *(
            Layer(f"D{n} {paths.get(n, '')}".strip(), tuple(f.passages.get(n, 0) for f in fillings),
                  3 + place)
            for place, n in enumerate(largest)
        ),
        Layer(
            "passages of other documents",
            tuple(sum(t for n, t in f.passages.items() if n not in largest) for f in fillings),
            8,
        ),
        Layer("turns: calls, results, reading log", tuple(f.turns for f in fillings), 9),
    ]  # fmt: skip
    return [layer for layer in layers if any(layer.tokens)]


def plot_filling(run: WatchedRun, *, name: str) -> str:
    """Main context over the steps; `name` tells its ids from those of other pictures."""
    steps = sorted(run.snapshots)
    layers, window = layers_of(run), run.header.plan.paging.window
    with _figure(7.2, 3.2) as (figure, axes):
        edges = [step + end for step in steps for end in (-0.5, 0.5)]
        sizes = [[tokens for tokens in layer.tokens for _ in range(2)] for layer in layers]
        axes.stackplot(edges, sizes, colors=[PALETTE[layer.colour] for layer in layers])
        axes.axhline(window, color=_INK, linewidth=1, linestyle="dashed")
        axes.set_ylim(0, window * 1.12)
        axes.set_ylabel("tokens of the prompt")
        axes.yaxis.set_major_formatter(lambda tokens, _: f"{tokens:,.0f}")
        warned = [step.number for step in run.steps if step.warned]
        axes.plot(warned, [window * 1.06] * len(warned), "v", color=PALETTE[4], markersize=4)
        _over_steps(axes, run, steps)
        return _svg(figure, name)


def plot_residency(run: WatchedRun, *, name: str) -> str:
    """Passages over the steps: bars where one is resident, paler once it is released."""
    steps = sorted(run.snapshots)
    rows = residency_rows(run)[:MOST_ROWS]
    height = min(7.0, 1.4 + 0.07 * len(rows))
    with _figure(7.2, height) as (figure, axes):
        for row, passage in enumerate(rows):
            here = [step for step in steps if passage in run.snapshots[step].resident]
            out = {step for step in here if passage in run.snapshots[step].released}
            for which, colour in (([s for s in here if s not in out], 3), (sorted(out), 9)):
                spans = [(first - 0.5, last - first + 1) for first, last in stretches(which)]
                if spans:
                    axes.broken_barh(spans, (row - 0.4, 0.8), color=PALETTE[colour])
            left = [last for _, last in stretches(here) if last != steps[-1]]
            axes.plot([s + 0.5 for s in left], [row] * len(left), "|", color=_INK, markersize=4)
            faults = run.faults.get(passage, [])
            axes.plot(faults, [row] * len(faults), ".", color=PALETTE[4], markersize=4)
        axes.set_ylim(max(1, len(rows)) - 0.5, -0.5)
        axes.set_ylabel("passages, by arrival")
        axes.yaxis.set_major_formatter(lambda row, _: f"{row + 1:.0f}")
        _over_steps(axes, run, steps)
        return _svg(figure, name)


def residency_rows(run: WatchedRun) -> list[PassageId]:
    """Every passage that was loaded or resident, in the order of arrival."""
    arrival: dict[PassageId, int] = {}
    for passage, at in run.faults.items():
        arrival[passage] = at[0]
    for step in sorted(run.snapshots):
        for passage in run.snapshots[step].resident:
            arrival.setdefault(passage, step)
    return sorted(arrival, key=lambda passage: (arrival[passage], passage))


def plot_distribution(values: Sequence[float], *, unit: str, name: str) -> str:
    """How many questions took how much of something."""
    with _figure(3.5, 2.2) as (figure, axes):
        axes.hist(values, bins=min(30, max(5, len(set(values)))), color=PALETTE[3])
        axes.set_xlabel(unit)
        axes.set_ylabel("questions")
        axes.xaxis.set_major_locator(_locator("MaxNLocator", nbins=4))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.6g}")
        axes.yaxis.set_major_locator(_locator("MaxNLocator", nbins=4, integer=True))
        return _svg(figure, name)


def _over_steps(axes: Axes, run: WatchedRun, steps: Sequence[int]) -> None:
    for step in run.steps:
        if step.rebuilt:
            axes.axvline(step.number - 0.5, color=_QUIET, linestyle=":", linewidth=1)
    axes.set_xlim(0.4, (steps[-1] if steps else 1) + 0.6)
    axes.xaxis.set_major_locator(_locator("MaxNLocator", integer=True))
    axes.yaxis.set_major_locator(_locator("MaxNLocator", integer=True, nbins=6))
    axes.set_xlabel("step")


def _locator(kind: str, **settings: Any) -> Any:
    from matplotlib import ticker

    return getattr(ticker, kind)(**settings)


@contextmanager
def _figure(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """One picture of that size in inches, with our settings.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure as MatplotlibFigure
    except ImportError as error:
        raise UsageError(
            "pictures need matplotlib: pip install 'docpager[report]'; or leave them out with "
            "`pictures=False`"
        ) from error
    with matplotlib.rc_context(_SETTINGS):
        # Without pyplot, which keeps every figure until it is told not to.
        figure = MatplotlibFigure(figsize=(width, height), layout="constrained")
        yield figure, figure.subplots()


def _svg(figure: Figure, name: str) -> str:
    """The figure as an element for a page, without what changes from day to day."""
    written = io.StringIO()
    figure.savefig(
        written, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
    )
    return page_element(written.getvalue(), name)


def page_element(svg: str, name: str) -> str:
    """A picture that matplotlib wrote, as an element that the policy of a page allows; `name` tells
    its ids from those of other pictures."""
    root = ElementTree.fromstring(svg)
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    for element in root.iter():
        _plain(element, name)
    # The page says in words what the picture shows, so that it is one image to a screen reader.
    root.set("aria-hidden", "true")
    root.set("focusable", "false")
    root.set("fill", "currentColor")  # of all that matplotlib leaves black without saying so
    return ElementTree.tostring(root, encoding="unicode")


def _plain(element: ElementTree.Element, name: str) -> None:
    """An element without a style of its own, its ids told apart by `name`."""
    if style := element.attrib.pop("style", None):
        for declaration in style.split(";"):
            key, _, value = (part.strip() for part in declaration.partition(":"))
            if key == "font":
                if size := re.search(r"([\d.]+)px", value):
                    element.set("font-size", size[1])
            elif key in _PRESENTED or key.startswith("stroke-"):
                element.set(key, value)
    for key in ("fill", "stroke"):
        colour = element.get(key, "").lower()
        if colour in PALETTE:
            del element.attrib[key]
            old = element.get("class", "")
            element.set("class", f"{old} {key}-c{PALETTE.index(colour)}".strip())
        elif colour in (_QUIET, "#e4e4e4"):
            element.set(key, "currentColor")
            element.set("opacity", "0.5")
        elif colour in (_INK, "#000000", "black"):
            element.set(key, "currentColor")
        elif colour == "#ffffff":  # paper behind the picture: the page has its own
            element.set(key, "none")
    if id := element.get("id"):
        element.set("id", f"{name}-{id}")
    if link := element.get(f"{{{_XLINK}}}href"):
        element.set(f"{{{_XLINK}}}href", link.replace("#", f"#{name}-", 1))
    for key in ("clip-path", "fill"):
        if "url(#" in element.get(key, ""):
            element.set(key, element.get(key, "").replace("url(#", f"url(#{name}-"))
