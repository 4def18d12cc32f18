"""Spans of runs by OpenTelemetry's conventions for generative AI. Imported only where they are
wanted; the only module that imports opentelemetry.

The conventions are those of open-telemetry/semantic-conventions-genai, version 0.1.0 (in
development): `invoke_agent` for a question, `chat` for a model's reply with all attempts at it,
`execute_tool` for a call, `invoke_workflow` around a batch. What they have no name for begins with
`docpager.`.

Spans hold no content (questions, answers, arguments, results, what a server said of an error)
unless OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT is `true`, `SPAN_ONLY` or
`SPAN_AND_EVENT`. Events of their own are not written.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.trace import ProxyTracerProvider, Span, SpanKind, Status, StatusCode, Tracer

from docpager.core.passages import HALF_CHARACTER
from docpager.models.messages import AssistantTurn, ModelReply, ModelRequest, ToolCall, Turn, Usage
from docpager.models.registry import READER
from docpager.run.journal import Header
from docpager.run.observer import RunObserver
from docpager.run.outcome import Abstention, Answer, Failure, Stopped
from docpager.run.state import Run
from docpager.run.tool_results import Found, Listed, Loaded, QuotesChecked, Refused, ToolResult
from docpager.version import __version__

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

    from docpager.core.locations import Location

__all__ = ["batch_span", "span_observer"]

CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_WITH_CONTENT = ("true", "span_only", "span_and_event")
_AGENT = "docpager"
_BATCH = "docpager batch"
_PORTS = {"http": 80, "https": 443}

_Attributes = dict[str, Any]


def span_observer(header: Header, journal: Location, *, wanted: bool) -> RunObserver:
    """What makes the spans of a run; nothing where no tracing is set up and none is `wanted`."""
    tracer = _tracer(wanted=wanted)
    return RunObserver() if tracer is None else _SpanObserver(tracer, header, journal)


@contextmanager
def batch_span(model: str, *, wanted: bool) -> Iterator[None]:
    """Around a session of a batch."""
    tracer = _tracer(wanted=wanted)
    if tracer is None:
        yield
        return
    attributes = {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.agent.name": _BATCH,
        "gen_ai.request.model": model,
    }
    with _span(tracer, f"invoke_workflow {_BATCH}", SpanKind.INTERNAL, attributes):
        yield


def _tracer(*, wanted: bool) -> Tracer | None:
    """The tracer of the program, where it has set one up; else docpager's own, where one is
    `wanted` and its exporter is installed."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, ProxyTracerProvider):
        own = _own_provider() if wanted else None
        if own is None:
            return None
        provider = own
    return provider.get_tracer("docpager", __version__)


@cache
def _own_provider() -> TracerProvider | None:
    """A provider for the exporters that the environment names; it sends what is left at exit.

    It is not made the program's own: a library must not do that.
    """
    try:
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        return None
    resource = Resource.create()
    if str(resource.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: "docpager"}))
    provider = TracerProvider(resource=resource)
    exporters = [found for name in _exporters() if (found := _exporter(name)) is not None]
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter()))
    return provider if exporters else None


def _exporters() -> Iterator[str]:
    """Entry points of the exporters that are named, as OpenTelemetry's SDK reads the variables."""
    named = os.environ.get("OTEL_TRACES_EXPORTER", "") or "otlp"
    for name in filter(None, map(str.strip, named.split(","))):
        if name != "otlp":
            yield name
            continue
        protocol = (
            os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
            or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
            or "http/protobuf"
        )
        yield "otlp_proto_grpc" if protocol.strip() == "grpc" else "otlp_proto_http"


def _exporter(name: str) -> Callable[[], Any] | None:
    try:
        (entry,) = entry_points(group="opentelemetry_traces_exporter", name=name)
        found: Callable[[], Any] = entry.load()
    except (ImportError, ValueError):
        logging.getLogger(__name__).warning(
            "no spans are sent by the exporter %r: it is not installed; "
            "pip install 'docpager[otel]' has the one for OTLP over HTTP",
            name,
        )
        return None
    return found


