"""The messages endpoint: a body in, a response out; limits, cache, bill and faults included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.fake_api.backend import ANTHROPIC, Backend
from benchmarks.fake_api.bill import Bill
from benchmarks.fake_api.cache import Lookup
from benchmarks.fake_api.clock import Clock
from benchmarks.fake_api.fault_effects import alter
from benchmarks.fake_api.faults import NEED_A_CALL, UNDELIVERED, Fault
from benchmarks.fake_api.http_types import HttpResponse, json_response
from benchmarks.fake_api.limits import Limiter
from benchmarks.fake_api.messages import Caller, Made, Messages
from benchmarks.fake_api.recording import RecordedRequest
from benchmarks.fake_api.sse import events_of

__all__ = ["Conversations"]


@dataclass(frozen=True, slots=True)
class Conversations:
    """Answers the messages and count_tokens endpoints, and the items of batches."""

    messages: Messages
    clock: Clock
    bill: Bill
    limiter: Limiter
    latency_seconds: float = 0.0
    """From the request to the first byte of the answer, in real time."""
    backend: Backend = ANTHROPIC

    def count(self, body: Any, caller: Caller) -> dict[str, int]:
        """The answer of count_tokens.

        Raises:
            ApiError: what the messages endpoint would refuse as well.
        """
        checked = self.messages.check(body, caller, counting=True)
        return {"input_tokens": checked.prompt.tokens}

    def answer(
        self,
        body: Any,
        caller: Caller,
        record: RecordedRequest,
        headers: dict[str, str],
        fault: Fault | None,
    ) -> HttpResponse:
        """The answer of the messages endpoint, unbroken.

        Raises:
            ApiError: 400, 404 or 429.
        """
        now = self.clock.now()
        checked = self.messages.check(body, caller)
        lookup = self.messages.look_up(checked, caller, now)
        self._admit(lookup, body["model"], caller, headers)
        made = self.messages.make(
            checked,
            lookup,
            caller,
            number=record.number,
            altered=partial(alter, fault) if fault else None,
        )
        record.message, record.usage = made.message, made.usage
        self.limiter.settle(caller.account, body["model"], made.usage, now)
        self.bill.add(
            body,
            made.usage,
            number=record.number,
            message_id=made.message["id"],
        )
        if fault and fault.kind in NEED_A_CALL and not _calls(made):
            record.fault = ""
        elif fault and fault.kind in UNDELIVERED:
            self._lost(made)
        return self._sent(made, body, headers, lookup)

    def batch_item(self, params: Any, account: str, at: float, may_read: bool) -> dict[str, Any]:
        """The message of one item of a batch.

        Raises:
            ApiError: what is wrong with it.
        """
        caller = Caller(account, "2026-10-21")
        checked = self.messages.check(params, caller, batch=True)
        lookup = self.messages.look_up(checked, caller, at, hits=may_read)
        self.messages.begin(lookup, at)
        made = self.messages.make(checked, lookup, caller, number=0, service_tier="batch")
        self.bill.add(params, made.usage, number=0, message_id=made.message["id"], batch=True)
        return made.message

    def _admit(self, lookup: Lookup, model: str, caller: Caller, headers: dict[str, str]) -> None:
        now = self.clock.now()
        fresh = lookup.usage.input_tokens + lookup.usage.cache_write_tokens
        try:
            self.limiter.admit(caller.account, model, fresh, now)
        finally:
            if self.backend.is_anthropic:
                headers |= self.limiter.headers(caller.account, model, now)

    def _sent(
        self, made: Made, body: Mapping[str, Any], headers: dict[str, str], lookup: Lookup
    ) -> HttpResponse:
        if body.get("stream"):
            events = tuple(events_of(made.message, made.pieces))
            kind = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
            response = HttpResponse(200, {**headers, **kind}, events, streamed=True)
        else:
            response = json_response(made.message, headers)
        response.wait_seconds = self.latency_seconds
        response.begins = lambda: self.messages.begin(lookup, self.clock.now())
        response.lost = partial(self._lost, made)
        return response

    def _lost(self, made: Made) -> None:
        """The client did not get this; it is billed, and told again when it asks again."""
        self.bill.mark_lost(made.message["id"])
        made.retell()


def _calls(made: Made) -> bool:
    return any(piece.block["type"] == "tool_use" for piece in made.pieces)
