"""Message batches: many requests at once, at half the price, within a day.

It stands alone: another protocol than that of single messages, with its own states and errors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from docpager.core.errors import AttemptFailed
from docpager.models.messages import BatchResult, BatchStatus, ModelReply, SubmittedBatch
from docpager.models.server_errors import MAY_PASS

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic.types.messages import MessageBatchIndividualResponse

__all__ = ["cancel", "lines", "recent", "results", "status", "submit"]


async def submit(client: AsyncAnthropic, requests: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """Send requests under their custom ids; returns the batch's id."""
    items: Any = [{"custom_id": custom_id, "params": body} for custom_id, body in requests]
    batch = await client.messages.batches.create(requests=items)
    return batch.id


async def status(client: AsyncAnthropic, batch_id: str) -> BatchStatus:
    """How far a batch is; the server counts only what waits until all has ended."""
    batch = await client.messages.batches.retrieve(batch_id)
    return BatchStatus(batch.processing_status == "ended", batch.request_counts.processing)


async def lines(client: AsyncAnthropic, batch_id: str) -> Sequence[MessageBatchIndividualResponse]:
    """The lines of an ended batch's results, in no order."""
    return [line async for line in await client.messages.batches.results(batch_id)]


async def recent(client: AsyncAnthropic, since: float) -> Sequence[SubmittedBatch]:
    """Batches made at or after `since` (seconds since 1970), oldest first."""
    found = []
    async for batch in client.messages.batches.list(limit=100):  # newest first
        if batch.created_at.timestamp() < since:
            break
        counts = batch.request_counts
        items = (
            counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired
        )
        found.append(SubmittedBatch(batch.id, items))
    return found[::-1]


async def cancel(client: AsyncAnthropic, batch_id: str) -> None:
    """Ask for the rest not to be done."""
    await client.messages.batches.cancel(batch_id)


def results(
    lines: Sequence[MessageBatchIndividualResponse], *, reply: Callable[[Any], ModelReply]
) -> Sequence[BatchResult]:
    """What became of each item, as `reply` reads a message; a line that names none is left out."""
    return [_result(line, reply) for line in lines if _names_an_item(line)]


def _names_an_item(line: object) -> bool:
    named = getattr(line, "custom_id", None)
    return isinstance(named, str) and bool(named)


def _result(
    line: MessageBatchIndividualResponse, reply: Callable[[Any], ModelReply]
) -> BatchResult:
    result: object = getattr(line, "result", None)
    kind = getattr(result, "type", "no result")
    if kind == "succeeded":
        try:
            return BatchResult(line.custom_id, reply(getattr(result, "message", None)))
        except AttemptFailed as error:
            return BatchResult(line.custom_id, error=str(error), again=True, may_be_billed=True)
    if kind == "errored":
        told = getattr(getattr(result, "error", None), "error", None)
        name, message = getattr(told, "type", "unknown"), getattr(told, "message", "")
        return BatchResult(line.custom_id, error=f"{name}: {message}", again=str(name) in MAY_PASS)
    return BatchResult(line.custom_id, error=str(kind), again=True)
