"""`docpager mcp` as a process, by its streams and by HTTP, met by the SDK's own client."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("mcp")

import httpx2
from click.testing import CliRunner
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_server.conftest import EACH_TOOL, run, text_of

from docpager.cli import main
from docpager.mcp_server.transports import MOST_REQUEST_BYTES

BOTH = pytest.mark.parametrize("mode", ["newest", "legacy"])
COMMAND = [sys.executable, "-m", "docpager", "mcp"]
ROOT = Path(__file__).parent.parent.parent


def how(mode):
    return {"mode": "legacy"} if mode == "legacy" else {}


def by_streams(archive, *options, mode="newest"):
    arguments = ["-m", "docpager", "mcp", "--archive", str(archive), *options]
    parameters = StdioServerParameters(
        command=sys.executable, args=arguments, env=dict(os.environ), cwd=ROOT
    )
    return Client(parameters, **how(mode))


@contextmanager
def http_server(archive, *options):
    """A server's address and its agents' tokens; it must end when it is told to."""
    process = subprocess.Popen(
        [*COMMAND, "--archive", str(archive), "--http", "--port", "0", *options],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not (ready := re.search(r"serving (\S+);", line := process.stderr.readline())):
            assert line, "the server ended"
        tokens = dict(map(str.split, (archive / "mcp-tokens").read_text().splitlines()))
        yield ready[1], tokens, process
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert not [token for token in tokens.values() if token in said]


def by_http(url, token, *, mode="newest"):
    client = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)
    return Client(streamable_http_client(url, http_client=client), **how(mode))


@pytest.fixture
def archive(made_archive, tmp_path):
    return shutil.copytree(made_archive, tmp_path / "archive")


async def use_everything(client):
    """One call of each kind; the same over every transport."""
    tools = [tool.name for tool in (await client.list_tools()).tools]
    said = {}
    for name, arguments in EACH_TOOL:
        result = await client.call_tool(name, arguments)
        assert not result.is_error, text_of(result)
        said[name] = text_of(result)
    assert (await client.call_tool("search", {"query": ""})).is_error
    assert (await client.call_tool("nothing", {})).is_error
    said["resource"] = (await client.read_resource("docpager://passages/D1:c1")).contents[0].text
    with pytest.raises(MCPError):
        await client.read_resource("docpager://passages/D77")
    return tools, said


def check_everything(tools, said, agent):
    assert tools == ["search", "grep", "contents", "page_in", "recall", "remember", "ask"]
    for name in ("search", "grep", "page_in", "resource", "ask"):
        assert "21 million dollars" in said[name]
    assert f", {agent}, " in said["recall"]
    assert "ended as 'answered'" in said["ask"]


@BOTH
def test_by_its_streams(archive, mode):
    async def work():
        options = ("--allow-notes", "--agent", "ann", "--model", "extractive")
        async with by_streams(archive, *options, mode=mode) as client:
            return await use_everything(client)

    check_everything(*run(work()), agent="ann")


def test_by_http(archive):
    options = ("--allow-notes", "--agent", "ann", "--model", "extractive")
    with http_server(archive, *options) as (url, tokens, _):

        async def work(mode):
            async with by_http(url, tokens["ann"], mode=mode) as client:
                return await use_everything(client)

        for mode in ("newest", "legacy"):
            check_everything(*run(work(mode)), agent="ann")
    assert (archive / "mcp-tokens").stat().st_mode & 0o777 == 0o600


def post(url, *, token=None, body=b"{}", **headers):
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    return httpx2.post(
        url,
        content=body,
        headers={
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            **headers,
        },
        timeout=30,
    )


def test_who_is_let_in_by_http(archive):
    """One server for all of this, since starting one takes a second."""
    add = CliRunner().invoke(main, ["mcp", "--archive", str(archive), "--add-agent", "bob"])
    assert (add.exit_code, add.stdout) == (0, "")
    add = CliRunner().invoke(main, ["mcp", "--archive", str(archive), "--add-agent", "ann"])
    with http_server(archive, "--allow-notes") as (url, tokens, process):
        assert url.startswith("http://127.0.0.1:")
        token = tokens["ann"]
        assert token not in add.stderr
        # Nobody without a token, wherever else it stands.
        for refused in (
            post(url),
            post(url, token="x" * 43),
            post(url, token=token[:-1]),
            post(url, token=token + "x"),
            post(f"{url}?token={token}&access_token={token}"),
            post(url, cookie=f"token={token}"),
            post(url, authorization=f"Basic {token}"),
            post(url, token="x", host="example.com"),
            httpx2.get(url),
            httpx2.get(url.replace("/mcp", "/")),
            httpx2.delete(url),
        ):
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert token not in refused.text
        # With a token, but not by another name of this machine or from another page.
        port = url.split(":")[2].split("/")[0]
        assert post(url, token=token, host="example.com").status_code == 421
        assert post(url, token=token, host=f"rebound.example.com:{port}").status_code == 421
        assert post(url, token=token, origin="https://example.com").status_code == 403
        assert post(url, token=token, origin="null").status_code == 403
        # Too much is refused before it is read.
        large = post(url, token=token, body=b"x" * (MOST_REQUEST_BYTES + 1))
        assert (large.status_code, large.text) == (413, "Request body too large")
        assert post(url, token=token, body=b"{").status_code == 400
        # Another machine is not served.
        with pytest.raises(OSError), socket.socket() as other:
            other.settimeout(1)
            other.connect((_own_address(), int(port)))

        async def work(mode):
            """Each is known by its own token, also where two programs say the same of themselves,
            and sees nothing private of the other."""
            async with (
                by_http(url, tokens["ann"], mode=mode) as ann,
                by_http(url, tokens["bob"], mode=mode) as bob,
            ):
                for client in (ann, bob):
                    for private in (False, True):
                        said = {"text": "a note", "space": mode, "private": private}
                        assert not (await client.call_tool("remember", said)).is_error
                shared = await bob.call_tool("recall", {"space": mode})
                private = await bob.call_tool("recall", {"space": mode, "private": True})
                return text_of(shared), text_of(private)

        for mode in ("newest", "legacy"):
            shared, private = run(work(mode))
            assert (shared.count(", ann, "), shared.count(", bob, ")) == (1, 1)
            assert (private.count(", ann, "), private.count(", bob, ")) == (0, 1)
        assert process.poll() is None


def _own_address():
    """An address of this machine that is not the loopback's, or one that nobody serves."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.2"


