"""The fake API in process, and in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time

import anthropic
import httpx2
import pytest
from talking import TOOLS, body, marked, words

from benchmarks.fake_api import FakeApi, call


def in_process(api: FakeApi) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        api_key="key",
        max_retries=0,
        http_client=httpx2.Client(transport=api.transport(), timeout=5),
    )


def test_a_sync_client_needs_no_socket():
    api = FakeApi([["Look.", call("search", query="x")], "Fine."])
    connection = in_process(api)

    with connection.messages.stream(**body(tools=TOOLS)) as stream:
        assert stream.get_final_message().stop_reason == "tool_use"
    assert connection.messages.create(**body()).content[-1].text == "Fine."
    assert len(api.bill) == 2


def test_an_async_client_needs_no_socket():
    async def ask() -> list[str]:
        connection = anthropic.AsyncAnthropic(
            api_key="key",
            max_retries=0,
            http_client=httpx2.AsyncClient(transport=api.async_transport(), timeout=5),
        )
        async with connection.messages.stream(**body()) as stream:
            streamed = await stream.get_final_message()
        plain = await connection.messages.create(**body())
        return [streamed.content[-1].text, plain.content[-1].text]

    api = FakeApi("Fine.")
    assert asyncio.run(ask()) == ["Fine.", "Fine."]


def test_both_ways_in_give_the_same_bytes():
    with FakeApi("Fine.") as api:
        there = anthropic.Anthropic(base_url=api.url, api_key="key", max_retries=0)
        over_socket = there.messages.create(**body([marked(words(1_000))]))
    without = in_process(FakeApi("Fine.")).messages.create(**body([marked(words(1_000))]))

    assert over_socket.to_json() == without.to_json()


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("refuse_connection", httpx2.ConnectError),
        ("close_before_headers", httpx2.RemoteProtocolError),
        ("truncated_body", httpx2.RemoteProtocolError),
        ("reset_mid_stream", httpx2.ReadError),
    ],
)
def test_broken_connections_break_in_process_too(kind, error):
    connection = in_process(FakeApi("Fine.", faults={1: kind}))

    with pytest.raises(anthropic.APIConnectionError) as caught:
        connection.messages.create(**body())
    assert isinstance(caught.value.__cause__, error)
    assert connection.messages.create(**body()).content[-1].text == "Fine."


def test_it_cannot_be_reached_before_it_listens():
    with pytest.raises(RuntimeError, match="not listening"):
        _ = FakeApi().url


def test_it_listens_on_the_port_it_is_given_and_again_after_a_stop():
    with FakeApi("Fine.") as first:
        port = int(first.url.rsplit(":", 1)[1])
    with FakeApi("Fine.", port=port) as second:
        assert second.url == first_url(port)


def first_url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def test_it_runs_in_a_process_of_its_own():
    command = [sys.executable, "-m", "benchmarks.fake_api", "--latency", "0.2"]
    server = subprocess.Popen(
        [*command, "--brain", "scripted", "--factor", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    try:
        url = server.stdout.readline().strip()
        connection = anthropic.Anthropic(base_url=url, api_key="key", max_retries=0)
        began = time.monotonic()
        message = connection.messages.create(**body(words(1_000)))
        elapsed = time.monotonic() - began
        server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=20)
    finally:
        server.kill()

    assert message.content[-1].text == "Fine."
    assert message.usage.input_tokens >= 2_000
    assert elapsed >= 0.2
    assert json.loads(said.splitlines()[-1])["requests"] == 1
