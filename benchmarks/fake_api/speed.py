"""python -m benchmarks.fake_api.speed: requests a second of the fake's processor time."""

from __future__ import annotations

import json
import resource
import signal
import socket
import subprocess
import sys
from typing import Any

_HEAD = (
    "POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer x\r\n"
    "anthropic-version: 2026-10-21\r\ncontent-type: application/json\r\n"
    "content-length: {}\r\n\r\n"
)
_END = b"0\r\n\r\n"


def main() -> None:
    """Measure small and large requests, streamed, with the scripted brain."""
    for requests, steps, characters in ((2_000, 1, 1_000), (500, 24, 10_000)):
        body = json.dumps(_body(steps, characters)).encode()
        startup, whole = _processor_seconds(body, 5), _processor_seconds(body, 5 + requests)
        print(f"{len(body):>8} bytes: {requests / (whole - startup):.0f} requests a second")


def _processor_seconds(body: bytes, requests: int) -> float:
    """What a server of its own spends on so many requests, start-up included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.fake_api"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert server.stdout is not None
    port = int(server.stdout.readline().rsplit(b":", 1)[1])
    request = _HEAD.format(len(body)).encode() + body
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(requests):
            connection.sendall(request)
            answer = b""
            while not answer.endswith(_END):
                answer += connection.recv(65_536)
            assert b"message_stop" in answer, answer[:300]
    server.send_signal(signal.SIGTERM)
    server.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _body(steps: int, characters: int) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "What? " * 50}]
    for n in range(steps):
        call = {"type": "tool_use", "id": f"toolu_{n}", "name": "search", "input": {"query": "x"}}
        found = f"Some words of filing {n}. " * (characters // 26)
        result = {"type": "tool_result", "tool_use_id": f"toolu_{n}", "content": found}
        messages += [
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result]},
        ]
    schema = {"type": "object", "properties": {"query": {"type": "string"}}}
    tool = {"name": "search", "description": "d" * 2_500, "input_schema": schema}
    return {
        "model": "claude-sonnet-5-5",
        "max_tokens": 1_000,
        "stream": True,
        "system": "Be brief. " * 300,
        "tools": [tool],
        "messages": messages,
        "cache_control": {"type": "ephemeral"},
    }


if __name__ == "__main__":
    main()
