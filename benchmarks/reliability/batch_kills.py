"""Kills a batch at random moments; every question is answered once and paid for once.

    python -m benchmarks.reliability.batch_kills --via live --kills 50 --questions 300 --seed 1

`docpager batch` runs in a process of its own against the fake API, whose brain is the extractive
reader, and is ended by SIGKILL again and again. After the last resume every question must have
exactly one line, the answers must equal those of an undisturbed batch, and the server must have
been asked no step twice, beyond those that were under way at a kill (in rounds: none at all).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fake_api import Asked, ExtractiveBrain, FakeApi, RealClock, Reply
from benchmarks.fake_api.batches import BatchSettings
from docpager.api.ask import bring_up_to_date
from docpager.core.errors import JournalError
from docpager.run.journal import read_journal

MODEL = "claude-haiku-4-5"
FACTS_PER_FILE = 10
WAYS = ("live", "batches")


class CountingBrain:
    """The extractive reader; counts how often each conversation was continued."""

    def __init__(self) -> None:
        self._reader = ExtractiveBrain()
        self.asked: Counter[str] = Counter()

    def reply(self, asked: Asked) -> Reply:
        """The reader's reply."""
        said = _without_marks(asked.body["messages"])
        written = json.dumps(said, sort_keys=True).encode()
        self.asked[hashlib.sha256(written).hexdigest()] += 1
        return self._reader.reply(asked)

    @property
    def repeated(self) -> int:
        """How often a step was asked again."""
        return self.asked.total() - len(self.asked)


@dataclass
class KilledBatch:
    """What a batch with kills came to."""

    kills: int
    questions: int
    repeated: int
    """Steps that the server was asked more than once, each repetition counted."""
    under_way: int
    """Requests without a reply in their journals at the kills, added up."""
    failures: list[str] = field(default_factory=list)


def make_corpus(folder: Path, *, questions: int) -> tuple[Path, Path]:
    """Files of facts, and a file of as many questions about them."""
    documents = folder / "documents"
    documents.mkdir(parents=True)
    asked = []
    for number in range(questions):
        name = f"bridge {number + 1}-{(number * 7919) % 9973}"
        path = documents / f"file-{number // FACTS_PER_FILE:03}.txt"
        with path.open("a", encoding="utf-8") as file:
            file.write(
                f"The {name} was opened in {1700 + number} and cost {number + 5} crowns.\n\n"
            )
        asked.append({"id": f"Q{number:04}", "question": f"What did the {name} cost?"})
    target = folder / "questions.jsonl"
    target.write_text("".join(json.dumps(each) + "\n" for each in asked), "utf-8")
    return documents, target


def kill_again_and_again(
    folder: Path, *, via: str, kills: int, questions: int, seed: int, latency: float = 0.02
) -> KilledBatch:
    """One batch that is killed so often, compared with one that is not."""
    documents, asked = make_corpus(folder, questions=questions)
    archive = folder / "archive"
    bring_up_to_date([documents], archive, progress=None, on_ingested=None)
    undisturbed, _ = _batch(folder / "whole.jsonl", asked, archive, via=via, latency=latency)
    expected = _answers(folder / "whole.jsonl")
    outcome = KilledBatch(0, questions, 0, 0)
    draw = random.Random(seed)
    number = 0
    while outcome.kills < kills:
        number += 1
        output = folder / f"killed-{number}.jsonl"
        brain, under_way = _batch(
            output,
            asked,
            archive,
            via=via,
            latency=latency,
            draw=draw,
            kills=kills,
            outcome=outcome,
        )
        outcome.under_way += under_way
        outcome.repeated += brain.repeated
        outcome.failures += _differences(output, expected, f"batch {number}")
        if brain.repeated > (under_way if via == "live" else 0):
            outcome.failures.append(
                f"batch {number}: {brain.repeated} steps were asked again, {under_way} under way"
            )
        if len(brain.asked) != len(undisturbed.asked):
            outcome.failures.append(
                f"batch {number}: {len(brain.asked)} steps instead of {len(undisturbed.asked)}"
            )
    return outcome


