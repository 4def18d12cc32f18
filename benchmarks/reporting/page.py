"""The report: tables as Markdown, and one self-contained page with plots.

Published numbers, as context: models, judges, subsets and data differ from ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from statistics import median
from textwrap import shorten

from benchmarks.families import mean_of
from benchmarks.reporting.blocks import (
    Block,
    FigureBlock,
    HeadingBlock,
    Paragraph,
    Table,
    as_html,
    as_markdown,
)
from benchmarks.reporting.plots import (
    Curve,
    Dot,
    plot_curves,
    plot_dots,
    plot_residency,
    residency_of,
)
from benchmarks.reporting.slices import at_window, lines_of, shown_axes, shown_windows, values_of
from benchmarks.reporting.tables import run_blocks
from benchmarks.samples import Axis
from benchmarks.scoring import Scored, ScoredRun
from docpager.core.errors import JournalError
from docpager.evaluation.intervals import Interval

__all__ = ["published_tables", "write_report"]

_WARNING = (
    "For context only, from the paper named: other models, data and judges than above, not to be "
    "compared line by line."
)

_NESTED = Table(
    "MemGPT (arXiv:2310.08560 v2), nested key-value, 140 pairs, exact final value, by nesting",
    ("", "0", "1", "2", "3"),
    (
        ("GPT-3.5", "1.0", "0", "0", "0"),
        ("GPT-4", ".9", ".3", ".1", "0"),
        ("GPT-4 Turbo", "1.0", ".5", ".2", "0"),
        ("MemGPT (GPT-3.5)", "1.0", ".2", ".1", "0"),
        ("MemGPT (GPT-4 Turbo)", "1.0", "1.0", ".7", ".6"),
        ("MemGPT (GPT-4)", "1.0", "1.0", "1.0", "1.0"),
    ),
)
_RETRIEVED = Table(
    "MemGPT (arXiv:2310.08560 v2), document QA, 50 questions, by documents in the prompt",
    ("", "1", "5", "10", "20", "50", "100", "200"),
    (
        ("GPT-4 (8k)", ".42", ".60", ".70", ".60", ".54", ".34", ".12"),
        ("GPT-3.5 Turbo (16k)", ".24", ".42", ".56", ".56", ".46", ".38", ".28"),
        ("GPT-4 Turbo (128k)", ".38", ".54", ".66", ".68", ".62", ".64", ".56"),
        ("MemGPT (GPT-4, GPT-4 Turbo)", *[".72"] * 7),
        ("MemGPT (GPT-3.5)", *[".40"] * 7),
    ),
)
_FINANCE = Table(
    "FinanceBench, 150 open questions, GPT-4-Turbo, per cent right (arXiv:2311.11944, second hand)",
    ("", "closed book", "shared store", "store per document", "long context", "oracle page"),
    (("GPT-4-Turbo", "9", "19", "50", "79", "85"),),
)
_TABLES = {"nested_kv": _NESTED, "litm_pool": _RETRIEVED, "financebench": _FINANCE}


def published_tables(task: str) -> Iterator[Block]:
    """What was published about a task, after a warning."""
    if task in _TABLES:
        yield Paragraph(_WARNING)
        yield _TABLES[task]


TITLE = "Paging against truncation and others"
MOST_CURVES = 13
_NAMES = {
    "window": "window, tokens",
    "text": "tokens of text that must be read",
    "gold_position": "position of the gold document, from 0",
}
"""Axes whose name does not say what they count."""
_K = re.compile(r"(.+):k=(\d+)$")


def write_report(runs: Sequence[ScoredRun], out: Path) -> list[Path]:
    """Write `report.md`, `report.html` and the plots; returns the two pages."""
    blocks = list(_named_apart(block for run in runs for block in _blocks(run)))
    (out / "plots").mkdir(parents=True, exist_ok=True)
    for old in (out / "plots").glob("*.svg"):
        old.unlink()
    for block in blocks:
        if isinstance(block, FigureBlock):
            (out / "plots" / f"{block.name}.svg").write_text(block.svg, "utf-8")
    pages = {
        out / "report.md": as_markdown([HeadingBlock(TITLE, 1), *blocks]),
        out / "report.html": as_html(blocks, title=TITLE),
    }
    for path, text in pages.items():
        path.write_text(text, "utf-8")
    return list(pages)


def _named_apart(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks, no two figures with one name: folders of runs may be called the same."""
    used: set[str] = set()
    for block in blocks:
        if isinstance(block, FigureBlock):
            names = (block.name if n == 1 else f"{block.name}-{n}" for n in count(1))
            block = replace(block, name=next(name for name in names if name not in used))
            used.add(block.name)
        yield block


def _blocks(run: ScoredRun) -> Iterator[Block]:
    """Words and tables of a run, its plots after the headline."""
    title, headline, *others = run_blocks(run)
    yield title
    yield headline
    yield from _plots(run)
    yield from others
    yield from published_tables(run.record.task)


