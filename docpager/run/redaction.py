"""Takes the text of forgotten documents out of journals; a hash stands in its place. Their pictures
are deleted beside the journals.

What the archive gave of such a document goes, and every word that the model wrote after it had met
the document, since it may be copied from there. A redacted journal says so in its first line.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docpager.core.errors import JournalError
from docpager.core.locations import Location
from docpager.run.journal import held_journal, journal_lines, sealed_lines
from docpager.run.page_pictures import PICTURES, PictureStore
from docpager.storage.entry_log import logs_in, replace_log

__all__ = [
    "Redacted",
    "discard_unnamed_pictures",
    "journals_holding",
    "redact_journals",
    "redacted_lines",
]

_KEPT = frozenset(
    {"kind", "id", "name", "type", "path", "by", "match", "status", "source", "stop_reason"}
)
"""Keys whose values are docpager's own words or a file's name, never a document's text."""
_LOCATOR = re.compile(r"(?:[DTM]\d+(?::[cps][\d.]+(?:-\d+)?)?|N\d+|[0-9a-f]{64})")
_NAMED_LINE = re.compile(r"D(\d+)[ :]")
_SIZED = re.compile(r"(?:(.*) \| )?\d+ (?:(?:pdf pages|pages?|sheets?|slides?), \d+ )?passages")
_MARK = "redacted:sha256:"

Json = Any


@dataclass(frozen=True, slots=True)
class Redacted:
    """What became of the journals in a folder."""

    journals: tuple[Location, ...]
    """Those that were redacted now."""
    unreadable: tuple[tuple[Location, str], ...]
    """Those left as they are, and why: not to be read, or a run is going on with them."""


def journals_holding(
    folder: Location, archive_id: str, documents: Collection[int]
) -> tuple[list[Location], list[tuple[Location, str]]]:
    """The journals in which text of these documents stands, and those that cannot be read."""
    holding: list[Location] = []
    unreadable: list[tuple[Location, str]] = []
    for path in _journals(folder):
        try:
            lines, _, _ = journal_lines(path)
        except JournalError as error:
            unreadable.append((path, str(error)))
            continue
        if _belongs(lines[0], archive_id) and _redacted(lines, set(documents)) != lines:
            holding.append(path)
    return holding, unreadable


def redact_journals(folder: Location, archive_id: str, documents: Collection[int]) -> Redacted:
    """Take the text of these documents out of every journal of the archive in `folder`."""
    if not documents:
        return Redacted((), ())
    holding, unreadable = journals_holding(folder, archive_id, documents)
    done: list[Location] = []
    for path in holding:
        try:
            with held_journal(path):
                _redact(path, set(documents))
        except JournalError as error:
            # A run that goes on with it would write into a file that has no name any more.
            unreadable.append((path, str(error)))
        else:
            done.append(path)
    return Redacted(tuple(done), tuple(unreadable))


def discard_unnamed_pictures(folder: Location) -> list[Location]:
    """Delete the pictures of pages in a folder of journals that none of them names any more:
    those of forgotten documents, and of journals that were deleted. Returns what is gone.

    Nothing while a run goes on there: a picture is written before the journal names it. In object
    storage, where that is not seen, none of the last hour.
    """
    journals = _journals(folder)
    store = PictureStore(folder / PICTURES)
    if isinstance(store.folder, Path) and (
        not store.folder.is_dir() or any(map(_is_held, journals))
    ):
        return []
    named: set[str] = set()
    for path in journals:
        try:
            lines, _, _ = journal_lines(path)
        except JournalError:
            continue  # it cannot be resumed, and what it names cannot be told
        for part in _parts(lines):
            picture = part.get("picture")
            if part.get("kind") == "Viewed" and isinstance(picture, dict):
                named.add(str(picture.get("sha256")))
    return store.discard_others(named)


def _is_held(path: Location) -> bool:
    try:
        with held_journal(path):
            return False
    except (JournalError, OSError):
        return True


def _redact(path: Location, documents: set[int]) -> None:
    # A torn last line, which may hold text too, is left out as it is by a resume.
    lines, _, _ = journal_lines(path)
    replace_log(path, sealed_lines(redacted_lines(lines, documents)))


def redacted_lines(lines: list[Json], documents: Collection[int]) -> list[Json]:
    """The lines of a journal without the documents' text, their numbers in the first line; the same
    lines where they hold none of it."""
    redacted = _redacted(lines, set(documents))
    if redacted == lines:
        return lines
    before = redacted[0].get("redacted", [])
    # Last, for the mark of an earlier redaction stands in the line too.
    redacted[0] = {**redacted[0], "redacted": sorted({*before, *documents})}
    return redacted


