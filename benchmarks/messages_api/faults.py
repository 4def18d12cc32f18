"""Every fault of the fake server, alone and all mixed: does each question end, and is it paid once?

    python -m benchmarks.messages_api.faults questions.jsonl documents/ --questions 200

Each kind strikes 30 % of the requests of a few questions; then all kinds together strike 30 % of
the requests of many. The real SDK talks to the server over a socket; many runs share books and a
gate. Waits take no time while nobody is asked. Then what was parked is resumed on a sound server.
What must hold, whatever is answered: each question has one end, with a reason where it has no
answer; every reply that arrived whole is used once; the books hold at least what was billed, and no
more than their limit.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fake_api import FAULT_KINDS, ExtractiveBrain, FakeApi, FaultPlan
from benchmarks.fake_api.faults import UNDELIVERED
from benchmarks.messages_api.equal_answers import THINKING, _essence, _questions
from benchmarks.messages_api.skipping_loop import SkippingLoop
from docpager import AnswerLine, Archive, PagingSettings, RunLimits, ingest
from docpager.models.budget import Budget
from docpager.models.claude import ClaudeModel
from docpager.models.limiter import AdaptiveLimiter
from docpager.run.journal import read_journal
from docpager.run.service import AskSettings, SharedResources, ask_archive, resume_run

SHARE = 0.3
LIMIT_USD = 100.0
SETTINGS = AskSettings(
    PagingSettings(window=24_000, max_output=2_048),
    RunLimits(max_steps=40, timers=False),
    factor=2.25,
)


@dataclass
class FaultsReport:
    """What became of one set of questions."""

    name: str
    lines: list[AnswerLine]
    requests: int
    struck: int
    billed_usd: float
    booked_usd: float
    problems: list[str]


def main() -> None:
    arguments = _arguments()
    os.environ["ANTHROPIC_API_KEY"] = "a key for the fake server"
    questions = list(_questions(arguments.questions))
    many = [questions[n % len(questions)] for n in range(arguments.number)]
    with tempfile.TemporaryDirectory() as folder:
        ingest([arguments.documents], Path(folder) / "archive")
        archive = Archive.open(Path(folder) / "archive")
        undisturbed = _play("none", None, questions, archive)
        right = {line.question: line for line in undisturbed.lines}
        outcomes = [undisturbed]
        _print(undisturbed, right)
        for kind in arguments.kinds or FAULT_KINDS:
            faults = FaultPlan(share=SHARE, kinds=(kind,), seed=arguments.seed, seconds=0.05)
            outcomes.append(_play(kind, faults, questions[: arguments.each], archive))
            _print(outcomes[-1], right)
        mixed = FaultPlan(share=SHARE, seed=arguments.seed, seconds=0.05)
        outcomes.append(_play("all mixed", mixed, many, archive))
        _print(outcomes[-1], right)
        _resume(outcomes[-1], archive)
    if any(outcome.problems for outcome in outcomes):
        raise SystemExit("something that must hold did not")


def _play(
    name: str, faults: FaultPlan | None, questions: Sequence[str], archive: Archive
) -> FaultsReport:
    with FakeApi(ExtractiveBrain(), faults=faults) as api:
        gates: list[AdaptiveLimiter] = []
        loop = SkippingLoop(may_skip=lambda: bool(gates) and not gates[0].under_way)
        gates.append(AdaptiveLimiter(places=8, most=16, clock=loop.time))
        spending = Budget(max_usd=LIMIT_USD)
        try:
            lines = loop.run_until_complete(
                _ask_all(questions, archive, api.url, SharedResources(spending, gates[0]))
            )
        finally:
            loop.close()
    return FaultsReport(
        name,
        lines,
        len(api.requests),
        sum(bool(request.fault) for request in api.requests),
        api.bill.usd or 0.0,
        spending.usd.spent,
        list(_problems(questions, lines, api, spending)),
    )


async def _ask_all(
    questions: Sequence[str], archive: Archive, url: str, shared: SharedResources
) -> list[AnswerLine]:
    model = ClaudeModel(THINKING, base_url=url, backend="anthropic")
    places = asyncio.Semaphore(16)

    async def ask(number: int, question: str) -> AnswerLine:
        async with places:
            return await ask_archive(
                question, archive, model, settings=SETTINGS, id=f"q{number}", shared=shared
            )

    lines = await asyncio.gather(*(ask(n, question) for n, question in enumerate(questions)))
    await model.close()
    return list(lines)


def _problems(
    questions: Sequence[str], lines: Sequence[AnswerLine], api: FakeApi, spending: Budget
) -> list[str]:
    """What must hold and does not."""
    whole = [r for r in api.requests if r.status == 200 and r.fault not in UNDELIVERED]
    steps = sum(line.steps for line in lines)
    found = []
    if [line.question for line in lines] != list(questions):
        found.append("a question was lost")
    if nameless := [line.id for line in lines if line.answer is None and not line.error]:
        found.append(f"no answer and no reason: {nameless}")
    if len(whole) != steps:
        found.append(f"{len(whole)} replies arrived whole, {steps} were used")
    if refused := [r.error for r in api.requests if r.status == 400 and not r.fault]:
        found.append(f"{len(refused)} requests were refused: {refused[0][:200]}")
    billed, booked = api.bill.usd or 0.0, spending.usd.spent
    if not billed <= booked + 1e-9 <= LIMIT_USD:
        found.append(f"${billed:.4f} billed, ${booked:.4f} booked, ${LIMIT_USD} allowed")
    if spending.usd.reserved or spending.usd.overrun:
        found.append(f"${spending.usd.reserved} still set aside, ${spending.usd.overrun} overrun")
    return found


def _resume(outcome: FaultsReport, archive: Archive) -> None:
    """Go on with what was parked, on a server without faults."""
    journals = [Path(line.journal) for line in outcome.lines if line.journal]
    parked = [path for path in journals if read_journal(path).outcome is None]
    with FakeApi(ExtractiveBrain()) as api:

        async def go_on() -> list[AnswerLine]:
            model = ClaudeModel(THINKING, base_url=api.url, backend="anthropic")
            lines = [await resume_run(path, archive, model) for path in parked]
            await model.close()
            return lines

        lines = asyncio.run(go_on())
    ends = Counter(line.status for line in lines)
    print(f"resumed {len(parked)} parked runs on a sound server: {_counted(ends)}")
    _print_errors(lines)


def _print(outcome: FaultsReport, right: dict[str, AnswerLine]) -> None:
    lines = outcome.lines
    equal = sum(_essence(line) == _essence(right[line.question]) for line in lines)
    ends = Counter(line.status for line in lines)
    print(
        f"{outcome.name:<24} {outcome.struck:>4} of {outcome.requests:<5} struck; "
        f"{_counted(ends)}; {equal} of {len(lines)} as undisturbed; "
        f"${outcome.billed_usd:.3f} billed, ${outcome.booked_usd:.3f} booked",
        flush=True,
    )
    _print_errors(lines)
    for problem in outcome.problems:
        print(f"    MUST NOT BE: {problem}")


def _print_errors(lines: Sequence[AnswerLine]) -> None:
    for error, number in Counter(_kind(line.error) for line in lines if line.error).most_common(9):
        print(f"    {number} x {error}")


def _kind(error: str | None) -> str:
    """A failure without the parts that differ from run to run."""
    words = re.sub(r"\d+(\.content)?", "N", error or "").split()
    return " ".join(word for word in words if not word.startswith(("http://", "(req_")))[:120]


def _counted(ends: Counter[str]) -> str:
    return ", ".join(f"{number} {status}" for status, number in sorted(ends.items()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("questions", type=Path, help="JSONL with `question`")
    parser.add_argument("documents", type=Path)
    parser.add_argument("--questions", dest="number", type=int, default=200, help="for the mixture")
    parser.add_argument("--each", type=int, default=6, help="questions for each kind alone")
    parser.add_argument("--kinds", nargs="*", help="only these kinds alone")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
