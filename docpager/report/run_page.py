"""The page of one run: what it answered, from what, and what went through its main context."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from docpager.core.passages import PassageId, counted, written_ranges
from docpager.report.coverage import MOST_LISTED, coverage_of
from docpager.report.excerpts import Excerpts
from docpager.report.pages import safe_element, write_page
from docpager.report.plots import (
    MOST_ROWS,
    layers_of,
    plot_filling,
    plot_residency,
    residency_rows,
)
from docpager.report.watching import WatchedRun, watch
from docpager.run.journal import journal_lines
from docpager.run.redaction import redacted_lines

__all__ = ["write_run"]

_REDACTED = re.compile("redacted:sha256:[0-9a-f]{64}")
_SAID = ("text", "snippet", "message", "quote", "problem", "lines")
"""Fields of a result that a person reads."""


def write_run(
    journal: Path, path: Path, *, excerpts: Excerpts, pictures: bool = True, index: str = ""
) -> WatchedRun | None:
    """Write the page of a run, and return the run; `index` is the link back to the page of its
    batch.

    A run that met a document which was forgotten since gives a page without its text, and None.

    Raises:
        JournalError: the journal is missing, damaged, or does not replay.
        UsageError: a library is missing, or the page cannot be written.
    """
    lines, _, _ = journal_lines(journal)
    archive = None
    if isinstance(header := lines[0].get("header"), dict):
        archive = excerpts.archive_of(journal, header)
        lines = redacted_lines(lines, excerpts.forgotten(journal, header))
    if "redacted" in lines[0]:
        write_page(path, "redacted.html", index=index, journal=journal.name, **_redacted(lines))
        return None
    del lines
    run = watch(journal)
    cited = run.line.citations if run.line else ()
    citations = [(each, excerpts.of(each, run, pictures=pictures)) for each in cited]
    sheets = {page.name: page for _, found in citations if found for page in found.pages}
    write_page(
        path,
        "run.html",
        index=index,
        run=run,
        status=run.line.status if run.line else "unfinished",
        citations=citations,
        sheets=list(sheets.values()),
        coverage=coverage_of(run, archive),
        most_listed=MOST_LISTED,
        ranges=_ranges,
        counted=counted,
        steps=list(_steps(run)),
        cached=_cached(run),
        **(_pictures(run) if pictures and run.snapshots else {"pictures": None}),
    )
    return run


def _pictures(run: WatchedRun) -> Mapping[str, Any]:
    rows = residency_rows(run)
    return {
        "pictures": {
            "filling": safe_element(plot_filling(run, name="filling")),
            "layers": layers_of(run),
            "residency": safe_element(plot_residency(run, name="residency")) if rows else None,
            "rows": len(rows),
            "rows_shown": min(len(rows), MOST_ROWS),
        }
    }


def _steps(run: WatchedRun) -> Iterator[Mapping[str, Any]]:
    """Each step with the whole of what its calls gave."""
    for step in run.steps:
        results = run.results.get(step.number, ())
        whole = [result.text for result in results]
        calls = [
            {"call": call.call, "refused": call.refused,
             "result": whole[n] if n < len(whole) else call.result}
            for n, call in enumerate(step.calls)
        ]  # fmt: skip
        yield {
            "step": step,
            "calls": calls,
            "usage": run.usages.get(step.number),
            "usd": run.dollars.get(step.number),
            "names": ", ".join(call.call.partition("(")[0] for call in step.calls),
        }


def _cached(run: WatchedRun) -> float | None:
    """Share of the prompts that came out of the server's cache; None where it does not say."""
    usage = run.usage
    if usage.source != "server" or not usage.prompt_tokens:
        return None
    return usage.cache_read_tokens / usage.prompt_tokens


def _ranges(passages: Sequence[PassageId]) -> str:
    return written_ranges(sorted(passages))


def _redacted(lines: Sequence[dict[str, Any]]) -> Mapping[str, Any]:
    """What is left of a run whose journal holds hashes in place of forgotten text."""
    header = lines[0]["header"]
    steps: dict[int, dict[str, Any]] = {}
    outcome: Mapping[str, Any] | None = None
    for line in lines[1:]:
        # A line counts the replies before it, so that a reply is the one of the next step.
        number = int(line.get("step", 0)) + ("reply" in line)
        step = steps.setdefault(number, {"text": "", "calls": [], "results": []})
        if reply := line.get("reply"):
            step["text"] = _legible(reply.get("text", ""))
            step["calls"] = [_call(each) for each in reply.get("calls", ())]
        for result in line.get("results", ()):
            step["results"].append("\n".join(_legible(text) for text in _said(result)))
        outcome = line.get("outcome") or outcome
    return {
        "question": _legible(header["plan"]["question"]),
        "model": header["model"],
        "started": header.get("started", ""),
        "gone": [f"D{number}" for number in lines[0]["redacted"]],
        "steps": [(n, step) for n, step in sorted(steps.items()) if any(step.values())],
        "status": (outcome or {}).get("status", "unfinished"),
        "answer": _legible((outcome or {}).get("text") or (outcome or {}).get("reason") or ""),
    }


def _call(call: Mapping[str, Any]) -> str:
    arguments = call.get("arguments") or {}
    said = ", ".join(
        str(value) if key == "redacted" else f"{key}={value}" for key, value in arguments.items()
    )
    return f"{call.get('name', '')}({_legible(said)})"


def _said(value: Any, key: str = "") -> Iterator[str]:
    """Every text of a result that a person would read."""
    if isinstance(value, str):
        if key in _SAID:
            yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _said(part, name)
    elif isinstance(value, list):
        for part in value:
            yield from _said(part, key)


def _legible(text: str) -> str:
    return _REDACTED.sub("[redacted]", text)
