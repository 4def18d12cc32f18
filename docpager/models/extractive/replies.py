"""Replies: calls, or text and citations of a reply, within the output limit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from docpager.core.tokens import BuiltInEstimator, TokenCounter
from docpager.models.extractive.actions import Answering, Calls, QuotedLine
from docpager.models.extractive.view import View
from docpager.models.extractive.words import flat, shortened
from docpager.models.messages import ModelReply, ToolCall

__all__ = ["reply_for"]

_FRAMING = 10
"""Tokens of one call beside its name and arguments; the run counts 8."""
_SHORTEST = 24
"""Characters below which a quote is left out rather than cut again."""


def reply_for(view: View, action: Calls | Answering) -> ModelReply:
    """The reply that makes `action`, never larger than the view allows."""
    counter = BuiltInEstimator()
    if isinstance(action, Calls):
        return _calling(view, action, counter)
    if view.calls_allowed and "answer" in view.functions:
        return _as_call(view, action, counter)
    return _as_text(view, action, counter)


def _calling(view: View, action: Calls, counter: TokenCounter) -> ModelReply:
    made: list[ToolCall] = []
    left = view.max_output_tokens
    for name, arguments in action.calls:
        left -= _size(name, arguments, counter)
        if left < 0 and made:
            break
        if name in view.functions and left >= 0:
            made.append(ToolCall(f"step-{view.step}-call-{len(made) + 1}", name, dict(arguments)))
    if not made:
        return ModelReply("Not found: no function call fits.", stop_reason="end_turn", cost_usd=0.0)
    return ModelReply("", tuple(made), stop_reason="tool_use", cost_usd=0.0)


def _as_call(view: View, answer: Answering, counter: TokenCounter) -> ModelReply:
    while _size("answer", _arguments(answer), counter) > view.max_output_tokens:
        smaller = _smaller(answer)
        if smaller is None:
            return _as_text(view, answer, counter)
        answer = smaller
    call = ToolCall(f"step-{view.step}-answer", "answer", _arguments(answer))
    return ModelReply("", (call,), stop_reason="tool_use", cost_usd=0.0)


def _as_text(view: View, answer: Answering, counter: TokenCounter) -> ModelReply:
    while counter.count(_plain(answer)) + _FRAMING > view.max_output_tokens:
        smaller = _smaller(answer)
        if smaller is None:
            break
        answer = smaller
    return ModelReply(_plain(answer), stop_reason="end_turn", cost_usd=0.0)


def _plain(answer: Answering) -> str:
    text = flat(answer.text)
    if not answer.found and not text.lower().startswith("not found"):
        text = f"Not found: {text}"
    return "\n".join([text, *(f'[{c.locator}] "{flat(c.quote)}"' for c in answer.citations)])


def _arguments(answer: Answering) -> dict[str, Any]:
    citations = [{"locator": c.locator, "quote": c.quote} for c in answer.citations]
    arguments: dict[str, Any] = {"text": answer.text, "citations": citations}
    return arguments if answer.found else {**arguments, "found": False}


def _size(name: str, arguments: Any, counter: TokenCounter) -> int:
    written = json.dumps(arguments, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return counter.count(f"{name} {written}") + _FRAMING


def _smaller(answer: Answering) -> Answering | None:
    """The same answer with its longest part cut; None where nothing can be cut."""
    quotes = answer.citations
    cut = [(n, each, _cut(each)) for n, each in enumerate(quotes)]
    able = [each for each in cut if len(each[2]) < len(each[1].quote)]
    if able and (quotes[0].core or len(answer.text) <= max(len(each.quote) for each in quotes)):
        longest, quote, shorter = max(able, key=lambda each: len(each[1].quote))
        smaller = replace(quote, quote=shorter)
        return replace(answer, citations=(*quotes[:longest], smaller, *quotes[longest + 1 :]))
    if quotes and (quotes[0].core or len(answer.text) <= _SHORTEST):
        # Every collected value stands in the text, which stays whole as long as it can.
        return replace(answer, citations=quotes[1:] if quotes[0].core else quotes[:-1])
    if len(answer.text) > 1:
        return replace(answer, text=shortened(answer.text, len(answer.text) * 3 // 4))
    return None


def _cut(citation: QuotedLine) -> str:
    """A quote cut to its core, or by a fifth where it has none and is long."""
    if citation.core:
        return citation.core
    return shortened(citation.quote, max(_SHORTEST, len(citation.quote) * 4 // 5))
