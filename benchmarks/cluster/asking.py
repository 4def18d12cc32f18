"""A batch on a cluster: how fast beside what is possible, and what kills cost.

Possible is what the latency of the server allows: steps x latency / questions under way at once.
All else counts against docpager: Ray, the start of processes, journals, searches, and the first
question, which goes ahead of those that would read its prompt from the server's cache.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.cluster.nodes import Cluster, CoreSeconds, kill_one, own_folder, two_nodes
from benchmarks.fake_api import FakeApi, RealClock
from benchmarks.object_storage.storage import BUCKET, storage
from benchmarks.reliability.batch_kills import MODEL, CountingBrain, make_corpus
from docpager.api.ask import bring_up_to_date
from docpager.core.errors import JournalError
from docpager.core.locations import Location, as_location
from docpager.run.journal import read_journal
from docpager.storage.entry_log import logs_in
from docpager.storage.whole_files import read_whole


@dataclass
class BatchOnCluster:
    """What one batch came to."""

    seconds: float
    core_seconds: float
    steps: int
    """That the server was asked, each repetition counted."""
    repeated: int
    bill: float
    """The server's, in dollars."""
    books: float
    """What docpager says that it spent, at most."""
    lost: float
    """What of it is named lost: of calls of which nobody knows what they cost."""
    answers: dict[str, list[object]]
    workers_killed: int = 0
    ledgers_killed: int = 0


def batch(asked: argparse.Namespace) -> int:
    """`batch`: the number of things that are not as they must be."""
    own_folder(asked.work)
    os.environ["ANTHROPIC_API_KEY"] = "x"  # workers have the environment of their node
    documents, questions = make_corpus(asked.work / "corpus", questions=asked.questions)
    archive = asked.work / "archive"
    bring_up_to_date([documents], archive, progress=None, on_ingested=None)
    if not asked.storage:
        return _measured(asked, questions, str(archive), str(asked.work))
    with storage(asked.server):
        place = f"s3://{BUCKET}"
        bring_up_to_date(
            [documents], as_location(f"{place}/archive", "archive"), progress=None, on_ingested=None
        )
        return _measured(asked, questions, f"{place}/archive", place)


