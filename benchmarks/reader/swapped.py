"""Questions without an answer: real ones, of a company, a person or a year that no document has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

from benchmarks.reader.halves import Asked

__all__ = ["swapped"]

COMPANIES = (
    "Lufthansa", "Caterpillar", "Vattenfall", "Heineken", "Kirin Holdings", "Svenska Cellulosa",
    "Bridgestone", "Telefonica", "Carlsberg", "Ahold Delhaize", "Mondi", "Fortescue", "ZTE",
)  # fmt: skip
PERSONS = (
    "David Quenneville", "Maria Ostrander", "Zebulon Thackeray", "John Wickenburg",
    "Anna Przybylska", "Robert Tidewell", "Helena Vasquez-Orr", "Michael Brandywine",
    "Ingeborg Falkenrath", "James Oglethwaite",
)  # fmt: skip
_YEAR = re.compile(r"(?<!\d)(?<!\d[.,])(?:19|20)\d\d(?!\d|[.,]\d)")


def swapped(
    asked: Sequence[Asked], occurs: Callable[[str], bool], *, persons: bool
) -> Iterator[str]:
    """Each question once with another name and once with another year, where it has them.

    `occurs` tells whether a word stands in any document; a name is taken only if its last word
    does not. Company names stand in for names, or `persons`.
    """
    strangers = [
        name for name in (PERSONS if persons else COMPANIES)
        if not occurs(re.split(r"[ -]", name)[-1])
    ]  # fmt: skip
    years = [
        str(year) for year in (*range(1931, 1990), *range(2031, 2060)) if not occurs(str(year))
    ]
    for each in asked:
        text = each.question.text
        if each.names:
            pattern = "|".join(map(re.escape, sorted(each.names, key=len, reverse=True)))
            stranger = _drawn(strangers, text)
            changed = re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", stranger, text, count=1, flags=re.I)
            if changed != text:
                yield changed
        if years and _YEAR.search(text):
            moved = _moved(text, int(_drawn(years, text)))
            if not any(map(occurs, _YEAR.findall(moved))):
                yield moved


def _moved(text: str, newest: int) -> str:
    """A question all of whose years are moved by as much, so that `newest` becomes the newest."""
    shift = newest - max(map(int, _YEAR.findall(text)))
    return _YEAR.sub(lambda match: str(int(match[0]) + shift), text)


def _drawn(names: Sequence[str], text: str) -> str:
    return names[int.from_bytes(sha256(text.encode()).digest()[:4], "big") % len(names)]
