"""Records reference strings from real runs of scripted readers over a folder of PDFs.

python -m benchmarks.cost.record PDFS --questions QUESTIONS.jsonl

With --journals, makes them of journals of any runs instead (record those with a window so large
that nothing was evicted). Only names and sizes are kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
from contextlib import closing
from pathlib import Path

from benchmarks.cost.strings import string_of, write_string
from benchmarks.cost.walkers import LOCALITIES, Searcher, Walker, ranges
from docpager.archive.archive import Archive
from docpager.archive.ingest import ingest
from docpager.core.settings import PagingSettings, RunLimits
from docpager.models.messages import ChatModel
from docpager.run.journal import read_journal
from docpager.run.service import AskSettings, ask_archive

RECORDED = Path(__file__).parent / "recorded"
STEPS = 160
ROOMY = PagingSettings(window=4_000_000, max_output=4_096)
"""Nothing is evicted while a string is recorded."""


def record(name: str, model: ChatModel, archive: Archive, journal: Path, out: Path) -> None:
    """Move one run and keep its reference string."""
    settings = AskSettings(ROOMY, RunLimits(max_steps=STEPS + 5))
    question = "What do these documents say?"
    asyncio.run(ask_archive(question, archive, model, settings=settings, journal=journal))
    keep(name, journal, out)


def keep(name: str, journal: Path, out: Path) -> None:
    """The reference string of a journal."""
    string = string_of(name, read_journal(journal))
    write_string(string, out / f"{name}.json")
    print(f"{name}: {len(string.steps)} steps, {sum(string.sizes.values()):,} tokens met")


def record_all(pdfs: Path, questions: Path, work: Path, out: Path, seed: int) -> None:
    """One string for each locality, and one of searches for real questions."""
    ingest([pdfs], work / "archive")
    with closing(Archive.open(work / "archive")) as archive:
        documents = [each for each in archive.documents() if each.pdf_pages > 40]
        places = list(ranges(documents))
        for name, itinerary in LOCALITIES.items():
            walker = Walker(itinerary(places, STEPS, random.Random(seed)))
            record(name, walker, archive, work / f"{name}.jsonl", out)
        lines = [json.loads(line) for line in questions.read_text("utf-8").splitlines()]
        queries = [str(line["question"]) for line in lines][: STEPS // 2]
        queries += queries[: STEPS // 2 - len(queries)]
        searcher = Searcher(queries, archive.documents())
        record("searches", searcher, archive, work / "searches.jsonl", out)


def main() -> None:
    """Write the strings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pdfs", type=Path, nargs="?")
    parser.add_argument("--questions", type=Path, help="JSONL; searched for in turn")
    parser.add_argument("--journals", type=Path, nargs="+", default=[])
    parser.add_argument("--out", type=Path, default=RECORDED)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for journal in options.journals:
        keep(journal.stem, journal, options.out)
    if options.journals:
        return
    if options.pdfs is None or options.questions is None:
        parser.error("name a folder of PDFs and --questions, or --journals")
    with tempfile.TemporaryDirectory() as work:
        record_all(options.pdfs, options.questions, Path(work), options.out, options.seed)


if __name__ == "__main__":
    main()
