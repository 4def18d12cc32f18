"""Backends: what a server that speaks the Messages API can be trusted with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from docpager.core.errors import UsageError

__all__ = [
    "ANTHROPIC",
    "BACKENDS",
    "COMPATIBLE",
    "OFFICIAL_URL",
    "Backend",
    "address",
    "backend_for",
    "is_official",
]

OFFICIAL_URL = "https://api.anthropic.com"
_BASE_URL_VARIABLE = "ANTHROPIC_BASE_URL"


@dataclass(frozen=True, slots=True)
class Backend:
    """What a server does with the parts of the protocol that not every server has."""

    name: str
    strict: bool
    """Function arguments can be held to their schema."""
    caching: bool
    """Prompts are cached at breakpoints."""
    thinking: bool
    """Thinking and effort can be set, and thinking blocks are taken back."""
    exact_usage: bool
    """Reported token counts are exact and include what was read from a cache."""
    count_tokens: bool
    batches: bool
    keep_alive: bool = True
    """Connections can be used again; not where servers close them while they announce otherwise."""


ANTHROPIC = Backend("anthropic", True, True, True, True, True, True)
COMPATIBLE = Backend("compatible", False, False, False, False, False, False, keep_alive=False)
BACKENDS = {backend.name: backend for backend in (ANTHROPIC, COMPATIBLE)}


def address(given: str | None) -> str:
    """The address in use: the given one, else that of the environment, else Anthropic's.

    Raises:
        UsageError: it is not an http address, or already ends in `/v1`.
    """
    url = (given or os.environ.get(_BASE_URL_VARIABLE) or OFFICIAL_URL).rstrip("/")
    if not url.startswith(("http://", "https://")) or not urlsplit(url).hostname:
        raise UsageError(
            f"`base_url={url!r}` is not an http address; give one like http://localhost:8080"
        )
    if url.endswith("/v1"):
        raise UsageError(f"`base_url={url!r}` must not end in /v1: /v1/messages is added to it")
    return url


def is_official(url: str) -> bool:
    """Whether `url` is Anthropic's own, over a connection that nobody reads along."""
    there = urlsplit(url)
    return there.scheme == "https" and there.hostname == urlsplit(OFFICIAL_URL).hostname


def backend_for(url: str, name: str | None = None) -> Backend:
    """The backend called `name`; without one, the careful choice for the address.

    Raises:
        UsageError: there is no such backend.
    """
    if name is None:
        official = urlsplit(OFFICIAL_URL).hostname
        return ANTHROPIC if urlsplit(url).hostname == official else COMPATIBLE
    if name not in BACKENDS:
        raise UsageError(f"no backend {name!r}; choose one of: {', '.join(BACKENDS)}")
    return BACKENDS[name]