class _SpanObserver(RunObserver):
    """Makes the spans of one run."""

    def __init__(self, tracer: Tracer, header: Header, journal: Location) -> None:
        self._tracer = tracer
        self._header = header
        self._journal = journal
        said = os.environ.get(CONTENT, "").strip().lower()
        self._with_content = said in _WITH_CONTENT
        self._functions = {each.name: each.description for each in header.plan.functions}

    @contextmanager
    def running(self, run: Run) -> Iterator[None]:
        attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": _AGENT,
            "gen_ai.agent.version": __version__,
            **self._asked_of(),
            "docpager.question.id": self._header.question_id,
            # Its name alone: the folder may tell whose machine this is.
            "docpager.journal": self._journal.name,
            "docpager.window": run.plan.paging.window,
        }
        if self._with_content:
            asked = {"role": "user", "parts": [_text(run.plan.question)]}
            attributes["gen_ai.input.messages"] = _json([asked])
        # A run that is resumed has used something before, which is in another span.
        before, steps, usd = run.usage, run.steps, run.cost_usd
        name = f"invoke_agent {_AGENT}"
        with self._span(name, SpanKind.INTERNAL, attributes) as span:
            try:
                yield
            finally:
                _set(span, _used(run.usage, before))
                span.set_attribute("docpager.steps", run.steps - steps)
                if run.cost_usd is not None:
                    span.set_attribute("docpager.cost_usd", run.cost_usd - (usd or 0.0))
                self._tell_outcome(span, run)

    @contextmanager
    def asking(self, request: ModelRequest, run: Run) -> Iterator[Callable[[ModelReply], None]]:
        model = self._header.model
        attributes: _Attributes = {
            "gen_ai.operation.name": "chat",
            **self._asked_of(),
            "gen_ai.request.max_tokens": request.max_output_tokens,
            "docpager.step": run.steps + 1,
            "docpager.prompt.estimated_tokens": run.context.estimate,
        }
        if run.context.epoch.number > 1:
            attributes["gen_ai.conversation.compacted"] = True
        if self._with_content:
            instructions = [_text(request.instructions)] if request.instructions else []
            attributes["gen_ai.system_instructions"] = _json(instructions)
            attributes["gen_ai.input.messages"] = _json(_messages(request.turns))
        # The reader works in this process; every language model is asked over a network.
        kind = SpanKind.INTERNAL if model == READER else SpanKind.CLIENT
        with self._span(f"chat {model}", kind, attributes) as span:
            yield lambda reply: self._tell_reply(span, reply)

    @contextmanager
    def executing(self, call: ToolCall) -> Iterator[Callable[[ToolResult], None]]:
        known = call.name in self._functions
        # A model may name a function that does not exist, in any words.
        name = call.name if known or self._with_content else "unknown"
        attributes: _Attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": _sound(name),
            "gen_ai.tool.type": "function",
        }
        if call.id:
            attributes["gen_ai.tool.call.id"] = _sound(call.id)
        if known:
            attributes["gen_ai.tool.description"] = self._functions[call.name]
        if self._with_content:
            attributes["gen_ai.tool.call.arguments"] = _json(call.arguments)
        with self._span(f"execute_tool {name}", SpanKind.INTERNAL, attributes) as span:
            yield lambda result: self._tell_result(span, result)

    def retrying(self, failed: str) -> None:
        said = {"docpager.message": _sound(failed)} if self._with_content else {}
        trace.get_current_span().add_event("docpager.retry", said)

    def _asked_of(self) -> _Attributes:
        """Which model is asked, and where."""
        header, source = self._header, self._header.source
        asked: _Attributes = {
            "gen_ai.provider.name": _provider(header),
            "gen_ai.request.model": header.model,
        }
        url = urlsplit(source.base_url)
        if url.hostname:
            asked["server.address"] = url.hostname
            asked["server.port"] = url.port or _PORTS.get(url.scheme, 443)
        return asked

    @contextmanager
    def _span(self, name: str, kind: SpanKind, attributes: _Attributes) -> Iterator[Span]:
        with _span(self._tracer, _sound(name), kind, attributes, self._with_content) as span:
            yield span

    def _tell_reply(self, span: Span, reply: ModelReply) -> None:
        span.set_attribute("gen_ai.response.finish_reasons", [reply.stop_reason])
        if reply.usage is not None:
            _set(span, _used(reply.usage))
        if reply.cost_usd is not None:
            span.set_attribute("docpager.cost_usd", reply.cost_usd)
        if reply.lost.attempts:
            span.set_attribute("docpager.lost_attempts", reply.lost.attempts)
        if self._with_content:
            said = {**_said(reply.text, reply.calls), "finish_reason": reply.stop_reason}
            span.set_attribute("gen_ai.output.messages", _json([said]))

    def _tell_result(self, span: Span, result: ToolResult) -> None:
        match result:
            case Refused(message=message):
                _fail(span, "refused", message if self._with_content else "")
            case Found(hits=hits):
                span.set_attribute("docpager.hits", len(hits))
            case Loaded(passages=passages):
                span.set_attribute("docpager.passages", len(passages))
            case QuotesChecked(checks=checks):
                span.set_attribute("docpager.citations", len(checks))
                stand = sum(check.match != "failed" for check in checks)
                span.set_attribute("docpager.citations.standing", stand)
        if self._with_content:
            span.set_attribute("gen_ai.tool.call.result", _json(_content_of(result)))

    def _tell_outcome(self, span: Span, run: Run) -> None:
        outcome = run.outcome
        if outcome is None:
            return
        span.set_attribute("docpager.status", outcome.status)
        match outcome:
            case Answer() | Abstention():
                span.set_attribute("docpager.citations", len(outcome.citations))
                if self._with_content:
                    said = {**_said(outcome.text, ()), "finish_reason": "stop"}
                    span.set_attribute("gen_ai.output.messages", _json([said]))
            case Stopped():
                _fail(
                    span, outcome.limit or "stopped", outcome.reason if self._with_content else ""
                )
            case Failure():
                _fail(span, "failed", outcome.reason if self._with_content else "")


