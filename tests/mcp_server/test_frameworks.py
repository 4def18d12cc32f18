"""Clients of others: an agent framework and the inspector. Each is skipped where it is not there.

`pip install 'pydantic-ai-slim[mcp]'`; `npm install @modelcontextprotocol/inspector`, with its
`mcp-inspector` on the PATH. pydantic-ai 2.68 and inspector 0.15.0 were tried, and by hand
langchain-mcp-adapters 0.3.2, which brings version 1 of the SDK and so the older protocol.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys

import pytest
from mcp_server.conftest import run
from mcp_server.test_transports import ROOT, http_server

CALLS = [
    ("search", {"query": "lighthouse cost"}),
    ("page_in", {"locator": "D1"}),
    ("ask", {"question": "What did the lighthouse cost?"}),
    ("remember", {"text": "21 million", "sources": ["D1:c1"]}),
    ("recall", {"query": "million"}),
]
OPTIONS = ["--allow-notes", "--model", "extractive"]


@pytest.fixture
def archive(made_archive, tmp_path):
    return shutil.copytree(made_archive, tmp_path / "archive")


@pytest.mark.parametrize("transport", ["streams", "http"])
def test_an_agent_of_pydantic_ai_uses_the_tools(archive, transport):
    pytest.importorskip("pydantic_ai")
    pytest.importorskip("fastmcp")
    from fastmcp.client.transports import StdioTransport
    from pydantic_ai.mcp import MCPToolset

    if transport == "http":
        with http_server(archive, *OPTIONS) as (url, tokens, _):
            headers = {"Authorization": f"Bearer {tokens['agent']}"}
            returned = run(_agent(MCPToolset(url, headers=headers)))
    else:
        arguments = ["-m", "docpager", "mcp", "--archive", str(archive), *OPTIONS]
        started = StdioTransport(sys.executable, arguments, env=dict(os.environ), cwd=str(ROOT))
        returned = run(_agent(MCPToolset(started)))

    assert [name for name, _ in returned] == [name for name, _ in CALLS]
    for name, text in returned:
        assert "21 million" in text or name == "remember", (name, text)
        assert "Error" not in text


async def _agent(toolset):
    """An agent whose model is a script: what each call returned to it."""
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart
    from pydantic_ai.models.function import FunctionModel

    left = iter(CALLS)

    def model(messages, info):
        call = next(left, None)
        part = TextPart("done") if call is None else ToolCallPart(*call)
        return ModelResponse(parts=[part])

    agent = Agent(FunctionModel(model), toolsets=[toolset])
    async with agent:
        result = await asyncio.wait_for(agent.run("go"), 60)
    parts = [part for message in result.all_messages() for part in message.parts]
    return [(p.tool_name, str(p.content)) for p in parts if isinstance(p, ToolReturnPart)]


@pytest.mark.skipif(shutil.which("mcp-inspector") is None, reason="the inspector is not installed")
def test_the_inspector_lists_and_calls_the_tools(archive):
    def inspect(*arguments):
        command = ["mcp-inspector", "--cli", sys.executable, "-m", "docpager", "mcp"]
        done = subprocess.run(
            [*command, "--archive", str(archive), *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    tools = inspect("--method", "tools/list")["tools"]
    assert [tool["name"] for tool in tools] == ["search", "grep", "contents", "page_in", "recall"]
    call = ["--method", "tools/call", "--tool-name", "page_in", "--tool-arg"]
    (part,) = inspect(*call, "locator=D1")["content"]
    assert "The lighthouse at Graz" in part["resource"]["text"]
    refused = inspect(*call, "locator=/etc/passwd")
    assert refused["isError"] is True
    read = inspect("--method", "resources/read", "--uri", "docpager://passages/D1:c1")
    assert "The lighthouse at Graz" in read["contents"][0]["text"]
