"""What a run tells while it is driven, and who listens: nobody, or OpenTelemetry.

Spans are made where a program has set up tracing, or where the environment names an exporter by
OpenTelemetry's own variables (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER) and docpager[otel]
is installed. Else nothing of OpenTelemetry is imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from docpager.models.messages import ModelReply, ModelRequest, ToolCall
from docpager.run.tool_results import ToolResult

if TYPE_CHECKING:
    from docpager.core.locations import Location
    from docpager.run.journal import Header
    from docpager.run.state import Run

__all__ = ["RunObserver", "observer_of", "observing_batch", "tracing_is_wanted"]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class RunObserver:
    """Told what a run does, as it does it. This one listens to nothing."""

    @contextmanager
    def running(self, run: Run) -> Iterator[None]:
        """Around all that one session of a run does."""
        yield

    @contextmanager
    def asking(self, request: ModelRequest, run: Run) -> Iterator[Callable[[ModelReply], None]]:
        """Around one request, further attempts at it included; told of its reply."""
        yield lambda reply: None

    @contextmanager
    def executing(self, call: ToolCall) -> Iterator[Callable[[ToolResult], None]]:
        """Around one call, in whichever thread executes it; told of its result."""
        yield lambda result: None

    def retrying(self, failed: str) -> None:
        """An attempt at a reply failed, and another follows."""
        return


def observer_of(header: Header, journal: Location) -> RunObserver:
    """Who listens to a run."""
    if _may_listen():
        # The variables may be set for other programs, without a package to make spans here.
        with suppress(ImportError):
            from docpager.run.telemetry import span_observer

            return span_observer(header, journal, wanted=tracing_is_wanted(os.environ))
    return RunObserver()


@contextmanager
def observing_batch(model: str) -> Iterator[None]:
    """Around a session of a batch: the spans of its runs become children of one span."""
    with ExitStack() as stack:
        if _may_listen():
            with suppress(ImportError):
                from docpager.run.telemetry import batch_span

                stack.enter_context(batch_span(model, wanted=tracing_is_wanted(os.environ)))
        yield


def tracing_is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether the environment names where spans go.

    >>> tracing_is_wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"})
    True
    >>> tracing_is_wanted({"OTEL_TRACES_EXPORTER": "none"}), tracing_is_wanted({})
    (False, False)
    """
    if _is_disabled(environment):
        return False
    named = environment.get("OTEL_TRACES_EXPORTER", "").strip()
    return named != "none" if named else any(environment.get(name) for name in _ENDPOINTS)


def _may_listen() -> bool:
    # A program that has set up tracing has imported this.
    is_imported = "opentelemetry.trace" in sys.modules and not _is_disabled(os.environ)
    return is_imported or tracing_is_wanted(os.environ)


def _is_disabled(environment: Mapping[str, str]) -> bool:
    return environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
