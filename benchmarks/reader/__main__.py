"""What the built-in reader cites, answers and abstains from, beside one search.

    python -m benchmarks.reader DATA_FOLDER --work FOLDER --half a

Each set of questions is split into two halves by a hash of the documents that a question is about.
Half `a` may be looked at while the reader is changed; half `b` is measured once before and once
after. The reader is `extractive`, which is not a language model.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.evidence_pages.measure import MOST_CITATIONS, best_passages, one_shot
from benchmarks.reader.halves import READER_SETS, Asked, ReaderSet, in_half
from benchmarks.reader.swapped import swapped
from docpager import Archive, PagingSettings, RunLimits, ingest
from docpager.core.locators import parse_locator
from docpager.core.places import Place
from docpager.evaluation.intervals import exact_interval
from docpager.evaluation.scoring import right
from docpager.models.extractive import ExtractiveModel
from docpager.run.answer_line import Citation
from docpager.run.service import AskSettings, ask_archive

OVERLAP = 60
"""Characters of the evidence that must stand in a cited passage; the whole of a shorter one."""


def main() -> None:
    arguments = _arguments()
    rows: list[dict[str, Any]] = []
    for name in arguments.sets:
        chosen = READER_SETS[name](arguments.data, arguments.work)
        directory = arguments.work / "archives" / name
        report = ingest([chosen.folder], directory)
        print(f"{chosen.name}: {report.documents} documents", flush=True)
        with closing(Archive.open(directory)) as archive:
            for half in arguments.half:
                rows += _measured(chosen, half, archive, arguments)
    if arguments.out:
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(table(rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="holds financebench/, docugami-sec-10q/, ...")
    parser.add_argument("--work", type=Path, required=True, help="archives are made here")
    parser.add_argument("--sets", nargs="+", choices=READER_SETS, default=list(READER_SETS))
    parser.add_argument("--half", nargs="+", choices=("a", "b"), default=["a"])
    parser.add_argument("--most", type=int, default=100, help="questions of a half, by hash")
    parser.add_argument("--window", type=int, default=8000)
    parser.add_argument("--max-steps", type=int, default=40)
    parser.add_argument("--out", type=Path, help="one JSON line a question")
    return parser.parse_args()


def _measured(
    chosen: ReaderSet, half: str, archive: Archive, arguments: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    asked = in_half(chosen.asked, half, arguments.most)
    common = {"set": chosen.name, "half": half}
    for each in asked:
        scope = None if chosen.names_documents else _scope(each, archive)
        yield {**common, **asyncio.run(_answerable(each, archive, scope, arguments))}
    if not chosen.names_documents:
        return

    def occurs(word: str) -> bool:
        return archive.grep(rf"(?i)\b{re.escape(word)}").total > 0

    for text in swapped(asked, occurs, persons=chosen.name == "HotpotQA"):
        line = asyncio.run(_ask(text, archive, None, arguments))
        yield {**common, "kind": "swapped", "question": text, "status": line.status,
               "answer": line.answer}  # fmt: skip


def _scope(asked: Asked, archive: Archive) -> list[int]:
    return [e.id for e in archive.documents() if e.path in asked.question.documents]


async def _ask(question: str, archive: Archive, scope: Any, arguments: argparse.Namespace) -> Any:
    settings = AskSettings(
        paging=PagingSettings(window=arguments.window),
        limits=RunLimits(max_steps=arguments.max_steps),
    )
    return await ask_archive(question, archive, ExtractiveModel(), settings=settings, scope=scope)


async def _answerable(
    asked: Asked, archive: Archive, scope: Any, arguments: argparse.Namespace
) -> dict[str, Any]:
    text = asked.question.text
    line = await _ask(text, archive, scope, arguments)
    paged = line.citations[:MOST_CITATIONS]
    shown = await one_shot(text, archive, ExtractiveModel(), arguments.window, scope)
    first = best_passages(text, archive, arguments.window, scope)[:MOST_CITATIONS]
    searched = [
        Citation(Place(archive.document(p.document).path, page), passages=(str(p.id),))
        for p in first
        for page in (range(p.pdf_pages[0], p.pdf_pages[1] + 1) if p.pdf_pages else [None])
    ]
    is_right = line.status == "answered" and right(line.answer or "", asked.answers)
    return {
        "kind": "answerable",
        "question": text,
        "status": line.status,
        "answer": line.answer,
        "cited": [(c.place.document, c.place.page, c.quote) for c in paged],
        "hit": _hits(asked, paged, archive),
        "shown_once": _hits(asked, shown, archive),
        "search_three": _hits(asked, searched, archive),
        "right": is_right if asked.answers else None,
        "steps": line.steps,
    }


def _hits(asked: Asked, cited: Sequence[Citation], archive: Archive) -> bool:
    """Whether a citation names a page, a paragraph or a passage with evidence."""
    if not asked.evidence:
        places = {
            at.document if at.page is None else f"{at.document}:p{at.page}"
            for at in (each.place for each in cited)
        }
        return bool(places & asked.question.places)
    begins, ends = asked.evidence[:OVERLAP].casefold(), asked.evidence[-OVERLAP:].casefold()
    for each in cited:
        text = "".join(p.text for at in each.passages for p in archive.load(parse_locator(at)))
        flat = " ".join(text.split()).casefold()
        if begins in flat or ends in flat:
            return True
    return False


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Shares with exact 95 % intervals, a line for each set and half."""
    lines = [
        "| set | half | n | evidence cited | one search, shown once | first 3 of one search "
        "| answer right | abstained | swapped: abstained |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, half in dict.fromkeys((row["set"], row["half"]) for row in rows):
        own = [row for row in rows if (row["set"], row["half"]) == (name, half)]
        real = [row for row in own if row["kind"] == "answerable"]
        cells = [_cell([row[key] for row in real]) for key in ("hit", "shown_once", "search_three")]
        cells.append(_cell([row["right"] for row in real if row["right"] is not None]))
        cells.append(_cell([row["status"] == "abstained" for row in real]))
        cells.append(_cell([r["status"] == "abstained" for r in own if r["kind"] == "swapped"]))
        lines.append(f"| {name} | {half} | {len(real)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(marks: Sequence[bool]) -> str:
    if not marks:
        return "-"
    found = exact_interval([float(mark) for mark in marks])
    return f"{sum(marks)}/{len(marks)} ({found.low:.2f}-{found.high:.2f})"


if __name__ == "__main__":
    main()
