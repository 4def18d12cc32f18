"""Looking something up: search, read what is found, note it, answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from docpager.models.extractive.actions import (
    Action,
    Answering,
    Call,
    Calls,
    QuotedLine,
    calls,
    grep,
    page_in,
    page_out,
    search,
    write_note,
)
from docpager.models.extractive.evidence import (
    LONGEST_QUOTE,
    Evidence,
    evidence_in,
    evidence_note,
    noted_evidence,
    value_in,
)
from docpager.models.extractive.question import ParsedQuestion
from docpager.models.extractive.records import bounded
from docpager.models.extractive.view import ShownHit, View
from docpager.models.extractive.words import STOP_WORDS, flat, shortened

__all__ = ["answer", "look_up", "search_first"]

MOST_READ = 8
"""Passages read for an ordinary question."""
AT_ONCE = 4
"""Passages asked for in one step."""
ENOUGH = 0.15
"""Strength below which the best evidence does not carry an answer."""
WORTH_AGAIN = 0.05
"""How much stronger a noted quote must look for its note to be written anew."""
MOST_CITATIONS = 3
QUERY_CHARACTERS = 300
LAST_STEP = 11
"""The step at which an ordinary question is answered with what there is."""
MOST_GREPS = 4
SHORTEST_BEGINNING = 6
"""Letters of a longer name that must stand: `American` is found in `America`."""
_RUN = re.compile(r"(?<![\w.])[A-Z][\w’'-]*(?:\s+(?:[A-Z][\w’'-]*))*")
_NO_NAMES = frozenset(
    {
        *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
        *("october", "november", "december", "monday", "tuesday", "wednesday", "thursday"),
        *("friday", "saturday", "sunday", "usd", "fy", "page", "table", "figure"),
    }
)
"""Words that are written like names, and that documents may write otherwise."""
_QUOTED = re.compile(r'"[^"]*"|“[^”]*”')
_SEEN = re.compile(r"D(\d+):c(\d+)")


def search_first(view: View, question: ParsedQuestion) -> Calls:
    """The first reply to any question: search it, and look for its keys."""
    keys = [grep(bounded(key), question.documents) for key in question.keys[:3]]
    return calls(keys, [search(question.text[:QUERY_CHARACTERS], question.documents)])


def look_up(view: View, question: ParsedQuestion) -> Action:
    """The next action for a question that asks for one thing."""
    if name := _absent_name(view, question):
        return Answering(f"Not found: {name} stands in none of the documents.", found=False)
    read = sum(line.name == "page_in" and "refused" not in line.outcome for line in view.log)
    pending = [
        hit for hit in _hits(view)
        if not view.was_read(hit.document, hit.ordinal) and view.did("page_in", hit.locator) < 2
    ]  # fmt: skip
    if not pending or read >= MOST_READ or view.step >= LAST_STEP or view.hurried:
        return answer(view, question)
    kept = [*_notes(view, question), *_releases(view, question)]
    checks = [] if read else _name_greps(view, question)
    return calls(kept, checks, [page_in(hit.locator) for hit in pending[:AT_ONCE]])


def answer(view: View, question: ParsedQuestion) -> Answering:
    """The answer that the strongest evidence gives, or an abstention."""
    best: dict[tuple[int, int], Evidence] = {}
    for each in _evidence(view, question):
        best.setdefault(each.place, each)
    chosen = list(best.values())[:MOST_CITATIONS]
    # What was put before the reader in one request, and never names the asked code, is no answer.
    codes = [key for key in question.keys if re.fullmatch(r"\S*\d\S*", key)]
    unseen = not view.log and codes and not any(code in _seen(view) for code in codes)
    if unseen or not chosen or chosen[0].strength < ENOUGH:
        return Answering("Not found: nothing that was read answers this.", found=False)
    citations = tuple(QuotedLine(e.locator, shortened(e.quote, LONGEST_QUOTE)) for e in chosen)
    quote = flat(chosen[0].quote)
    return Answering(value_in(question.text, quote) or shortened(quote, LONGEST_QUOTE), citations)


def _evidence(view: View, question: ParsedQuestion) -> list[Evidence]:
    """Quotes in passages and in notes, strongest first."""
    visible = evidence_in(question, view.passages.values(), _ranks(view))
    found = [*visible, *noted_evidence(view.notes)]
    return sorted(found, key=lambda e: (-e.strength, e.document, e.ordinal, e.quote))


def _hits(view: View) -> list[ShownHit]:
    """Hits of searches, best first. Of those that a rebuild took the log has locators."""
    found = [h for lookup in view.lookups if lookup.name == "search" for h in lookup.hits]
    for line in view.log:
        if line.name == "search" and line.step and "seen " in line.outcome:
            places = _SEEN.findall(line.outcome.rpartition("seen ")[2])
            found += [ShownHit(int(document), int(ordinal), "", "") for document, ordinal in places]
    return list({(hit.document, hit.ordinal): hit for hit in found[::-1]}.values())[::-1]


def _ranks(view: View) -> dict[tuple[int, int], float]:
    """From 0 to 1: how high the hits put each passage."""
    return {(hit.document, hit.ordinal): 1 / (1 + n / 2) for n, hit in enumerate(_hits(view))}


def _notes(view: View, question: ParsedQuestion) -> list[Call]:
    """Notes of the strongest new evidence, the best of each place."""
    if not view.can_note:
        return []
    kept = {each.place: each for each in noted_evidence(view.notes)}
    noted = sorted((each.strength for each in kept.values()), reverse=True)
    floor = noted[MOST_CITATIONS - 1] if len(noted) >= MOST_CITATIONS else ENOUGH
    best: dict[tuple[int, int], Evidence] = {}
    for each in evidence_in(question, view.unreleased, _ranks(view)):
        best.setdefault(each.place, each)
    return [
        write_note(evidence_note(each), replaces=kept[place].note if place in kept else "")
        for place, each in list(best.items())[:MOST_CITATIONS]
        if each.strength >= floor
        and (place not in kept or each.strength > kept[place].strength + WORTH_AGAIN)
    ]


def _releases(view: View, question: ParsedQuestion) -> list[Call]:
    """The passages that are done with: all of them where notes keep the evidence."""
    needed: set[tuple[int, int]] = set()
    if not view.can_note:
        needed = {(e.document, e.ordinal) for e in _evidence(view, question)[:MOST_CITATIONS]}
    return page_out(p.locator for p in view.unreleased if (p.document, p.ordinal) not in needed)


def _name_greps(view: View, question: ParsedQuestion) -> list[Call]:
    """Searches of all documents for the names and years that nothing in view speaks of."""
    seen = _seen(view)
    return [
        grep(pattern)
        for _, pattern in _sought(question)
        if not re.search(pattern, seen) and not view.did("grep", pattern)
    ][:MOST_GREPS]


def _seen(view: View) -> str:
    """The text of everything in main context that tells of documents."""
    hits = (f"{hit.path} {hit.snippet}" for lookup in view.lookups for hit in lookup.hits)
    texts = [*(passage.text for passage in view.passages.values()), *(n.text for n in view.notes)]
    return "\n".join([view.document_map, *hits, *texts])


def _absent_name(view: View, question: ParsedQuestion) -> str:
    """A name or year of the question that was found in no document; "" where there is none."""
    nowhere = {lookup.query for lookup in view.lookups if not lookup.hits and not lookup.hidden}
    return next((name for name, pattern in _sought(question) if pattern in nowhere), "")


def _sought(question: ParsedQuestion) -> Iterator[tuple[str, str]]:
    """(name, pattern for `re` and RE2) of what must stand in some document, years first."""
    for year in question.years:
        yield year, rf"(?:^|[^\d.,]){year}(?:\D|$)|\b(?:FY|CY) ?'?{year[2:]}\b"
    if not question.text.isupper():
        for name in dict.fromkeys(_names(question.text)):
            yield name, _pattern(name)


def _names(text: str) -> Iterator[str]:
    """Words with a capital letter; one that begins a sentence only if another follows. A quoted
    term may be the questioner's own."""
    text = _QUOTED.sub(lambda quoted: " " * len(quoted[0]), text)
    for run in _RUN.finditer(text):
        words = run[0].split()
        before = text[: run.start()].rstrip()
        if (not before or before[-1] in '.?!:\n"“') and len(words) == 1:
            continue
        for word in (re.sub(r"['’]s?$", "", word) for word in words):
            lower = word.lower()
            if len(word) > 1 and lower not in STOP_WORDS | _NO_NAMES and word.isalpha():
                yield word


def _pattern(name: str) -> str:
    """What finds a name: its beginning, or for a short one in capitals, such as a ticker, also a
    run of words with these initials."""
    if name.isupper() and len(name) <= SHORTEST_BEGINNING:
        initials = r"\W+(?:\w{1,3}\W+)?".join(f"[{c}{c.lower()}]\\w*" for c in name)
        return rf"\b(?:{name}|{initials})\b"
    return rf"(?i)\b{name[: max(SHORTEST_BEGINNING, len(name) - 2)].lower()}"
