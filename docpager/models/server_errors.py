"""What a server's refusal means for a run, whichever protocol and SDK it came through."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from docpager.core.errors import AttemptFailed, ContextExceeded, ModelError

__all__ = [
    "MAY_PASS",
    "Told",
    "attempt_failed",
    "header_count",
    "one_line",
    "refusal",
    "refusal_of_status",
    "retry_after_seconds",
    "told",
]

_SPENT = frozenset(
    {
        "contract_spend_limit_reached",
        "enforced_spend_limit_reached",
        "insufficient_quota",
        "linked_organization_spend_limit_reached",
    }
)
"""Error codes of limits on money: waiting does not help."""

_MOST_DIGITS = 18
"""Of a count in a header."""

MAY_PASS = frozenset(
    {"overloaded_error", "api_error", "timeout_error", "rate_limit_error", "server_error"}
)
"""Types of errors that another attempt may not meet, where no status says so: inside a stream and
in a batch's results."""

_WORK_MAY_BE_DONE = frozenset({408, 502, 504})
"""Statuses that come from whoever stopped waiting, not from who did the work."""

_MOST_CHARACTERS = 240
_NOISE = re.compile(
    r"\s*(?:\bTraceback \(most recent|\bNo fallback|\bReceived Model Group=|"
    r"\bAvailable Model Group|\bLiteLLM Retried|\s+model=\S+\. |\bcontext_window_fallbacks|"
    r"\n\s*at |\s+at \S+ \(\S+:\d+|File \"[^\"]+\", line \d)"
)
"""Where proxies begin to tell of themselves: their fallbacks and stack traces help nobody."""

_CONTEXT = re.compile(
    r"(?:context (?:size|length|window)(?: of)?(?: is| of only)?|maximum context length (?:is|of)|"
    r"n_ctx\W+|max_model_len\W+)\D{0,12}?([\d,]{3,9})",
    re.IGNORECASE,
)
_PROMPT = re.compile(
    r"(?:request \(|resulted in |requested |n_prompt_tokens\W+|prompt (?:is|has|contains) |"
    r"input \()\D{0,24}?([\d,]{2,9})(?: input)?",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"exceed_context_size|context_length_exceeded|ContextWindowExceeded|"
    r"exceeds? the (?:available |model's )?(?:maximum )?context|maximum context length|"
    r"prompt is too long|context the overflows|longer than the (?:model's )?(?:maximum )?context",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Told:
    """What the body of an error says, in whichever of its usual forms."""

    message: str = ""
    kind: str = ""
    """Its type, as in `overloaded_error`."""
    code: str = ""
    status: int | None = None
    """A status inside the body, where a stream had begun and none could be sent."""
    prompt_tokens: int | None = None
    context: int | None = None


def told(body: object) -> Told:
    """Reads `{"error": {...}}`, the flat `{"code", "message", "type"}`, `{"error": "..."}` and
    `{"detail": "..."}`; anything else is a message as it stands."""
    if isinstance(body, str):
        try:
            return told(json.loads(body))
        except (ValueError, RecursionError):
            return Told(one_line(body))
    if not isinstance(body, Mapping):
        return Told("" if body is None else one_line(str(body)))
    inner = body.get("error", body.get("detail"))
    if isinstance(inner, str):
        return Told(one_line(inner))
    fields = inner if isinstance(inner, Mapping) else body
    message = fields.get("message")
    details = fields.get("details")
    code = details.get("error_code") if isinstance(details, Mapping) else None
    number = fields.get("code", body.get("code"))
    return Told(
        message=one_line(message if isinstance(message, str) else _written(fields)),
        kind=_word(fields.get("type")),
        code=_word(code) or ("" if isinstance(number, int) else _word(number)),
        status=_status(number),
        prompt_tokens=_count(fields.get("n_prompt_tokens")),
        context=_count(fields.get("n_ctx")),
    )


def refusal(
    said: Told, *, status: int, headers: Mapping[str, str], at: str, request_id: str = "",
    unusable: Mapping[int, str],
) -> ModelError:  # fmt: skip
    """What a server that said this, with that status (200: inside its stream), means for a run.

    `unusable` names what to do about statuses that no attempt will change.
    """
    message = _described(said, status, at, request_id)
    if said.code in _SPENT:
        return ModelError(
            f"{message}; the spend limit is reached: raise it or wait for its renewal"
        )
    if status in (400, 413, 422, 500) and (exceeded := _context_exceeded(said, message)):
        return exceeded
    if status == 503 and "loading" in said.message.lower():
        return AttemptFailed(
            f"{at} is still loading its model", retryable=True, may_be_billed=False, loading=True
        )
    passing, billed = _judged(said, status)
    wish = {"true": True, "false": False}.get(headers.get("x-should-retry", ""))
    passing = passing if wish is None else wish
    if status in unusable and not passing:
        return ModelError(f"{message}; {unusable[status]}")
    # A cache that two prompts share is full: the requests must go one after the other.
    crowded = status == 200 and _failed_inside(said)
    return AttemptFailed(
        message,
        retryable=passing,
        may_be_billed=billed,
        after_seconds=retry_after_seconds(headers) if passing else None,
        slows_all=status == 429 or said.kind == "rate_limit_error" or crowded,
    )


def refusal_of_status(error: Any, *, at: str, unusable: Mapping[int, str]) -> ModelError:
    """The same of an SDK's error for a status; those of anthropic and openai are alike."""
    return refusal(
        told(error.body if error.body is not None else error.message),
        status=error.status_code,
        headers=error.response.headers,
        at=at,
        request_id=error.request_id or "",
        unusable=unusable,
    )


def attempt_failed(message: str, *, billed: bool, unread: bool = False) -> AttemptFailed:
    """An attempt that another may follow."""
    return AttemptFailed(message, retryable=True, may_be_billed=billed, unread=unread)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """How long a server asks to wait; None where it does not say."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds:
        return milliseconds / 1000
    given = headers.get("retry-after")
    seconds = _number(given)
    if seconds is None and given:
        try:
            seconds = max(0.0, parsedate_to_datetime(given).timestamp() - time.time())
        except (ValueError, TypeError, OverflowError):
            return None
    return seconds or None


def one_line(text: str) -> str:
    """A server's words as one short line, without what proxies add about themselves."""
    if noise := _NOISE.search(text, 1):
        text = text[: noise.start()]
    line = " ".join(text.split())
    return line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS]}..."


