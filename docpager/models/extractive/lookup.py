"""Looking something up: search, read what is promising, note it, search again, answer."""

from __future__ import annotations

import re
from math import inf

from docpager.models.extractive.composing import compose
from docpager.models.extractive.evidence import Evidence
from docpager.models.extractive.moves import (
    Call,
    Calls,
    Move,
    calls,
    grep,
    page_in,
    page_out,
    search,
    write_note,
)
from docpager.models.extractive.notes import evidence_note, flat, noted_evidence
from docpager.models.extractive.questions import Wants
from docpager.models.extractive.reading import Reading
from docpager.models.extractive.records import bounded
from docpager.models.extractive.searches import QUERY_CHARACTERS, better, next_pages, unasked
from docpager.models.extractive.statements import heading_pattern
from docpager.models.extractive.view import Hit

__all__ = ["look_up", "search_first"]

LAST_STEP = 11
"""The step at which an ordinary question is answered with what there is."""
LAST_FIRST_STEP = 4
"""The step up to which first searches are made; later ones are repeats that the log forgot."""
MOST_READ = 20
"""Passages read for an ordinary question."""
AT_ONCE = 4
"""Passages asked for in one step."""
FEW_DOCUMENTS = 60
"""Documents up to which the whole list is asked for."""
CERTAIN = 0.86
WORTH_NOTING = 0.4
WORTH_AGAIN = 0.05
"""How much stronger a noted quote must look, with more in view, for its note to be written anew."""


def look_up(reading: Reading) -> Move:
    """The next move for a question that asks for one thing."""
    view = reading.view
    if view.step >= LAST_STEP or view.hurried:
        return compose(reading)
    kept = [*_about(reading), *_notes(reading), *_releases(reading)]
    read = sum(line.name == "page_in" and "refused" not in line.outcome for line in view.log)
    best = reading.evidence[0].strength if reading.evidence else 0.0
    first, later = list(unasked(reading)), list(better(reading))
    if first and view.step <= LAST_FIRST_STEP:
        return calls(kept, first[:4])
    if statement := _statement_page(reading):
        return calls(kept, [page_in(statement)])
    if best >= CERTAIN and read >= AT_ONCE:
        return compose(reading)
    if around := _around_best(reading):
        return calls(kept, [page_in(around)])
    pending = _pending(reading)
    if pending and read < MOST_READ and not (later and read >= 2 * AT_ONCE and view.step < 8):
        return calls(kept, [page_in(hit.locator) for hit in pending[:AT_ONCE]])
    later = later or list(next_pages(reading))
    if later:
        return calls(kept, later[:2])
    return compose(reading)


def search_first(reading: Reading) -> Calls:
    """The first move of any question: search it, look for its keys, list the documents."""
    keys = [grep(bounded(key), reading.targets) for key in reading.asked.keys[:3]]
    queries = list(unasked(reading))[:4] or [search(reading.asked.question[:QUERY_CHARACTERS])]
    listing: list[Call] = []
    number = re.search(r"^(\d+) documents", reading.view.document_map, re.MULTILINE)
    if not reading.view.listed_all and number and int(number[1]) <= FEW_DOCUMENTS:
        listing = [("contents", {})]
    return calls(keys, listing, queries)


def _about(reading: Reading) -> list[Call]:
    """A note of the documents that the question names, where a rebuild could hide their names."""
    known = {
        note.text.split(" ")[1] for note in reading.view.notes if note.text.startswith("about D")
    }
    if (
        not reading.view.can_note
        or not reading.targets
        or reading.view.document_map.startswith("D")
    ):
        return []
    lines = [reading.view.documents.get(number) for number in reading.targets[:3]]
    return [
        write_note((f"about D{line.id} {line.path}"[:100], [f"D{line.id}"]))
        for line in lines
        if line is not None and f"D{line.id}" not in known
    ]


