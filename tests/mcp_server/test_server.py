"""The tools as a client of the SDK meets them, in this process, by both protocols."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

pytest.importorskip("mcp")

from mcp import MCPError
from mcp_server.conftest import EACH_TOOL, connected, run, text_of

from docpager.core.settings import RunLimits
from docpager.mcp_server.server import INSTRUCTIONS
from docpager.models.messages import ModelReply, Usage
from docpager.models.scripted import ScriptedModel, call
from docpager.run.preparation import prepare

BOTH = pytest.mark.parametrize("legacy", [False, True], ids=["newest", "legacy"])
READ_ONLY = ["search", "grep", "contents", "page_in", "recall"]


def answering(*, citing="D1:c1"):
    """Searches, reads, answers; a step costs 2,000 tokens in and 10 out."""

    def said(what):
        return lambda _: ModelReply(
            calls=(what,), stop_reason="tool_use", usage=Usage(2000, 10), cost_usd=0.0
        )

    quote = "cost 21 million dollars"
    return [
        said(call("page_in", locator=citing)),
        said(call("answer", text="21 million", citations=[{"locator": citing, "quote": quote}])),
    ]


def prepared(*script, **limits):
    return prepare(ScriptedModel(*script), limits=RunLimits(**limits), environment={})


class Slow(ScriptedModel):
    """Takes its time, and notes what became of its requests."""

    def __init__(self):
        super().__init__()
        self.began = asyncio.Event()
        self.ended = ""

    async def complete(self, request):
        self.began.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise


@BOTH
def test_without_more_nothing_can_be_written_or_spent(build, legacy):
    async def work():
        async with connected(build(), legacy=legacy) as client:
            tools = (await client.list_tools()).tools
            assert client.instructions == INSTRUCTIONS
            refused = await client.call_tool("remember", {"text": "x"})
            return tools, refused

    tools, refused = run(work())
    assert [tool.name for tool in tools] == READ_ONLY
    assert all(tool.annotations.read_only_hint for tool in tools)
    assert all(tool.description and tool.output_schema is None for tool in tools)
    for tool in tools:
        for name, schema in tool.input_schema["properties"].items():
            assert schema.get("description"), (tool.name, name)
            assert not {"path", "url", "uri", "file", "directory"} & {name}
    assert refused.is_error
    assert "Unknown tool: remember" in text_of(refused)


@BOTH
def test_every_tool_answers(build, legacy):
    async def work():
        server = build(prepared(*answering()), notes=True, agent="ann")
        async with connected(server, legacy=legacy) as client:
            results = {}
            for name, arguments in EACH_TOOL:
                results[name] = await client.call_tool(name, arguments)
            passages = await client.read_resource("docpager://passages/D1:c1")
            listed = await client.read_resource("docpager://contents")
            templates = (await client.list_resource_templates()).resource_templates
            return results, passages, listed, templates

    results, passages, listed, templates = run(work())
    for result in results.values():
        assert not result.is_error, text_of(result)
        assert result.structured_content is None
    assert "The lighthouse at Graz" in text_of(results["search"])
    (resource,) = results["page_in"].content
    assert resource.resource.uri == "docpager://passages/D1:c1"
    assert "The lighthouse at Graz" in passages.contents[0].text
    assert "D1 Graz.txt" in listed.contents[0].text
    assert [each.uri_template for each in templates] == ["docpager://passages/{locator}"]
    assert "note 1, ann, " in text_of(results["recall"])
    answer = text_of(results["ask"])
    assert "ended as 'answered' after 2 steps" in answer
    assert '[D1:c1] Graz.txt: "cost 21 million dollars"' in answer.split("looked up there")[1]


@BOTH
@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("search", {"query": ""}, "search needs something to look for"),
        ("search", {"query": "a" * 5000}, "query has 5,000 characters; at most 4,000"),
        ("search", {"query": "x", "documents": ["/etc/passwd"]}, "is not a locator"),
        ("search", {"query": "x", "documents": ["D77"]}, "D77"),
        ("search", {"query": "x", "page": -1}, "page is a number from 1"),
        ("search", {"query": "x", "page": "two"}, "valid integer"),
        ("search", {"query": ["x"]}, "valid string"),
        ("search", {}, "Field required"),
        ("grep", {"pattern": "("}, "pattern"),
        ("grep", {"pattern": "\ud800"}, "half a character"),
        ("page_in", {"locator": "file:///etc/passwd"}, "is not a locator"),
        ("page_in", {"locator": "D1:p1"}, "D1"),
        ("recall", {"space": "../../x"}, "is no name"),
        ("recall", {"space": "nowhere"}, "there is no shared space 'nowhere'"),
        ("remember", {"text": "x" * 4001}, "at most 4,000 characters"),
        ("remember", {"text": "x", "sources": ["D77"]}, "D77"),
        ("remember", {"text": "x", "sources": ["y" * 9999]}, "sources has 9,999 characters"),
        ("ask", {"question": ""}, "question"),
        ("ask", {"question": "a" * 9999}, "question has 9,999 characters"),
        ("ask", {"question": "why?", "documents": ["D77"]}, "D77"),
        ("ask", {"question": "why?", "max_usd": -1}, "or above"),
    ],
)
def test_what_a_caller_can_mend_is_named(build, legacy, name, arguments, message):
    async def work():
        server = build(prepared(), notes=True)
        async with connected(server, legacy=legacy) as client:
            return await client.call_tool(name, arguments)

    if "\ud800" in str(arguments):
        pytest.skip("no client of the SDK can send half a character")
    result = run(work())
    assert result.is_error
    assert message in text_of(result)
    assert "Traceback" not in text_of(result)


@BOTH
def test_a_resource_that_is_none_is_an_error_of_the_protocol(build, legacy):
    async def work():
        async with connected(build(), legacy=legacy) as client:
            for uri in (
                "docpager://passages/D77",
                "docpager://passages/..%2F..%2Fetc%2Fpasswd",
                "file:///etc/passwd",
                "http://example.com/",
            ):
                with pytest.raises(MCPError) as caught:
                    await client.read_resource(uri)
                assert "passwd:" not in str(caught.value)

    run(work())


def test_progress_is_reported_step_by_step(build):
    seen = []

    async def on_progress(done, total, message):
        seen.append((done, total, message))

    async def work():
        async with connected(build(prepared(*answering()))) as client:
            await client.call_tool("ask", {"question": "?!"}, progress_callback=on_progress)

    run(work())
    assert seen
    assert all(total == 60 for _, total, _ in seen)
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)


def test_what_all_questions_may_take_bounds_the_life_of_the_server(build):
    script = [each for _ in range(50) for each in answering()]
    model = prepared(*script, max_tokens=60_000)

    async def work():
        ended = []
        async with connected(build(model)) as client:
            while not ended or not ended[-1].is_error:
                ended.append(await client.call_tool("ask", {"question": "What did it cost?"}))
        async with connected(build(prepared(*answering()))) as client:
            single = await client.call_tool("ask", {"question": "Cost?", "max_tokens": 10})
        return ended, single

    ended, single = run(work())
    assert 1 < len(ended) < 50
    assert "of 60,000 tokens are left for this server" in text_of(ended[0])
    assert "max_tokens" in text_of(ended[-1])
    assert single.is_error
    assert "stopped" in text_of(single)


def test_a_question_cannot_raise_the_limits_of_the_server(build):
    model = ScriptedModel(*[call("search", query="x")] * 99)
    settings = prepare(model, limits=RunLimits(max_steps=3), environment={})

    async def work():
        async with connected(build(settings)) as client:
            return await client.call_tool("ask", {"question": "Why?", "max_steps": 50})

    assert "no step is left" in text_of(run(work()))
    assert len(model.requests) == 3


@BOTH
def test_a_cancelled_question_leaves_nothing_running(build, legacy):
    model = Slow()
    settings = prepare(model, environment={})

    async def work():
        async with connected(build(settings), legacy=legacy) as client:
            asking = asyncio.create_task(client.call_tool("ask", {"question": "Why is it so?"}))
            await asyncio.wait_for(model.began.wait(), 30)
            asking.cancel()
            for _ in range(300):
                if model.ended:
                    break
                await asyncio.sleep(0.01)
            # Its place is free again, and the server goes on.
            assert not (await client.call_tool("contents", {})).is_error

    run(work())
    assert model.ended == "cancelled"


def test_a_question_that_takes_too_long_for_its_client_is_ended(build):
    model = Slow()

    async def work():
        async with connected(build(prepare(model, environment={}))) as client:
            with pytest.raises(MCPError, match=r"(?i)timed out"):
                await client.call_tool("ask", {"question": "Why?"}, read_timeout_seconds=1)
            for _ in range(300):
                if model.ended:
                    break
                await asyncio.sleep(0.01)

    run(work())
    assert model.ended == "cancelled"


def test_calls_that_were_cancelled_leave_no_thread_at_work(build, served):
    """Each grep waits at its checkpoint until the call was cancelled."""
    reached = threading.Event()
    working = []

    class Waiting(type(served._newest)):
        def grep(self, pattern, *, checkpoint=None, **how):
            working.append(1)
            reached.set()
            try:
                while True:
                    checkpoint()
                    time.sleep(0.01)
            finally:
                working.pop()

    served._newest.__class__ = Waiting

    async def work():
        async with connected(build()) as client:
            calls = [
                asyncio.create_task(client.call_tool("grep", {"pattern": "x"})) for _ in range(20)
            ]
            await asyncio.to_thread(reached.wait, 30)
            for each in calls:
                each.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            for _ in range(300):
                if not working:
                    break
                await asyncio.sleep(0.01)
            assert not working
            assert not (await client.call_tool("search", {"query": "lighthouse"})).is_error

    run(work())
