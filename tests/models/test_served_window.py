"""Where nobody chose a window, a run's is what its server serves."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from click.testing import CliRunner

import docpager
from benchmarks.fake_api import FakeApi, call
from benchmarks.fake_api.local_servers import LocalServer
from docpager.cli import main
from docpager.core.errors import UsageError, WindowTooSmall
from docpager.core.settings import PagingSettings
from docpager.mcp_server.asking import Asking
from docpager.models.registry import ModelSource
from docpager.run.journal import read_journal
from docpager.run.preparation import prepare
from docpager.run.service import open_replay
from tests.models.test_local_servers import SERVED, documents

QUESTION = "How heavy was the petrel?"


@pytest.fixture
def inner():
    def brain(asked):
        """Searches where it can and has not, then answers."""
        offered = [tool["name"] for tool in asked.body.get("tools", ())]
        if asked.body["max_tokens"] == 1:
            return "."
        fresh = not any(turn["role"] == "assistant" for turn in asked.body["messages"])
        return call("search", query="petrel") if "search" in offered and fresh else "26 grams"

    with FakeApi(brain=brain, backend=SERVED) as api:
        yield api


def run(*arguments, input=None):
    return CliRunner().invoke(main, [str(each) for each in arguments], input=input)


def at(server, tmp_path):
    where = ("--base-url", server.url, "--model", "local-model")
    return (*where, "--archive", tmp_path / "archive", "--quiet")


@pytest.mark.parametrize("software", ["llama.cpp", "Ollama", "vLLM"])
def test_the_window_of_a_run_is_the_context_that_is_served(inner, tmp_path, software):
    journal = tmp_path / "run.jsonl"
    with LocalServer(inner, software, context=16_384) as server:
        line = docpager.ask(
            QUESTION, documents(tmp_path), model="local-model", base_url=server.url,
            archive=tmp_path / "archive", journal=journal,
        )  # fmt: skip

    paging = read_journal(journal).header.plan.paging
    assert line.status in ("answered", "unsupported"), line.error
    assert (paging.window, paging.max_output) == (16_384, 2_048)
    assert open_replay(journal).finish().plan.paging == paging


@pytest.mark.parametrize("api", ["anthropic", "openai"])
def test_what_a_server_of_mcp_asks_has_the_served_context_by_either_protocol(inner, api):
    with LocalServer(inner, context=4_096) as server:
        source = ModelSource(base_url=server.url, api=api)
        asking = Asking(None, prepare("local-model", source=source, environment={}))
        told = []
        asking._prepared.model.notify = told.append
        asyncio.run(asking.check())
        asyncio.run(asking.close())

    paging = asking._prepared.settings.paging
    assert (paging.window, paging.max_output) == (4_096, 512)
    assert len(told) == 1 and told[0].startswith("the window is 4,096 tokens")


def test_a_larger_context_leaves_the_default(inner, tmp_path):
    journal = tmp_path / "run.jsonl"
    with LocalServer(inner, context=65_536) as server:
        docpager.ask(
            QUESTION, documents(tmp_path), model="local-model", base_url=server.url,
            archive=tmp_path / "archive", journal=journal,
        )  # fmt: skip

    assert read_journal(journal).header.plan.paging.window == 32_000


def test_a_window_that_was_chosen_is_refused(inner, tmp_path):
    refused = pytest.raises(UsageError, match=r"16,384 tokens, less than the window of 32,000")
    with LocalServer(inner, context=16_384) as server, refused:
        docpager.ask(
            QUESTION, documents(tmp_path), model="local-model", base_url=server.url,
            archive=tmp_path / "archive", paging=PagingSettings(window=32_000),
        )  # fmt: skip


def test_a_context_too_small_to_work_in_is_named_with_the_way_to_raise_it(inner, tmp_path):
    with LocalServer(inner, context=512) as server:
        with pytest.raises(WindowTooSmall, match=r"context of llama.cpp .* is 512 ") as raised:
            docpager.ask(
                QUESTION, documents(tmp_path), model="local-model", base_url=server.url,
                archive=tmp_path / "archive",
            )  # fmt: skip

        found = re.search(r"start llama-server with -c (\d+)$", str(raised.value))
        assert found, raised.value
        # What it names is enough.
        server.context = int(found[1])
        line = docpager.ask(
            QUESTION, model="local-model", base_url=server.url, archive=tmp_path / "archive"
        )
        assert line.status != "failed", line.error


def test_the_command_asks_and_says_so_once(inner, tmp_path):
    with LocalServer(inner, context=16_384) as server:
        done = run("ask", *at(server, tmp_path), QUESTION, documents(tmp_path))

    assert "26 grams" in done.output, done.output
    assert done.output.count("the window is 16,384 tokens, the context that llama.cpp") == 1


def test_a_batch_takes_the_context_and_goes_on_with_it(inner, tmp_path):
    questions, answers = tmp_path / "questions.jsonl", tmp_path / "answers.jsonl"
    first = {"id": "a", "question": QUESTION}
    questions.write_text(json.dumps(first) + "\n")
    run("ingest", documents(tmp_path), "--archive", tmp_path / "archive")
    with LocalServer(inner, context=16_384) as server:
        arguments = ("batch", *at(server, tmp_path), questions, "--output", answers)
        done = run(*arguments)
        assert len(answers.read_text().splitlines()) == 1, done.output
        assert done.output.count("the window is 16,384 tokens") == 1
        with questions.open("a") as more:
            more.write(json.dumps({"id": "b", "question": "When?"}) + "\n")
        again = run(*arguments)

        assert len(answers.read_text().splitlines()) == 2, again.output
        server.context = 8_192
        with questions.open("a") as more:
            more.write(json.dumps({"id": "c", "question": "Who?"}) + "\n")
        other = run(*arguments)
    assert other.exit_code == 2
    assert "16384" in other.output and "8192" in other.output


def test_a_chat_takes_the_context(inner, tmp_path):
    with LocalServer(inner, context=16_384) as server:
        done = run("chat", *at(server, tmp_path), input="Hello\nAgain\n")

    assert done.exit_code == 0, done.output
    assert done.output.count("26 grams") == 2


def test_a_chat_with_a_refused_window_ends_when_it_opens(inner, tmp_path):
    with LocalServer(inner, context=16_384) as server:
        done = run("chat", *at(server, tmp_path), "--window", 32_000, input="Hello\nAgain\n")

    assert done.exit_code == 2
    assert done.output.count("less than the window of 32,000") == 1
    assert "/v1/messages" not in server.asked
