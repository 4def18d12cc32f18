"""Rounds over message batches: the answers of a live batch, each step paid for once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from batch_worlds import BatchServer, CountedReader, World, price

from docpager.batch.session import Session
from docpager.batch.settings import BatchSettings
from docpager.models.messages import BatchResult
from docpager.run.request_hashes import request_hash

ROUNDS = BatchSettings(by_batches=True)


@pytest.fixture
def live(tmp_path):
    world = World(tmp_path / "live")
    world.drive()
    return world.answers()


def in_rounds(tmp_path, **server) -> World:
    return World(tmp_path / "rounds", model=BatchServer(CountedReader(), **server))


def asked_twice(world: World) -> list[str]:
    """Requests that the model behind the server was asked more than once."""
    hashes = Counter(request_hash(request) for request in world.model.model.requests)
    return [each for each, count in hashes.items() if count > 1]


def test_rounds_give_the_answers_of_a_live_batch(tmp_path, live):
    world = in_rounds(tmp_path)
    report = world.drive(settings=ROUNDS)

    assert report.succeeded
    assert world.answers() == live
    assert not asked_twice(world)


def test_all_runs_make_one_step_with_each_batch(tmp_path):
    world = in_rounds(tmp_path)
    world.drive(settings=ROUNDS)
    sizes = [len(sent.items) for sent in world.model.sent.values()]
    steps = [line["steps"] for line in world.lines().values()]

    assert sizes == [sum(each >= n for each in steps) for n in range(1, max(steps) + 1)]


def test_what_expired_goes_with_the_next_round(tmp_path, live):
    def spoil(number: int, results: list[BatchResult]) -> list[BatchResult]:
        if number > 2:
            return results
        return [BatchResult(results[0].custom_id, error="expired", again=True), *results[1:]]

    world = in_rounds(tmp_path, spoil=spoil)

    assert world.drive(settings=ROUNDS).succeeded
    assert world.answers() == live


def test_doubled_and_missing_results_are_survived(tmp_path, live):
    def spoil(number: int, results: list[BatchResult]) -> list[BatchResult]:
        return results[1:] + results[1:] if number == 1 else results

    world = in_rounds(tmp_path, spoil=spoil)

    assert world.drive(settings=ROUNDS).succeeded
    assert world.answers() == live


def test_a_request_that_the_server_refuses_fails_its_question_alone(tmp_path, live):
    def spoil(number: int, results: list[BatchResult]) -> list[BatchResult]:
        refused = BatchResult(results[0].custom_id, error="invalid_request_error: too long")
        return [refused, *results[1:]] if number == 1 else results

    world = in_rounds(tmp_path, spoil=spoil)
    report = world.drive(settings=ROUNDS)

    (failure,) = report.failures
    assert (report.failed, failure[1]) == (1, "invalid_request_error: too long")
    kept = {id: answer for id, answer in world.answers().items() if id != failure[0]}
    assert kept == {id: answer for id, answer in live.items() if id != failure[0]}

    assert world.drive(settings=ROUNDS, retry_failed=True).succeeded
    assert world.answers() == live


def stopping_after(replies: int):
    """Stops the session once so many replies have come."""

    def begun(session: Session) -> None:
        told = session.progress.replied

        def counted(reply) -> None:
            told(reply)
            if session.progress.steps == replies:
                session.stop("enough")

        session._context = replace(session._context, replied=counted)

    return begun


def test_a_batch_that_was_stopped_goes_on_with_what_it_has_paid_for(tmp_path, live):
    world = in_rounds(tmp_path)
    world.price = price()
    first = world.drive(settings=ROUNDS, begun=stopping_after(3))
    assert first.parked and first.why_stopped == "enough"

    for _ in range(30):
        if world.drive(settings=ROUNDS, begun=stopping_after(9)).complete:
            break

    assert world.answers() == live
    assert not asked_twice(world)
    assert not any("lost" in line for line in world.lines().values()), "nothing was paid in vain"


def test_a_batch_whose_submission_was_never_confirmed_is_found_again(tmp_path, live):
    world = in_rounds(tmp_path)
    world.model.answer_lost = True
    report = world.drive(settings=ROUNDS)

    assert report.succeeded
    assert not asked_twice(world)


def test_what_is_left_can_be_finished_live(tmp_path, live):
    world = in_rounds(tmp_path, polls=5)
    settings = replace(ROUNDS, finish_live_after_seconds=10)
    report = world.drive(settings=settings)

    assert report.succeeded
    assert world.answers() == live
    assert not asked_twice(world)
    assert any(sent.cancelled for sent in world.model.sent.values())


def test_rounds_cost_half(tmp_path):
    alive = World(tmp_path / "alive", price=price())
    world = in_rounds(tmp_path)
    world.price = price()

    usd = alive.drive().usd
    assert world.drive(settings=ROUNDS).usd == pytest.approx(usd / 2)
