"""The page of a batch: every answer in a table, how they are distributed, why some are missing."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from docpager.batch.journals import journal_folder
from docpager.core.errors import UsageError
from docpager.core.passages import counted
from docpager.core.visible import visible
from docpager.report.coverage import MOST_LISTED, BatchCoverage
from docpager.report.pages import cut, safe_element, write_page
from docpager.report.plots import plot_distribution
from docpager.run.answer_line import STATUSES, AnswerLine, Citation, parse_answer
from docpager.run.past_runs import UNFINISHED, UNREADABLE, PastRun, journals_in, past_run
from docpager.storage.json_lines import read_lines

__all__ = ["AnswerRow", "answer_rows", "journal_rows", "lines_file", "write_index"]

REDACTED = "[redacted]"
SHOWN_FIRST = 100
"""Rows that stand in the page before its script runs; the script draws as many at once."""
_NUMBERS = re.compile(r"\d[\d,.]*")
_HASH = re.compile("redacted:sha256:[0-9a-f]{64}")
_STATUSES = (*STATUSES, UNFINISHED, UNREADABLE)
_OF_A_RUN = ("citations", "tokens", "prompt_tokens", "cache_read_tokens", "told", "seconds",
             "coverage")  # fmt: skip
"""What a row learns of a run only where it is made again."""
_TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")


@dataclass(slots=True)
class AnswerRow:
    """One answer line as the table shows it."""

    id: str
    status: str
    question: str
    answer: str
    reason: str
    """Why there is no supported answer, in words that are the same for the same cause; empty where
    there is one."""
    error: str
    """Why it stopped or failed, as the line says it."""
    citations: tuple[Citation, ...]
    steps: int
    tokens: int
    prompt_tokens: int
    cache_read_tokens: int
    told: bool
    """Whether the server counted the tokens."""
    usd: float | None
    seconds: float
    model: str
    coverage: Mapping[str, int]
    journal: Path | None
    """Where its journal was found."""
    named: str
    """The journal that the line names; empty where it names none."""
    page: str = ""
    """Address of its run's page, from the index."""
    pageless: str = ""
    """Why there is none."""

    @property
    def first_cited(self) -> tuple[str, int]:
        """Document and page of the first citation that stands; the same for rows without one."""
        places = (citation.place for citation in self.citations if citation.stands)
        return next(((place.document, place.page or 0) for place in places), ("", 0))

    @property
    def quotes(self) -> int:
        return sum(citation.stands for citation in self.citations)

    @property
    def read(self) -> int:
        """Passages that were read."""
        return self.coverage.get("read", 0)

    def fill(self, line: AnswerLine) -> None:
        """Take what a run gave that was made again from its journal."""
        made = _row(line.as_json(), Path(), None)
        for name in _OF_A_RUN:
            setattr(self, name, getattr(made, name))

    def redact(self) -> None:
        """Take out what may be text of a document that was forgotten since."""
        self.answer, self.citations = REDACTED, ()
        self.reason = REDACTED if self.reason else ""
        self.error = REDACTED if self.error else ""


def lines_file(answers: Path) -> Path:
    """The JSON Lines of an answers file; those of a table are kept beside it.

    Raises:
        UsageError: a table whose lines are gone.
    """
    if answers.suffix.lower() != ".parquet":
        return answers
    lines = answers.with_name(answers.name + ".batch") / "lines.jsonl"
    if not lines.exists():
        raise UsageError(
            f"a report needs the lines that {str(answers)!r} was made of, and {str(lines)!r} is "
            "gone; bring it back"
        )
    return lines


def answer_rows(answers: Path) -> Iterator[AnswerRow]:
    """Every answer of an answers file, with its journal where that is found.

    Raises:
        UsageError: the file cannot be read, or a line is no answer (names it).
    """
    folder = journal_folder(answers.with_name(answers.name + ".batch"))
    kept = folder if isinstance(folder, Path) else None
    file = lines_file(answers)
    for line in read_lines(file):
        if line.torn:
            return
        try:
            yield _row(line.value or {}, answers, kept)
        except (AttributeError, TypeError, ValueError) as error:
            raise UsageError(
                f"line {line.number} of {str(file)!r} is not an answer: {line.problem or error}; "
                "restore or remove it"
            ) from error


