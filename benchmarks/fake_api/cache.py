"""The prompt cache, with every rule of the documentation (2026-10-10), usable alone.

    cache = CacheModel()
    usage = cache.bill("claude-sonnet-5-5", body, now=0.0)     # Usage: read, written, neither

- Positions are hashed in the order tools, system, messages. Only breakpoints write, and only where
  the prefix has the model's minimum length; a read looks back over 20 positions from each
  breakpoint, itself included, for a place that an earlier request wrote; the longest find counts.
- With a hit at A, the last 1h breakpoint at B and the last breakpoint at C: A tokens are read, B-A
  written for an hour, C-B for five minutes, the rest is plain input.
- An entry lives for its TTL from the start of the last request that used it, and is readable once
  the response of the one that wrote it has begun. A request uses what its breakpoints find.
- Changed tools invalidate all; changed system blocks, citations or speed the system and messages;
  changed tool_choice, thinking, effort, output format or the presence of images the messages.

Where the documentation is silent: an entry keeps the TTL it was written with; a breakpoint that
lies within what was read writes no entry of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.fake_api.breakpoints import breakpoints_of
from benchmarks.fake_api.counting import RequestCounter
from benchmarks.fake_api.models import Model, model_named
from benchmarks.fake_api.prompt import Prompt, prompt_of
from benchmarks.fake_api.rules import cites
from benchmarks.fake_api.tool_rules import effort_of
from benchmarks.fake_api.usage import Usage

__all__ = ["CacheModel", "Lookup"]

_LOOKBACK = 20
_SECONDS = {"5m": 300.0, "1h": 3600.0}
_SWEEP_EVERY = 1_000


@dataclass(slots=True)
class _Entry:
    ttl: str
    used_at: float
    readable_at: float

    def serves(self, now: float) -> bool:
        return self.readable_at <= now < self.used_at + _SECONDS[self.ttl]


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a request found and what it will write."""

    usage: Usage
    at: float
    writes: Mapping[bytes, str]
    """Prefix -> TTL."""


class CacheModel:
    """The prompt cache of one provider: what is cached, and what a request is billed."""

    def __init__(self, counter: RequestCounter | None = None) -> None:
        self._counter = counter or RequestCounter()
        self._entries: dict[bytes, _Entry] = {}
        self._lookups = 0

    def bill(
        self,
        model: Model | str,
        body: Mapping[str, Any],
        now: float,
        *,
        begins_at: float | None = None,
        key: str = "",
        output_tokens: int = 0,
    ) -> Usage:
        """Send one request through the cache and say what it is billed.

        `begins_at` is when its response begins (default: at once); until then other requests do
        not see what it wrote. `key` keeps workspaces apart. The body's rules are not checked, only
        its breakpoints.

        Raises:
            ApiError: breakpoints that the API refuses.
            KeyError: a model that the fake does not know.
        """
        known = model if isinstance(model, Model) else model_named(model)
        if known is None:
            raise KeyError(f"no model {model!r}; models.MODELS lists those that are known")
        lookup = self.look_up(prompt_of(body, known, self._counter), now, key=key)
        self.begin(lookup, now if begins_at is None else begins_at)
        return replace(lookup.usage, output_tokens=output_tokens)

    def look_up(self, prompt: Prompt, now: float, *, key: str = "", hits: bool = True) -> Lookup:
        """What a request that starts now reads, and is going to write; refreshes what it uses."""
        self._sweep(now)
        breakpoints = breakpoints_of(prompt)
        prefixes = list(_prefixes(prompt, key))
        sizes = _cumulative(prompt)
        worth = {n: ttl for n, ttl in breakpoints.items() if sizes[n] >= prompt.model.min_cacheable}
        hit = self._longest_hit(prefixes, worth, now) if hits else -1
        writes = {prefixes[n]: ttl for n, ttl in worth.items() if n > hit}
        return Lookup(_usage(sizes, hit, worth), now, writes)

    def begin(self, lookup: Lookup, at: float) -> None:
        """The response begins: what the request wrote can be read from now on."""
        for prefix, ttl in lookup.writes.items():
            known = self._entries.get(prefix)
            if known is None or known.readable_at > at or not known.serves(at):
                self._entries[prefix] = _Entry(ttl, lookup.at, at)
            else:
                known.used_at = max(known.used_at, lookup.at)

    def _longest_hit(
        self, prefixes: list[bytes], breakpoints: Mapping[int, str], now: float
    ) -> int:
        longest = -1
        for place in breakpoints:
            for n in range(place, max(-1, place - _LOOKBACK), -1):
                entry = self._entries.get(prefixes[n])
                if entry is not None and entry.serves(now):
                    entry.used_at = max(entry.used_at, now)
                    longest = max(longest, n)
                    break
        return longest

    def _sweep(self, now: float) -> None:
        """Forgets what is long dead, so that long benchmarks stay small."""
        self._lookups += 1
        if self._lookups % _SWEEP_EVERY == 0:
            self._entries = {
                prefix: entry
                for prefix, entry in self._entries.items()
                if now < entry.used_at + _SECONDS[entry.ttl]
            }


def _prefixes(prompt: Prompt, key: str) -> Iterator[bytes]:
    """The hash of everything up to each position, with what else its section depends on."""
    mixed = _mixed_in(prompt)
    state = hashlib.blake2b(f"{key}\0{prompt.model.id}".encode(), digest_size=16)
    section = ""
    for position in prompt.positions:
        if position.section != section:
            section = position.section
            state.update(mixed[section])
        state.update(position.digest)
        yield state.digest()


def _mixed_in(prompt: Prompt) -> dict[str, bytes]:
    body = prompt.body
    thinking = {**(body.get("thinking") or {})}
    thinking.pop("block_binding", None)
    thinking.setdefault("type", "adaptive" if prompt.model.thinks else "disabled")
    output = body.get("output_config") or {}
    return {
        "tools": b"",
        "system": _packed(cites(body), body.get("speed") or "standard"),
        "messages": _packed(
            cites(body),
            body.get("speed") or "standard",
            body.get("tool_choice") or {"type": "auto"},
            thinking,
            effort_of(body, prompt.model),
            output.get("format"),
            _has_images(body),
        ),
    }


def _packed(*values: object) -> bytes:
    return json.dumps(values, sort_keys=True).encode()


def _has_images(body: Mapping[str, Any]) -> bool:
    return any(
        block["type"] == "image"
        or (
            isinstance(block.get("content"), list)
            and any(each["type"] == "image" for each in block["content"])
        )
        for message in body["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
    )


def _cumulative(prompt: Prompt) -> list[int]:
    sizes, total = [], 0
    for position in prompt.positions:
        total += position.tokens
        sizes.append(total)
    return sizes


def _usage(sizes: list[int], hit: int, breakpoints: Mapping[int, str]) -> Usage:
    read = sizes[hit] if hit >= 0 else 0
    hour = max((sizes[n] for n, ttl in breakpoints.items() if ttl == "1h"), default=0)
    last = max((sizes[n] for n in breakpoints), default=0)
    hour, last = max(hour, read), max(last, read, hour)
    total = sizes[-1] if sizes else 0
    return Usage(
        input_tokens=total - last,
        cache_read_tokens=read,
        write_5m_tokens=last - hour,
        write_1h_tokens=hour - read,
    )
