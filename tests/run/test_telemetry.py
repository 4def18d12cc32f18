"""Spans of runs: what a collector gets, that it gets no content unasked, and nothing when off."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from failing_models import BROKEN_AT_ONCE, NO_KEY, FailingModel
from playing import long_library

import docpager
from docpager.core.errors import ContextExceeded
from docpager.core.settings import RunLimits
from docpager.models.messages import Usage
from docpager.models.scripted import call, reply
from docpager.run.service import AskSettings, ask_archive, resume_run

pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed")

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
QUESTION = "Which zebra was paid?"
SECRET = "zebra"


@pytest.fixture
def collector(monkeypatch):
    """A collector in memory, of a program that has set up tracing."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.delenv(CONTENT, raising=False)
    return exporter


def asked(tmp_path, model, **settings):
    library = long_library(3)
    settings = AskSettings(**settings)
    path = tmp_path / "run.jsonl"
    return asyncio.run(ask_archive(QUESTION, library, model, journal=path, settings=settings))


def named(collector, operation):
    spans = collector.get_finished_spans()
    return [s for s in spans if s.attributes["gen_ai.operation.name"] == operation]


SCRIPT = (
    reply(f"I look for the {SECRET}.", call("search", query=SECRET)),
    reply(call("page_in", locator=f"{SECRET}99"), call("contents")),
    f"Not found: no {SECRET}.",
)


def test_a_question_is_an_agent_with_its_replies_and_calls(collector, tmp_path):
    usage = Usage(10, 70, 20, 5, "server")
    line = asked(tmp_path, FailingModel(*SCRIPT, usage=usage))

    (agent,) = named(collector, "invoke_agent")
    chats, tools = named(collector, "chat"), named(collector, "execute_tool")
    assert agent.name == "invoke_agent docpager" and agent.kind is SpanKind.INTERNAL
    assert agent.attributes["gen_ai.agent.version"] == docpager.__version__
    assert agent.attributes["docpager.status"] == line.status == "abstained"
    assert agent.attributes["gen_ai.usage.input_tokens"] == 300 == line.usage.prompt_tokens
    assert agent.attributes["gen_ai.usage.output_tokens"] == 15
    assert agent.attributes["docpager.steps"] == 3
    assert agent.attributes["docpager.journal"] == "run.jsonl"
    assert agent.status.status_code is StatusCode.UNSET
    assert [chat.name for chat in chats] == ["chat failing"] * 3
    assert all(chat.kind is SpanKind.CLIENT for chat in chats)
    assert [chat.attributes["docpager.step"] for chat in chats] == [1, 2, 3]
    assert dict(chats[0].attributes) | {
        "gen_ai.request.model": "failing",
        "gen_ai.provider.name": "custom",
        "gen_ai.response.finish_reasons": ("tool_use",),
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.cache_read.input_tokens": 70,
        "gen_ai.usage.cache_write.input_tokens": 20,
        "gen_ai.usage.output_tokens": 5,
    } == dict(chats[0].attributes)
    assert chats[0].attributes["gen_ai.request.max_tokens"] > 0
    assert [tool.name for tool in tools] == [
        "execute_tool search", "execute_tool page_in", "execute_tool contents",
        "execute_tool answer",
    ]  # fmt: skip
    assert tools[1].attributes["error.type"] == "refused"
    assert tools[1].status.status_code is StatusCode.ERROR and not tools[1].status.description
    assert tools[0].attributes["gen_ai.tool.type"] == "function"
    assert tools[0].attributes["gen_ai.tool.call.id"] == "call-1-1"
    family = {span.context.trace_id for span in (agent, *chats, *tools)}
    assert len(family) == 1 and agent.parent is None
    assert {span.parent.span_id for span in (*chats, *tools)} == {agent.context.span_id}


def every_word(collector):
    return " ".join(span.to_json() for span in collector.get_finished_spans())


def test_no_content_unless_asked_for(collector, tmp_path, monkeypatch):
    asked(tmp_path, FailingModel(*SCRIPT, plan=(BROKEN_AT_ONCE,)))

    assert SECRET not in every_word(collector)
    assert "no passage" not in every_word(collector) and "broke" not in every_word(collector)


def test_an_unknown_function_is_content_too(collector, tmp_path):
    asked(tmp_path, FailingModel(reply(call(f"find_{SECRET}")), "Not found: it."))

    tool, _ = named(collector, "execute_tool")
    assert tool.name == "execute_tool unknown" and SECRET not in every_word(collector)