def journal_rows(folder: Path) -> list[AnswerRow]:
    """A row for each journal in a folder, as far as the journals tell without being run again.

    Raises:
        UsageError: the folder holds no journals.
        OSError: it cannot be read.
    """
    return [_row_of(past_run(path), path) for path in journals_in(folder)]


def _row_of(run: PastRun | None, journal: Path) -> AnswerRow:
    """The row of a run, named by its file: runs of one question have the same id."""
    status = run.status if run else UNREADABLE
    value: dict[str, Any] = {"id": journal.stem, "status": "failed", "journal": str(journal)}
    if run is not None:
        told = (run.question, run.answer, run.model, run.error, run.limit, run.steps, run.cost_usd)
        names = ("question", "answer", "model", "error", "limit", "steps", "cost_usd")
        value |= dict(zip(names, told, strict=True))
    row = _row(value, journal, None)
    row.status, row.reason = status, _reason(status, value)
    if _HASH.fullmatch(row.question):
        row.question = REDACTED
    return row


def _row(value: Mapping[str, Any], answers: Path, kept: Path | None) -> AnswerRow:
    parsed = parse_answer(value)
    usage = value.get("usage") or {}
    tokens = {name: int(usage.get(name) or 0) for name in _TOKENS}
    usd, named = value.get("cost_usd"), str(value.get("journal") or "")
    return AnswerRow(
        id=parsed.id,
        status=parsed.status,
        question=str(value.get("question") or ""),
        answer=parsed.answer or "",
        reason=_reason(parsed.status, value),
        error=str(value.get("error") or ""),
        citations=parsed.citations,
        steps=int(value.get("steps") or 0),
        tokens=sum(tokens.values()),
        prompt_tokens=sum(tokens.values()) - tokens["output_tokens"],
        cache_read_tokens=tokens["cache_read_tokens"],
        told=usage.get("source") == "server",
        usd=None if usd is None else float(usd),
        seconds=float(value.get("seconds") or 0.0),
        model=str(value.get("model") or ""),
        coverage={
            name: n for name, n in (value.get("coverage") or {}).items() if isinstance(n, int)
        },
        journal=_journal(named, answers, kept),
        named=named,
    )


def _reason(status: str, value: Mapping[str, Any]) -> str:
    """Why there is no supported answer, the same words for the same cause."""
    if status == "answered":
        return ""
    if status == "unsupported":
        return "unsupported: no quote stands on a page that the model had read"
    if status == "abstained":
        return "not found: the model says that the documents do not tell"
    if status == UNFINISHED:
        return "unfinished: the run was interrupted, its model failed, or it goes on now"
    if limit := value.get("limit"):
        return f"stopped by the limit {limit}"
    # Figures differ from question to question where the cause does not.
    said = _NUMBERS.sub("…", " ".join(str(value.get("error") or "no reason given").split()))
    return f"{status}: {said[:300]}"


def _journal(named: str, answers: Path, kept: Path | None) -> Path | None:
    """The journal that a line names, also where both were moved together."""
    if not named:
        return None
    path = Path(named)
    places = [path, answers.parent / path, *([kept / path.name] if kept else [])]
    return next((place for place in places if place.is_file()), None)


