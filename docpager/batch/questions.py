"""Reads questions.jsonl: every bad line is named before anything is spent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any

from docpager.core.errors import UsageError
from docpager.core.locations import Location
from docpager.core.passages import HALF_CHARACTER, counted, number_ranges
from docpager.core.places import ALIASES, PLACE_FIELDS, Place, parse_place
from docpager.evaluation.records import Axis, Gold
from docpager.run.service import question_id
from docpager.storage.json_lines import JsonLine, read_lines
from docpager.storage.whole_files import copied_here

__all__ = [
    "BadLine",
    "Question",
    "QuestionFile",
    "did_you_mean",
    "parse_question",
    "parse_texts",
    "read_questions",
]

_KNOWN = frozenset({"id", "question", "documents", "answers", "evidence"})
_PLACE = frozenset({*PLACE_FIELDS, "kind"})
_REMARKS = frozenset({*ALIASES, "text", "quote", "comment"})
"""What a place may say beside: it is for people, and scores nothing."""
_EXPLAINED_AT_MOST = 8
_HINTS = {
    "page": "page",
    "doc": "document",
    "file": "document",
    "path": "document",
    "gold": "answers",
    "expected": "answers",
}
"""What is meant by a field whose name holds a word."""


@dataclass(frozen=True, slots=True)
class Question:
    """One line of a questions file."""

    id: str
    question: str
    documents: tuple[str, ...] = ()
    """Paths, globs or ids (D3) to look in; empty for all."""
    answers: tuple[str, ...] | None = None
    """Gold answers; empty where the documents have none, None where the line says nothing."""
    evidence: tuple[Place, ...] = ()
    axes: Mapping[str, Axis] = field(default_factory=dict)
    """Every other field; lists and objects as JSON text."""
    line: int = 0
    """Where it stands in its file, counted from 1."""

    @property
    def gold(self) -> Gold:
        """What its answer is scored against."""
        return Gold(self.id, self.answers, self.evidence, self.axes)

    @property
    def sha256(self) -> str:
        """Hash of what is asked of which documents: the answer depends on nothing else here."""
        asked = json.dumps([self.question, *self.documents])
        return hashlib.sha256(asked.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no question, and why."""

    number: int
    problem: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.problem}"


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """What a questions file holds, in its order."""

    questions: tuple[Question, ...]
    skipped: tuple[BadLine, ...] = ()

    @property
    def other_fields(self) -> tuple[str, ...]:
        """Names of fields that nothing is done with, but that results may be split by."""
        return tuple(dict.fromkeys(name for each in self.questions for name in each.axes))


def read_questions(path: Location, *, skip_invalid: bool = False) -> QuestionFile:
    """Every question of a JSONL file.

    Raises:
        UsageError: the file cannot be read or holds no question; or lines are bad (all are named),
            unless `skip_invalid` leaves them out.
    """
    questions: dict[str, Question] = {}
    bad: list[BadLine] = []
    for line in _lines_of(path):
        try:
            question = _question(line)
            if (first := questions.get(question.id)) is not None:
                raise ValueError(_already(question.id, first, line.value or {}))
            questions[question.id] = question
        except ValueError as error:
            bad.append(BadLine(line.number, str(error)))
    if bad and not skip_invalid:
        raise UsageError(_refusal(path, bad))
    if not questions:
        raise UsageError(f"{str(path)!r} holds no question; it needs one JSON object a line")
    return QuestionFile(tuple(questions.values()), tuple(bad))


def parse_question(value: object, *, line: int = 0) -> Question:
    """The question that an object holds: of JSON, or of a program, with tuples and paths in it.

    Raises:
        ValueError: it holds none; the message says why.
    """
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise ValueError(
            f"a question is text or an object with the field 'question', not {_brief(value)}"
        )
    value = {name: _as_json(each, name) for name, each in value.items()}
    question = _text(value, "question")
    documents = _texts(value, "documents") or ()
    if "documents" in value and value["documents"] is not None and not documents:
        raise ValueError("'documents' is empty; leave it out to look in all of them")
    return Question(
        id=_id(value, question, documents),
        question=question,
        documents=documents,
        answers=_texts(value, "answers"),
        evidence=_evidence(value.get("evidence")),
        axes={name: _axis(each) for name, each in value.items() if name not in _KNOWN},
        line=line,
    )


def parse_texts(given: object, name: str) -> tuple[str, ...] | None:
    """What a field like `answers` holds: a text, a number or a list of them; None for nothing.

    Raises:
        ValueError: something else; the message calls the field `name`.
    """
    return _texts({name: _as_json(given, name)}, name)


