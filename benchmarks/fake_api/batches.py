"""Message batches: validated late, answered at the end, in no order, at half the price."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.fake_api.api_errors import ApiError, invalid, not_found
from benchmarks.fake_api.clock import rfc3339

__all__ = ["BATCH_FAULTS", "Batch", "BatchSettings", "Batches"]

BATCH_FAULTS = (
    "stuck",
    "errored",
    "expired",
    "no_results_url",
    "duplicate_lines",
    "missing_lines",
)
_DAY = 86_400.0
_KEPT_DAYS = 29
_MOST_ITEMS = 100_000
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NOT_IN_BATCHES = ("stream", "speed", "thread")


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How batches go."""

    seconds: float = 60.0
    """From creation to the end; with a real clock, real seconds."""
    cancel_seconds: float = 5.0
    """From a cancellation to the end."""
    hit_share: float = 0.6
    """Share of items that find the prompt cache as it is; the others miss."""
    faults: frozenset[str] = frozenset()
    """Of `BATCH_FAULTS`: what goes wrong with every batch."""
    fault_share: float = 0.25
    """Share of items that `errored`, `expired`, `duplicate_lines` and `missing_lines` strike."""
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = self.faults - set(BATCH_FAULTS)
        if unknown:
            raise ValueError(f"no batch faults {sorted(unknown)}; there are {BATCH_FAULTS}")


@dataclass(slots=True)
class Batch:
    """One batch."""

    id: str
    account: str
    items: Sequence[tuple[str, Any]]
    """Custom id and params of each request."""
    created_at: float
    cancel_at: float | None = None
    ended_at: float | None = None
    results: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def starts_at(self, place: int, seconds: float) -> float:
        """When the item at `place` is worked on."""
        return self.created_at + seconds * place / len(self.items)


Answer = Callable[[Any, str, float, bool], dict[str, Any]]
"""Params, account, time, whether the cache may be read -> the message. Raises ApiError."""


class Batches:
    """The batches of one server."""

    def __init__(self, settings: BatchSettings, answer: Answer) -> None:
        self._settings = settings
        self._answer = answer
        self.all: dict[str, Batch] = {}

    def create(self, body: Any, account: str, now: float) -> Batch:
        """Take a batch.

        Raises:
            ApiError: 400, for the batch as a whole; its items are looked at later.
        """
        items = _items(body)
        seed = f"{len(self.all)}\0{account}\0{now}".encode()
        id_ = f"msgbatch_{hashlib.blake2b(seed, digest_size=12).hexdigest()}"
        self.all[id_] = Batch(id_, account, items, now)
        return self.all[id_]

    def find(self, id_: str, account: str, now: float) -> Batch:
        """A batch, as it is by now.

        Raises:
            ApiError: 404.
        """
        batch = self.all.get(id_)
        if batch is None or batch.account != account:
            raise not_found(f"Message Batch {id_} not found.")
        self._go_on(batch, now)
        return batch

    def listed(self, account: str) -> list[str]:
        """Ids, newest first."""
        return [each.id for each in reversed(self.all.values()) if each.account == account]

    def cancel(self, batch: Batch, now: float) -> None:
        """Ask a batch to stop.

        Raises:
            ApiError: 400, when it has ended.
        """
        if batch.ended_at is not None:
            raise invalid(f"Batch {batch.id} cannot be canceled because it has ended.")
        batch.cancel_at = batch.cancel_at or now

    def delete(self, batch: Batch) -> dict[str, Any]:
        """Forget an ended batch.

        Raises:
            ApiError: 400, while it runs.
        """
        if batch.ended_at is None:
            raise invalid(f"Batch {batch.id} cannot be deleted while it is in progress.")
        del self.all[batch.id]
        return {"id": batch.id, "type": "message_batch_deleted"}

    def shown(self, batch: Batch, now: float, base_url: str) -> dict[str, Any]:
        """A batch as the API shows it; counts stay 0 until it has ended."""
        ended = batch.ended_at is not None
        archived = now >= batch.created_at + _KEPT_DAYS * _DAY
        fetchable = ended and not archived and "no_results_url" not in self._settings.faults
        path = f"/v1/messages/batches/{batch.id}/results"
        status = "canceling" if batch.cancel_at is not None else "in_progress"
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if ended else status,
            "request_counts": _counts(batch),
            "created_at": rfc3339(batch.created_at),
            "expires_at": rfc3339(batch.created_at + _DAY),
            "ended_at": _time(batch.ended_at),
            "cancel_initiated_at": _time(batch.cancel_at),
            "archived_at": _time(batch.created_at + _KEPT_DAYS * _DAY) if archived else None,
            "results_url": base_url + path if fetchable else None,
        }

    def lines(self, batch: Batch) -> Iterator[bytes]:
        """The results, shuffled; some twice or not at all where a fault says so.

        Raises:
            ApiError: 404, before the end.
        """
        if batch.ended_at is None:
            raise not_found(f"Batch {batch.id} has no available results.")
        chance = random.Random(f"{self._settings.seed}-{batch.id}")
        results = list(batch.results)
        chance.shuffle(results)
        for custom_id, result in results:
            line = {"custom_id": custom_id, "result": result}
            written = json.dumps(line, ensure_ascii=False).encode() + b"\n"
            struck = chance.random() < self._settings.fault_share
            if struck and "missing_lines" in self._settings.faults:
                continue
            yield written
            if struck and "duplicate_lines" in self._settings.faults:
                yield written

    def _go_on(self, batch: Batch, now: float) -> None:
        """Ends a batch whose time has come."""
        seconds = float("inf") if "stuck" in self._settings.faults else self._settings.seconds
        expires_at = batch.created_at + _DAY
        end = min(batch.created_at + seconds, expires_at)
        if batch.cancel_at is not None:
            end = min(end, batch.cancel_at + self._settings.cancel_seconds)
        if batch.ended_at is not None or now < end:
            return
        batch.ended_at = end
        chance = random.Random(f"{self._settings.seed}-{batch.id}-items")
        for place, (custom_id, params) in enumerate(batch.items):
            at = batch.starts_at(place, seconds) if seconds < _DAY else expires_at
            result = self._result(batch, params, at, chance)
            batch.results.append((custom_id, result))

    def _result(
        self, batch: Batch, params: Any, at: float, chance: random.Random
    ) -> dict[str, Any]:
        struck, may_read = chance.random(), chance.random() < self._settings.hit_share
        if batch.cancel_at is not None and at > batch.cancel_at:
            return {"type": "canceled"}
        if at >= batch.created_at + _DAY:
            return {"type": "expired"}
        faults = [each for each in ("errored", "expired") if each in self._settings.faults]
        if faults and struck < self._settings.fault_share:
            if chance.choice(faults) == "expired":
                return {"type": "expired"}
            return _errored(ApiError(529, "overloaded_error", "Overloaded"), batch)
        try:
            _check_item(params)
            message = self._answer(params, batch.account, at, may_read)
        except ApiError as error:
            return _errored(error, batch)
        return {"type": "succeeded", "message": message}


