"""Headings of filings, whose pages have none: `PART I`, `Item 1A. Risk Factors`, bold lines.

It takes paragraphs of a page and makes headings of some. Lines of the table of contents look like
them too; they are told by what follows: nothing of their own, and the same heading further on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from docpager.documents.flow import on_one_line
from docpager.documents.web.tables import Block

__all__ = ["with_filing_headings"]

_HEADING = re.compile(
    r"(part|item)\s+([IVX]{1,4}|\d{1,2}[A-D]?)\b(?!\()[.:—–\-\s]*(.*)", re.IGNORECASE | re.DOTALL
)
_LONGEST = 180
_LONGEST_TITLE = 110
_FEWEST = 3
"""Headings that make a page a filing."""
_CONTENTS_GAP = 400
"""Characters between two headings that have nothing of their own."""
_CONTENTS_LINES = 4
_REPEATED = 3
"""A bold line that comes so often is no heading."""
_NO_TITLE = re.compile(r"\d+$|.*\(continued\)$|.*\.{4}", re.IGNORECASE | re.DOTALL)
_NO_LETTERS = re.compile(r"[^\W\d_]|\s")


class _Candidate(NamedTuple):
    block: int
    place: int
    """Characters before it."""
    kind: str
    number: str
    bold: bool


def with_filing_headings(blocks: Sequence[Block]) -> list[Block]:
    """The blocks, with headings where there are at least three of a filing."""
    candidates = _candidates(blocks)
    taken = _first_of_each(_without_contents(candidates))
    if len(taken) < _FEWEST:
        return list(blocks)
    levels = {each.block: 1 if each.kind == "part" else 2 for each in taken}
    known = {each.block for each in candidates}
    repeated = _repeated(blocks)
    made: list[Block] = []
    first = taken[0].block
    number = 0
    while number < len(blocks):
        block = blocks[number]
        if number in levels:
            text, level = on_one_line(block.text), levels[number]
            following = blocks[number + 1] if number + 1 < len(blocks) else None
            if following is not None and number + 1 not in known and _goes_on(text, following):
                text = f"{text} {on_one_line(following.text)}"
                number += 1
            made.append(Block("heading", text, level=level))
        elif number > first and number not in known and _is_bold_title(blocks, number, repeated):
            made.append(replace(block, sort="heading", level=3))
        else:
            made.append(block)
        number += 1
    return made


def _candidates(blocks: Sequence[Block]) -> list[_Candidate]:
    found: list[_Candidate] = []
    place = 0
    for number, block in enumerate(blocks):
        place += len(block.text)
        if block.sort not in ("paragraph", "item") or len(block.text) > _LONGEST:
            continue
        text = on_one_line(block.text)
        match = _HEADING.fullmatch(text)
        if match and _is_title(match[3], bold=block.bold):
            found.append(_Candidate(number, place, match[1].lower(), match[2].upper(), block.bold))
    return found


def _is_title(title: str, *, bold: bool) -> bool:
    """Not running text that begins with `Item 7 of this report`."""
    if not title:
        return True
    if (
        _NO_TITLE.fullmatch(title)
        or title[-1] in ",;"
        or not (title[0].isupper() or title[0] in "[(")
    ):
        return False
    words = [word for word in title.split() if len(word) > 3]
    return bold or 2 * sum(word[0].isupper() for word in words) >= len(words)


def _without_contents(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Without runs of headings that have nothing of their own and of which most come again."""
    last = {(each.kind, each.number): each.block for each in candidates}
    kept: list[_Candidate] = []
    run: list[_Candidate] = []
    for each in candidates:
        if run and each.place - run[-1].place > _CONTENTS_GAP:
            kept += _kept_of(run, last)
            run = []
        run.append(each)
    return [*kept, *_kept_of(run, last)]


def _kept_of(run: Sequence[_Candidate], last: dict[tuple[str, str], int]) -> Sequence[_Candidate]:
    """Nothing of a table of contents; the first headings may follow it directly."""
    again = sum(last[each.kind, each.number] > run[-1].block for each in run)
    seen: set[tuple[str, str]] = set()
    kept: list[_Candidate] = []
    for each in run:
        key = (each.kind, each.number)
        if key in seen:
            kept.append(each)
        seen.add(key)
    is_contents = len(run) >= _CONTENTS_LINES and 2 * (again + len(kept)) > len(run)
    return kept if is_contents else run


def _first_of_each(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """The first of each part and item, a bold one before others."""
    bold = {(each.kind, each.number) for each in candidates if each.bold}
    taken: list[_Candidate] = []
    part, seen = "", set()
    for each in candidates:
        if (each.kind, each.number) in bold and not each.bold:
            continue
        part = each.number if each.kind == "part" else part
        # A quarterly report counts its items anew in each part.
        key = (each.kind, each.number, "" if each.kind == "part" else part)
        if key not in seen:
            seen.add(key)
            taken.append(each)
    return taken


def _goes_on(text: str, following: Block) -> bool:
    """Whether the block after `Item 1.` is its title."""
    match = _HEADING.fullmatch(text)
    return bool(
        match
        and match[1].lower() == "item"
        and not match[3]
        and following.sort == "paragraph"
        and following.bold
        and len(following.text) <= _LONGEST_TITLE
    )


def _repeated(blocks: Sequence[Block]) -> set[str]:
    counts: dict[str, int] = {}
    for block in blocks:
        if block.bold and block.sort == "paragraph" and len(block.text) <= _LONGEST_TITLE:
            counts[block.text] = counts.get(block.text, 0) + 1
    return {text for text, count in counts.items() if count >= _REPEATED}


def _is_bold_title(blocks: Sequence[Block], number: int, repeated: set[str]) -> bool:
    """Whether a bold line stands over text of its own."""
    block = blocks[number]
    text = block.text.strip()
    if block.sort != "paragraph" or not block.bold or block.linked or block.text in repeated:
        return False
    if not 3 <= len(text) <= _LONGEST_TITLE or text[-1] in ".,;:" or not text[0].isupper():
        return False
    if len(_NO_LETTERS.findall(text)) < 0.7 * len(text):
        return False
    following = blocks[number + 1] if number + 1 < len(blocks) else None
    return following is not None and (following.sort != "paragraph" or len(following.text) > 40)
