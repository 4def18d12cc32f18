"""The page of one run: what it answered, from what, and what went through its main context."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docpager.archive.archive import Archive
from docpager.core.errors import DocpagerError
from docpager.core.passages import PassageId, counted, number_ranges, written_ranges
from docpager.report.pages import safe_element, write_page
from docpager.report.plots import (
    MOST_ROWS,
    layers_of,
    plot_filling,
    plot_residency,
    residency_rows,
)
from docpager.report.watching import WatchedRun, watch
from docpager.run.answer_line import Citation
from docpager.run.journal import journal_lines
from docpager.run.redaction import redacted_lines

__all__ = ["Excerpts", "write_run"]

AROUND = 700
"""Characters of text before and after a quote."""
_REDACTED = re.compile("redacted:sha256:[0-9a-f]{64}")
_SAID = ("text", "snippet", "message", "quote", "problem", "lines")
"""Fields of a result that a person reads."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A quote in the text around it."""

    before: str
    quote: str
    after: str
    source: str
    """Where the text comes from, in words."""


class Excerpts:
    """Quotes in the text around them, from the archives of the runs where they are still there."""

    def __init__(self) -> None:
        self._open: dict[str, Archive | None] = {}

    def __enter__(self) -> Excerpts:
        return self

    def __exit__(self, *error: object) -> None:
        for archive in self._open.values():
            if archive is not None:
                archive.close()

    def of(self, citation: Citation, run: WatchedRun) -> Excerpt | None:
        """From the archive, or else from the passages that the run read; None where neither has
        the text that the quote was found in."""
        if not citation.stands:
            return None
        return self._from_archive(citation, run) or _from_passages(citation, run)

    def forgotten(self, journal: Path, header: Mapping[str, Any]) -> tuple[int, ...]:
        """Documents that the archive of a journal has forgotten since."""
        archive = self._archive(journal, header["archive"], header["archive_id"])
        return archive.forgotten if archive else ()

    def _from_archive(self, citation: Citation, run: WatchedRun) -> Excerpt | None:
        place = citation.place
        archive = self._archive(run.journal, run.header.archive, run.header.archive_id)
        if archive is None or place.start is None or place.end is None:
            return None
        try:
            number = int(place.document_id.removeprefix("D"))
            # Offsets are of the text that the run read: another reading has other ones.
            if run.texts.get(number) != archive.text_sha256(number):
                return None
            start = max(0, place.start - AROUND)
            text = archive.text(number, start, place.end + AROUND)
        except (DocpagerError, ValueError):
            return None  # forgotten since, or not to be read any more
        at, end = place.start - start, place.end - start
        return Excerpt(text[:at], text[at:end], text[end:], "from the archive")

    def _archive(self, journal: Path, named: str, id: str) -> Archive | None:
        """The archive of a run, where it was or where the journal is now."""
        for directory in (Path(named), journal.absolute().parent.parent):
            if (archive := self._opened(directory)) is not None and archive.id == id:
                return archive
        return None

    def _opened(self, directory: Path) -> Archive | None:
        name = str(directory.absolute())
        if name not in self._open:
            try:
                self._open[name] = Archive.open(directory)
            except DocpagerError:
                self._open[name] = None
        return self._open[name]


def _from_passages(citation: Citation, run: WatchedRun) -> Excerpt | None:
    for passage in run.passages.values():
        at = passage.text.find(citation.quote) if str(passage.id) in citation.passages else -1
        if at >= 0 and citation.quote:
            end = at + len(citation.quote)
            text = passage.text
            return Excerpt(
                text[:at], citation.quote, text[end:], "from the passage that the run read"
            )
    return None


def write_run(
    journal: Path, path: Path, *, excerpts: Excerpts, pictures: bool = True, index: str = ""
) -> bool:
    """Write the page of a run; `index` is the link back to the page of its batch.

    A run that met a document which was forgotten since gives a page without its text; returns
    whether this is one.

    Raises:
        JournalError: the journal is missing, damaged, or does not replay.
        UsageError: a library is missing, or the page cannot be written.
    """
    lines, _, _ = journal_lines(journal)
    if isinstance(header := lines[0].get("header"), dict):
        lines = redacted_lines(lines, excerpts.forgotten(journal, header))
    if "redacted" in lines[0]:
        write_page(path, "redacted.html", index=index, journal=journal.name, **_redacted(lines))
        return True
    del lines
    run = watch(journal)
    write_page(
        path,
        "run.html",
        index=index,
        run=run,
        status=run.line.status if run.line else "unfinished",
        citations=[
            (each, excerpts.of(each, run)) for each in (run.line.citations if run.line else ())
        ],
        documents=[(each, ", ".join(number_ranges(sorted(each.pdf_pages)))) for each in
                   run.documents],
        ranges=_ranges,
        counted=counted,
        steps=list(_steps(run)),
        cached=_cached(run),
        **(_pictures(run) if pictures and run.snapshots else {"pictures": None}),
    )  # fmt: skip
    return False


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