def _items(body: Any) -> list[tuple[str, Any]]:
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not requests:
        raise invalid("requests: Input should be a valid list with at least 1 item")
    if len(requests) > _MOST_ITEMS:
        raise invalid(f"requests: List should have at most {_MOST_ITEMS} items")
    if set(body) != {"requests"}:
        raise invalid(f"{min(set(body) - {'requests'})}: Extra inputs are not permitted")
    items = [_item(n, each) for n, each in enumerate(requests)]
    if len({custom_id for custom_id, _ in items}) < len(items):
        raise invalid("requests: custom_id must be unique within a batch")
    return items


def _item(n: int, request: Any) -> tuple[str, Any]:
    if not isinstance(request, dict) or set(request) != {"custom_id", "params"}:
        raise invalid(f"requests.{n}: a request has a `custom_id` and `params`, nothing else")
    custom_id = request["custom_id"]
    if not isinstance(custom_id, str) or not _CUSTOM_ID.fullmatch(custom_id):
        raise invalid(
            f"requests.{n}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'"
        )
    return custom_id, request["params"]


def _check_item(params: Any) -> None:
    if not isinstance(params, dict):
        raise invalid("params: Input should be a valid dictionary")
    for name in _NOT_IN_BATCHES:
        if params.get(name):
            raise invalid(f"{name}: not supported in message batches")
    if params.get("max_tokens") == 0:
        raise invalid("max_tokens: 0 is not supported in message batches")


def _errored(error: ApiError, batch: Batch) -> dict[str, Any]:
    return {"type": "errored", "error": error.body(f"req_{batch.id[9:]}")}


def _counts(batch: Batch) -> Mapping[str, int]:
    kinds = ("succeeded", "errored", "canceled", "expired")
    if batch.ended_at is None:
        return {"processing": len(batch.items), **dict.fromkeys(kinds, 0)}
    found = [result["type"] for _, result in batch.results]
    return {"processing": 0, **{kind: found.count(kind) for kind in kinds}}


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else rfc3339(seconds)