def _judged(said: Told, status: int) -> tuple[bool, bool]:
    """Whether another attempt may succeed, and whether this one may be billed."""
    if status == 200:
        return said.kind in MAY_PASS or _failed_inside(said), True
    return status in (408, 409, 429) or status >= 500, status in _WORK_MAY_BE_DONE


def _failed_inside(said: Told) -> bool:
    return said.kind == "server_error" or (said.status or 0) >= 500


def _context_exceeded(said: Told, message: str) -> ContextExceeded | None:
    words = f"{said.kind} {said.code} {said.message}"
    if said.context is None and not _TOO_LONG.search(words):
        return None
    context, prompt = said.context, said.prompt_tokens
    if context is None and (found := _CONTEXT.search(said.message)):
        context = _count(found[1])
    if prompt is None and (found := _PROMPT.search(said.message)):
        prompt = _count(found[1])
    return ContextExceeded(message, prompt_tokens=prompt, context=context)


def _described(said: Told, status: int, at: str, request_id: str) -> str:
    """`https://... said 529 overloaded_error: Overloaded (req_...)`."""
    where = "in its stream" if status == 200 else str(status)
    kind = f" {said.kind}" if said.kind else ""
    words = said.message or "nothing more"
    return f"{at} said {where}{kind}: {words}{f' ({request_id})' if request_id else ''}"


def _written(fields: Mapping[str, object]) -> str:
    """Fields in no known form: their texts and numbers, never a dict as Python writes it."""
    plain = [f"{k} {v}" for k, v in fields.items() if isinstance(v, str | int | float)]
    return ", ".join(plain)


def _word(value: object) -> str:
    return one_line(value) if isinstance(value, str) else ""


def _status(value: object) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) == 3:
        value = int(value)
    return value if type(value) is int and 400 <= value <= 599 else None


def header_count(text: str | None) -> int | None:
    """A count as a header of a reply writes it; None where it is none, or too long for one."""
    return int(text) if text and len(text) <= _MOST_DIGITS and text.isdecimal() else None


def _count(value: object) -> int | None:
    if isinstance(value, str):
        digits = value.replace(",", "")
        value = int(digits) if digits.isdecimal() else None
    return value if type(value) is int and 0 < value < 10**9 else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
