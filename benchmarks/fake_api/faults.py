"""What goes wrong on purpose: which fault strikes which request.

By plan, with exact request numbers, or with a probability and a seed; both may be given.

| fault | what the client meets |
| --- | --- |
| `rate_limited` | 429 with `retry-after: 1` |
| `rate_limited_ms` | 429 with `retry-after-ms` |
| `rate_limited_bare` | 429 without a word on when to come back |
| `huge_retry_after` | 429 with `retry-after: 86400` |
| `spend_cap` | 429 whose details say `enforced_spend_limit_reached` |
| `server_error` | 500 |
| `bad_gateway_html` | 502 with an HTML page |
| `gateway_timeout` | 504 |
| `overloaded` | 529 |
| `should_retry` | 400 with `x-should-retry: true` |
| `should_not_retry` | 429 with `x-should-retry: false` |
| `refuse_connection` | a reset, then refused connections for a while |
| `close_before_headers` | the connection closes without an answer |
| `truncated_body` | the connection closes half-way through the answer |
| `reset_mid_stream` | the connection is reset half-way through the answer |
| `sse_error` | an `error` event half-way through the stream |
| `no_message_stop` | the stream ends cleanly before `message_delta` |
| `slow_first_byte` | the first byte comes late |
| `slow_chunks` | the answer comes in small pieces, spread over a while |
| `malformed_tool_json` | arguments of a call that are no JSON (in a stream) |
| `unknown_block` | a content block of a type that does not exist yet |
| `unknown_stop_reason` | a stop reason that does not exist yet |
| `cut_tool_input` | `max_tokens` in the middle of a call's arguments |
| `refusal` | stop reason `refusal` with `stop_details` |
| `context_window_exceeded` | stop reason `model_context_window_exceeded`, half the text |
| `html_200` | 200 with an HTML page |
| `empty_object` | 200 with `{}` |

Faults that need a stream do their nearest likeness to a plain answer; those that need a call in the
reply (`malformed_tool_json`, `cut_tool_input`) let a reply without one pass.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = [
    "BEFORE_MODEL",
    "DELIVERED",
    "FAULT_KINDS",
    "NEED_A_CALL",
    "UNDELIVERED",
    "Fault",
    "FaultPlan",
    "Faults",
    "faults_of",
]

BEFORE_MODEL = (
    "rate_limited",
    "rate_limited_ms",
    "rate_limited_bare",
    "huge_retry_after",
    "spend_cap",
    "server_error",
    "bad_gateway_html",
    "gateway_timeout",
    "overloaded",
    "should_retry",
    "should_not_retry",
    "refuse_connection",
    "close_before_headers",
)
"""These strike before the model has worked: nothing is billed."""

UNDELIVERED = (
    "truncated_body",
    "reset_mid_stream",
    "sse_error",
    "no_message_stop",
    "malformed_tool_json",
    "html_200",
    "empty_object",
)
"""The model has worked, it is billed, and the client does not get its reply."""

DELIVERED = (
    "slow_first_byte",
    "slow_chunks",
    "unknown_block",
    "unknown_stop_reason",
    "cut_tool_input",
    "refusal",
    "context_window_exceeded",
)

NEED_A_CALL = ("malformed_tool_json", "cut_tool_input")
"""These let a reply without a call pass."""

FAULT_KINDS = BEFORE_MODEL + UNDELIVERED + DELIVERED


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    kind: str
    seconds: float = 0.2
    """How long to be slow, to refuse, or to ask to wait (`rate_limited_ms`)."""

    def __post_init__(self) -> None:
        if self.kind not in FAULT_KINDS:
            raise ValueError(f"no fault {self.kind!r}; there are {', '.join(FAULT_KINDS)}")


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Which fault strikes which request to the messages endpoint, counted from 1."""

    at: Mapping[int, Fault | str] = field(default_factory=dict)
    share: float = 0.0
    """Probability that any other request is struck."""
    kinds: tuple[str, ...] = FAULT_KINDS
    """What strikes by chance."""
    seed: int = 0
    seconds: float = 0.2
    """See `Fault.seconds`, for faults by name."""

    def __post_init__(self) -> None:
        for kind in self.kinds:
            Fault(kind)

    def __call__(self, number: int) -> Fault | None:
        """The fault that strikes request `number`; the same for equal seeds."""
        planned = self.at.get(number)
        if planned is not None:
            return planned if isinstance(planned, Fault) else Fault(planned, self.seconds)
        chance = random.Random(f"{self.seed}-{number}")
        if chance.random() >= self.share:
            return None
        return Fault(chance.choice(self.kinds), self.seconds)


Faults = FaultPlan | Mapping[int, "Fault | str"] | Callable[[int], "Fault | None"] | None


def faults_of(faults: Faults) -> Callable[[int], Fault | None]:
    """A plan from whatever a test wrote."""
    if faults is None:
        return FaultPlan()
    return FaultPlan(faults) if isinstance(faults, Mapping) else faults
