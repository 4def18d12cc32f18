"""What servers of Chat Completions count, and what a run makes of it."""

from __future__ import annotations

import asyncio
import json

import pytest
from chat_completions import said, serving
from messages_api import asked

import docpager
from docpager.core.errors import WindowTooSmall
from docpager.core.settings import PagingSettings
from docpager.core.tokens import BuiltInEstimator
from docpager.models.openai import OpenAIModel
from docpager.models.pricing import Price, read_prices
from docpager.models.server_tokens import (
    MARGIN,
    PROOF,
    SAMPLES,
    UNCOUNTED_MARGIN,
    MeasuredCounter,
    ServerCounts,
    ServerTokens,
)
from docpager.run.journal import read_journal
from docpager.run.service import open_replay

PARAGRAPH = "The petrel weighed 26 grams when it was caught again in the year that followed. "
QUOTE = '26 grams\n[D1:c1] "The petrel weighed 26 grams when it was caught again"'
FRAMING = 30


def tokens(body):
    """A tokenizer somewhat cheaper than the estimate, and a chat template around the messages."""
    written = json.dumps([body["messages"], body.get("tools", "")], ensure_ascii=False)
    return FRAMING + BuiltInEstimator().count(written) * 9 // 10


def llama_cpp(body):
    return {"object": "response.input_tokens", "input_tokens": tokens(body)}


def vllm(body):
    return {"count": tokens(body), "max_model_len": 32_768, "tokens": []}


OWNED = {"llama.cpp": "llamacpp", "vLLM": "vllm"}
LLAMA_CPP = {"/v1/chat/completions/input_tokens": llama_cpp}
VLLM = {"/tokenize": vllm}
OLLAMA = {"/api/ps": lambda body: {"models": []}, "/api/show": lambda body: {"model_info": {}}}


def measured(server, **settings):
    """What the server's counts are worth, and the model that asked for them."""

    async def measure():
        model = OpenAIModel("some-model", base_url=server.url, **settings)
        try:
            return await model.measure_tokens("Answer.", ()), model
        finally:
            await model.close()

    return asyncio.run(measure())


def priced(tmp_path, dollars) -> Price | None:
    path = tmp_path / "prices.toml"
    path.write_text(f"[models.some-model]\ninput = {dollars}\noutput = {dollars}\n")
    return read_prices(path).of("some-model")


def counted(model, request=PROOF):
    async def count():
        try:
            return await model.count_tokens(request)
        finally:
            await model.close()

    return asyncio.run(count())


@pytest.mark.parametrize("answers", [LLAMA_CPP, VLLM], ids=["llama.cpp", "vLLM"])
def test_a_server_that_counts_prompts_is_asked_for_its_counts(answers):
    with serving() as server:
        server.tokens, server.answers = tokens, answers
        found, model = measured(server)
        assert counted(model, asked()) == tokens(model.body(asked()))

    assert (found.margin, model.may_measure) == (MARGIN, True)
    assert server.paths.count("/v1/chat/completions") == 1
    assert found.counter.count(SAMPLES["english"]) >= 0.9 * BuiltInEstimator().count(
        SAMPLES["english"]
    )


def test_a_server_that_only_tells_usage_is_measured_by_it():
    with serving() as server:
        server.tokens, server.answers = tokens, OLLAMA
        found, model = measured(server)

        assert counted(model) is None

    assert found.margin == UNCOUNTED_MARGIN
    assert server.paths.count("/v1/chat/completions") == len(SAMPLES) + 3


def test_runs_that_begin_together_measure_once():
    async def both(url):
        model = OpenAIModel("some-model", base_url=url)
        try:
            return await asyncio.gather(*(model.measure_tokens("Answer.", ()) for _ in range(4)))
        finally:
            await model.close()

    with serving() as server:
        server.tokens, server.answers = tokens, LLAMA_CPP
        found = asyncio.run(both(server.url))

    assert server.paths.count("/v1/chat/completions") == 1
    assert found[0] is not None
    assert found == found[:1] * 4