@pytest.mark.parametrize("said", ["true", "SPAN_ONLY", "span_and_event"])
def test_content_is_written_where_it_is_asked_for(collector, tmp_path, monkeypatch, said):
    monkeypatch.setenv(CONTENT, said)
    asked(tmp_path, FailingModel(*SCRIPT))

    (agent,) = named(collector, "invoke_agent")
    chats, tools = named(collector, "chat"), named(collector, "execute_tool")
    (question,) = json.loads(agent.attributes["gen_ai.input.messages"])
    assert question["parts"] == [{"type": "text", "content": QUESTION}]
    (answer,) = json.loads(agent.attributes["gen_ai.output.messages"])
    assert SECRET in answer["parts"][0]["content"] and answer["finish_reason"] == "stop"
    (instructions,) = json.loads(chats[0].attributes["gen_ai.system_instructions"])
    assert instructions["content"].startswith("You answer one question")
    messages = json.loads(chats[1].attributes["gen_ai.input.messages"])
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]
    _, called = messages[1]["parts"]
    assert called == {"type": "tool_call", "id": "call-1-1", "name": "search",
                      "arguments": {"query": SECRET}}  # fmt: skip
    assert messages[2]["parts"][0]["id"] == "call-1-1" and messages[2]["parts"][0]["response"]
    (said_then,) = json.loads(chats[0].attributes["gen_ai.output.messages"])
    assert said_then["role"] == "assistant" and said_then["finish_reason"] == "tool_use"
    assert json.loads(tools[0].attributes["gen_ai.tool.call.arguments"]) == {"query": SECRET}
    assert SECRET in tools[1].status.description


@pytest.mark.parametrize("said", ["", "false", "NO_CONTENT", "EVENT_ONLY", "1"])
def test_anything_else_asks_for_no_content(collector, tmp_path, monkeypatch, said):
    monkeypatch.setenv(CONTENT, said)
    asked(tmp_path, FailingModel(*SCRIPT))

    assert SECRET not in every_word(collector)


def test_attempts_that_failed_are_events_of_the_reply(collector, tmp_path):
    line = asked(tmp_path, FailingModel(*SCRIPT, plan=(BROKEN_AT_ONCE, BROKEN_AT_ONCE)))

    first, *others = named(collector, "chat")
    assert [event.name for event in first.events] == ["docpager.retry"] * 2
    assert not any(chat.events for chat in others)
    assert line.lost.attempts == 2 and first.status.status_code is StatusCode.UNSET


def test_a_model_that_fails_is_an_error_of_reply_and_agent(collector, tmp_path):
    asked(tmp_path, FailingModel(*SCRIPT, plan=(None, NO_KEY)))

    (agent,) = named(collector, "invoke_agent")
    _, failed = named(collector, "chat")
    assert failed.attributes["error.type"] == "ModelError"
    assert failed.status.status_code is StatusCode.ERROR
    assert agent.attributes["error.type"] == "failed"
    assert agent.attributes["docpager.status"] == "failed"


def test_a_prompt_that_its_server_does_not_hold_is_an_error_and_another_request(
    collector, tmp_path
):
    exceeded = lambda: ContextExceeded("too long", context=20_000)  # noqa: E731
    script = (reply(call("page_in", locator="D1:c1-3")), "Not found: it.")
    line = asked(tmp_path, FailingModel(*script, plan=(None, exceeded)))

    _, refused, again = named(collector, "chat")
    assert line.status == "abstained"
    assert refused.attributes["error.type"] == "ContextExceeded"
    assert "error.type" not in again.attributes
    assert refused.attributes["docpager.step"] == again.attributes["docpager.step"] == 2


def test_a_run_that_stopped_names_its_limit_and_a_resumed_one_counts_its_own(collector, tmp_path):
    library, path = long_library(3), tmp_path / "run.jsonl"
    usage = Usage(100, 0, 0, 5, "server")
    first = FailingModel(*SCRIPT, plan=(None, NO_KEY), usage=usage)
    asyncio.run(ask_archive(QUESTION, library, first, journal=path))
    collector.clear()

    line = asyncio.run(resume_run(path, library, FailingModel(*SCRIPT[1:], usage=usage)))

    (agent,) = named(collector, "invoke_agent")
    assert line.usage.prompt_tokens == 300 and line.steps == 3
    assert agent.attributes["gen_ai.usage.input_tokens"] == 200
    assert agent.attributes["docpager.steps"] == 2
    assert "error.type" not in agent.attributes

    collector.clear()
    asked(tmp_path / "other", FailingModel(*SCRIPT), limits=RunLimits(timeout_seconds=1e-6))
    (agent,) = named(collector, "invoke_agent")
    assert agent.attributes["error.type"] == "timeout_seconds"


