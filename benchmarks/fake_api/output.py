"""From what the brain said to what the API sends: ids, thinking, limits, stop reasons, counts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.fake_api.brain import Block, Reply
from benchmarks.fake_api.counting import RequestCounter
from benchmarks.fake_api.prompt import Prompt
from benchmarks.fake_api.signatures import Signer
from benchmarks.fake_api.thinking import Chain
from benchmarks.fake_api.tool_rules import effort_of, thinks

__all__ = ["Output", "Piece", "Writer"]

_THINKING_TOKENS = {"low": 24, "medium": 64, "high": 128, "xhigh": 256, "max": 512}


@dataclass(frozen=True, slots=True)
class Piece:
    """One content block of the response."""

    block: dict[str, Any]
    json_text: str = ""
    """The arguments of a call as they are streamed; cut short where the reply was."""


@dataclass(frozen=True, slots=True)
class Output:
    """The model's side of a response."""

    pieces: tuple[Piece, ...]
    stop_reason: str
    tokens: int
    thinking_tokens: int
    stop_sequence: str | None = None
    stop_details: Mapping[str, Any] | None = None

    @property
    def content(self) -> list[dict[str, Any]]:
        return [piece.block for piece in self.pieces]


class Writer:
    """Writes outputs as one model of the API would."""

    def __init__(self, counter: RequestCounter, signer: Signer) -> None:
        self._counter = counter
        self._signer = signer

    def write(self, reply: Reply, prompt: Prompt, chain: Chain, account: str, salt: str) -> Output:
        """The response to `prompt`; `salt` makes its ids unlike those of equal requests."""
        limit, at_limit = _limit(prompt)
        if not limit:
            return Output((), at_limit, 0, 0)
        thinking, spent = self._thinking(reply, prompt, chain, account)
        allowed = _allowed(reply.content, prompt.body)
        blocks, sequence = _until_sequence(allowed, prompt.body.get("stop_sequences") or ())
        pieces = [_piece(block, _id(salt, chain, n)) for n, block in enumerate(blocks)]
        overhead = self._counter.overheads.reply
        room = limit - spent - (overhead if blocks else 0)
        fitting, size = self._fitting(pieces, room)
        head = (Piece(thinking),) if thinking else ()
        if size > room and (blocks or spent > limit):
            return Output(head + fitting, at_limit, limit, min(spent, limit))
        stop = _stop_reason(reply, blocks, sequence)
        tokens = min(limit, max(1, spent + size + overhead))
        return Output(head + fitting, stop, tokens, spent, sequence)

    def _fitting(self, pieces: list[Piece], room: int) -> tuple[tuple[Piece, ...], int]:
        """What fits into `room` tokens, the last piece cut; and the size of all, cut or not."""
        kept: list[Piece] = []
        size = 0
        for piece in pieces:
            before, size = size, size + self._counter.output(piece.block)
            if size > room:
                kept += self._cut(piece, room - before)
                break
            kept.append(piece)
        return tuple(kept), size

    def _thinking(
        self, reply: Reply, prompt: Prompt, chain: Chain, account: str
    ) -> tuple[dict[str, Any] | None, int]:
        body = prompt.body
        thinking = thinks(body, prompt.model, after_results=_called(body))
        if not thinking or reply.thinking_tokens == 0:
            return None, 0
        tokens = reply.thinking_tokens or _THINKING_TOKENS[effort_of(body, prompt.model)]
        config = body.get("thinking") or {}
        shown = reply.thinking if config.get("display") == "summarized" else ""
        if config.get("type") == "enabled" and config.get("display") != "omitted":
            shown = reply.thinking
        claims = chain.claims(prompt.model, account, tokens)
        if reply.redacted:
            return {"type": "redacted_thinking", "data": self._signer.sign("", claims)}, tokens
        signature = self._signer.sign(shown, claims)
        return {"type": "thinking", "thinking": shown, "signature": signature}, tokens

    def _cut(self, piece: Piece, room: int) -> list[Piece]:
        """What of a piece fits into `room` tokens."""
        if room <= 0:
            return []
        if piece.block["type"] == "tool_use":
            half = piece.json_text[: len(piece.json_text) // 2]
            return [Piece({**piece.block, "input": {}}, half)]
        if piece.block["type"] != "text":
            return []
        words = piece.block["text"]
        low, high = 0, len(words)
        while low < high:
            middle = (low + high + 1) // 2
            fits = self._counter.output({**piece.block, "text": words[:middle]}) <= room
            low, high = (middle, high) if fits else (low, middle - 1)
        return [Piece({**piece.block, "text": words[:low]})] if words[:low].strip() else []


def _allowed(content: tuple[Block, ...], body: Mapping[str, Any]) -> list[Block]:
    """Without calls that `tool_choice` rules out."""
    choice = body.get("tool_choice") or {}
    calls = [block for block in content if block["type"] == "tool_use"]
    if choice.get("type") == "none" or not body.get("tools"):
        keep: list[Block] = []
    elif choice.get("disable_parallel_tool_use"):
        keep = calls[:1]
    else:
        keep = calls
    return [
        block
        for block in content
        if block["type"] != "tool_use" or any(block is each for each in keep)
    ]


def _until_sequence(
    blocks: list[Block], sequences: tuple[str, ...]
) -> tuple[list[Block], str | None]:
    """The blocks before the first stop sequence, and which one it was."""
    for n, block in enumerate(blocks):
        if block["type"] != "text":
            continue
        places = [(block["text"].find(each), each) for each in sequences if each in block["text"]]
        if places:
            place, sequence = min(places)
            rest = [{**block, "text": block["text"][:place]}] if place else []
            return [*blocks[:n], *rest], sequence
    return blocks, None


def _limit(prompt: Prompt) -> tuple[int, str]:
    """Most output tokens, and the stop reason when they are used up."""
    asked = int(prompt.body["max_tokens"])
    left = prompt.model.context - prompt.tokens
    if left < asked:
        return left, "model_context_window_exceeded"
    return asked, "max_tokens"


def _stop_reason(reply: Reply, blocks: list[Block], sequence: str | None) -> str:
    if sequence is not None:
        return "stop_sequence"
    if reply.stop_reason is not None:
        return reply.stop_reason
    return "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"


def _piece(block: Block, identity: str) -> Piece:
    if block["type"] == "text":
        return Piece({"citations": None, **block})
    if block["type"] != "tool_use":
        return Piece(dict(block))
    made = {
        "type": "tool_use",
        "id": block.get("id") or identity,
        "name": block["name"],
        "input": dict(block["input"]),
        "caller": {"type": "direct"},
    }
    return Piece(made, json.dumps(made["input"], ensure_ascii=False))


def _id(salt: str, chain: Chain, n: int) -> str:
    digest = hashlib.blake2b(f"{salt}\0{chain.prefix}\0{n}".encode(), digest_size=12)
    return f"toolu_{digest.hexdigest()}"


def _called(body: Mapping[str, Any]) -> bool:
    """Whether the newest message holds results."""
    content = body["messages"][-1]["content"]
    return isinstance(content, list) and any(each["type"] == "tool_result" for each in content)