@contextmanager
def _span(
    tracer: Tracer,
    name: str,
    kind: SpanKind,
    attributes: Mapping[str, Any],
    with_content: bool = False,
) -> Iterator[Span]:
    # Errors are told here, by their class: their text may hold what a prompt said.
    with tracer.start_as_current_span(
        name,
        kind=kind,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except asyncio.CancelledError:
            _fail(span, "cancelled", "")
            raise
        except BaseException as error:
            _fail(span, type(error).__name__, str(error) if with_content else "")
            raise


def _fail(span: Span, kind: str, message: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR, _sound(message) or None))


def _set(span: Span, attributes: Mapping[str, Any]) -> None:
    for name, value in attributes.items():
        span.set_attribute(name, value)


def _provider(header: Header) -> str:
    """Whose telemetry the spans are like: the provider whose protocol is spoken."""
    if header.model == READER:
        return "docpager"
    if header.source.api == "openai":
        return "openai"
    is_messages = header.model.startswith("claude") or header.source.base_url
    return "anthropic" if is_messages else "custom"


def _used(usage: Usage, before: Usage | None = None) -> _Attributes:
    """Tokens since `before`; input has those that were read from and written to a cache in it."""
    before = before or Usage()
    used: _Attributes = {
        "gen_ai.usage.input_tokens": usage.prompt_tokens - before.prompt_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens - before.output_tokens,
    }
    if read := usage.cache_read_tokens - before.cache_read_tokens:
        used["gen_ai.usage.cache_read.input_tokens"] = read
    if written := usage.cache_write_tokens - before.cache_write_tokens:
        used["gen_ai.usage.cache_write.input_tokens"] = written
    return used


def _messages(turns: Sequence[Turn]) -> Iterator[_Attributes]:
    """Turns by the conventions' schema of input messages."""
    for turn in turns:
        if isinstance(turn, AssistantTurn):
            yield _said(turn.text, turn.calls)
            continue
        if turn.results:
            parts = [
                {"type": "tool_call_response", "id": result.call_id, "response": result.text}
                for result in turn.results
            ]
            yield {"role": "tool", "parts": parts}
        if turn.text:
            yield {"role": "user", "parts": [_text(turn.text)]}


def _said(text: str, calls: Sequence[ToolCall]) -> _Attributes:
    parts = [_text(text)] if text else []
    parts += [
        {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments}
        for call in calls
    ]
    return {"role": "assistant", "parts": parts}


def _text(content: str) -> _Attributes:
    return {"type": "text", "content": content}


def _content_of(result: ToolResult) -> Any:
    """What a call gave, as far as it is text."""
    match result:
        case Found(hits=hits):
            return [{"passage": str(hit.passage), "snippet": hit.snippet} for hit in hits]
        case Listed(lines=lines):
            return list(lines)
        case Loaded(passages=passages):
            return [{"passage": str(each.id), "text": each.text} for each in passages]
        case QuotesChecked(checks=checks):
            return [{"quote": check.quote, "match": check.match} for check in checks]
        case Refused(message=message):
            return message
    return None


def _json(value: Any) -> str:
    """Content of a span, whose values are not objects in every exporter: as JSON, which the
    conventions allow."""
    plain = list(value) if isinstance(value, Iterator) else value
    return _sound(json.dumps(plain, ensure_ascii=False, default=dict))


def _sound(text: str) -> str:
    """`text` as UTF-8 can hold it."""
    return HALF_CHARACTER.sub("�", text)