def _plots(run: ScoredRun) -> Iterator[Block]:
    metric, name = run.metrics[0], run.folder.name
    by_k = _by_k(run)
    for axis, window in () if by_k else shown_axes(run):
        curves = [c for system in run.record.systems if (c := _curve(run, system, axis, window))]
        if curves:
            ordered = any(isinstance(value, int) for value in values_of(run, axis))
            svg = plot_curves(
                curves[:MOST_CURVES], axis=_NAMES.get(axis, axis), metric=metric, ordered=ordered
            )
            file = f"{name}-by-{axis}{f'-{window}' if at_window(run, window) else ''}"
            yield FigureBlock(file, f"{metric} by {axis}{at_window(run, window)}", svg)
    if by_k:
        svg = plot_curves(by_k, axis="documents that were retrieved", metric=metric)
        title = f"{metric} by number of documents (level: systems that have no such number)"
        yield FigureBlock(f"{name}-by-k", title, svg)
    else:
        yield from _cost_plots(run)
    yield from _residencies(run)


def _cost_plots(run: ScoredRun) -> Iterator[Block]:
    unit = "dollars a question" if _has_dollars(run) else "prompt tokens a question (median)"
    for window in shown_windows(run):
        dots = [d for system in run.record.systems if (d := _dot(run, system, window))]
        if dots:
            title = f"{run.metrics[0]} by what an answer took{at_window(run, window)}"
            svg = plot_dots(dots, unit=unit, metric=run.metrics[0])
            yield FigureBlock(f"{run.folder.name}-by-cost-{window}", title, svg)


def _curve(run: ScoredRun, system: str, axis: str, window: Axis | None) -> Curve | None:
    own, points = lines_of(run, system, window), []
    for value in values_of(run, axis):
        found = mean_of([e for e in own if e.axes.get(axis) == value], run.metrics[0])
        if found is not None:
            points.append(_point(value, found))
    return Curve(system, points) if points else None


def _point(value: Axis, found: Interval) -> tuple[str, float, float, float]:
    written = f"{value:,}" if isinstance(value, int) else value
    return written, found.mean, found.low, found.high


def _by_k(run: ScoredRun) -> list[Curve]:
    """Systems by how many documents they retrieve; the others are the same at each number."""
    numbered = {s: m for s in run.record.systems if (m := _K.match(s))}
    ks = sorted({int(match[2]) for match in numbered.values()})
    if len(ks) < 2:
        return []
    bases = list(dict.fromkeys(match[1] for match in numbered.values()))
    curves = []
    for base in [*(s for s in run.record.systems if s not in numbered), *bases]:
        means = [(k, _mean(run, f"{base}:k={k}" if base in bases else base)) for k in ks]
        curves.append(Curve(base, [_point(k, mean) for k, mean in means if mean is not None]))
    return curves


def _mean(run: ScoredRun, system: str) -> Interval | None:
    return mean_of(lines_of(run, system), run.metrics[0])


def _dot(run: ScoredRun, system: str, window: Axis) -> Dot | None:
    own = [each for each in lines_of(run, system, window) if each.was_run]
    mean = mean_of(own, run.metrics[0])
    if mean is None:
        return None
    answers = [each.line.answer for each in own]
    cost = (
        sum(answer.cost_usd or 0.0 for answer in answers) / len(answers)
        if _has_dollars(run)
        else median(answer.usage.prompt_tokens for answer in answers)
    )
    return Dot(system, max(cost, 1e-6), mean.mean, mean.low, mean.high)


def _has_dollars(run: ScoredRun) -> bool:
    return any(each.line.answer.cost_usd for each in run.lines)


def _residencies(run: ScoredRun) -> Iterator[Block]:
    """The run of docpager with most rebuilds, and the one in the middle."""
    own = [e for e in lines_of(run, "docpager") if e.line.answer.journal]
    own.sort(key=lambda each: (each.line.answer.paging["rebuilds"], each.line.answer.requests))
    chosen = {"the most": own[-1], "median": own[len(own) // 2]} if own else {}
    for what, each in chosen.items():
        if each.line.answer.paging["rebuilds"] and (what == "the most" or each is not own[-1]):
            yield from _residency(run, each, what)


def _residency(run: ScoredRun, each: Scored, what: str) -> Iterator[Block]:
    journal = run.folder / "journals" / each.line.answer.journal
    if not journal.exists():
        return
    try:
        watched = residency_of(journal)
    except JournalError as error:
        yield Paragraph(f"No residency: {error}")
        return
    rebuilds = each.line.answer.paging["rebuilds"]
    asked = shorten(watched.question, 90, placeholder="...")
    title = f"Residency, run with {what} rebuilds ({rebuilds:g}): {asked}"
    yield FigureBlock(
        f"{run.folder.name}-residency-{what.split()[-1]}", title, plot_residency(watched)
    )
    if each.marks[run.metrics[0]] != 1:
        yield Paragraph("This answer was wrong.")
