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
    from docpager.testing.fake_api.brain import Asked, Reply, ScriptedBrain, call, text
    from docpager.testing.fake_api.cache import CacheModel
    from docpager.testing.fake_api.clock import FakeClock, RealClock
    from docpager.testing.fake_api.counting import NO_OVERHEADS, Overheads, RequestCounter
    from docpager.testing.fake_api.extractive_brain import ExtractiveBrain
    from docpager.testing.fake_api.fake import FakeApi
    from docpager.testing.fake_api.faults import FAULT_KINDS, Fault, FaultPlan
    from docpager.testing.fake_api.limits import RateLimits
    from docpager.testing.fake_api.usage import Usage

_HOMES = {
    "FAULT_KINDS": "faults",
    "NO_OVERHEADS": "counting",
    "Asked": "brain",
    "CacheModel": "cache",
    "ExtractiveBrain": "extractive_brain",
    "FakeApi": "fake",
    "FakeClock": "clock",
    "Fault": "faults",
    "FaultPlan": "faults",
    "Overheads": "counting",
    "RateLimits": "limits",
    "RealClock": "clock",
    "Reply": "brain",
    "RequestCounter": "counting",
    "ScriptedBrain": "brain",
    "Usage": "usage",
    "call": "brain",
    "text": "brain",
}

__all__ = [
    "FAULT_KINDS",
    "NO_OVERHEADS",
    "Asked",
    "CacheModel",
    "ExtractiveBrain",
    "FakeApi",
    "FakeClock",
    "Fault",
    "FaultPlan",
    "Overheads",
    "RateLimits",
    "RealClock",
    "Reply",
    "RequestCounter",
    "ScriptedBrain",
    "Usage",
    "call",
    "text",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for, and no more."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