def _journals(folder: Location) -> list[Location]:
    """The journals of a folder, and those of the chats that are kept beside one on this machine."""
    found: list[Location] = list(logs_in(folder))
    if isinstance(folder, Path):
        beside = sorted(folder.parent.glob("chats/sessions/*/*.jsonl"))
        found += [path for path in beside if path.name != "session.jsonl"]
    return found


def _belongs(first: Json, archive_id: str) -> bool:
    header = first.get("header", {})
    return isinstance(header, dict) and header.get("archive_id") == archive_id


def _redacted(lines: list[Json], documents: set[int]) -> list[Json]:
    """The lines without the documents' text; equal to `lines` where they hold none."""
    hide = _titles_hidden(lines[0], documents)
    met = False
    written = []
    for line in lines:
        met = met or _meets(line, documents)
        written.append(_without_text(line, documents, hide=hide, met=met))
    return written


def _titles_hidden(first: Json, documents: set[int]) -> Callable[[str], str]:
    """Hides a title that the document map shows, wherever it stands."""
    titles = set()
    for line in first["header"]["plan"]["document_map"].splitlines():
        named = _NAMED_LINE.match(line)
        _, shown, rest = line.partition(" | ")
        if shown and named and int(named[1]) in documents:
            sized = _SIZED.fullmatch(rest)
            titles.add(sized[1] if sized else rest)
    titles.discard(None)

    def hide(text: str) -> str:
        for title in titles:
            text = text.replace(title, _hash(title))
        return text

    return hide


def _meets(line: Json, documents: set[int]) -> bool:
    """Whether the run has seen text of the documents after this line."""
    results = line.get("results", ())
    return any(_document_of(part) in documents for part in _parts(results)) or any(
        _names(text, documents)
        for result in results
        for text in (result.get("lines", ()) if isinstance(result, dict) else ())
    )


def _parts(value: Json) -> Iterator[dict[str, Json]]:
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value:
        if isinstance(part, dict | list | tuple):
            yield from _parts(part)


def _document_of(part: dict[str, Json]) -> int | None:
    """The document that a part of a result is about: a hit, a range, a passage, a quote."""
    for key in ("passage", "range"):
        if isinstance(part.get(key), list) and part[key]:
            return int(part[key][0])
    if part.get("kind") == "Viewed":
        part = part.get("picture", part)
    document = part.get("document")
    return document if isinstance(document, int) else None


def _without_text(
    line: Json, documents: set[int], *, hide: Callable[[str], str], met: bool
) -> Json:
    written = {}
    for key, value in line.items():
        if key == "results":
            written[key] = _result(value, documents, met=met)
        elif met and key in ("reply", "outcome"):
            written[key] = _hashed(value)
        else:
            written[key] = _each(value, hide)
    return written


def _result(value: Json, documents: set[int], *, met: bool) -> Json:
    """A result: hashed where it is about the documents or repeats the model's words."""
    if isinstance(value, list):
        return [_result(part, documents, met=met) for part in value]
    if not isinstance(value, dict):
        return value
    said = met and value.get("kind") in ("QuotesChecked", "Refused")
    if said or _document_of(value) in documents:
        return _hashed(value)
    written = {key: _result(part, documents, met=met) for key, part in value.items()}
    if "lines" in value:
        written["lines"] = [_hash(t) if _names(t, documents) else t for t in value["lines"]]
    return written


def _names(line: str, documents: set[int]) -> bool:
    named = _NAMED_LINE.match(line)
    return named is not None and int(named[1]) in documents


def _each(value: Json, change: Callable[[str], str]) -> Json:
    """The value with every string in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each(part, change) for part in value]
    if isinstance(value, dict):
        return {key: _each(part, change) for key, part in value.items()}
    return value


def _hashed(value: Json, key: str = "") -> Json:
    """The value with a hash in place of every string that can be text."""
    if isinstance(value, str):
        return value if key in _KEPT or not value or _LOCATOR.fullmatch(value) else _hash(value)
    if isinstance(value, list):
        return [_hashed(part) for part in value]
    if not isinstance(value, dict):
        return value
    if key in ("arguments", "input") and set(value) != {"redacted"}:
        # A model may write anything under any name here.
        return {"redacted": _hash(json.dumps(value, ensure_ascii=False))}
    if value.get("kind") == "Viewed" and isinstance(value.get("picture"), dict):
        # The hash of a file that stood beside the journal: with the mark nothing names it.
        named = value["picture"]
        value = {**value, "picture": {**named, "sha256": _hash(str(named.get("sha256")))}}
    return {name: _hashed(part, name) for name, part in value.items()}


def _hash(text: str) -> str:
    if text.startswith(_MARK):
        return text
    return _MARK + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