def _statement_page(reading: Reading) -> str:
    """A PDF page that is headed as the statement in which the answer may stand."""
    patterns = {heading_pattern(titles) for titles in reading.statements[:2]}
    for lookup in reading.view.lookups:
        if lookup.name != "grep" or lookup.query not in patterns:
            continue
        ranked = sorted(lookup.hits, key=lambda h: -sum(c.isdigit() for c in h.snippet))
        for hit in ranked[:1]:
            place = f"D{hit.document}:p{hit.pdf_page}" if hit.pdf_page else hit.locator
            if not reading.did("page_in", place) or (
                place in reading.view.refused and reading.did("page_in", place) < 3
            ):
                return place
    return ""


def _pending(reading: Reading) -> list[Hit]:
    """Hits that were not read yet and may be worth it, best first."""
    best: dict[tuple[int, int], tuple[float, Hit]] = {}
    counts: dict[tuple[int, int], int] = {}
    for hit in reading.hits:
        at = (hit.document, hit.ordinal)
        counts[at] = counts.get(at, 0) + 1
        score = _promise(reading, hit)
        if at not in best or best[at][0] < score:
            best[at] = (score, hit)
    scored = [(score + 0.06 * (counts[at] - 1), hit) for at, (score, hit) in best.items()]
    top = max((score for score, _ in scored), default=0.0)
    worth = [
        (score, hit)
        for score, hit in scored
        if score >= max(0.2, 0.45 * top)
        and not reading.view.was_read(hit.document, hit.ordinal)
        and reading.did("page_in", hit.locator) < 2
    ]
    worth.sort(key=lambda each: (-each[0], each[1].document, each[1].ordinal))
    return [hit for _, hit in worth]


def _promise(reading: Reading, hit: Hit) -> float:
    by_rank = 0.3 / (1 + hit.rank)
    outside = bool(reading.targets) and hit.document not in reading.targets
    if not hit.snippet:
        return (0.25 + by_rank) * (0.4 if outside else 1.0)
    share = reading.scorer.share(hit.snippet, reading.names.get(hit.document, ()))
    asks_figure = reading.asked.wants is Wants.AMOUNT and re.search(r"\d", hit.snippet)
    years = reading.asked.years
    said = 0.1 * any(year in hit.snippet for year in years) if years else 0.0
    return (share + by_rank + (0.08 if asks_figure else 0.0) + said) * (0.4 if outside else 1.0)


def _around_best(reading: Reading) -> str:
    """The PDF page of the best row, where its column heads were not seen yet."""
    if not reading.evidence:
        return ""
    best = reading.evidence[0]
    wanted = reading.asked.wants is Wants.AMOUNT or any(c.hint for c in reading.asked.concepts)
    if (
        not wanted
        or best.pdf_page is None
        or best.strength < 0.45
        or (best.header and best.kind == "row")
    ):
        return ""
    page = f"D{best.document}:p{best.pdf_page}"
    whole_pages = sum(
        line.name == "page_in" and ":p" in line.arguments for line in reading.view.log
    )
    return "" if reading.did("page_in", page) or whole_pages >= 2 else page


def _notes(reading: Reading) -> list[Call]:
    """Notes of the strongest new evidence."""
    if not reading.view.can_note:
        return []
    kept = noted_evidence(reading.view.notes)
    noted = sorted((e.strength for e in reading.evidence if e.note), reverse=True)
    floor = max(WORTH_NOTING, noted[2] if len(noted) > 2 else 0.0)
    best = reading.evidence[0].strength if reading.evidence else inf
    found = []
    for each in reading.visible[:6]:
        known = [e for e in kept if flat(each.quote)[:120] in flat(e.quote)]
        better = all(each.strength > e.strength + WORTH_AGAIN for e in known)
        if each.strength >= max(floor, 0.7 * best) and better:
            found.append(write_note(evidence_note(each), replaces=known[0].note if known else ""))
    return found[:2]


def _releases(reading: Reading) -> list[Call]:
    """The passages in main context that are done with."""
    needed: set[tuple[int, int]] = set()
    if not reading.view.can_note:
        needed = {(e.document, e.ordinal) for e in _best(reading)}
    return page_out(p.locator for p in reading.unreleased if (p.document, p.ordinal) not in needed)


def _best(reading: Reading) -> list[Evidence]:
    return reading.visible[:3]
