"""Servers as people run them, over real sockets: a named error or a right run."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

import docpager
from benchmarks.fake_api import FakeApi, call
from benchmarks.fake_api.backend import LLAMA_CPP
from benchmarks.fake_api.local_servers import LocalServer
from docpager.core import retries
from docpager.core.errors import AttemptFailed, ModelError, UsageError
from docpager.core.settings import PagingSettings, RunLimits
from docpager.models import limiter
from docpager.models.claude import ClaudeModel
from docpager.models.messages import ModelRequest, UserTurn
from docpager.models.server_tokens import MeasuredCounter
from docpager.models.servers import check_window, is_paid_host, look_at
from docpager.run.journal import read_journal
from docpager.run.service import open_replay

SERVED = replace(LLAMA_CPP, context=10**9)
ASKED = ModelRequest("Answer.", (), (UserTurn("What was revenue?"),), 100)
PARAGRAPH = "The petrel weighed 26 grams when it was caught again in the year that followed. "


def api(*script):
    """An API that says `script` in turn, and its last line again and again."""
    left = [*script] or ["ready"]

    def brain(asked):
        if asked.body["max_tokens"] == 1:
            return "."
        return left.pop(0) if len(left) > 1 else left[0]

    return FakeApi(brain=brain, backend=SERVED)


def answer():
    return "26 grams"


def documents(tmp_path, paragraphs=40):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "petrels.txt").write_text(PARAGRAPH * paragraphs)
    return folder


def ask(server, tmp_path, *, window=8_000, max_steps=10, paragraphs=40, **settings):
    """A run against `server`, and its journal."""
    journal = tmp_path / "run.jsonl"
    line = docpager.ask(
        "How heavy was the petrel?",
        documents(tmp_path, paragraphs),
        model="local-model",
        base_url=server.url,
        archive=tmp_path / "archive",
        paging=PagingSettings(window=window, max_output=256),
        limits=RunLimits(max_steps=max_steps, **settings),
        journal=journal,
    )
    return line, read_journal(journal)


@pytest.mark.parametrize("software", ["llama.cpp", "Ollama", "LM Studio", "vLLM"])
def test_a_look_tells_software_models_and_context(software):
    with api() as inner, LocalServer(inner, software, context=6_144) as server:
        facts = look_at(server.url, model="local-model")

    assert (facts.software, facts.context, facts.certain) == (software, 6_144, True)
    assert facts.models == ("local-model",)
    assert "/v1/messages" not in server.asked


def test_what_a_table_or_a_default_says_is_not_certain():
    with api() as inner, LocalServer(inner, "LiteLLM", context=6_144) as server:
        assert look_at(server.url, model="local-model").certain is False
    with api() as inner, LocalServer(inner, "Ollama", loaded=False) as server:
        facts = look_at(server.url, model="local-model")

    assert (facts.context, facts.certain) == (4_096, False)
    check_window(facts, model="local-model", window=32_000)


@pytest.mark.parametrize(
    ("software", "way"),
    [
        ("llama.cpp", "-c 12000"),
        ("Ollama", "OLLAMA_CONTEXT_LENGTH=12000"),
        ("LM Studio", "context length of 12000"),
        ("vLLM", "max-model-len at 12000"),
    ],
)
def test_a_window_above_the_servers_context_is_refused_with_the_way_out(software, way, tmp_path):
    with api() as inner, LocalServer(inner, software, context=2_048) as server:
        with pytest.raises(UsageError, match=r"is 2,048 tokens.*`window=2048` or less") as refused:
            ask(server, tmp_path, window=12_000)

        assert way in str(refused.value)
        assert not inner.requests


def test_ollama_is_looked_at_again_once_it_has_loaded_the_model():
    async def once(url):
        model = ClaudeModel("local-model", base_url=url)
        told = []
        model.notify = told.append
        await model.check(window=12_000, max_output=100)
        try:
            await model.complete(ASKED)
        finally:
            await model.close()
        return told

    with (
        api() as inner,
        LocalServer(inner, "Ollama", context=4_096, loaded=False) as server,
        pytest.raises(ModelError, match=r"is 4,096 tokens, less than the window of 12,000"),
    ):
        asyncio.run(once(server.url))


def test_a_server_that_loads_is_waited_for_and_said_to_load(tmp_path):
    async def checked(url):
        model = ClaudeModel("local-model", base_url=url)
        told, waited = [], []

        async def sleep(seconds):
            waited.append(seconds)

        model.notify = told.append
        await model._look.check(window=8_000, told=model.notify, sleep=sleep)
        return told, waited

    with api() as inner, LocalServer(inner, loading=20) as server:
        told, waited = asyncio.run(checked(server.url))

    assert [message.partition(" is ")[2] for message in told] == [
        "still loading its model; docpager waits for it"
    ]
    assert len(waited) >= 2
    assert server.loading == 0


def test_redirects_are_not_followed_and_no_key_goes_astray(monkeypatch):
    import http.server
    import threading

    asked = []

    class Redirecting(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(302)
            self.send_header("location", f"{target}/elsewhere")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with api() as inner, LocalServer(inner) as server:
        target = server.url
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Redirecting) as redirecting:
            threading.Thread(target=redirecting.serve_forever, args=(0.01,), daemon=True).start()
            facts = look_at(f"http://127.0.0.1:{redirecting.server_port}", key="secret")
            redirecting.shutdown()

    assert asked
    assert not server.asked
    assert facts.context is None


def test_who_sells_tokens_is_not_probed():
    assert is_paid_host("https://api.anthropic.com")
    assert is_paid_host("https://x.openai.azure.com/v1")
    assert not is_paid_host("http://api.anthropic.com.evil.org")
    assert not is_paid_host("http://127.0.0.1:8080")


def test_a_look_at_a_server_that_says_nothing_takes_two_seconds():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        facts = look_at(f"http://127.0.0.1:{silent.getsockname()[1]}")

    assert not facts.reachable
    assert time.monotonic() - began < 5


def test_counts_that_agree_with_themselves_size_the_run(tmp_path):
    with api(call("search", query="petrel"), answer()) as inner, LocalServer(inner) as server:
        line, record = ask(server, tmp_path, window=8_000)

    plan = record.header.plan
    counted = [entry.prompt_tokens for entry in record.entries if entry.kind == "counted"]
    said = [entry.reply.usage for entry in record.entries if entry.kind == "reply"]
    assert MeasuredCounter.named(plan.counter) is not None
    assert plan.fixed > 0
    assert counted == [usage.prompt_tokens for usage in said]
    assert {usage.source for usage in said} == {"server"}
    assert line.paging["peak_tokens"] == max(counted)
    open_replay(tmp_path / "run.jsonl").finish()


@pytest.mark.parametrize("counts", ["wrong", "constant", "none"])
def test_counts_that_do_not_are_left_alone(counts, tmp_path):
    script = (call("search", query="petrel"), answer())
    with api(*script) as inner, LocalServer(inner, counts=counts) as server:
        _, record = ask(server, tmp_path, window=16_000)

    assert record.header.plan.counter == "builtin-1"
    assert not [entry for entry in record.entries if entry.kind == "counted"]
    assert {e.reply.usage.source for e in record.entries if e.kind == "reply"} == {"estimate"}


def test_no_request_of_a_measured_run_is_larger_than_the_window(tmp_path):
    with api(*reading_much()) as inner, LocalServer(inner, context=8_000) as server:
        line, record = ask(server, tmp_path, window=8_000, max_steps=14, paragraphs=900)

    counted = [entry.prompt_tokens for entry in record.entries if entry.kind == "counted"]
    assert line.paging["rebuilds"] >= 1
    assert max(counted) + 256 <= 8_000
    assert max(counted) > 0.5 * 8_000
    assert all(request.status == 200 for request in inner.requests)
    open_replay(tmp_path / "run.jsonl").finish()


def reading_much():
    pages = [call("page_in", locator=f"D1:c{1 + 3 * n}-{3 + 3 * n}") for n in range(12)]
    return [*pages, answer()]


def test_a_context_that_only_a_refusal_tells_makes_the_prompt_smaller(tmp_path):
    with (
        api(*reading_much()) as inner,
        LocalServer(inner, "LiteLLM", context=9_000, silent=True, counts="none") as server,
    ):
        line, record = ask(server, tmp_path, window=30_000, max_steps=14, paragraphs=900)

    (narrowed,) = [entry for entry in record.entries if entry.kind == "narrowed"]
    assert narrowed.window == 9_000
    assert "Model Group" not in narrowed.message
    assert line.steps > narrowed.step
    assert line.lost is None
    open_replay(tmp_path / "run.jsonl").finish()


def test_a_context_that_holds_no_smaller_prompt_ends_the_run_by_name(tmp_path):
    with (
        api(*reading_much()) as inner,
        LocalServer(inner, context=1_000, silent=True, counts="none") as server,
    ):
        line, _ = ask(server, tmp_path, window=12_000)

    assert line.status == "stopped"
    assert "the server's context of 1,000 tokens does not hold the next prompt" in line.error
    assert line.usage.prompt_tokens == 0
    open_replay(tmp_path / "run.jsonl").finish()


def test_prompts_cut_without_a_word_stop_the_run_by_name(tmp_path):
    with (
        api(*reading_much()) as inner,
        LocalServer(inner, "Ollama", context=6_000, silent=True, counts="none") as server,
    ):
        line, record = ask(server, tmp_path, window=30_000, max_steps=14, paragraphs=900)

    assert line.status == "stopped"
    assert "the server counted 6,000 tokens" in line.error
    assert "it cuts prompts without saying so" in line.error
    assert line.steps < 12
    open_replay(tmp_path / "run.jsonl").finish()
    assert record.outcome.limit == "window"


def test_one_json_message_instead_of_a_stream_is_a_reply(tmp_path):
    script = (call("search", query="petrel"), answer())
    with api(*script) as inner, LocalServer(inner, unstreamed=True) as server:
        line, _ = ask(server, tmp_path)

    assert line.answer == "26 grams"
    assert line.lost is None


@pytest.mark.parametrize("closes", ["reused", "after_stream"])
def test_connections_that_close_although_they_announce_otherwise_cost_nothing(closes, tmp_path):
    script = [call("search", query=f"petrel {n}") for n in range(6)]
    with api(*script, answer()) as inner, LocalServer(inner, closes=closes) as server:
        line, _ = ask(server, tmp_path)

    assert line.answer == "26 grams"
    assert line.lost is None


def test_a_reused_connection_that_ended_is_told_as_such():
    async def twice(url):
        model = ClaudeModel("claude-haiku-4-5", base_url=url, backend="anthropic")
        await model.complete(ASKED)
        try:
            await model.complete(ASKED)
        finally:
            await model.close()

    from benchmarks.fake_api.server import Server

    inner = FakeApi(brain=["ready"] * 2)
    server = Server(inner.service.handle, closes="reused")
    server.start()
    with pytest.raises(AttemptFailed, match="had closed an idle connection") as failed:
        asyncio.run(twice(f"http://127.0.0.1:{server.port}"))
    server.stop()

    assert failed.value.unread
    assert failed.value.may_be_billed


def test_two_prompts_that_do_not_fit_a_shared_cache_go_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.setattr(limiter, "_FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(retries, "_FIRST_SECONDS", 0.02)
    questions = [{"id": f"q{n}", "question": f"How heavy was petrel {n}?"} for n in range(2)]

    def brain(asked):
        has_looked = len(asked.body["messages"]) > 1
        return "It weighed 26 grams." if has_looked else call("search", query="petrel")

    with (
        FakeApi(brain=brain, backend=SERVED) as inner,
        LocalServer(inner, shared_cache=True, counts="none") as server,
    ):
        result = docpager.ask_many(
            questions,
            documents(tmp_path),
            output=tmp_path / "answers.jsonl",
            model="local-model",
            base_url=server.url,
            archive=tmp_path / "archive",
            paging=PagingSettings(window=16_000, max_output=256),
        )

    assert [line.answer for line in result.lines] == ["It weighed 26 grams."] * 2
    assert len(inner.requests) > 6


def test_a_key_goes_to_another_server_only_by_name(monkeypatch, tmp_path):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-secret")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token-secret")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-secret")
    monkeypatch.setenv("LOCAL_KEY", "local-secret")

    async def once(url, **settings):
        model = ClaudeModel("local-model", base_url=url, **settings)
        await model.check(window=8_000, max_output=100)
        await model.complete(ASKED)
        await model.close()

    with api() as inner, LocalServer(inner) as server:
        asyncio.run(once(server.url))
        assert {*server.keys} == {"", "Bearer none"}
        server.keys.clear()
        asyncio.run(once(server.url, api_key_env="LOCAL_KEY"))
        assert {*server.keys} == {"Bearer local-secret"}
        with pytest.raises(ModelError, match="`api_key_env=NO_SUCH_KEY` names a variable that is"):
            asyncio.run(once(server.url, api_key_env="NO_SUCH_KEY"))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("qwen2.5-coder:1.5b", 1_500_000_000),
        ("Qwen/Qwen2.5-Coder-0.5B-Instruct", 500_000_000),
        ("gemma-3-270m-it", 270_000_000),
        ("qwen3-30b-a3b", 30_000_000_000),
        ("mixtral-8x7b", None),
        ("phi-3-mini-4k-instruct", None),
        ("local-model", None),
    ],
)
def test_a_model_whose_server_does_not_tell_its_size_may_tell_it_by_its_name(name, parameters):
    with api() as inner, LocalServer(inner, "vLLM", context=6_144) as server:
        assert look_at(server.url, model=name).parameters == parameters