def _measured(asked: argparse.Namespace, questions: Path, archive: str, place: str) -> int:
    with two_nodes(asked.workers) as cluster:

        def once(name: str, **killing: object) -> BatchOnCluster:
            output = f"{place}/{name}"
            return _once(asked, cluster, questions, archive, output, **killing)  # type: ignore[arg-type]

        whole = once("whole")
        seats = asked.concurrency or asked.workers
        possible = whole.steps * asked.latency / seats
        print(
            f"{len(whole.answers)} questions, {whole.steps} steps, {seats} questions at once: "
            f"{whole.seconds:.1f} s, possible {possible:.1f} s: {possible / whole.seconds:.2f}; "
            f"{whole.core_seconds:.1f} core-seconds, load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
        wrong = _wrong(whole, whole, asked.questions)
        if asked.kills or asked.ledger_kills:
            limit = 2 * whole.books
            struck = once("struck", seconds=whole.seconds, limit=limit)
            print(
                f"{struck.workers_killed} workers and {struck.ledgers_killed} ledgers killed: "
                f"{struck.seconds:.1f} s, {struck.repeated} of {struck.steps} steps asked again; "
                f"books ${struck.books:.4f}, of it named lost ${struck.lost:.4f}; "
                f"the server's bill ${struck.bill:.4f}; limit ${limit:.4f}"
            )
            wrong += _wrong(struck, whole, asked.questions, limit=limit)
            under_way = math.ceil(seats / asked.workers) * struck.workers_killed
            if struck.repeated > under_way:
                wrong.append(f"more than {under_way} steps were asked again")
    print("\n".join(wrong) or "every question once, the same answers, books and bill agree")
    if possible / whole.seconds < asked.least:
        wrong.append("slower than that")
    return len(wrong)


def _wrong(
    found: BatchOnCluster, whole: BatchOnCluster, questions: int, limit: float = 1e9
) -> list[str]:
    wrong = []
    if len(found.answers) != questions:
        wrong.append(f"{len(found.answers)} answers to {questions} questions")
    differing = sum(found.answers.get(id) != answer for id, answer in whole.answers.items())
    if differing:
        wrong.append(f"{differing} answers differ")
    rounding = 1e-6 * questions
    if not found.books - found.lost - rounding <= found.bill <= found.books + rounding:
        wrong.append(f"books {found.books}, lost {found.lost}, bill {found.bill}")
    if found.bill > limit:
        wrong.append(f"the bill, {found.bill}, is above the limit, {limit}")
    return wrong


def _once(
    asked: argparse.Namespace,
    cluster: Cluster,
    questions: Path,
    archive: str,
    output: str,
    *,
    seconds: float = 0.0,
    limit: float = 1_000.0,
) -> BatchOnCluster:
    """One batch; where it is said how long it takes, workers and ledgers are killed meanwhile."""
    brain = CountingBrain()
    api = FakeApi(brain, clock=RealClock(), latency_seconds=asked.latency, keep_bodies=False)
    command = [
        *(sys.executable, "-m", "docpager", "batch", str(questions), "-o", f"{output}.jsonl"),
        *("--archive", archive, "--journals", f"{output}-journals", "--engine", cluster.engine),
        *("--model", MODEL, "--backend", "anthropic", "--max-usd", str(limit)),
    ]
    command += ["--concurrency", str(asked.concurrency)] if asked.concurrency else []
    done = threading.Event()
    counts = {"workers": 0, "ledgers": 0}
    with api, CoreSeconds(*cluster.nodes, every=1.0) as used:
        began = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--base-url", api.url], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        used.add(psutil.Process(process.pid))
        killer = threading.Thread(target=_kill, args=(asked, cluster, seconds, done, counts))
        if seconds:
            killer.start()
        _, said = process.communicate()
        took = time.perf_counter() - began
        done.set()
        if seconds:
            killer.join()
    if process.returncode:
        raise SystemExit(f"docpager batch ended with {process.returncode}: {said.decode()[-1500:]}")
    lines = [
        json.loads(line) for line in read_whole(as_location(f"{output}.jsonl", "")).splitlines()
    ]
    answers = {line["id"]: [line[key] for key in ("answer", "status", "steps")] for line in lines}
    if len(answers) != len(lines):
        raise SystemExit(f"{output}: a question has two lines")
    return BatchOnCluster(
        took,
        used.total,
        brain.asked.total(),
        brain.repeated,
        api.bill.usd,
        sum(line["cost_usd"] for line in lines),
        _named_lost(as_location(f"{output}-journals", "journals")),
        answers,
        counts["workers"],
        counts["ledgers"],
    )


def _kill(
    asked: argparse.Namespace,
    cluster: Cluster,
    seconds: float,
    done: threading.Event,
    counts: dict[str, int],
) -> None:
    """Kills at moments that are drawn evenly from the time that an undisturbed batch takes."""
    chance = random.Random(asked.seed)
    kinds = ["workers"] * asked.kills + ["ledgers"] * asked.ledger_kills
    chance.shuffle(kinds)
    moments = sorted(chance.uniform(0.1, 0.95) * seconds for _ in kinds)
    began = time.perf_counter()
    them: dict[str, Callable[[], list]] = {"workers": cluster.workers, "ledgers": cluster.keepers}
    for moment, kind in zip(moments, kinds, strict=True):
        if done.wait(max(0.0, began + moment - time.perf_counter())):
            return
        while not kill_one(them[kind](), chance):  # one that was killed is being made anew
            if done.wait(0.2):
                return
        counts[kind] += 1


def _named_lost(journals: Location) -> float:
    lost = 0.0
    for path in logs_in(journals, beginning=""):
        try:
            record = read_journal(path)
        except JournalError:
            continue
        for entry in record.entries:
            if entry.lost is not None:
                lost += entry.lost.usd or 0.0
            if entry.reply is not None:
                lost += entry.reply.lost.usd or 0.0
    return lost