def test_a_stolen_session_is_not_its_owner(archive):
    """Of the older protocol: whose a call is, is read from the call, not from its session."""
    for name in ("ann", "bob"):
        CliRunner().invoke(main, ["mcp", "--archive", str(archive), "--add-agent", name])
    with http_server(archive, "--allow-notes") as (url, tokens, _):
        client = {"name": "x", "version": "1"}
        params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
        hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
        begun = post(url, token=tokens["ann"], body=json.dumps(hello).encode())
        session = {"mcp-session-id": begun.headers["mcp-session-id"]}
        done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        post(url, token=tokens["ann"], body=json.dumps(done).encode(), **session)
        call = {"name": "remember", "arguments": {"text": "mine", "private": True}}
        asked = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}

        post(url, token=tokens["bob"], body=json.dumps(asked).encode(), **session)

        assert not (archive / "spaces" / "agents" / "ann").exists()


@BOTH
@pytest.mark.parametrize("transport", ["streams", "http"])
def test_oversized_arguments_are_named_and_the_server_goes_on(archive, transport, mode):
    async def work(client, size):
        async with client as client:
            try:
                large = await client.call_tool("search", {"query": "a" * size})
                said = text_of(large)
            except MCPError as error:
                said = str(error)
            assert not (await client.call_tool("search", {"query": "lighthouse"})).is_error
            return said

    if transport == "streams":
        assert "at most 4,000" in run(work(by_streams(archive, mode=mode), 3_000_000))
        return
    with http_server(archive) as (url, tokens, _):
        client = by_http(url, tokens["agent"], mode=mode)
        assert "at most 4,000" in run(work(client, 500_000))
        client = by_http(url, tokens["agent"], mode=mode)
        # The SDK's client does not say that the server said 413.
        assert "error response" in run(work(client, 3_000_000))