@pytest.fixture
def bridges(tmp_path):
    folder = tmp_path / "bridges"
    folder.mkdir()
    for n, town in enumerate(("Ulm", "Graz", "Bern"), 2):
        (folder / f"{town}.txt").write_text(f"The bridge of {town} cost {n * 7} million dollars.")
    return folder


def test_the_questions_of_a_batch_have_one_parent(collector, bridges, tmp_path):
    questions = [f"What did the bridge of {town} cost?" for town in ("Ulm", "Graz", "Bern")]
    docpager.ask_many(questions, bridges, model="extractive", archive=tmp_path / "archive")

    (batch,) = named(collector, "invoke_workflow")
    agents = named(collector, "invoke_agent")
    assert batch.name == "invoke_workflow docpager batch"
    assert len(agents) == 3 and len({a.attributes["docpager.question.id"] for a in agents}) == 3
    assert {agent.parent.span_id for agent in agents} == {batch.context.span_id}
    own = {agent.context.span_id: agent for agent in agents}
    for chat in named(collector, "chat"):
        assert chat.parent.span_id in own and chat.kind is SpanKind.INTERNAL
        assert chat.attributes["gen_ai.provider.name"] == "docpager"


SCRIPT_OFF = """
import sys
import docpager
line = docpager.ask("What did the bridge of Ulm cost?", sys.argv[1], model="extractive",
                    archive=sys.argv[2])
docpager.ask_many(["What did the bridge of Graz cost?"], model="extractive", archive=sys.argv[2])
print(line.status, sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""


def environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return {**kept, **variables}


@pytest.mark.parametrize(
    "variables",
    [{}, {"OTEL_TRACES_EXPORTER": "none"},
     {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}],
)  # fmt: skip
def test_nothing_is_imported_when_nobody_asked(bridges, tmp_path, variables):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT_OFF, str(bridges), str(tmp_path / "archive")],
        capture_output=True, text=True, timeout=120, env=environment(**variables),
    )  # fmt: skip
    assert done.stdout.strip() == "answered []", done.stderr


class Collector(BaseHTTPRequestHandler):
    received: list[bytes]

    def do_POST(self):
        self.received.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.end_headers()

    def log_message(self, *args):
        pass


def test_the_command_sends_to_the_collector_that_the_environment_names(bridges, tmp_path):
    proto = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    Collector.received = []
    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "docpager", "ask", "What did the bridge of Ulm cost?",
             str(bridges), "--model", "extractive", "--archive", str(tmp_path / "archive")],
            capture_output=True, text=True, timeout=120,
            env=environment(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{server.server_port}"),
        )  # fmt: skip
    finally:
        server.shutdown()
        server.server_close()

    assert done.returncode == 0, done.stderr
    names, services = [], set()
    for body in Collector.received:
        request = proto.ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            services |= {
                each.value.string_value
                for each in resource.resource.attributes
                if each.key == "service.name"
            }
            names += [span.name for scope in resource.scope_spans for span in scope.spans]
    assert services == {"docpager"}
    assert "invoke_agent docpager" in names and "chat extractive" in names
    assert "execute_tool answer" in names
    assert b"Ulm" not in b"".join(Collector.received)


def test_a_collector_that_is_gone_costs_no_answer(bridges, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "docpager", "ask", "What did the bridge of Ulm cost?",
         str(bridges), "--model", "extractive", "--archive", str(tmp_path / "archive")],
        capture_output=True, text=True, timeout=120,
        env=environment(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
                        OTEL_EXPORTER_OTLP_TIMEOUT="1"),
    )  # fmt: skip
    assert done.returncode == 0 and "14 million" in done.stdout


def test_doctor_says_whether_spans_are_sent(monkeypatch):
    from docpager.doctor import check_exporters

    for name in [each for each in os.environ if each.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    (off,) = check_exporters()
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    (on,) = check_exporters()
    monkeypatch.setattr("docpager.doctor.find_spec", lambda name: None)
    (missing,) = check_exporters()

    assert (off.state, on.state, missing.state) == ("not asked", "usable", "missing")
    assert "docpager[otel]" in missing.detail and "OTEL_EXPORTER_OTLP_ENDPOINT" in off.detail
