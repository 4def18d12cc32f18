"""A server that speaks Anthropic's Messages API faithfully enough to fail our bugs.

from anthropic import AsyncAnthropic
from docpager.testing.fake_api import FakeApi, call

with FakeApi(brain=[call("search", query="revenue"), "It was 3 million."]) as api:
    client = AsyncAnthropic(base_url=api.url, api_key="x", max_retries=0)
    ...
assert api.bill.usd < 0.01
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docpager.testing.fake_api.adversarial_brain import MISCHIEF, AdversarialBrain
    from docpager.testing.fake_api.assertions import (
        assert_append_only,
        assert_echoed_verbatim,
        assert_stable_tools_and_system,
        by_conversation,
        by_epoch,
    )
    from docpager.testing.fake_api.backend import BACKENDS, Backend
    from docpager.testing.fake_api.batches import BATCH_FAULTS, BatchSettings
    from docpager.testing.fake_api.brain import Asked, Reply, ScriptedBrain, call, text
    from docpager.testing.fake_api.cache import CacheModel
    from docpager.testing.fake_api.clock import FakeClock, RealClock
    from docpager.testing.fake_api.counting import NO_OVERHEADS, Overheads, RequestCounter
    from docpager.testing.fake_api.extractive_brain import ExtractiveBrain
    from docpager.testing.fake_api.fake import FakeApi
    from docpager.testing.fake_api.faults import FAULT_KINDS, Fault, FaultPlan
    from docpager.testing.fake_api.limits import RateLimits
    from docpager.testing.fake_api.models import MODELS, Model
    from docpager.testing.fake_api.prices import PRICES, Price, PriceBand, cost_usd
    from docpager.testing.fake_api.recording import RecordedRequest
    from docpager.testing.fake_api.tokenizer import FakeTokenizer
    from docpager.testing.fake_api.usage import Usage

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
