"""How fast a batch is beside what is possible, and how much memory it takes.

    python -m benchmarks.batch.throughput --levels 1:50 8:400 64:2000 256:2000
    python -m benchmarks.batch.throughput --scripted 20000

The fake API runs in a process of its own and replies after `--latency` seconds. Its brain walks
`--steps` steps: a search, page-ins, an answer. Possible is the greater of what the server's latency
allows at that concurrency and what one core can do: questions x steps x latency / concurrency, and
questions x steps x processor time of a step (SDK and ours), measured in the same process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.batch.corpora import make_documents, make_questions, repeated
from benchmarks.batch.serving import served
from docpager.api.ask import bring_up_to_date
from docpager.api.ask_many import batch_session
from docpager.batch.job import BatchJob
from docpager.batch.settings import BatchSettings
from docpager.core.settings import RunLimits
from docpager.models.registry import ModelSource
from docpager.models.scripted import ScriptedModel
from docpager.run.preparation import prepare

MODEL = "claude-haiku-4-5"


@dataclass(frozen=True)
class Level:
    """What one concurrency came to."""

    concurrency: int
    questions: int
    steps: int
    seconds: float
    processor_seconds: float
    megabytes: float

    def possible(self, latency: float, step_seconds: float) -> float:
        """Seconds that it had to take."""
        return max(self.steps * latency / self.concurrency, self.steps * step_seconds)


async def _drive(job: BatchJob, archive: Path, url: str, concurrency: int) -> int:
    prepared = prepare(
        MODEL,
        source=ModelSource(url, "anthropic", ""),
        limits=RunLimits(),
        environment=os.environ,
    )
    settings = BatchSettings(concurrency, max_usd=10_000.0)
    async with batch_session(job, prepared, settings, archive=archive) as session:
        report = await session.drive()
    assert report.complete, report
    return report.steps


def one_level(
    archive: Path, url: str, concurrency: int, count: int, questions: Path | None
) -> Level:
    """Drive one batch in this process."""
    asked = repeated(questions, count) if questions else make_questions(count)
    with tempfile.TemporaryDirectory() as scratch:
        job = BatchJob(asked, Path(scratch) / "answers.jsonl", journals=Path(scratch) / "runs")
        started, processor = time.monotonic(), time.process_time()
        steps = asyncio.run(_drive(job, archive, url, concurrency))
        seconds, processor = time.monotonic() - started, time.process_time() - processor
    return Level(concurrency, count, steps, seconds, processor, _peak_megabytes())


def scripted(archive: Path, count: int) -> Level:
    """One-step questions without a server: what a question costs in memory."""
    model = ScriptedModel()

    async def drive() -> int:
        prepared = prepare(model, limits=RunLimits(), environment=os.environ)
        settings = BatchSettings(64)
        async with batch_session(job, prepared, settings, archive=archive) as session:
            report = await session.drive()
        assert report.complete
        return report.steps

    model.complete = _not_found  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as scratch:
        job = BatchJob(
            make_questions(count), Path(scratch) / "a.jsonl", journals=Path(scratch) / "r"
        )
        started, processor = time.monotonic(), time.process_time()
        steps = asyncio.run(drive())
        seconds, processor = time.monotonic() - started, time.process_time() - processor
    return Level(64, count, steps, seconds, processor, _peak_megabytes())


async def _not_found(_: object) -> object:
    from docpager.models.scripted import reply

    return reply("Not found: it.")


def _peak_megabytes() -> float:
    """Of this program alone: `getrusage` also tells what the process that started it had taken."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (peak,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
    return int(peak) / 1024


def _apart(*arguments: str) -> Level:
    """A level in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "benchmarks.batch.throughput", *arguments]
    environment = {**os.environ, "ANTHROPIC_API_KEY": "x"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return Level(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measure every level, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--levels", nargs="*", default=["1:50", "8:400", "64:2000", "256:2000"])
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--documents", type=Path, help="ask about these instead of made-up ones")
    parser.add_argument("--questions", type=Path, help="these questions, again and again")
    parser.add_argument("--archive", type=Path, help="keep the archive there")
    parser.add_argument("--scripted", type=int, nargs="*", default=[], help="one-step questions")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        concurrency, count = map(int, asked.one.split(":"))
        level = (
            one_level(asked.archive, asked.url, concurrency, count, asked.questions)
            if asked.url
            else scripted(asked.archive, count)
        )
        print(json.dumps(level.__dict__))
        return
    with tempfile.TemporaryDirectory() as scratch:
        archive = asked.archive or Path(scratch) / "archive"
        if not (archive / "manifest.json").exists():
            documents = asked.documents or make_documents(Path(scratch) / "documents")
            bring_up_to_date([documents], archive, progress=None, on_ingested=None)
        _table(asked, archive)


def _table(asked: argparse.Namespace, archive: Path) -> None:
    print("| concurrency | questions | steps | seconds | possible | share | cpu/step | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    options = ["--archive", str(archive)]
    if asked.questions:
        options += ["--questions", str(asked.questions)]
    for spec in asked.levels:
        with served(steps=asked.steps, latency=asked.latency) as url:
            level = _apart("--one", spec, "--url", url, *options)
        step_seconds = level.processor_seconds / level.steps
        possible = level.possible(asked.latency, step_seconds)
        print(
            f"| {level.concurrency} | {level.questions:,} | {level.steps:,} | {level.seconds:.1f} "
            f"| {possible:.1f} | {possible / level.seconds:.2f} | {step_seconds * 1000:.1f} ms "
            f"| {level.megabytes:.0f} |",
            flush=True,
        )
    for count in asked.scripted:
        level = _apart("--one", f"64:{count}", *options)
        print(
            f"| scripted | {level.questions:,} | {level.steps:,} | {level.seconds:.1f} | | "
            f"| {level.processor_seconds / level.steps * 1000:.1f} ms | {level.megabytes:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
