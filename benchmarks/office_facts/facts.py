"""The facts that were written down, and what counts as a text that holds one."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from docpager.core.places import Place, parse_place

FACTS_FILE = Path(__file__).with_name("facts.jsonl")
NEAR = 200
"""Characters within which the pieces of a fact stand together where they are not on one line."""


@dataclass(frozen=True)
class WrittenFact:
    """What a person saw in a file, and where."""

    file: str
    sha256: str
    question: str
    """What is searched for."""
    pieces: tuple[str, ...]
    """As the file shows them: words in a row, or a label and its figures."""
    stored: tuple[str, ...]
    """How each begins in the file, where a cell is shown in another way than it is stored."""
    place: Place
    rivals: tuple[str, ...] = ()
    """Figures of other rows: a stretch that holds one does not say which label a figure has."""


def written_facts(path: Path = FACTS_FILE) -> list[WrittenFact]:
    """Every fact, in the order of the files."""
    return [
        WrittenFact(
            given["file"],
            given["sha256"],
            given["question"],
            tuple(given["fact"]),
            tuple(given.get("stored", ())),
            parse_place(given["place"]),
            tuple(given.get("rivals", ())),
        )
        for given in map(json.loads, path.read_text("utf-8").splitlines())
    ]


def wrong_files(facts: Sequence[WrittenFact], folder: Path) -> list[str]:
    """Files that are not in the folder, or are not the ones that the facts were taken from."""
    wanted = {fact.file: fact.sha256 for fact in facts}
    return [name for name, sha256 in wanted.items() if _sha256(folder / name) != sha256]


def collect(facts: Sequence[WrittenFact], roots: Sequence[Path], folder: Path) -> None:
    """Copy the files from wherever they are under the roots, told by their content."""
    wanted = {fact.sha256: fact.file for fact in facts}
    folder.mkdir(parents=True, exist_ok=True)
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.stat().st_size < _LARGEST:
                name = wanted.pop(_sha256(path) or "", None)
                if name is not None:
                    shutil.copyfile(path, folder / name)


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def stretch_holding(
    pieces: Sequence[str], text: str, *, rivals: Sequence[str] = (), begins: bool = False
) -> str | None:
    """The shortest stretch of a text in which all pieces stand together, in any order.

    That is on one line, or within `NEAR` characters, with no rival between them. White space and
    typographic signs do not matter, letter case and figures do; with `begins` a word may be longer
    than its piece.

    >>> stretch_holding(["Consulting", "92"], "Row 9: Consulting; Percent: 16.9%; Number: 92")
    'Consulting; Percent: 16.9%; Number: 92'
    >>> stretch_holding(["Consulting", "92"], "Consulting 92.5")
    """
    patterns = [re.compile(_pattern(piece, begins=begins)) for piece in pieces]
    found = [
        part[start:end]
        for part, within in (*((line, len(line)) for line in text.splitlines()), (text, NEAR))
        for start, end in _spans_of_all(patterns, part)
        if len(pieces) == 1 or end - start <= within
    ]
    nearest = min(found, key=len, default=None)
    return None if nearest and any(rival in nearest for rival in rivals) else nearest


def stretch_of(fact: WrittenFact, text: str) -> str | None:
    """Where a text holds a fact as shown, or else as stored."""
    shown = stretch_holding(fact.pieces, text, rivals=fact.rivals)
    if shown is not None or not fact.stored:
        return shown
    return stretch_holding(fact.stored, text, begins=True)


def _spans_of_all(patterns: Sequence[re.Pattern[str]], text: str) -> Iterator[tuple[int, int]]:
    """For each place of the first piece the span from it to the nearest place of every other."""
    places = [[match.span() for match in pattern.finditer(text)] for pattern in patterns]
    if not all(places):
        return
    for first in places[0]:
        nearest = [min(each, key=partial(_gap, first)) for each in places]
        yield min(start for start, _ in nearest), max(end for _, end in nearest)


def _gap(one: tuple[int, int], other: tuple[int, int]) -> int:
    return abs(one[0] - other[0])


_LARGEST = 4_000_000
"""Bytes; the largest of the files has fewer."""
_SIGNS = ("'’‘", '"“”„«»', "-–—‑−")


def _pattern(piece: str, *, begins: bool) -> str:
    words = r"\s+".join("".join(map(_character, word)) for word in piece.split())
    before = r"(?<![A-Za-z0-9])(?<!\d[.,])" if piece[0].isalnum() else ""
    after = r"(?![A-Za-z0-9])(?![.,]\d)" if piece[-1].isalnum() and not begins else ""
    return before + words + after


def _character(character: str) -> str:
    for signs in _SIGNS:
        if character in signs:
            return f"[{re.escape(signs)}]"
    return re.escape(character)