def _question(line: JsonLine) -> Question:
    if line.value is None:
        raise ValueError(line.problem)
    return parse_question(line.value, line=line.number)


def _already(id: str, first: Question, value: Mapping[str, Any]) -> str:
    """Why a second line with this id is none."""
    if value.get("id") is not None:
        return f"id {id!r} is already used on line {first.line}"
    return f"the same question is on line {first.line}; give one of them an 'id' to ask it twice"


def _as_json(value: object, name: str) -> object:
    try:
        return _plain(value, name)
    except RecursionError:
        raise ValueError(f"{name!r} is nested too deeply") from None


def _plain(value: object, name: str) -> object:
    """What JSON makes of a value: tuples are lists, paths are text.

    Raises:
        ValueError: it makes nothing of it.
    """
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(each, name) for each in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(each, name) for key, each in value.items()}
    raise ValueError(f"{name!r} holds {_kind(value)}; write it as text")


def _text(value: Mapping[str, Any], name: str) -> str:
    if name not in value:
        raise ValueError(f"no field {name!r}")
    return _checked(value[name], name)


def _texts(value: Mapping[str, Any], name: str) -> tuple[str, ...] | None:
    """A text or a list of texts, numbers as they are written; None where there is none."""
    given = value.get(name)
    if given is None:
        return None
    each = given if isinstance(given, list) else [given]
    return tuple(_checked(_written_number(one), name) for one in each)


def _checked(text: object, name: str) -> str:
    if not isinstance(text, str):
        raise ValueError(f"{name!r} must be text, not {_brief(text)}")
    if not text.strip():
        raise ValueError(f"{name!r} is blank")
    if HALF_CHARACTER.search(text):
        raise ValueError(f"{name!r} holds half a character (a lone surrogate)")
    return text


def _written_number(value: object) -> object:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return json.dumps(value) if is_number else value


def _id(value: Mapping[str, Any], question: str, documents: Sequence[str]) -> str:
    given = _written_number(value.get("id"))
    if given is None:
        # The same question may be asked of many documents, one at a time.
        return question_id("\n".join([question.strip(), *documents]))
    return _checked(given, "id")


def _evidence(value: object) -> tuple[Place, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError(f"'evidence' must be a list of places, not {_brief(value)}")
    return tuple(map(_place, value))


def _place(value: object) -> Place:
    if isinstance(value, str):
        return Place(_checked(value, "evidence"))
    if not isinstance(value, dict):
        raise ValueError(f"evidence {_brief(value)} is not a place: it needs 'document'")
    if strange := [name for name in value if name not in _PLACE | _REMARKS]:
        hint = did_you_mean(strange[0], _PLACE)
        raise ValueError(f"{strange[0]!r} is not a field of evidence{hint or f': {_brief(value)}'}")
    _text(value, "document")
    return parse_place(value)


def did_you_mean(name: str, known: Collection[str] = _KNOWN) -> str:
    """`; did you mean 'page'?` for a name that is near to a known one, else nothing.

    >>> did_you_mean("answer"), did_you_mean("kind")
    ("; did you mean 'answers'?", '')
    """
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.8)
    meant = [each for word, each in _HINTS.items() if word in name.lower() and each in known]
    return f"; did you mean {(near or meant)[0]!r}?" if near or meant else ""


def _axis(value: object) -> Axis:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _brief(value: object) -> str:
    """A value as JSON, or what kind of thing it is."""
    try:
        text = json.dumps(value, ensure_ascii=True)
    except (TypeError, ValueError):
        return _kind(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _kind(value: object) -> str:
    return f"a value of type {type(value).__name__}"


def _lines_of(place: Location) -> Iterator[JsonLine]:
    """The lines of a questions file.

    Raises:
        UsageError: it cannot be read, or holds something else.
        StorageError: it is in object storage and cannot be fetched.
    """
    with copied_here(place) as path:
        yield from read_lines(path, shown=str(place))


def _refusal(path: Location, bad: Sequence[BadLine]) -> str:
    explained = "; ".join(map(str, bad[:_EXPLAINED_AT_MOST]))
    rest = [each.number for each in bad[_EXPLAINED_AT_MOST:]]
    others = f"; also lines {', '.join(number_ranges(rest))}" if rest else ""
    return (
        f"{counted(len(bad), 'line')} of {str(path)!r} cannot be asked: {explained}{others}; "
        "correct them, or go on without them: `skip_invalid=True`"
    )
