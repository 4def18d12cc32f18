"""The bill of rounds against that of live runs: by steps, luck of the cache, and how long it keeps.

    python -m benchmarks.batch.rounds_bill --model claude-sonnet-5-5

Every figure is from the fake API's own bill, whose cache follows Anthropic's rules on a clock that
runs only while we wait: a round takes half an hour, a live step no time. A prompt cached for five
minutes is shared within a round and gone in the next one.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Literal

from benchmarks.batch.corpora import make_documents, make_questions
from benchmarks.batch.driven import drive
from benchmarks.batch.serving import walk
from benchmarks.fake_api import FakeApi, FakeClock
from benchmarks.fake_api.batches import BatchSettings as ServerBatches
from docpager.api.ask import bring_up_to_date
from docpager.archive.archive import Archive
from docpager.batch.batch_pricing import USUAL_HIT_RATE, compare
from docpager.batch.run_profiles import past_profiles
from docpager.batch.settings import BatchSettings
from docpager.models.claude import ClaudeModel
from docpager.models.pricing import price_of

Ttl = Literal["5m", "1h"] | None
ROUND_SECONDS = 1_800.0
HIT_RATES = (0.0, 0.5, 1.0)
ENOUGH_USD = 100_000.0


class FixedTtl(ClaudeModel):
    """Claude whose batched prompts are cached as the measurement says, whatever would pay."""

    ttl: Ttl = None

    @property
    def batch_ttl(self) -> Ttl:  # type: ignore[override]
        """As it was fixed."""
        return self.ttl

    @batch_ttl.setter
    def batch_ttl(self, _: Ttl) -> None:
        """Keeps what was fixed."""


class BilledCorpus:
    """One corpus, one model; each bill on a server of its own."""

    def __init__(self, folder: Path, model: str, questions: int) -> None:
        self._folder = folder
        self._model = model
        self._questions = make_questions(questions)
        self.archive = folder / "archive"
        bring_up_to_date(
            [make_documents(folder / "documents")], self.archive, progress=None, on_ingested=None
        )

    def live(self, steps: int) -> float:
        """Dollars of the questions asked one step after the other."""
        with self._server(steps) as api:
            self._drive(api, f"live-{steps}", self._model, BatchSettings(max_usd=ENOUGH_USD))
            return api.bill.usd or 0.0

    def rounds(self, steps: int, ttl: Ttl, hit_rate: float) -> float:
        """Dollars of the same in rounds."""
        with self._server(steps, hit_rate) as api:
            model = FixedTtl(self._model, base_url=api.url, backend="anthropic")
            model.ttl = ttl
            settings = BatchSettings(by_batches=True, max_usd=ENOUGH_USD)
            self._drive(api, f"rounds-{steps}-{ttl}-{hit_rate}", model, settings)
            return api.bill.usd or 0.0

    def expected(self, steps: int) -> float:
        """What is said of them before they begin, from the live runs."""
        with_archive = Archive.open(self.archive)
        profiles = past_profiles(
            self._folder / f"live-{steps}-runs",
            model=self._model,
            window=64_000 if "haiku" not in self._model else 32_000,
            archive_id=with_archive.id,
            most=60,
        )
        with_archive.close()
        price = price_of(self._model)
        assert price is not None
        following = 1 - 1 / len(self._questions)
        return compare(profiles, price, following=following).ratio

    def _server(self, steps: int, hit_rate: float = 1.0) -> FakeApi:
        batches = ServerBatches(seconds=ROUND_SECONDS, hit_share=hit_rate)
        return FakeApi(walk(steps), clock=FakeClock(), batches=batches, keep_bodies=False)

    def _drive(
        self, api: FakeApi, name: str, model: str | ClaudeModel, settings: BatchSettings
    ) -> None:
        output = self._folder / f"{name}.jsonl"
        report = drive(
            self._questions, output, self.archive, api, model=model, settings=settings, frozen=True
        )
        assert report.complete, report


def main() -> None:
    """Bill every cell and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", default="claude-sonnet-5-5")
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--steps", type=int, nargs="*", default=[1, 2, 4, 8, 16])
    asked = parser.parse_args()
    cells = [(ttl, rate) for ttl in ("5m", "1h") for rate in HIT_RATES]
    print(f"{asked.model}, {asked.questions} questions; rounds to live\n")
    titles = [f"{ttl}, hits {rate:g}" for ttl, rate in cells]
    print(f"| steps | live | not cached | {' | '.join(titles)} | said at hits {USUAL_HIT_RATE} |")
    print("|---" * (len(cells) + 4) + "|")
    with tempfile.TemporaryDirectory() as folder:
        bench = BilledCorpus(Path(folder), asked.model, asked.questions)
        for steps in asked.steps:
            live = bench.live(steps)
            plain = bench.rounds(steps, None, 0.0) / live
            shares = [bench.rounds(steps, ttl, rate) / live for ttl, rate in cells]
            row = [f"{share:.2f}" for share in (plain, *shares, bench.expected(steps))]
            print(f"| {steps} | ${live:.4f} | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
