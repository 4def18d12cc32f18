"""Rate limits, as a server's headers tell them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["RateLimits", "rate_limits"]

_MOST_DIGITS = 18
_KINDS = ("requests", "tokens", "input-tokens", "output-tokens")


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What is left of each limit, as a share of it."""

    left: Mapping[str, float]
    """By kind: `requests`, `input-tokens`, ..."""

    @property
    def tightest(self) -> float:
        """The smallest share that is left."""
        return min(self.left.values(), default=1.0)


def rate_limits(headers: Mapping[str, str]) -> RateLimits | None:
    """The limits that a reply's headers tell; None where they tell none."""
    left = {}
    for kind in _KINDS:
        limit = _number(headers.get(f"anthropic-ratelimit-{kind}-limit"))
        remaining = _number(headers.get(f"anthropic-ratelimit-{kind}-remaining"))
        if limit and remaining is not None:
            left[kind] = min(1.0, remaining / limit)
    return RateLimits(left) if left else None


def _number(text: str | None) -> int | None:
    return int(text) if text and len(text) <= _MOST_DIGITS and text.isdecimal() else None
