"""Reads finished answers, as lines or as a table, for whoever scores them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docpager.core.errors import UsageError
from docpager.evaluation.records import Cited, Response
from docpager.storage.append_log import read_lines

__all__ = ["AnsweredFile", "parse_response", "read_responses"]

_STATUSES = ("answered", "abstained", "failed", "stopped")
_NAMED_AT_MOST = 8


@dataclass(frozen=True, slots=True)
class AnsweredFile:
    """What an answers file holds, in its order."""

    responses: tuple[Response, ...]
    torn: int | None = None
    """The number of a torn last line, which is left out."""


def read_responses(path: Path) -> AnsweredFile:
    """The responses of an answers file, by its ending JSONL or Parquet.

    Raises:
        UsageError: it cannot be read, or lines are no answers (all are named).
    """
    responses, problems, torn, asked = [], [], None, 0
    for number, value, problem in _objects(path):
        if value is None and not problem:
            torn = number
            continue
        try:
            responses.append(parse_response(_sound(value, problem)))
        except ValueError as error:
            problems.append(f"line {number}: {error}")
            asked += value is not None and "question" in value and "status" not in value
    if asked and asked == len(problems) and not responses:
        raise UsageError(f"{str(path)!r} holds questions; are ANSWERS and QUESTIONS swapped?")
    if problems:
        shown = "; ".join(problems[:_NAMED_AT_MOST])
        more = f"; and {len(problems) - _NAMED_AT_MOST} more" * (len(problems) > _NAMED_AT_MOST)
        raise UsageError(f"{str(path)!r} holds lines that are no answers: {shown}{more}")
    return AnsweredFile(tuple(responses), torn)


def parse_response(value: Mapping[str, Any]) -> Response:
    """The response that an answer line holds.

    Raises:
        ValueError: it holds none; the message says why.
    """
    id, status, answer = value.get("id"), value.get("status"), value.get("answer")
    if not isinstance(id, str) or not id:
        raise ValueError("no field 'id' that is text")
    if status not in _STATUSES:
        raise ValueError(f"'status' must be one of {', '.join(_STATUSES)}, not {status!r}")
    if answer is not None and not isinstance(answer, str):
        raise ValueError("'answer' must be text or null")
    citations = value.get("citations") or []
    if not isinstance(citations, list):
        raise ValueError("'citations' must be a list")
    return Response(id, status, answer or "", tuple(map(_cited, citations)))


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any] | None, str]]:
    """Each line's number, object and problem; neither where the line was torn."""
    if path.suffix == ".parquet":
        from docpager.batch.parquet import read_parquet

        for number, row in enumerate(read_parquet(path), 1):
            yield number, row, ""
        return
    for line in read_lines(path):
        yield line.number, line.value, "" if line.torn else line.problem


def _sound(value: dict[str, Any] | None, problem: str) -> dict[str, Any]:
    if value is None:
        raise ValueError(problem)
    return value


def _cited(value: object) -> Cited:
    if not isinstance(value, dict):
        raise ValueError("a citation must be an object")
    document, pdf_page = value.get("document"), value.get("pdf_page")
    if not isinstance(document, str) or not isinstance(pdf_page, int | None):
        raise ValueError("a citation needs 'document' (text) and 'pdf_page' (a number or null)")
    return Cited(document, pdf_page, stands=value.get("match") != "failed")