def write_index(
    answers: Path,
    path: Path,
    rows: Sequence[AnswerRow],
    *,
    coverage: BatchCoverage,
    pictures: bool,
    pictured: int,
) -> None:
    """Write the page of a batch; `pictured` runs of it have pictures on their pages.

    Raises:
        UsageError: a library is missing, or the page cannot be written.
    """
    if not rows:
        raise UsageError(f"{str(answers)!r} holds no answers; there is nothing to report")
    prompts = sum(row.prompt_tokens for row in rows if row.told)
    statuses = Counter(row.status for row in rows)
    cited = _cited(rows)
    write_page(
        path,
        "index.html",
        name=answers.name,
        rows=rows,
        data=[_data(row) for row in rows],
        shown_first=SHOWN_FIRST,
        statuses=[(status, statuses[status]) for status in _STATUSES if statuses[status]],
        tokens=sum(row.tokens for row in rows),
        cached=sum(r.cache_read_tokens for r in rows if r.told) / prompts if prompts else None,
        usd=sum(row.usd or 0.0 for row in rows),
        unpriced=sum(row.usd is None for row in rows),
        problems=_problems(rows),
        pictures=list(_distributions(rows)) if pictures else None,
        reasons=_grouped(rows, lambda row: row.reason),
        pageless=_grouped(rows, lambda row: row.pageless),
        coverage=_coverage(rows),
        together=coverage,
        pictured=pictured,
        cited=cited[:MOST_LISTED],
        most_listed=MOST_LISTED,
        cited_in_all=len(cited),
        counted=counted,
    )


def _data(row: AnswerRow) -> list[str | float | None]:
    """A row as the table's script reads it."""
    texts = (row.id, cut(row.question, 220), cut(row.answer, 220), row.status)
    figures = (row.quotes, row.read, row.steps, row.tokens, row.usd, round(row.seconds, 3))
    return [*(visible(text) for text in texts), *figures, row.page]


def _problems(rows: Sequence[AnswerRow]) -> list[str]:
    redacted = sum(row.answer == REDACTED for row in rows)
    if not redacted:
        return []
    answers = counted(redacted, "answer")
    return [f"{answers} shown as redacted: a document that the run had met was forgotten."]


def _distributions(rows: Sequence[AnswerRow]) -> Iterator[tuple[str, str, Any]]:
    """Title, a sentence that says the same in words, and the picture."""
    measured: list[tuple[str, str, list[float]]] = [
        ("Steps", "steps", [row.steps for row in rows]),
        ("Tokens", "tokens, in and out", [row.tokens for row in rows]),
        ("Dollars", "dollars", [row.usd for row in rows if row.usd is not None]),
        ("Seconds", "seconds", [row.seconds for row in rows]),
    ]
    for title, unit, values in measured:
        if not any(values):
            continue
        ranked = sorted(values)
        words = (
            f"median {_written(median(ranked))}, nine in ten up to "
            f"{_written(ranked[int(0.9 * (len(ranked) - 1))])}, at most {_written(ranked[-1])}"
        )
        yield title, words, safe_element(plot_distribution(values, unit=unit, name=title.lower()))


def _written(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.3g}"


def _grouped(rows: Sequence[AnswerRow], key: Any) -> list[tuple[str, list[AnswerRow]]]:
    """Rows by a text of theirs that is not empty, the largest group first."""
    groups: dict[str, list[AnswerRow]] = defaultdict(list)
    for row in rows:
        if text := key(row):
            groups[text].append(row)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))


def _coverage(rows: Sequence[AnswerRow]) -> str:
    known = [row.coverage for row in rows if row.coverage]
    if not known:
        return "the answers do not say how far their runs got."
    read, shown, never = (
        median(each.get(name, 0) for each in known) for name in ("read", "searched", "never_seen")
    )
    unreadable = max(each.get("unreadable", 0) for each in known)
    return (
        f"{read:,.0f} passages read, {shown:,.0f} only shown in results, {never:,.0f} never seen "
        f"(medians); at most {counted(unreadable, 'PDF page')} without usable text."
    )


def _cited(rows: Sequence[AnswerRow]) -> list[tuple[str, int, int]]:
    """Path, number of answers that cite the document, and of places that they cite in it."""
    answers: Counter[str] = Counter()
    places: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        standing = [each.place for each in row.citations if each.stands]
        answers.update({place.document for place in standing})
        for place in standing:
            places[place.document].add(str(place))
    return [(path, n, len(places[path])) for path, n in answers.most_common()]