def _batch(
    output: Path,
    questions: Path,
    archive: Path,
    *,
    via: str,
    latency: float,
    draw: random.Random | None = None,
    kills: int = 0,
    outcome: KilledBatch | None = None,
) -> tuple[CountingBrain, int]:
    """Run a batch to its end, through as many kills as are still to be made."""
    brain, under_way = CountingBrain(), 0
    api = FakeApi(
        brain,
        clock=RealClock(),
        latency_seconds=latency,
        batches=BatchSettings(seconds=0.5, cancel_seconds=0.1),
        keep_bodies=False,
    )
    with api:
        while True:
            with _process(output, questions, archive, via=via, url=api.url) as process:
                if draw is None or outcome is None or outcome.kills >= kills:
                    code = process.wait()
                else:
                    code = _killed(process, draw.uniform(0.3, 4.0))
            if code is not None:
                if code != 0:
                    raise SystemExit(f"docpager batch ended with {code}")
                return brain, under_way
            assert outcome is not None
            outcome.kills += 1
            under_way += _unanswered(archive / "runs")


def _killed(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Let it work so long, then end it; its exit code if it was faster."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return None


@contextmanager
def _process(
    output: Path, questions: Path, archive: Path, *, via: str, url: str
) -> Iterator[subprocess.Popen[bytes]]:
    command = [
        *(sys.executable, "-m", "docpager", "batch", str(questions), "-o", str(output)),
        *("--archive", str(archive), "--model", MODEL, "--base-url", url),
        *("--backend", "anthropic", "--via", via, "--max-usd", "1000"),
    ]
    environment = {**os.environ, "ANTHROPIC_API_KEY": "x"}
    with _stderr_of(output).open("wb") as said:
        process = subprocess.Popen(command, env=environment, stderr=said)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def _stderr_of(output: Path) -> Path:
    return output.with_name(f"{output.name}.stderr")


def _unanswered(journals: Path) -> int:
    """Runs whose newest request has no reply."""
    count = 0
    for path in journals.glob("*.jsonl"):
        try:
            record = read_journal(path)
        except JournalError:  # torn at its very start
            continue
        count += record.outcome is None and record.unanswered
    return count


def _answers(output: Path) -> dict[str, Any]:
    lines = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    answers = {
        line["id"]: [line[key] for key in ("answer", "status", "citations", "steps")]
        for line in lines
    }
    if len(answers) != len(lines):
        raise SystemExit(f"{output}: a question has two lines")
    return answers


def _differences(output: Path, expected: dict[str, Any], name: str) -> list[str]:
    found = _answers(output)
    return [
        f"{name}: {id} gave {found.get(id)} instead of {answer}"
        for id, answer in expected.items()
        if found.get(id) != answer
    ] + [f"{name}: nobody asked {id}" for id in found if id not in expected]


def _without_marks(value: Any) -> Any:
    """A conversation without its cache breakpoints, which move."""
    if isinstance(value, list):
        return [_without_marks(each) for each in value]
    if isinstance(value, dict):
        return {k: _without_marks(each) for k, each in value.items() if k != "cache_control"}
    return value


def main() -> None:
    """Kill batches and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--via", choices=WAYS, default="live")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcome = kill_again_and_again(
            Path(folder),
            via=asked.via,
            kills=asked.kills,
            questions=asked.questions,
            seed=asked.seed,
        )
    for failure in outcome.failures:
        print(failure)
    print(
        f"{asked.via}: {outcome.kills} kills over {outcome.questions} questions in "
        f"{time.monotonic() - started:.0f} s; {len(outcome.failures)} differences; "
        f"{outcome.repeated} steps asked again, {outcome.under_way} under way at the kills"
    )
    sys.exit(1 if outcome.failures else 0)


if __name__ == "__main__":
    main()
