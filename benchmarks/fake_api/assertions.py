"""What tests assert of recorded requests: append-only, stable, echoed; and how they are grouped."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

from benchmarks.fake_api.prompt import Position, canonical, walk
from benchmarks.fake_api.recording import RecordedRequest

__all__ = [
    "assert_append_only",
    "assert_echoed_verbatim",
    "assert_stable_tools_and_system",
    "by_conversation",
    "by_epoch",
]

Request = RecordedRequest | Mapping[str, Any]
_Row = tuple[bytes, ...]


def assert_append_only(requests: Iterable[Request]) -> None:
    """Every request goes on where an earlier one ended, or starts anew with user turns alone.

    Requests of many conversations may be mixed. Cache markers may move and a request may be
    repeated; but what stands before a request's last assistant turn must be an earlier request,
    and what was once sent after that turn must stand there again.
    """
    seen: list[_Row] = []
    known: set[_Row] = set()
    tails: dict[_Row, list[_Row]] = {}
    for n, request in enumerate(requests):
        positions = _positions(request)
        row = _digests(positions)
        start, end = _last_assistant_turn(positions)
        before = tails.setdefault(row[:end], [])
        goes_on = not end or row[:start] in known
        if not goes_on or (end and before and not any(row[: len(e)] == e for e in before)):
            raise AssertionError(_where_it_differs(n, positions, seen))
        before.append(row)
        if row not in known:
            known.add(row)
            seen.append(row)


def assert_stable_tools_and_system(requests: Iterable[Request]) -> None:
    """Tools and system prompt are the same bytes in every request, cache markers aside."""
    first: tuple[str, str] | None = None
    for n, request in enumerate(requests):
        body = _body(request)
        here = (_written(body.get("tools")), _written(body.get("system")))
        first = first or here
        for name, before, now in zip(("tools", "system"), first, here, strict=True):
            if before != now:
                place = next(
                    (i for i, (a, b) in enumerate(zip(before, now, strict=False)) if a != b),
                    min(len(before), len(now)),
                )
                raise AssertionError(
                    f"request {n}: {name} changed at character {place}: "
                    f"{before[place : place + 60]!r} became {now[place : place + 60]!r}"
                )


def assert_echoed_verbatim(requests: Sequence[RecordedRequest]) -> None:
    """Where a request goes on from an earlier one, it repeats that one's reply unchanged."""
    replies: dict[_Row, list[list[bytes]]] = {}
    for request in requests:
        positions = _positions(request)
        for n, position in enumerate(positions):
            starts = position.role == "assistant" and positions[n - 1].role != "assistant"
            wanted = replies.get(_digests(positions[:n])) if starts else None
            if wanted is None:
                continue
            turn = [canonical(each.block) for each in _turn(positions[n:])]
            if turn not in wanted:
                raise AssertionError(
                    f"request {request.number}: {position.path} does not repeat the reply: "
                    f"{turn!r} is not {wanted[-1]!r}"
                )
        if request.message is not None:
            said = [canonical(block) for block in request.message["content"]]
            replies.setdefault(_digests(positions), []).append(said)


def by_epoch(requests: Iterable[RecordedRequest]) -> list[list[RecordedRequest]]:
    """Requests that go on from one another, in the order in which their epochs began."""
    epochs: list[list[RecordedRequest]] = []
    known: dict[_Row, int] = {}
    for request in requests:
        positions = _positions(request)
        row = _digests(positions)
        parent = row if row in known else _parent(positions, known)
        if parent is None:
            epochs.append([])
            place = len(epochs) - 1
        else:
            place = known[parent]
        epochs[place].append(request)
        known[row] = place
    return epochs


def by_conversation(
    requests: Iterable[RecordedRequest], key: Callable[[Mapping[str, Any]], Hashable]
) -> dict[Hashable, list[list[RecordedRequest]]]:
    """Epochs of each conversation; `key` says of the body of an epoch's start whose it is."""
    found: dict[Hashable, list[list[RecordedRequest]]] = {}
    for epoch in by_epoch(requests):
        found.setdefault(key(epoch[0].body), []).append(epoch)
    return found


def _parent(positions: Sequence[Position], known: Iterable[_Row]) -> _Row | None:
    """The longest earlier request that is a beginning of this one."""
    row = _digests(positions)
    for end in range(len(row) - 1, 0, -1):
        if row[:end] in known:
            return row[:end]
    return None


def _last_assistant_turn(positions: Sequence[Position]) -> tuple[int, int]:
    """Where it starts and where it ends; twice 0 where there is none."""
    end = max((n for n, each in enumerate(positions, 1) if each.role == "assistant"), default=0)
    start = end
    while start and positions[start - 1].role == "assistant":
        start -= 1
    return start, end


def _where_it_differs(n: int, positions: Sequence[Position], seen: Sequence[_Row]) -> str:
    row = _digests(positions)
    same = 0
    for earlier in seen:
        common = 0
        for old, new in zip(earlier, row, strict=False):
            if old != new:
                break
            common += 1
        same = max(same, common)
    place = positions[min(same, len(positions) - 1)]
    return (
        f"request {n} holds assistant turns but goes on from no earlier request; it is like one "
        f"up to {place.path}, which is now {canonical(place.block)[:200].decode()}"
    )


def _turn(positions: Sequence[Position]) -> Iterable[Position]:
    for position in positions:
        if position.role != "assistant":
            return
        yield position


def _positions(request: Request) -> list[Position]:
    return list(walk(_body(request)))


def _digests(positions: Sequence[Position]) -> _Row:
    return tuple(each.digest for each in positions)


def _body(request: Request) -> Mapping[str, Any]:
    return request.body if isinstance(request, RecordedRequest) else request


def _written(value: Any) -> str:
    return json.dumps(_unmarked(value), ensure_ascii=False)


def _unmarked(value: Any) -> Any:
    """Without the cache markers of tools and system blocks."""
    if not isinstance(value, list):
        return value
    return [{key: each[key] for key in each if key != "cache_control"} for each in value]
