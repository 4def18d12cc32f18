"""Reads a file of questions with their gold: every field is checked before anything is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.samples import Axis, Gold, Place
from docpager.batch.questions import Question, parse_question, parse_texts
from docpager.core.errors import UsageError
from docpager.storage.append_log import read_lines

__all__ = ["OwnQuestion", "read_own_questions"]

_OWN = ("id", "question", "answers", "answer", "evidence", "documents", "parts", "rivals")
_GOLD = ("answers", "answer", "parts")


@dataclass(frozen=True, slots=True)
class OwnQuestion:
    """One line of the file."""

    line: int
    text: str
    documents: tuple[str, ...]
    axes: Mapping[str, Axis]
    gold: Gold


def read_own_questions(path: Path) -> Iterator[OwnQuestion]:
    """The questions of a file, in its order.

    Raises:
        UsageError: a line is no question (names line, field and what is wrong).
    """
    for line in read_lines(path):
        try:
            if line.value is None:
                raise ValueError(line.problem)
            yield _question(line.value, line.number)
        except ValueError as error:
            raise UsageError(f"line {line.number} of {str(path)!r}: {error}") from error


def _question(value: Mapping[str, Any], line: int) -> OwnQuestion:
    parsed = parse_question({k: v for k, v in value.items() if k not in _GOLD}, line=line)
    axes = {k: v for k, v in value.items() if k not in _OWN and isinstance(v, Axis)}
    return OwnQuestion(line, parsed.question, parsed.documents, axes, _gold(value, parsed))


def _gold(value: Mapping[str, Any], parsed: Question) -> Gold:
    given = [name for name in _GOLD if value.get(name) is not None]
    if len(given) > 1:
        raise ValueError(f"both {given[0]!r} and {given[1]!r}; keep one of them")
    parts: tuple[tuple[str, ...], ...] = ()
    if given == ["parts"]:
        parts = _parts(value["parts"])
    elif given:
        answers = _texts(value[given[0]], given[0])
        parts = (answers,) if answers else ()
    evidence = tuple(Place(each.document, each.pdf_page) for each in parsed.evidence)
    return Gold(parts, _texts(value.get("rivals", []), "rivals"), evidence, known=bool(given))


def _parts(given: object) -> tuple[tuple[str, ...], ...]:
    if not isinstance(given, list) or not all(isinstance(each, list) and each for each in given):
        raise ValueError("'parts' must be a list of lists: the wordings of each thing asked")
    if not given:
        raise ValueError("'parts' is empty; write \"answers\": [] where there is no answer")
    return tuple(_texts(each, "parts") for each in given)


def _texts(given: object, name: str) -> tuple[str, ...]:
    """A text, a number or a list of them, read as `docpager batch` reads gold answers."""
    return parse_texts(given, name) or ()
