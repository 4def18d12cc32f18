"""Cache breakpoints of a request: at most four, an hour before five minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.fake_api.api_errors import invalid
from benchmarks.fake_api.prompt import Prompt

__all__ = ["breakpoints_of", "check_nested_markers"]

_MOST = 4
_ORDER = (
    "{path}.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' "
    "cache_control block. Note that blocks are processed in the following order: `tools`, "
    "`system`, `messages`."
)


def breakpoints_of(prompt: Prompt) -> dict[int, str]:
    """Place in the row of positions -> TTL, the automatic breakpoint included.

    Raises:
        ApiError: 400, when there are too many, in the wrong order, or where none may stand.
    """
    found = {n: each.ttl for n, each in enumerate(prompt.positions) if each.ttl is not None}
    automatic = prompt.body.get("cache_control")
    if automatic:
        _add_automatic(found, prompt, automatic.get("ttl", "5m"))
    if len(found) > _MOST:
        raise invalid(
            f"A maximum of {_MOST} blocks with cache_control may be provided. Found {len(found)}."
        )
    short = False
    for n, ttl in sorted(found.items()):
        if ttl == "1h" and short:
            raise invalid(_ORDER.format(path=prompt.positions[n].path))
        short = short or ttl == "5m"
    return dict(sorted(found.items()))


def _add_automatic(found: dict[int, str], prompt: Prompt, ttl: str) -> None:
    last = max((n for n, each in enumerate(prompt.positions) if each.cacheable), default=None)
    if last is None:
        return
    if found.get(last, ttl) != ttl:
        raise invalid(
            "cache_control: the last block already has a cache_control with a different ttl"
        )
    found[last] = ttl


def check_nested_markers(body: Mapping[str, Any]) -> None:
    """Refuse markers on blocks inside of other blocks.

    Raises:
        ApiError: 400.
    """
    for n, message in enumerate(body["messages"]):
        if isinstance(message["content"], str):
            continue
        for m, block in enumerate(message["content"]):
            nested = block.get("content")
            if isinstance(nested, list) and any(each.get("cache_control") for each in nested):
                raise invalid(
                    f"messages.{n}.content.{m}: cache_control cannot be set on nested blocks; set "
                    "it on the block that holds them"
                )
