"""Dollars of a run: bounded before it begins, and never spent beyond what is allowed."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from benchmarks.corpora import build_corpora
from benchmarks.run_files import RECORD, ResultLine, read_lines
from benchmarks.running import answer_all
from benchmarks.samples import SystemQuestion
from benchmarks.systems.system import SystemAnswer
from benchmarks.tasks.task import DocumentSet
from benchmarks.trials import EQUAL_TOKENS, Done, Trial, price_for, worst_case


def _write(folder: Path) -> None:
    (folder / "a.txt").write_text("The bridge cost 61 ells.\n")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A question for a system that asks a model once, which costs dollars."""
    folder = tmp_path_factory.mktemp("money")
    with ThreadPoolExecutor(1) as pool:
        sets = [DocumentSet("bridges", _write)]
        shelf = build_corpora(sets, folder, pool, lambda said: None)["bridges"]
    question = SystemQuestion("q0", "What did the bridge cost?")
    return Trial(
        question, shelf, "truncate-head", 8_000, "claude-haiku-4-5", None, 512, 400, folder
    )  # fmt: skip


class _Answering(Executor):
    """Answers every job at the same cost."""

    def __init__(self, cost_usd: float) -> None:
        self.cost_usd = cost_usd

    def submit(self, answer, job, /, **_):  # type: ignore[no-untyped-def]
        said = SystemAnswer("answered", "61 ells", requests=1, cost_usd=self.cost_usd)
        line = ResultLine(job.question.id, "", job.system, job.window, 8_000, said, 0.0, "")
        future: Future[Done] = Future()
        future.set_result(Done(line, ()))
        return future


def _jobs(job: Trial, count: int) -> list[Trial]:
    return [replace(job, question=replace(job.question, id=f"q{n}")) for n in range(count)]


def _run(jobs: list[Trial], folder: Path, *, cost_usd: float, max_usd: float) -> bool:
    (folder / RECORD).write_text("{}")
    run = partial(answer_all, workers=2, answers=len(jobs), told=lambda said: None)
    return run(jobs, folder, _Answering(cost_usd), max_usd=max_usd)


def test_retrieval_at_equal_tokens_is_bounded_by_all_that_docpager_may_use(job: Trial) -> None:
    price, equal = price_for(job), replace(job, system=EQUAL_TOKENS)
    assert price

    docpager = worst_case(replace(job, system="docpager", max_steps=9), price)
    prompts = 9 * price.worst_case(prompt_tokens=8_000 - 512, output_tokens=0)
    before = worst_case(replace(equal, max_steps=9), price)
    known = worst_case(replace(equal, allowance=20_000), price)

    assert prompts < before < docpager
    assert known == price.worst_case(prompt_tokens=20_000, output_tokens=512)
    assert worst_case(replace(equal, allowance=9), price) == worst_case(job, price)


def test_minimum_windows_are_priced_at_their_size(job: Trial) -> None:
    asked = replace(job, window="minimum", max_output=8_192)
    price = price_for(asked)
    assert price

    assert worst_case(asked, price) > price.worst_case(prompt_tokens=2_000, output_tokens=8_192)


def test_running_jobs_are_waited_for_before_the_money_is_said_to_be_spent(
    job: Trial, tmp_path: Path
) -> None:
    one = worst_case(job, price_for(job))

    assert _run(_jobs(job, 9), tmp_path, cost_usd=one / 100, max_usd=1.2 * one)


def test_what_an_interrupted_run_cost_is_spent_when_it_goes_on(job: Trial, tmp_path: Path) -> None:
    one = worst_case(job, price_for(job))
    jobs = _jobs(job, 9)

    for _ in range(2):
        assert not _run(jobs, tmp_path, cost_usd=one, max_usd=3.5 * one)
        assert len(read_lines(tmp_path)) == 3


def test_a_replay_costs_nothing(job: Trial) -> None:
    replay = replace(job, model="replay:somewhere")

    price = price_for(replay)

    assert price and price.free
    assert worst_case(replay, price) == 0.0