class SilentServer:
    """A model's server that takes questions and never answers; knows who has hung up."""

    def __init__(self):
        self.forget()

    def forget(self):
        """Whoever asked before is none of the next one's business."""
        self.asked = asyncio.Event()
        self.hung_up = asyncio.Event()

    async def __call__(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int((re.search(rb"(?i)content-length: *(\d+)", head) or [0, 0])[1])
        await reader.readexactly(length)
        if b"/messages " not in head.splitlines()[0]:
            writer.write(
                b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            writer.close()
            return
        hung_up = self.hung_up
        self.asked.set()
        while await reader.read(4096):
            pass
        hung_up.set()
        writer.close()


async def asks_in_vain(client, model):
    """A call is cancelled, a call times out, and whoever made the last one goes away."""

    async def cancelled():
        asking = asyncio.create_task(client.call_tool("ask", {"question": "Why?"}))
        await asyncio.wait_for(model.asked.wait(), 60)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    async def timed_out():
        # A busy machine may need longer than a second to ask the model at all.
        for seconds in (1, 5, 25):
            with pytest.raises(MCPError, match=r"(?i)timed out"):
                await client.call_tool("ask", {"question": "Why?"}, read_timeout_seconds=seconds)
            if model.asked.is_set():
                return
        raise AssertionError("the model was never asked")

    async with client as client:
        for end in (cancelled, timed_out):
            model.forget()
            await end()
            await asyncio.wait_for(model.hung_up.wait(), 20)
            assert not (await client.call_tool("contents", {})).is_error
        model.forget()
        await cancelled()


@BOTH
@pytest.mark.parametrize("transport", ["streams", "http"])
def test_a_question_that_nobody_waits_for_is_not_asked_on(archive, transport, mode):
    """One server for the three ways, since starting one takes a second."""

    async def work():
        model = SilentServer()
        serving = await asyncio.start_server(model, "127.0.0.1", 0)
        address = f"http://127.0.0.1:{serving.sockets[0].getsockname()[1]}"
        options = ("--model", "silent", "--base-url", address)
        if transport == "streams":
            await asks_in_vain(by_streams(archive, *options, mode=mode), model)
        else:
            with http_server(archive, *options) as (url, tokens, _):
                await asks_in_vain(by_http(url, tokens["agent"], mode=mode), model)
                # The server lives on: it is the question that has to end.
                await asyncio.wait_for(model.hung_up.wait(), 20)
        await asyncio.wait_for(model.hung_up.wait(), 20)
        serving.close()

    run(work())
    assert not list((archive / "runs").glob("*.new"))


def test_eight_clients_during_an_ingest(archive, tmp_path):
    """Every answer is whole, and the new documents are seen without a restart."""
    docs = tmp_path / "docs"
    docs.mkdir()
    with http_server(archive, "--allow-notes") as (url, tokens, _):

        async def one(name, done):
            calls = 0
            async with by_http(url, tokens["agent"]) as client:
                while not done.is_set() or calls < 5:
                    for tool, arguments in (
                        ("search", {"query": "lighthouse cost"}),
                        ("grep", {"pattern": "161"}),
                        ("page_in", {"locator": "D1"}),
                        ("remember", {"text": f"{name} {calls}", "space": "eight"}),
                    ):
                        result = await client.call_tool(tool, arguments)
                        assert not result.is_error, text_of(result)
                    calls += 1
                last = await client.call_tool("search", {"query": "zanzibar"})
                return calls, text_of(last)

        async def work():
            done = asyncio.Event()
            clients = [asyncio.create_task(one(f"client{n}", done)) for n in range(8)]
            for n in range(3):
                (docs / f"{n}.txt").write_text(f"Zanzibar {n} " + "and more words " * 2000)
                ingest = [sys.executable, "-m", "docpager", "ingest", str(docs)]
                process = await asyncio.create_subprocess_exec(
                    *ingest, "--archive", str(archive), stderr=asyncio.subprocess.DEVNULL, cwd=ROOT
                )
                assert await process.wait() == 0
            done.set()
            results = await asyncio.gather(*clients)
            async with by_http(url, tokens["agent"]) as client:
                kept = text_of(await client.call_tool("recall", {"space": "eight"}))
            return results, kept

        results, kept = run(work())
    for _, last in results:
        assert all(f"{n}.txt: Zanzibar {n}" in last for n in range(3))
    assert f"{sum(calls for calls, _ in results):,} notes" in kept


def test_a_server_ends_when_its_client_is_gone(archive):
    process = subprocess.Popen(
        [*COMMAND, "--archive", str(archive)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    time.sleep(0.5)
    process.stdin.close()
    assert process.wait(30) == 0
    assert process.stdout.read() == b""


def test_lines_that_are_no_requests_do_no_harm(archive):
    """Of what is no JSON there is nothing to answer; what follows is answered."""
    nested = b'{"query":' * 2000 + b"1" + b"}" * 2000
    call = (
        b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"search","arguments":%s}}'
    )
    client = {"name": "x", "version": "1"}
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
    lines = [
        b"not json",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"{" + b'"id":' + b"9" * 5000 + b"}",
        call % (8, nested),
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).encode(),
        b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
        call % (2, b'{"query":"lighthouse"}'),
    ]
    with subprocess.Popen(
        [*COMMAND, "--archive", str(archive)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        for line in lines:
            process.stdin.write(line + b"\n")
        process.stdin.flush()
        while (said := json.loads(process.stdout.readline())).get("id") != 2:
            pass
        process.stdin.close()
        assert process.wait(30) == 0
        assert b"Traceback" not in process.stderr.read()
    assert "21 million" in said["result"]["content"][0]["text"]


def test_what_a_person_can_mend_is_one_sentence(archive, tmp_path):
    def failing(*arguments):
        result = CliRunner().invoke(main, ["mcp", *map(str, arguments)])
        assert result.exit_code in (1, 2)
        assert len(result.stderr.splitlines()) == 1
        return result.stderr

    assert "no archive" in failing("--archive", tmp_path / "nowhere")
    assert "is no name" in failing("--archive", archive, "--agent", "A B")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = failing("--archive", archive, "--http", "--port", port)
        assert f"port {port} of 127.0.0.1 cannot be used" in said
        assert "--port" in said
    (archive / "mcp-tokens").chmod(0o644)
    assert "chmod 600" in failing("--archive", archive, "--http")


def test_without_the_extra_the_way_to_it_is_named(archive):
    script = (
        "import sys; sys.modules['mcp'] = None\n"
        f"from docpager.cli import main; main(['mcp', '--archive', {str(archive)!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "docpager: docpager mcp needs the MCP SDK: pip install 'docpager[mcp]'\n"


@pytest.mark.parametrize("command", [["search", "lighthouse"], ["mcp", "--help"], ["--help"]])
def test_nothing_of_the_sdk_is_imported_for_other_commands(archive, command):
    if command[0] == "search":
        command = [*command, "--archive", str(archive)]
    script = (
        "import sys; from docpager.cli import main\n"
        f"try: main({command!r})\n"
        "except SystemExit: pass\n"
        "print(sorted({'mcp', 'mcp_types', 'uvicorn', 'starlette'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
