"""Message batches of the fake API, on a clock that tests move."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from talking import SONNET, body, client, marked, words

from benchmarks.fake_api import BatchSettings, FakeApi, RealClock

HOUR = 3_600.0


def items(*params: Any) -> list[dict[str, Any]]:
    return [{"custom_id": f"question-{n}", "params": each} for n, each in enumerate(params)]


def echo(asked: Any) -> str:
    return str(asked.body["messages"][-1]["content"])


def questions(count: int) -> list[dict[str, Any]]:
    return items(*(body(f"Question {n}") for n in range(count)))


def results(api: FakeApi, batch_id: str) -> list[Any]:
    return list(client(api).messages.batches.results(batch_id))


def test_a_batch_runs_and_ends_when_its_time_has_come():
    with FakeApi(echo) as api:
        batches = client(api).messages.batches
        batch = batches.create(requests=questions(3))
        api.clock.advance(59)
        waiting = batches.retrieve(batch.id)
        api.clock.advance(1)
        ended = batches.retrieve(batch.id)

    assert batch.id.startswith("msgbatch_")
    assert (waiting.processing_status, ended.processing_status) == ("in_progress", "ended")
    assert waiting.request_counts.processing == 3
    assert waiting.request_counts.succeeded == 0
    assert waiting.results_url is None
    assert ended.request_counts.succeeded == 3
    assert (ended.expires_at - ended.created_at).total_seconds() == 24 * HOUR


def test_results_come_shuffled_each_with_its_own_reply():
    with FakeApi(echo) as api:
        batch = client(api).messages.batches.create(requests=questions(20))
        api.clock.advance(60)
        found = results(api, batch.id)

    ids = [each.custom_id for each in found]
    assert sorted(ids) == sorted(f"question-{n}" for n in range(20))
    assert ids != [f"question-{n}" for n in range(20)]
    for each in found:
        n = each.custom_id.removeprefix("question-")
        assert each.result.message.content[-1].text == f"Question {n}"
        assert each.result.message.usage.service_tier == "batch"


def test_results_before_the_end_are_not_there():
    with FakeApi(echo) as api:
        batch = client(api).messages.batches.create(requests=questions(1))
        with pytest.raises(anthropic.AnthropicError, match="results_url"):
            results(api, batch.id)
        with pytest.raises(anthropic.NotFoundError):
            client(api).get(f"/v1/messages/batches/{batch.id}/results", cast_to=object)


def test_bad_items_fail_alone_and_late():
    bad = items(body("Fine?"), body(temperature=1), body(model="claude-9"), body(stream=True), 5)
    with FakeApi(echo) as api:
        batch = client(api).messages.batches.create(requests=bad)
        api.clock.advance(60)
        found = {each.custom_id: each.result for each in results(api, batch.id)}
        counts = client(api).messages.batches.retrieve(batch.id).request_counts

    assert (counts.succeeded, counts.errored) == (1, 4)
    assert found["question-0"].type == "succeeded"
    assert found["question-1"].error.error.type == "invalid_request_error"
    assert "temperature" in found["question-1"].error.error.message
    assert found["question-2"].error.error.type == "not_found_error"
    assert "stream" in found["question-3"].error.error.message
    assert len(api.bill) == 1


@pytest.mark.parametrize(
    ("requests", "text"),
    [
        ([], "requests: Input should be a valid list with at least 1 item"),
        ([{"custom_id": "a b", "params": {}}], "requests.0.custom_id: String should match"),
        ([{"custom_id": "a" * 65, "params": {}}], "requests.0.custom_id: String should match"),
        ([{"custom_id": "a", "params": {}}] * 2, "custom_id must be unique"),
        ([{"custom_id": "a", "params": {}, "x": 1}], "requests.0: a request has a `custom_id`"),
        ([{"custom_id": "a"}], "requests.0: a request has a `custom_id`"),
    ],
)
def test_a_batch_as_a_whole_is_checked_at_once(requests, text):
    with FakeApi(echo) as api, pytest.raises(anthropic.BadRequestError) as caught:
        client(api).messages.batches.create(requests=requests)

    assert text in str(caught.value)


def test_batches_cost_half():
    with FakeApi("Fine.") as api:
        client(api).messages.create(**body())
        batch = client(api).messages.batches.create(requests=items(body()))
        api.clock.advance(60)
        results(api, batch.id)

    alone, batched = api.bill
    assert batched.usage == alone.usage
    assert batched.usd == pytest.approx(alone.usd / 2)
    assert batched.batch


def test_a_cancelled_batch_keeps_what_was_done():
    with FakeApi(echo) as api:
        batches = client(api).messages.batches
        batch = batches.create(requests=questions(10))
        api.clock.advance(30)
        canceling = batches.cancel(batch.id)
        api.clock.advance(5)
        ended = batches.retrieve(batch.id)

    assert canceling.processing_status == "canceling"
    assert canceling.cancel_initiated_at is not None
    assert ended.processing_status == "ended"
    assert (ended.request_counts.succeeded, ended.request_counts.canceled) == (6, 4)
    assert len(api.bill) == 6


def test_a_stuck_batch_expires_after_a_day():
    with FakeApi(echo, batches=BatchSettings(faults=frozenset({"stuck"}))) as api:
        batches = client(api).messages.batches
        batch = batches.create(requests=questions(2))
        api.clock.advance(23 * HOUR)
        assert batches.retrieve(batch.id).processing_status == "in_progress"
        api.clock.advance(HOUR)
        ended = batches.retrieve(batch.id)

    assert ended.request_counts.expired == 2
    assert len(api.bill) == 0


def broken(*faults: str) -> FakeApi:
    return FakeApi(echo, batches=BatchSettings(faults=frozenset(faults), fault_share=0.5))


def test_some_items_may_fail_or_expire():
    with broken("errored", "expired") as api:
        batch = client(api).messages.batches.create(requests=questions(60))
        api.clock.advance(60)
        found = results(api, batch.id)

    kinds = [each.result.type for each in found]
    assert {"succeeded", "errored", "expired"} == set(kinds)
    errors = [each.result.error.error.type for each in found if each.result.type == "errored"]
    assert set(errors) == {"overloaded_error"}
    assert len(api.bill) == kinds.count("succeeded")


def test_lines_may_come_twice_or_not_at_all():
    for fault in ("duplicate_lines", "missing_lines"):
        with broken(fault) as api:
            batch = client(api).messages.batches.create(requests=questions(30))
            api.clock.advance(60)
            ids = [each.custom_id for each in results(api, batch.id)]
        if fault == "duplicate_lines":
            assert len(ids) > len(set(ids)) == 30
        else:
            assert 0 < len(ids) == len(set(ids)) < 30


def test_the_results_url_may_be_missing():
    with broken("no_results_url") as api:
        batch = client(api).messages.batches.create(requests=questions(1))
        api.clock.advance(60)
        assert client(api).messages.batches.retrieve(batch.id).processing_status == "ended"
        with pytest.raises(anthropic.AnthropicError, match="results_url"):
            results(api, batch.id)


def test_batches_are_listed_newest_first_and_deleted_when_ended():
    with FakeApi(echo) as api:
        batches = client(api).messages.batches
        made = [batches.create(requests=questions(1)).id for _ in range(5)]
        listed = [batch.id for batch in batches.list(limit=2)]
        with pytest.raises(anthropic.BadRequestError, match="in progress"):
            batches.delete(made[0])
        api.clock.advance(60)
        deleted = batches.delete(made[0])
        with pytest.raises(anthropic.NotFoundError):
            batches.retrieve(made[0])
        with pytest.raises(anthropic.BadRequestError, match="has ended"):
            batches.cancel(made[1])

    assert listed == made[::-1]
    assert deleted.type == "message_batch_deleted"


def test_other_accounts_see_nothing():
    with FakeApi(echo) as api:
        batch = client(api).messages.batches.create(requests=questions(1))
        with pytest.raises(anthropic.NotFoundError):
            client(api, "other").messages.batches.retrieve(batch.id)


def test_only_some_items_hit_the_cache():
    head = marked(words(2_000), "1h")
    shared = items(*(body([head, {"type": "text", "text": f"Q{n}"}]) for n in range(50)))
    with FakeApi("Fine.", batches=BatchSettings(hit_share=0.5)) as api:
        batch = client(api).messages.batches.create(requests=shared)
        api.clock.advance(60)
        results(api, batch.id)

    reads = [line.usage.cache_read_tokens > 0 for line in api.bill]
    assert 15 <= sum(reads) <= 35


def test_misfitting_thinking_is_dropped_in_silence():
    with FakeApi("Fine.") as api:
        first = client(api).messages.create(**body("Why?"))
        edited = body("Why not?", [block.to_dict() for block in first.content], "Go on.")
        batch = client(api).messages.batches.create(requests=items(edited))
        api.clock.advance(60)
        (found,) = results(api, batch.id)

    assert found.result.type == "succeeded"


def test_batches_run_on_real_time_too():
    settings = BatchSettings(seconds=0.0)
    with FakeApi(echo, clock=RealClock(), batches=settings) as api:
        batch = client(api).messages.batches.create(requests=questions(2))

        assert len(results(api, batch.id)) == 2


def test_results_expire_after_29_days():
    with FakeApi(echo) as api:
        batch = client(api).messages.batches.create(requests=questions(1))
        api.clock.advance(29 * 24 * HOUR)
        shown = client(api).messages.batches.retrieve(batch.id)

    assert shown.archived_at is not None
    assert shown.results_url is None


def test_unknown_batch_faults_are_named():
    with pytest.raises(ValueError, match="no batch faults"):
        BatchSettings(faults=frozenset({"lost"}))


def test_a_batch_in_a_batch_cannot_be_asked_to_prewarm():
    with FakeApi(echo) as api:
        batch = client(api).messages.batches.create(requests=items(body(max_tokens=0)))
        api.clock.advance(60)
        (found,) = results(api, batch.id)

    assert "max_tokens: 0" in found.result.error.error.message
    assert body()["model"] == SONNET
