"""Scores answer lines of `docpager ask --json` against a file of questions.

    python -m benchmarks.unseen.score answers.jsonl questions.jsonl [--show]

right     an accepted string stands in the answer text (a whole number or word, not part of one)
          and status is `answered`; for a question with `parts` one accepted string of every part,
          in the answer text or in a quote; for an unanswerable question: status is `abstained`
cited     every evidence document and page is cited (page ignored when null); citations whose
          match is `failed` do not count; not asked of unanswerable questions
both      right and cited
clean     right, and the answer text has at most 60 words and none of the question's `rivals`
          (values of other years or columns): tells an answer from a row that contains it
"""

from __future__ import annotations

import argparse
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from docpager.core.places import parse_place
from docpager.run.answer_line import parse_citation

__all__ = ["judge", "print_scores"]

LONGEST = 60
COLUMNS = ("right", "cited", "both", "clean")
_TYPOGRAPHY = str.maketrans("‘’“”‐‑‒–—", "''\"\"-----")

Line = Mapping[str, Any]


def judge(question: Line, line: Line | None) -> dict[str, bool | None]:
    """The marks of one question; None where a mark is not asked for."""
    if line is None:
        cited = False if question["answers"] else None
        return {"right": False, "cited": cited, "both": False, "clean": False}
    answered = line.get("status") == "answered"
    if not question["answers"]:
        right = line.get("status") == "abstained"
        return {"right": right, "cited": None, "both": right, "clean": right}
    citations = [c for c in line.get("citations") or [] if c.get("match") != "failed"]
    answer = line.get("answer") or ""
    right = answered and _says(question, answer, citations)
    cited = answered and all(
        any(_same_place(citation, place) for citation in citations)
        for place in question["evidence"]
    )
    short = len(answer.split()) <= LONGEST
    clean = right and short and not _any_of(question.get("rivals", []), [answer])
    return {"right": right, "cited": cited, "both": right and cited, "clean": clean}


def print_scores(lines: Sequence[Line], questions: Sequence[Line], *, show: bool = False) -> None:
    """A table of marks by kind of question.

    Raises:
        ValueError: a line answers no question, or one that was answered before.
    """
    answers = _by_question(lines, questions)
    marks = [(q, judge(q, answers.get(q["id"]))) for q in questions]
    print(f"{'kind':<14}{'asked':>6}" + "".join(f"{column:>9}" for column in COLUMNS))
    for kind in [*dict.fromkeys(q["kind"] for q in questions), "all"]:
        chosen = [mark for q, mark in marks if kind in (q["kind"], "all")]
        cells = "".join(f"{_share(chosen, column):>9}" for column in COLUMNS)
        print(f"{kind:<14}{len(chosen):>6}{cells}")
    _print_outcomes(marks, answers)
    for question, mark in marks if show else ():
        line = answers.get(question["id"]) or {}
        flags = " ".join(column if mark[column] else "-" * len(column) for column in COLUMNS)
        gold = question.get("parts") or question["answers"]
        said = f"{line.get('status', 'missing')}: {(line.get('answer') or '')[:160]!r}"
        print(f"{question['id']} {flags} {question['question']} | gold {gold} | {said}")


def _print_outcomes(
    marks: Sequence[tuple[Line, Mapping[str, bool | None]]], answers: Mapping[str, Line]
) -> None:
    status = {q["id"]: (answers.get(q["id"]) or {}).get("status", "missing") for q, _ in marks}
    answerable = [(status[q["id"]], mark["right"]) for q, mark in marks if q["answers"]]
    said = [right for outcome, right in answerable if outcome == "answered"]
    silent = sum(outcome == "abstained" for outcome, _ in answerable)
    invented = sum(status[q["id"]] == "answered" for q, _ in marks if not q["answers"])
    print(
        f"answerable: {len(said)} answered ({said.count(False)} of them wrong), "
        f"{silent} abstained, {len(answerable) - len(said) - silent} failed, stopped or missing; "
        f"unanswerable but answered: {invented}"
    )


def _says(question: Line, answer: str, citations: Sequence[Line]) -> bool:
    if parts := question.get("parts"):
        texts = [answer, *(citation.get("quote") or "" for citation in citations)]
        return all(_any_of(part, texts) for part in parts)
    return _any_of(question["answers"], [answer])


def _by_question(lines: Sequence[Line], questions: Sequence[Line]) -> dict[str, Line]:
    names = {_plain(question["question"]): question["id"] for question in questions}
    found: dict[str, Line] = {}
    for line in lines:
        name = names.get(_plain(line.get("question") or ""))
        if name is None or name in found:
            raise ValueError(f"no question, or a second answer: {line.get('question')!r}")
        found[name] = line
    return found


def _share(marks: Sequence[Mapping[str, bool | None]], column: str) -> str:
    counted = [mark[column] for mark in marks if mark[column] is not None]
    return f"{sum(map(bool, counted))}/{len(counted)}" if counted else "-"


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).translate(_TYPOGRAPHY)
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    return re.sub(r"\s+", " ", text).strip().casefold()


def _any_of(strings: Sequence[str], texts: Sequence[str]) -> bool:
    return any(_occurs(string, text) for string in strings for text in texts)


def _occurs(string: str, text: str) -> bool:
    """Whether `string` stands in `text` and is not a piece of a longer word, number or path."""
    before, after = r"(?<![\w/])(?<!\d[.,])", r"(?![\w/]|[.,]\d)"
    return re.search(before + re.escape(_plain(string)) + after, _plain(text)) is not None


def _same_place(citation: Line, place: Line) -> bool:
    return parse_place(place).holds(parse_citation(citation).place)


def _read(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("answers", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--show", action="store_true", help="one line for every question")
    arguments = parser.parse_args()
    print_scores(_read(arguments.answers), _read(arguments.questions), show=arguments.show)


if __name__ == "__main__":
    main()
