"""Records: `key: value` in all the ways texts write it, and the chains that they form."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "Record",
    "bounded",
    "by_key",
    "find_records",
    "follow",
    "key_pattern",
    "longest_chain",
    "unbounded",
]

_JSON_PAIR = re.compile(
    r'"((?:[^"\\\n]|\\.){1,300})"\s*:\s*(?:"((?:[^"\\\n]|\\.){0,300})"|(-?\d[\d.eE+-]*|true|false|null))'
)
_MAYBE = re.compile(r"^.*?(?:[:=|→⇒\t]|->|  ).*$", re.MULTILINE)
_SEPARATOR = re.compile(r"\s*(?:->|=>|→|⇒|:=|:(?=\s)|=(?!=)|\||\t)\s*|\s{2,}")
_RULE = re.compile(r"\n[ \t]*\|?[ \t]*:?-{3,}[-:| \t]*(?=\n|$)")
"""The line below the head of a table, which is no record."""
_BULLET = re.compile(r"^\s*(?:[-*•‣]\s+|\d{1,3}[.)]\s+|\|\s*)?")
_QUOTES = "\"'`“”‘’"
_LONGEST_KEY = 80
_LONGEST_VALUE = 120
_MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class Record:
    """One `key: value`, and where it stands."""

    key: str
    value: str
    quote: str
    """The record as its text writes it."""
    source: str = ""
    """The locator of its passage."""


def find_records(text: str, *, source: str = "") -> list[Record]:
    """Every record in `text`, in order.

    >>> [(r.key, r.value) for r in find_records('"a": "b", "c": 4')]
    [('a', 'b'), ('c', '4')]
    >>> [(r.key, r.value) for r in find_records("alpha -> beta\\ncolour = red")]
    [('alpha', 'beta'), ('colour', 'red')]
    >>> [(r.key, r.value) for r in find_records("| mark | bears |\\n|---|---|\\n| HL-9 | elk |")]
    [('HL-9', 'elk')]
    """
    found = [
        Record(pair[1], pair[2] if pair[2] is not None else pair[3], pair[0], source)
        for pair in _JSON_PAIR.finditer(text)
    ]
    for match in _MAYBE.finditer(text):
        heads_table = _RULE.match(text, match.end())
        if not heads_table and ('":' not in match[0] or not _JSON_PAIR.search(match[0])):
            found += _line_records(match[0], source)
    return found


def _line_records(line: str, source: str) -> Iterator[Record]:
    pieces = line.split(";") if ";" in line else [line]
    for piece in pieces:
        record = _cells(piece, source)
        if record is not None:
            yield record


def _cells(line: str, source: str) -> Record | None:
    if len(line) > _LONGEST_KEY + _LONGEST_VALUE + 40:
        return None
    begin = _BULLET.match(line)
    body = line[begin.end() if begin else 0 :].rstrip(" \t\r,;|").removesuffix(".")
    parts = _SEPARATOR.split(body)
    if len(parts) != 2:
        return None
    key, value = (_unquoted(part) for part in parts)
    if not _fits(key, _LONGEST_KEY) or not _fits(value, _LONGEST_VALUE):
        return None
    return Record(key, value, body.strip(), source)


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
        return text[1:-1].strip()
    return text


def _fits(cell: str, longest: int) -> bool:
    return (
        0 < len(cell) <= longest and len(cell.split()) <= _MOST_WORDS and cell.strip("-=|: ") != ""
    )


def follow(start: str, records: Mapping[str, Record]) -> list[Record]:
    """The links from `start` on, until a value is no key or comes round again."""
    links: list[Record] = []
    seen: set[str] = set()
    while start in records and start not in seen:
        seen.add(start)
        links.append(records[start])
        start = records[start].value
    return links


def by_key(records: Iterable[Record]) -> dict[str, Record]:
    """Records by key; of equal keys the first."""
    found: dict[str, Record] = {}
    for record in records:
        found.setdefault(record.key, record)
    return found


def longest_chain(records: Sequence[Record], keys: Collection[str] = ()) -> list[Record]:
    """The longest chain that begins at one of `keys`; without any of them, at a key that nothing
    points to.

    >>> [record.value for record in longest_chain(find_records("a -> b; b -> c; x -> y"))]
    ['b', 'c']
    """
    known = by_key(records)
    pointed = {record.value for record in known.values()}
    starts = [key for key in keys if key in known]
    starts = starts or [key for key in known if key not in pointed] or list(known)[:1]
    return max((follow(start, known) for start in starts), key=len, default=[])


def key_pattern(key: str) -> str:
    """An RE2 pattern that finds `key` where it stands before a separator."""
    return bounded(key) + r"""["'`]?\s*(?:[-=]>|[:=|→\t])"""


def bounded(key: str) -> str:
    """An RE2 pattern for `key` as a whole word."""
    before = r"\b" if re.match(r"[A-Za-z0-9_]", key) else ""
    after = r"\b" if re.search(r"[A-Za-z0-9_]$", key) else ""
    escaped = re.sub(r"[\\.+*?()|\[\]{}^$]", r"\\\g<0>", key)
    return f"{before}{escaped}{after}"


def unbounded(pattern: str) -> str | None:
    """The key that `bounded` or `key_pattern` was made of.

    >>> unbounded(key_pattern("a.b")), unbounded(bounded("K-1"))
    ('a.b', 'K-1')
    """
    body = pattern.removeprefix(r"\b")
    for end in (r"\b", "[\"'", ", ["):
        body = body.partition(end)[0]
    return re.sub(r"\\(.)", r"\1", body) or None
