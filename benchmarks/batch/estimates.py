"""Is what a batch takes inside the band that was said before?

    python -m benchmarks.batch.estimates

Each question set is estimated twice: by questions that the built-in reader plays, with no past
runs; and by a first tenth of the batch, from its journals. Then the batch is driven against the
fake API, whose brain is the reader and whose tokens are `--factor` times those of its own
tokenizer. Steps, tokens and dollars are compared with the server's bill.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.batch.corpora import make_documents, make_questions, read_asked
from benchmarks.batch.driven import drive
from benchmarks.fake_api import ExtractiveBrain, FakeApi, RealClock, RequestCounter
from docpager.api.ask import bring_up_to_date
from docpager.api.ask_many import estimate_many
from docpager.batch.estimate import Band, Estimate
from docpager.batch.job import BatchJob
from docpager.batch.questions import Question
from docpager.batch.settings import BatchSettings
from docpager.core.settings import RunLimits
from docpager.models.registry import ModelSource
from docpager.run.preparation import prepare

ROOT = Path(__file__).parent.parent.parent
SETTINGS = BatchSettings(8, max_usd=10_000.0)


@dataclass(frozen=True)
class EstimatedSet:
    """Questions and the documents that they are about."""

    name: str
    questions: list[Question]
    documents: Path


def sets(folder: Path, filings: Path | None, most: int) -> list[EstimatedSet]:
    """Two that are in the project, and filings or made-up ones."""
    found = []
    for name in ("sample", "unseen"):
        home = ROOT / "datasets" / name
        asked = read_asked(home / "questions.jsonl")
        found.append(EstimatedSet(name, asked[:most], home / "documents"))
    if filings is None:
        made = make_documents(folder / "made-up", files=20)
        found.append(EstimatedSet("made up", make_questions(most, files=20), made))
    else:
        asked = read_asked(filings / "questions.jsonl")
        found.append(EstimatedSet(filings.name, asked[:most], filings / "pdfs"))
    return found


def measure(asked: EstimatedSet, folder: Path, model: str, factor: float) -> None:
    """Print estimates of one set beside what it took."""
    archive = folder / "archive"
    bring_up_to_date([asked.documents], archive, progress=None, on_ingested=None)
    output = folder / "answers.jsonl"
    api = FakeApi(
        ExtractiveBrain(),
        clock=RealClock(),
        counter=RequestCounter(factor=factor),
        keep_bodies=False,
    )
    questions = [Question(each.id, each.question, line=each.line) for each in asked.questions]
    first = max(6, len(questions) // 10)
    with api:
        blind = _estimate(questions, output, archive, api, model)
        drive(questions[:first], output, archive, api, model=model, settings=SETTINGS)
        usd_before = api.bill.usd or 0.0
        informed = _estimate(questions, output, archive, api, model)
        drive(questions, output, archive, api, model=model, settings=SETTINGS)
        usd = api.bill.usd or 0.0
        whole = {
            "steps": float(len(api.bill)),
            "prompt": float(api.bill.usage.prompt_tokens),
            "usd": usd,
        }
    _row(asked.name, f"reader ({len(questions)} questions)", blind, whole)
    rest = {"usd": usd - usd_before}
    _row(asked.name, f"first {first} (the other {len(questions) - first})", informed, rest)


def _estimate(
    questions: list[Question], output: Path, archive: Path, api: FakeApi, model: str
) -> Estimate:
    prepared = prepare(
        model,
        source=ModelSource(api.url, "anthropic", ""),
        limits=RunLimits(),
        environment=os.environ,
    )
    job = BatchJob(questions, output, journals=output.parent / f"{output.stem}-runs")
    return asyncio.run(estimate_many(job, prepared, SETTINGS, archive))


def _row(name: str, source: str, estimate: Estimate, taken: dict[str, float]) -> None:
    bands: dict[str, Band | None] = {
        "steps": estimate.steps,
        "prompt": estimate.prompt_tokens,
        "usd": estimate.usd,
    }
    for what, figure in taken.items():
        band = bands[what]
        assert band is not None
        inside = "yes" if figure in band else "NO"
        print(
            f"| {name} | {source} | {what} | {band.low:,.2f} | {band.likely:,.2f} "
            f"| {band.high:,.2f} | {figure:,.2f} | {inside} |",
            flush=True,
        )


def main() -> None:
    """Estimate and drive every set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", default="claude-haiku-4-5")
    parser.add_argument("--factor", type=float, default=1.0, help="on the fake's own tokens")
    parser.add_argument("--most", type=int, default=60, help="questions of a set")
    parser.add_argument("--filings", type=Path, help="a folder with questions.jsonl and pdfs/")
    asked = parser.parse_args()
    print("| set | from | of | low | likely | high | taken | inside |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for number, each in enumerate(sets(Path(scratch), asked.filings, asked.most)):
            measure(each, Path(scratch) / str(number), asked.model, asked.factor)


if __name__ == "__main__":
    main()
