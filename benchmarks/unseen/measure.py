"""Asks the questions of an examination that the built-in reader was not made with, and scores them.

    python -m benchmarks.unseen.measure --window 8000

The documents and questions in `datasets/unseen` and `datasets/unseen_records` were written without
sight of the reader. The reader is `extractive`, which is not a language model.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.unseen.score import print_scores
from docpager import Archive, PagingSettings, RunLimits, ingest
from docpager.models.extractive import ExtractiveModel
from docpager.run.service import AskSettings, ask_archive

DATASETS = Path(__file__).parent.parent.parent / "datasets"
SETS = {
    "unseen documents": ("unseen/documents", "unseen/questions.jsonl"),
    "a record format": (
        "unseen_records/handover_book.txt",
        "unseen_records/records_questions.jsonl",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--window", type=int, default=8000)
    parser.add_argument("--max-steps", type=int, default=60)
    parser.add_argument("--show", action="store_true", help="every question with its answer")
    arguments = parser.parse_args()
    for title, (documents, questions) in SETS.items():
        path = DATASETS / questions
        lines = list(_answers(DATASETS / documents, path, arguments))
        print(f"## {title}, window {arguments.window}")
        print_scores(
            lines,
            [json.loads(q) for q in path.read_text("utf-8").splitlines()],
            show=arguments.show,
        )
        rebuilds = sorted(line["paging"]["rebuilds"] for line in lines)
        worst = max(line["paging"]["peak_worst_case"] for line in lines)
        print(f"median rebuilds {rebuilds[len(rebuilds) // 2]}, largest worst case {worst}\n")


def _answers(documents: Path, questions: Path, arguments: argparse.Namespace) -> Iterator[dict]:
    settings = AskSettings(
        paging=PagingSettings(window=arguments.window),
        limits=RunLimits(max_steps=arguments.max_steps),
    )
    with TemporaryDirectory() as folder:
        ingest([documents], Path(folder), text_field="text")
        with closing(Archive.open(Path(folder))) as archive:
            for question in questions.read_text("utf-8").splitlines():
                asked = json.loads(question)["question"]
                line = ask_archive(asked, archive, ExtractiveModel(), settings=settings)
                yield asyncio.run(line).as_json()


if __name__ == "__main__":
    main()