def test_a_proxy_that_may_lead_to_a_seller_is_asked_for_one_token_only():
    with serving() as server:
        server.tokens = tokens
        found, _ = measured(server)

    assert found is None
    assert server.paths.count("/v1/chat/completions") == 1


def test_a_proxy_whose_tokens_are_said_to_be_free_is_measured(tmp_path):
    price = priced(tmp_path, 0.0)
    with serving() as server:
        server.tokens = tokens
        found, _ = measured(server, price=price)

    assert found.margin == UNCOUNTED_MARGIN


def test_usage_without_what_a_cache_held_proves_nothing():
    seen = set()

    def uncached(body):
        text = json.dumps(body["messages"])
        new = text not in seen
        seen.add(text)
        return tokens(body) if new else 1

    with serving() as server:
        server.tokens, server.answers = uncached, OLLAMA
        found, model = measured(server)

    assert found is None
    assert not model.may_measure


def test_counts_that_usage_contradicts_are_not_used():
    with serving() as server:
        server.tokens = tokens
        server.answers = {"/v1/chat/completions/input_tokens": lambda body: {"input_tokens": 37}}
        found, model = measured(server)

        assert counted(model) is None

    assert found is None


def test_a_server_that_tells_no_usage_is_estimated():
    with serving() as server:
        server.answers = {**OLLAMA, **LLAMA_CPP}
        found, _ = measured(server)

    assert found is None
    assert server.paths == ["/v1/chat/completions"]


def test_nothing_is_measured_where_tokens_are_sold(tmp_path):
    price = priced(tmp_path, 1.0)
    with serving() as server:
        server.tokens, server.answers = tokens, LLAMA_CPP
        assert measured(server, price=price)[0] is None

    assert not server.paths
    assert not OpenAIModel("gpt-5", base_url="https://api.openai.com/v1").may_measure


def ask(server, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "petrels.txt").write_text(PARAGRAPH * 40)
    return docpager.ask(
        "How heavy was the petrel?",
        tmp_path / "docs",
        model="some-model-1.5b",
        base_url=server.url,
        api="openai",
        archive=tmp_path / "archive",
        paging=PagingSettings(window=4_000, max_output=256, functions="auto"),
        journal=tmp_path / "run.jsonl",
    )


@pytest.mark.parametrize("answers", [LLAMA_CPP, OLLAMA], ids=["llama.cpp", "Ollama"])
def test_a_small_model_is_asked_plainly_in_a_small_window(answers, tmp_path):
    listed = {"/v1/models": lambda body: {"data": [{"id": "some-model-1.5b"}]}}
    with serving(said(QUOTE)) as server:
        server.tokens, server.answers = tokens, {**listed, **answers}
        line = ask(server, tmp_path)

    assert line.status == "answered"
    record = read_journal(tmp_path / "run.jsonl")
    assert record.header.plan.paging.functions == "plain"
    assert line.usage.source == "server"
    entries = [entry.kind for entry in record.entries]
    assert ("counted" in entries) == (answers is LLAMA_CPP)
    assert "tools" not in server.bodies[0]
    open_replay(tmp_path / "run.jsonl").finish()


def test_without_counts_that_window_is_too_small(tmp_path):
    with serving(said(QUOTE)) as server, pytest.raises(WindowTooSmall):
        ask(server, tmp_path)


def test_a_server_that_was_busy_is_measured_once_more():
    async def busy():
        raise TimeoutError

    async def ready():
        return ServerTokens(MeasuredCounter({}), 9)

    async def measured_twice(first, second):
        counts = ServerCounts()
        assert await counts.measured("", (), first) is None
        assert counts.proved is None
        return await counts.measured("", (), second), counts.proved

    found, proved = asyncio.run(measured_twice(busy, ready))
    assert (found.fixed, proved) == (9, True)
    assert asyncio.run(measured_twice(busy, busy)) == (None, False)
