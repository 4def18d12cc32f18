"""The messages endpoint without HTTP: a body becomes a checked, cached, billed message."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from benchmarks.fake_api.api_errors import ApiError, invalid, not_found
from benchmarks.fake_api.backend import ANTHROPIC, Backend
from benchmarks.fake_api.brain import Asked, Brain, Reply
from benchmarks.fake_api.breakpoints import breakpoints_of, check_nested_markers
from benchmarks.fake_api.cache import CacheModel, Lookup
from benchmarks.fake_api.counting import RequestCounter
from benchmarks.fake_api.diagnosis import Diagnostician
from benchmarks.fake_api.models import Model
from benchmarks.fake_api.output import Output, Piece, Writer
from benchmarks.fake_api.pairing import check_pairing
from benchmarks.fake_api.prompt import Prompt, prompt_of
from benchmarks.fake_api.rules import check_rules, cites
from benchmarks.fake_api.schema import check_body
from benchmarks.fake_api.signatures import Signer
from benchmarks.fake_api.sse import message_of
from benchmarks.fake_api.thinking import (
    CONTROLS_BETA,
    Chain,
    check_thinking,
    rule_of,
    without_old_thinking,
)
from benchmarks.fake_api.tool_rules import check_thinking_config, check_tools
from benchmarks.fake_api.usage import Usage

__all__ = ["Caller", "Checked", "Made", "Messages"]

_BINDINGS = (None, "error", "drop_block")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and by which version of the API."""

    account: str
    version: str
    betas: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Checked:
    """A request that the API takes."""

    prompt: Prompt
    chain: Chain
    dropped: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Made:
    """A message, with what is needed to send it."""

    message: dict[str, Any]
    pieces: tuple[Piece, ...]
    usage: Usage
    retell: Callable[[], None]
    """To be called when the client did not get it: the same request gets the same reply again."""


class Messages:
    """Checks bodies and makes messages."""

    def __init__(
        self,
        brain: Brain,
        counter: RequestCounter,
        cache: CacheModel,
        *,
        backend: Backend = ANTHROPIC,
        enforce_prefix: bool = True,
    ) -> None:
        self._brain = brain
        self._counter = counter
        self._cache = cache
        self._backend = backend
        self._enforce_prefix = enforce_prefix
        self._signer = Signer()
        self._writer = Writer(counter, self._signer)
        self._diagnoses = Diagnostician()
        self._undelivered: dict[str, Reply] = {}

    def check(
        self,
        body: Mapping[str, Any],
        caller: Caller,
        *,
        counting: bool = False,
        batch: bool = False,
    ) -> Checked:
        """Refuse what the API refuses; lay out and count the rest.

        Raises:
            ApiError: 400 or 404.
        """
        self._backend.check(body)
        check_body(_without_binding(body, caller), counting=counting)
        model = self._model(body["model"])
        check_rules(body, model, version=caller.version)
        check_tools(body, model)
        check_thinking_config(body, model)
        check_pairing(body["messages"])
        check_nested_markers(body)
        cites(body)
        if not self._backend.obeys_tool_choice:
            body = {key: body[key] for key in body if key != "tool_choice"}
        prompt = prompt_of(body, model, self._counter)
        breakpoints_of(prompt)
        rule = rule_of(body, enforced=self._enforce_prefix, batch=batch)
        prompt, chain, dropped = check_thinking(prompt, self._signer, caller.account, rule)
        if prompt.tokens > model.context and not counting:
            raise invalid(f"prompt is too long: {prompt.tokens} tokens > {model.context} maximum")
        return Checked(without_old_thinking(prompt), chain, dropped)

    def look_up(self, checked: Checked, caller: Caller, now: float, *, hits: bool = True) -> Lookup:
        """What the prompt cache holds of the request."""
        return self._cache.look_up(checked.prompt, now, key=caller.account, hits=hits)

    def begin(self, lookup: Lookup, now: float) -> None:
        """The response begins: others can read what it wrote to the cache."""
        self._cache.begin(lookup, now)

    def make(
        self,
        checked: Checked,
        lookup: Lookup,
        caller: Caller,
        *,
        number: int,
        service_tier: str = "standard",
        altered: Callable[[Output], Output] | None = None,
    ) -> Made:
        """Ask the brain and write its reply down; `altered` may change it before it is counted."""
        prompt = checked.prompt
        digest = _digest(prompt)
        reply = self._reply(prompt, digest, number)
        retell = partial(self._undelivered.__setitem__, digest, reply)
        output: Output = self._writer.write(
            reply, prompt, checked.chain, caller.account, f"{number}"
        )
        if altered is not None:
            output = altered(output)
        usage = replace(
            lookup.usage, output_tokens=output.tokens, thinking_tokens=output.thinking_tokens
        )
        message = message_of(
            output,
            usage,
            id_=_message_id(checked.chain, number, caller),
            model=prompt.model.id,
            service_tier=service_tier,
        )
        if not self._backend.is_anthropic:
            pieces = self._backend.plain_pieces(output.pieces)
            return Made(self._backend.plain(message), pieces, usage, retell)
        self._annotate(message, checked)
        return Made(message, output.pieces, usage, retell)

    def _reply(self, prompt: Prompt, digest: str, number: int) -> Reply:
        if prompt.body["max_tokens"] == 0:
            return Reply()
        untold = self._undelivered.pop(digest, None)
        return untold or self._brain.reply(Asked(prompt.body, prompt.model, number))

    def _annotate(self, message: dict[str, Any], checked: Checked) -> None:
        if checked.dropped:
            message["input_transformations"] = checked.dropped
        diagnosis = self._diagnoses.diagnose(message["id"], checked.prompt)
        if diagnosis is not None:
            message["diagnostics"] = diagnosis

    def _model(self, name: str) -> Model:
        model = self._backend.model(name)
        if model is None:
            raise not_found(f"model: {name}")
        return model


def _without_binding(body: Any, caller: Caller) -> Any:
    """The body without the beta field that the stable types do not know, once it was checked."""
    thinking = body.get("thinking") if isinstance(body, dict) else None
    if CONTROLS_BETA not in caller.betas or not isinstance(thinking, dict):
        return body
    if "block_binding" not in thinking:
        return body
    binding = thinking["block_binding"]
    if thinking.get("type") != "adaptive":
        raise _extra(thinking)
    if binding is not None and (
        set(binding) - {"prefix_mismatch_behavior"}
        or binding.get("prefix_mismatch_behavior") not in _BINDINGS
    ):
        raise invalid(
            "thinking.adaptive.block_binding.prefix_mismatch_behavior: Input should be 'error' or "
            "'drop_block'"
        )
    rest = {key: value for key, value in thinking.items() if key != "block_binding"}
    return {**body, "thinking": rest}


def _extra(thinking: Mapping[str, Any]) -> ApiError:
    return invalid(f"thinking.{thinking.get('type')}.block_binding: Extra inputs are not permitted")


def _digest(prompt: Prompt) -> str:
    digest = hashlib.blake2b(prompt.model.id.encode(), digest_size=16)
    for position in prompt.positions:
        digest.update(position.digest)
    return digest.hexdigest()


def _message_id(chain: Chain, number: int, caller: Caller) -> str:
    seed = f"{chain.prefix}\0{number}\0{caller.account}".encode()
    return f"msg_{hashlib.blake2b(seed, digest_size=12).hexdigest()}"
