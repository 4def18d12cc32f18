"""Checks the thinking blocks that a request sends back (notes on preserved thinking)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.fake_api.api_errors import ApiError, invalid
from benchmarks.fake_api.models import Model
from benchmarks.fake_api.prompt import Position, Prompt
from benchmarks.fake_api.signatures import Claims, Signer, claims_of, identity_of

__all__ = [
    "CONTROLS_BETA",
    "Chain",
    "ThinkingRule",
    "check_thinking",
    "rule_of",
    "without_old_thinking",
]

CONTROLS_BETA = "thinking-binding-controls-2026-08-01"
_TAMPERED_LATEST = (
    "{path}: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be "
    "modified. These blocks must remain as they were in the original response."
)
_TAMPERED = "{path}: Invalid `signature` in `thinking` block"
_UNBOUND = (
    "{path}: Invalid `signature` in `thinking` block. The block is bound to a different "
    "{what}. Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to "
    '"drop_block". This requires the `thinking-binding-controls-2026-08-01` beta header.'
)
_REASONS = {"model": "model_binding_mismatch", "organization": "organization_binding_mismatch"}


@dataclass(frozen=True, slots=True)
class ThinkingRule:
    """What to do with a block that does not fit."""

    enforced: bool = True
    """Whether the account is held to it (accounts created since 2026-08-31)."""
    drop: bool = False
    """Leave misfits out, and report it, instead of refusing the request."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Where the next thinking block of this conversation would stand."""

    prefix: str
    previous: str
    seen: int

    def claims(self, model: Model, account: str, tokens: int) -> Claims:
        """What a new block's signature has to say."""
        return Claims(model.id, account, self.prefix, self.previous, self.seen, tokens)


def rule_of(body: Mapping[str, Any], *, enforced: bool, batch: bool = False) -> ThinkingRule:
    """The rule that a request asks for, or has to live with."""
    binding = (body.get("thinking") or {}).get("block_binding") or {}
    behavior = binding.get("prefix_mismatch_behavior")
    if behavior is None:
        return ThinkingRule(enforced, drop=batch)
    return ThinkingRule(enforced=True, drop=behavior == "drop_block")


def check_thinking(
    prompt: Prompt, signer: Signer, account: str, rule: ThinkingRule
) -> tuple[Prompt, Chain, list[dict[str, str]]]:
    """Verify every thinking block that is sent back.

    Returns the prompt as the model sees it, the chain at its end, and what was left out.

    Raises:
        ApiError: 400, when a block was changed, or no longer fits and may not be left out.
    """
    prefix = hashlib.blake2b(digest_size=16)
    previous, seen = "", 0
    kept: list[Position] = []
    dropped: list[dict[str, str]] = []
    latest = _latest_assistant(prompt.positions)
    for position in prompt.positions:
        if not position.is_thinking:
            prefix.update(position.digest)
            kept.append(position)
            continue
        claims = _genuine(position, signer, latest)
        here = Chain(prefix.hexdigest(), previous, seen)
        misfit = _misfit(claims, here, prompt.model, account)
        if misfit and rule.drop:
            reason = _REASONS.get(misfit, "prefix_binding_mismatch")
            dropped.append({"type": "thinking_dropped", "path": position.path, "reason": reason})
            continue
        if misfit and rule.enforced:
            raise _unbound(position, misfit)
        kept.append(position)
        previous, seen = identity_of(position.block), seen + 1
    chain = Chain(prefix.hexdigest(), previous, seen)
    return replace(prompt, positions=tuple(kept)), chain, dropped


def without_old_thinking(prompt: Prompt) -> Prompt:
    """The prompt as models see it that forget thinking with the next question."""
    if prompt.model.keeps_thinking:
        return prompt
    questions = [
        n
        for n, each in enumerate(prompt.positions)
        if each.role == "user" and each.block["type"] != "tool_result"
    ]
    last = questions[-1] if questions else 0
    kept = (each for n, each in enumerate(prompt.positions) if n > last or not each.is_thinking)
    return replace(prompt, positions=tuple(kept))


def _genuine(position: Position, signer: Signer, latest: str) -> Claims:
    claims = claims_of(position.block)
    if claims is None or not signer.is_genuine(position.block):
        text = _TAMPERED_LATEST if position.path.startswith(latest) else _TAMPERED
        raise invalid(text.format(path=position.path))
    return claims


def _misfit(claims: Claims, here: Chain, model: Model, account: str) -> str:
    """What the block is bound to that this is not; empty where it fits."""
    if not model.binds_thinking:
        return ""
    if claims.model != model.id:
        return "model"
    if model.binds_account and claims.account != account:
        return "organization"
    linked = not here.seen or claims.previous == here.previous
    if claims.prefix != here.prefix or not linked or here.seen > claims.seen:
        return "conversation"
    return ""


def _unbound(position: Position, what: str) -> ApiError:
    return invalid(_UNBOUND.format(path=position.path, what=what))


def _latest_assistant(positions: Sequence[Position]) -> str:
    """Path of the latest assistant message, with the dot that ends its number."""
    for position in reversed(positions):
        if position.role == "assistant":
            return ".".join(position.path.split(".")[:2]) + "."
    return "none"
