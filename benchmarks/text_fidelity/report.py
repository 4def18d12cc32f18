"""Measured pages as tables for people and as JSON lines."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from statistics import fmean

from benchmarks.text_fidelity.measure import (
    FEWEST_WORDS,
    READERS,
    MeasuredFile,
    MeasuredPage,
    PageTexts,
)
from benchmarks.text_fidelity.readers import JUDGES
from benchmarks.text_fidelity.words import Bag, agreed, f1, figures, words

__all__ = ["page_lines", "set_lines", "show_page"]

SHORT_IN_WORDS = 0.98
SHORT_IN_FIGURES = 0.99
POORER_BY = 0.01
_ROUNDING = 1e-9
_SHOWN_WORDS = 60
_DRAWN = 60
"""Pages that depart on purpose, for a person to look at."""


def set_lines(title: str, files: Sequence[MeasuredFile]) -> Iterator[str]:
    """The report on one set of files, in Markdown."""
    pages = [page for file in files for page in file.pages]
    judged = [page for page in pages if page.is_judged]
    yield f"## {title}"
    yield ""
    yield (
        f"{len(files)} files with {sum(file.pages_in_file for file in files):,} pages; "
        f"{len(pages):,} looked at, {len(judged):,} judged, {len(pages) - len(judged):,} left out "
        f"with fewer than {FEWEST_WORDS} words on which two judges agree."
    )
    versions = frozenset().union(*(file.versions for file in files))
    yield f"Compared with {', '.join(sorted(versions))}."
    yield ""
    yield from _table(judged)
    departing = [page for page in judged if page.notes]
    if departing:
        yield from _departures(judged, departing)
    yield from _poorer(judged)
    yield from _failures(files, pages)


def _table(pages: Sequence[MeasuredPage]) -> Iterator[str]:
    yield "| reader | word F1 < .98 | figure F1 < .99 | mean word F1 | mean figure F1 |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for reader in READERS:
        name = f"{reader} (judge)" if reader in JUDGES else reader
        short = [page.words[reader] < SHORT_IN_WORDS for page in pages]
        wrong = [page.figures[reader] < SHORT_IN_FIGURES for page in pages]
        yield (
            f"| {name} | {_share(short)} | {_share(wrong)} "
            f"| {_mean([page.words[reader] for page in pages])} "
            f"| {_mean([page.figures[reader] for page in pages])} |"
        )
    yield ""


def _departures(judged: Sequence[MeasuredPage], departing: Sequence[MeasuredPage]) -> Iterator[str]:
    yield "### Pages on which docpager departs from the judges on purpose"
    yield ""
    yield "| rule | pages | word F1 < .98 | figure F1 < .99 |"
    yield "| --- | ---: | ---: | ---: |"
    rules = Counter(note for page in departing for note in dict.fromkeys(page.notes))
    for rule, count in rules.most_common():
        pages = [page for page in departing if rule in page.notes]
        short = [page.words["docpager"] < SHORT_IN_WORDS for page in pages]
        wrong = [page.figures["docpager"] < SHORT_IN_FIGURES for page in pages]
        yield f"| {rule} | {count} | {_share(short)} | {_share(wrong)} |"
    yield ""
    drawn = ", ".join(f"{page.file}:{page.page}" for page in sorted(departing, key=_hash)[:_DRAWN])
    yield f"Drawn by hash, to be compared with the page's picture: {drawn}."
    yield ""
    rest = [page for page in judged if not page.notes]
    yield f"Without these {len(departing):,} pages, {len(rest):,} are judged:"
    yield ""
    yield from _table(rest)


def _hash(page: MeasuredPage) -> str:
    return hashlib.sha256(f"{page.file}:{page.page}".encode()).hexdigest()


def _poorer(judged: Sequence[MeasuredPage]) -> Iterator[str]:
    poorer = [page for page in judged if _is_poorer(page, "words") or _is_poorer(page, "figures")]
    in_words = sum(_is_poorer(page, "words") for page in poorer)
    in_figures = sum(_is_poorer(page, "figures") for page in poorer)
    yield "### Pages poorer than the better of pypdf and plain pdfium by more than .01"
    yield ""
    yield (
        f"{len(poorer):,} of {len(judged):,}: {in_words:,} in words, {in_figures:,} in figures; "
        f"{sum(bool(page.notes) for page in poorer):,} of them depart on purpose."
    )
    yield ""
    if poorer:
        yield "| page | words: docpager | pypdf | pdfium | figures: docpager | pypdf | pdfium | |"
        yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |"
    for page in sorted(poorer, key=lambda page: page.poorer_by("words"), reverse=True):
        shown = (*_three(page.words), *_three(page.figures), _says(page))
        yield f"| {page.file}:{page.page} | {' | '.join(shown)} |"
    yield ""


def _is_poorer(page: MeasuredPage, measure: str) -> bool:
    return page.poorer_by(measure) > POORER_BY + _ROUNDING


def _three(scores: object) -> list[str]:
    assert isinstance(scores, dict)
    return [f"{scores[reader]:.3f}" for reader in READERS[:3]]


def _says(page: MeasuredPage) -> str:
    return "; ".join(filter(None, [page.problem, page.read_by, *page.notes]))


def _failures(files: Sequence[MeasuredFile], pages: Sequence[MeasuredPage]) -> Iterator[str]:
    problems = Counter(page.problem for page in pages if page.problem)
    if problems:
        named = ", ".join(f"{problem}: {count}" for problem, count in problems.most_common())
        judged = sum(page.is_judged for page in pages if page.problem)
        yield (
            f"docpager names {problems.total():,} of {len(pages):,} pages as without usable text "
            f"({named}); {judged:,} of them were judged."
        )
    failed = [(reader, why) for page in pages for reader, why in page.failures.items()]
    for reader, count in Counter(reader for reader, _ in failed).most_common():
        why = Counter(why for each, why in failed if each == reader).most_common(1)[0][0]
        yield f"{reader} could not read {count:,} pages (mostly: {why})."
    for file in files:
        if file.refusal:
            yield f"docpager read nothing of {file.file}: {file.refusal}"


def _share(short: Sequence[bool]) -> str:
    return f"{100 * fmean(short):.2f} % ({sum(short)})" if short else "-"


def _mean(scores: Sequence[float]) -> str:
    return f"{fmean(scores):.4f}" if scores else "-"


def page_lines(title: str, file: MeasuredFile) -> Iterator[str]:
    """A JSON line for each page, left-out ones too (`judged` false)."""
    for page in file.pages:
        yield json.dumps({"set": title, "judged": page.is_judged, **asdict(page)})


def show_page(name: str, page: PageTexts) -> Iterator[str]:
    """What each reader misses and has too much on one page."""
    bags = {reader: words(page.texts[reader]) for reader in READERS}
    wanted = agreed([bags[judge] for judge in JUDGES])
    wanted_figures = figures(wanted)
    left_out = "" if wanted.total() >= FEWEST_WORDS else " (too few to be judged)"
    yield f"{name}:{page.page}: {wanted.total()} words, {wanted_figures.total()} figures{left_out}"
    says = "; ".join(filter(None, [page.problem, page.read_by, *page.notes]))
    if says:
        yield f"docpager says: {says}"
    for reader, bag in bags.items():
        scores = f1(bag, wanted), f1(figures(bag), wanted_figures)
        yield f"{reader}: words {scores[0]:.4f}, figures {scores[1]:.4f}"
        if reader in page.failures:
            yield f"  failed: {page.failures[reader]}"
        yield from _listed("missing", wanted - bag)
        yield from _listed("extra", bag - wanted)


def _listed(what: str, bag: Bag) -> Iterator[str]:
    if not bag:
        return
    shown = [word if n == 1 else f"{word} x{n}" for word, n in bag.most_common(_SHOWN_WORDS)]
    more = f" and {len(bag) - len(shown)} more" if len(bag) > len(shown) else ""
    yield f"  {what} ({bag.total()}): {', '.join(shown)}{more}"
