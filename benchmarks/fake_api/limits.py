"""Rate limits as token buckets, and the headers that tell of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.fake_api.api_errors import ApiError
from benchmarks.fake_api.clock import rfc3339
from benchmarks.fake_api.usage import Usage

__all__ = ["Limiter", "RateLimits"]


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Per minute and model; the defaults are those of the start tier."""

    requests: int = 1_000
    input_tokens: int = 2_000_000
    """Cache reads do not count."""
    output_tokens: int = 400_000


@dataclass(slots=True)
class _Bucket:
    size: float
    level: float
    filled_at: float

    def fill(self, now: float) -> None:
        self.level = min(self.size, self.level + (now - self.filled_at) * self.size / 60)
        self.filled_at = max(now, self.filled_at)

    def seconds_until(self, needed: float) -> float:
        return max(0.0, (min(needed, self.size) - self.level) * 60 / self.size)


class Limiter:
    """Keeps a bucket of requests, input and output tokens for each account and model."""

    def __init__(self, limits: RateLimits | None) -> None:
        self.enforced = limits is not None
        self._limits = limits or RateLimits()
        self._buckets: dict[tuple[str, str], tuple[_Bucket, _Bucket, _Bucket]] = {}

    def admit(self, account: str, model: str, uncached_tokens: int, now: float) -> None:
        """Take a request and its uncached input out of the buckets.

        Raises:
            ApiError: 429 with `retry-after`, when a bucket is too low.
        """
        buckets = self._filled(account, model, now)
        if self.enforced:
            self._check(buckets, uncached_tokens)
        requests, inputs, _ = buckets
        requests.level -= 1
        inputs.level -= uncached_tokens

    def settle(self, account: str, model: str, usage: Usage, now: float) -> None:
        """Take what was written out of the bucket; it may go below zero."""
        self._filled(account, model, now)[2].level -= usage.output_tokens

    def headers(self, account: str, model: str, now: float) -> dict[str, str]:
        """`anthropic-ratelimit-*`, the remaining tokens rounded to thousands."""
        requests, inputs, outputs = self._filled(account, model, now)
        written = _header("requests", requests, now, 1)
        written |= _header("input-tokens", inputs, now, 1_000)
        written |= _header("output-tokens", outputs, now, 1_000)
        return written | _header("tokens", min(inputs, outputs, key=_share), now, 1_000)

    def _check(self, buckets: tuple[_Bucket, _Bucket, _Bucket], uncached_tokens: int) -> None:
        requests, inputs, outputs = buckets
        for name, bucket, needed in (
            ("requests", requests, 1),
            ("input tokens", inputs, uncached_tokens),
            ("output tokens", outputs, 1),
        ):
            wait = bucket.seconds_until(needed)
            if wait > 0:
                raise ApiError(
                    429,
                    "rate_limit_error",
                    "This request would exceed your organization's rate limit of "
                    f"{bucket.size:.0f} {name} per minute.",
                    headers={"retry-after": str(math.ceil(wait))},
                )

    def _filled(self, account: str, model: str, now: float) -> tuple[_Bucket, _Bucket, _Bucket]:
        key = (account, model)
        if key not in self._buckets:
            limits = self._limits
            sizes = (limits.requests, limits.input_tokens, limits.output_tokens)
            first, second, third = (_Bucket(size, size, now) for size in sizes)
            self._buckets[key] = (first, second, third)
        for bucket in self._buckets[key]:
            bucket.fill(now)
        return self._buckets[key]


def _share(bucket: _Bucket) -> float:
    return bucket.level / bucket.size


def _header(name: str, bucket: _Bucket, now: float, unit: int) -> dict[str, str]:
    remaining = max(0, int(bucket.level))
    full_at = now + (bucket.size - bucket.level) * 60 / bucket.size
    prefix = f"anthropic-ratelimit-{name}"
    return {
        f"{prefix}-limit": str(int(bucket.size)),
        f"{prefix}-remaining": str(round(remaining / unit) * unit),
        f"{prefix}-reset": rfc3339(math.ceil(full_at)),
    }
