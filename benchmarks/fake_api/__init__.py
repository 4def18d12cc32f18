"""A server that speaks Anthropic's Messages API faithfully enough to fail our bugs.

Written from the documentation and the SDK's own types, blind to the code that is tested with it.

    from anthropic import AsyncAnthropic
    from benchmarks.fake_api import FakeApi, assert_append_only, call

    with FakeApi(brain=[call("search", query="revenue"), "It was 3 million."]) as api:
        client = AsyncAnthropic(base_url=api.url, api_key="x", max_retries=0)
        ...
    assert api.bill.usd < 0.01
    assert_append_only(api.requests)

`with` starts a thread that listens on 127.0.0.1: real sockets, HTTP/1.1, server-sent events.
Leaving it raises what the brain raised, if it did. Without sockets the same core is a transport:
`httpx2.AsyncClient(transport=FakeApi().async_transport())`, or `.transport()` for a sync client.
In a process of its own, the first line on stdout is the base URL:

    python -m benchmarks.fake_api --brain extractive --latency 1.0 --faults 0.3

Options of `FakeApi`:

- `brain`: what plays the model. A text, a list (`ScriptedBrain`: texts, blocks, lists of both,
  `Reply`, functions), a function of `Asked`, `ExtractiveBrain()`, `AdversarialBrain(...)`.
- `clock`: `FakeClock()` by default, moved by `api.clock.advance(seconds)`; or `RealClock()`. Cache,
  rate limits and batches live on it; `latency_seconds` and slow faults are real seconds.
- `counter`: `RequestCounter(tokenizer, factor=..., overheads=...)`. Each tool, system block and
  content block is counted for itself, plus `Overheads`: per request, turn, block, tool and reply,
  and the prompt that the provider adds where there are tools. A client's own counter with
  `NO_OVERHEADS` (and `text_of_block`, `text_of_tool`) makes server and client agree exactly.
- `faults`: `{3: "overloaded", 5: Fault("slow_first_byte", seconds=2)}`, or
  `FaultPlan(share=0.3, seed=1)`; requests to the messages endpoint are counted from 1, retries
  included. `faults_elsewhere={"count_tokens": ..., "models": ..., "batches": ...}`. The table of
  faults is in `faults.py`. A reply that a fault, or a client that hung up, kept from arriving is
  billed, and told again when the same request comes again. `api.refusing()` refuses connections.
- `limits`: `RateLimits(...)` enforces token buckets; without it only the headers are there.
- `batches`: `BatchSettings(...)`: how long they take, and what goes wrong with them.
- `backend`: `BACKENDS["ollama"]` and others leave out what these servers leave out.
- `api_keys`, `enforce_prefix`, `keep_bodies`, `port`.

What is refused, with the texts of the real API where they are known: wrong types and unknown keys,
block by block; roles, empty texts, prefill; calls without results and results without calls;
breakpoints; tools and strict schemas; forced tools, thinking and effort by model; thinking blocks
whose signature does not fit everything before them; lengths. Beta fields are unknown keys, except
`block_binding` under its beta header. Where the documentation is silent the stricter reading is
taken: all results of a turn stand in one message, markers inside of other blocks are refused.

What is kept: `api.requests` (body, headers, time, reply, usage, fault and refusal of each request
to the messages endpoint), `api.recorder.everything`, `api.batches.all`, and `api.bill` (a line a
request: usage and dollars; `api.bill.usage`, `api.bill.usd`). For these there are
`assert_append_only`, `assert_stable_tools_and_system`, `assert_echoed_verbatim`, `by_epoch`,
`by_conversation`.

Usable alone: `CacheModel().bill(model, body, now)` says what a request would be billed after those
before it, and `cost_usd(model, usage)` turns that into dollars (`prices=` for other prices).

Speed, in requests a second of processor time, scripted brain, streamed, over a socket: 1,040 to
1,340 of 7 KB, 380 to 390 of 238 KB with 49 messages, on a busy machine, 2026-11-21
(`python -m benchmarks.fake_api.speed`). The extractive brain adds its own time.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.fake_api.adversarial_brain import MISCHIEF, AdversarialBrain
    from benchmarks.fake_api.assertions import (
        assert_append_only,
        assert_echoed_verbatim,
        assert_stable_tools_and_system,
        by_conversation,
        by_epoch,
    )
    from benchmarks.fake_api.backend import BACKENDS, Backend
    from benchmarks.fake_api.batches import BATCH_FAULTS, BatchSettings
    from benchmarks.fake_api.brain import Asked, Reply, ScriptedBrain, call, text
    from benchmarks.fake_api.cache import CacheModel
    from benchmarks.fake_api.clock import FakeClock, RealClock
    from benchmarks.fake_api.counting import NO_OVERHEADS, Overheads, RequestCounter
    from benchmarks.fake_api.extractive_brain import ExtractiveBrain
    from benchmarks.fake_api.fake import FakeApi
    from benchmarks.fake_api.faults import FAULT_KINDS, Fault, FaultPlan
    from benchmarks.fake_api.limits import RateLimits
    from benchmarks.fake_api.models import MODELS, Model
    from benchmarks.fake_api.prices import PRICES, Price, PriceBand, cost_usd
    from benchmarks.fake_api.recording import RecordedRequest
    from benchmarks.fake_api.tokenizer import FakeTokenizer
    from benchmarks.fake_api.usage import Usage

_HOMES = {
    "BACKENDS": "backend",
    "BATCH_FAULTS": "batches",
    "FAULT_KINDS": "faults",
    "MISCHIEF": "adversarial_brain",
    "MODELS": "models",
    "NO_OVERHEADS": "counting",
    "PRICES": "prices",
    "AdversarialBrain": "adversarial_brain",
    "Asked": "brain",
    "Backend": "backend",
    "BatchSettings": "batches",
    "CacheModel": "cache",
    "ExtractiveBrain": "extractive_brain",
    "FakeApi": "fake",
    "FakeClock": "clock",
    "FakeTokenizer": "tokenizer",
    "Fault": "faults",
    "FaultPlan": "faults",
    "Model": "models",
    "Overheads": "counting",
    "Price": "prices",
    "PriceBand": "prices",
    "RateLimits": "limits",
    "RealClock": "clock",
    "RecordedRequest": "recording",
    "Reply": "brain",
    "RequestCounter": "counting",
    "ScriptedBrain": "brain",
    "Usage": "usage",
    "assert_append_only": "assertions",
    "assert_echoed_verbatim": "assertions",
    "assert_stable_tools_and_system": "assertions",
    "by_conversation": "assertions",
    "by_epoch": "assertions",
    "call": "brain",
    "cost_usd": "prices",
    "text": "brain",
}

__all__ = [
    "BACKENDS",
    "BATCH_FAULTS",
    "FAULT_KINDS",
    "MISCHIEF",
    "MODELS",
    "NO_OVERHEADS",
    "PRICES",
    "AdversarialBrain",
    "Asked",
    "Backend",
    "BatchSettings",
    "CacheModel",
    "ExtractiveBrain",
    "FakeApi",
    "FakeClock",
    "FakeTokenizer",
    "Fault",
    "FaultPlan",
    "Model",
    "Overheads",
    "Price",
    "PriceBand",
    "RateLimits",
    "RealClock",
    "RecordedRequest",
    "Reply",
    "RequestCounter",
    "ScriptedBrain",
    "Usage",
    "assert_append_only",
    "assert_echoed_verbatim",
    "assert_stable_tools_and_system",
    "by_conversation",
    "by_epoch",
    "call",
    "cost_usd",
    "text",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for, and no more."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
