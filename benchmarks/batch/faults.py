"""A batch while three in ten requests go wrong, and one that runs out of money.

    python -m benchmarks.batch.faults --questions 100 --share 0.3

The fake API strikes at random: rate limits, overload, broken and cut streams, malformed replies,
refused connections. The batch is run again (--retry-failed) until every question has an answer;
answers must equal those of an undisturbed batch, and the books may never say less than the server's
bill. Then batches get a part of the money they need: what they spend must stay below it, and come
close to it or leave too little for another question. Waits take no time while nobody is asked.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.batch.corpora import make_documents, make_questions
from benchmarks.batch.driven import answers_in, drive
from benchmarks.batch.serving import walk
from benchmarks.fake_api import FakeApi, FaultPlan, RealClock
from docpager.api.ask import bring_up_to_date
from docpager.batch.questions import Question
from docpager.batch.settings import BatchSettings
from docpager.models.pricing import price_of

MODEL = "claude-haiku-4-5"
WINDOW, MAX_STEPS = 12_000, 12
SESSIONS = 6
ENOUGH_USD = 1_000.0
PARTS = (0.1, 0.3, 0.6, 0.9)


class FaultyCorpus:
    """One corpus, asked again and again."""

    def __init__(self, folder: Path, questions: list[Question], steps: int) -> None:
        self.folder = folder
        self.questions = questions
        self.steps = steps
        self.archive = folder / "archive"
        bring_up_to_date(
            [make_documents(folder / "documents")], self.archive, progress=None, on_ingested=None
        )

    def session(self, name: str, api: FakeApi, settings: BatchSettings, **job: bool):
        """One session of the batch called `name`."""
        return drive(
            self.questions,
            self.folder / f"{name}.jsonl",
            self.archive,
            api,
            model=MODEL,
            settings=settings,
            window=WINDOW,
            max_steps=MAX_STEPS,
            skipping=True,
            **job,
        )

    def api(self, share: float = 0.0, seed: int = 1) -> FakeApi:
        """A server that strikes so often."""
        faults = FaultPlan(share=share, seed=seed) if share else None
        return FakeApi(walk(self.steps), clock=RealClock(), faults=faults, keep_bodies=False)


def with_faults(bench: FaultyCorpus, share: float) -> None:
    """Print how a batch came through."""
    settings = BatchSettings(16, max_usd=ENOUGH_USD)
    with bench.api() as api:
        clean_usd = bench.session("clean", api, settings).usd
    started, sessions = time.monotonic(), 0
    with bench.api(share) as api:
        while sessions < SESSIONS:
            sessions += 1
            report = bench.session("struck", api, settings, retry_failed=True)
            if report.succeeded:
                break
        seconds = time.monotonic() - started
        struck = sum(bool(request.fault) for request in api.requests)
        billed, asked = api.bill.usd or 0.0, len(api.requests)
    same = answers_in(bench.folder / "struck.jsonl") == answers_in(bench.folder / "clean.jsonl")
    print(f"faults: {struck} of {asked} requests struck, {sessions} sessions, {seconds:.0f} s")
    print(f"  answers equal to an undisturbed batch: {same}; all ended well: {report.succeeded}")
    print(f"  books ${report.usd:.4f}, server's bill ${billed:.4f}, undisturbed ${clean_usd:.4f}")


def with_little_money(bench: FaultyCorpus, share: float) -> None:
    """Print what batches do with a part of the money."""
    price = price_of(MODEL)
    assert price is not None
    call = price.worst_case(prompt_tokens=WINDOW - 1_500, output_tokens=1_500)
    with bench.api() as api:
        need = bench.session("whole", api, BatchSettings(16, max_usd=ENOUGH_USD)).usd or 0.0
    print("| share of the need | faults | limit | spent | used | not begun | ended otherwise |")
    print("|---|---|---|---|---|---|---|")
    for part in PARTS:
        for faults in (0.0, share):
            limit = part * need
            with bench.api(faults, seed=round(part * 100)) as api:
                name = f"part-{part}-{faults}"
                report = bench.session(name, api, BatchSettings(16, max_usd=limit))
            usd = report.usd or 0.0
            note = "" if usd >= 0.85 * limit or limit - usd < 2 * call else " (!)"
            over = " OVER" if usd > limit + 1e-9 else ""
            print(
                f"| {part} | {faults} | ${limit:.4f} | ${usd:.4f}{over} | {usd / limit:.2f}{note} "
                f"| {report.waiting} | {report.stopped} stopped, {report.failed} failed |",
                flush=True,
            )


def main() -> None:
    """Strike a batch, then starve some."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--share", type=float, default=0.3)
    parser.add_argument("--steps", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = FaultyCorpus(Path(folder), make_questions(asked.questions), asked.steps)
        with_faults(bench, asked.share)
        with_little_money(bench, asked.share)


if __name__ == "__main__":
    main()
