"""The models the fake knows: limits and what each accepts, as documented on 2026-10-10.

Where the documentation is silent (`claude-fable-5-2`, the mythos line) a model is taken to be as
strict as the newest documented one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["MODELS", "Model", "model_named"]

_ALL_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Model:
    """What one model takes and refuses."""

    id: str
    min_cacheable: int = 512
    """Shortest prefix that is cached, in tokens."""
    context: int = _MILLION
    max_output: int = 128_000
    tool_prompt: int = 286
    """Tokens of the prompt that the provider adds to a request with tools."""
    thinking: tuple[str, ...] = ("adaptive",)
    """Accepted values of `thinking.type`."""
    thinks: bool = True
    """Whether the model thinks when the request does not say."""
    binds_thinking: bool = True
    """Whether a thinking block is bound to everything sent before it."""
    binds_account: bool = False
    keeps_thinking: bool = True
    """Whether thinking stays in the prompt beyond the next question."""
    forced_tools: bool = False
    """Whether `tool_choice` may be `any` or `tool`."""
    prefill: bool = False
    image_edge: int = 2_576
    """Pixels of the longer side of an image, beyond which it is made smaller."""
    image_tokens: int = 4_784
    """Tokens of an image, beyond which it is made smaller."""
    mid_system: bool = True
    """Whether `messages` may hold system messages."""
    efforts: tuple[str, ...] = _ALL_EFFORTS
    default_effort: str = "high"
    quiet_at_most: str = "max"
    """The highest effort at which thinking may be disabled."""

    @property
    def line(self) -> str:
        return self.id.split("-")[1]

    def allows_disabled_at(self, effort: str) -> bool:
        """Whether thinking may be disabled at `effort`."""
        return _ALL_EFFORTS.index(effort) <= _ALL_EFFORTS.index(self.quiet_at_most)


_FABLE = Model("claude-fable-5-1")
_OPUS_5_5 = Model("claude-opus-5-5", default_effort="medium")
_SONNET_5_5 = Model("claude-sonnet-5-5", thinking=("adaptive", "between_tools"), binds_account=True)
_HAIKU_5_5 = Model(
    "claude-haiku-5-5",
    thinking=("adaptive", "disabled"),
    binds_account=True,
    forced_tools=True,
    default_effort="medium",
    quiet_at_most="high",
)
_OPUS_5 = Model(
    "claude-opus-5",
    thinking=("adaptive", "disabled"),
    binds_thinking=False,
    forced_tools=True,
    quiet_at_most="high",
)
_SONNET_5 = replace(
    _OPUS_5,
    id="claude-sonnet-5",
    min_cacheable=1024,
    tool_prompt=354,
    mid_system=False,
    quiet_at_most="max",
)
_OPUS_4_8 = replace(
    _OPUS_5,
    id="claude-opus-4-8",
    min_cacheable=1024,
    tool_prompt=290,
    thinks=False,
    quiet_at_most="max",
)
_OPUS_4_7 = replace(_OPUS_4_8, id="claude-opus-4-7", min_cacheable=2048, mid_system=False)
_OPUS_4_6 = replace(
    _OPUS_4_7,
    id="claude-opus-4-6",
    min_cacheable=4096,
    tool_prompt=497,
    image_edge=1_568,
    image_tokens=1_568,
    efforts=("low", "medium", "high", "max"),
)
_SONNET_4_6 = replace(_OPUS_4_6, id="claude-sonnet-4-6", min_cacheable=1024)
_OPUS_4_5 = replace(
    _OPUS_4_6,
    id="claude-opus-4-5",
    context=200_000,
    max_output=64_000,
    thinking=("enabled", "disabled"),
    prefill=True,
    efforts=("low", "medium", "high"),
)
_SONNET_4_5 = replace(_OPUS_4_5, id="claude-sonnet-4-5", min_cacheable=1024, efforts=())
_HAIKU_4_5 = replace(_SONNET_4_5, id="claude-haiku-4-5", min_cacheable=4096, keeps_thinking=False)

MODELS: tuple[Model, ...] = (
    replace(_FABLE, id="claude-fable-5-2"),
    replace(_FABLE, id="claude-mythos-5-2"),
    _HAIKU_5_5,
    _SONNET_5_5,
    _FABLE,
    _OPUS_5_5,
    replace(_FABLE, id="claude-mythos-5-1"),
    _SONNET_5,
    replace(_FABLE, id="claude-fable-5", binds_thinking=False),
    replace(_FABLE, id="claude-mythos-5", binds_thinking=False),
    _OPUS_5,
    _OPUS_4_8,
    _OPUS_4_7,
    _OPUS_4_6,
    _SONNET_4_6,
    _HAIKU_4_5,
    replace(_HAIKU_4_5, id="claude-haiku-4-5-20251001"),
    _OPUS_4_5,
    replace(_OPUS_4_5, id="claude-opus-4-5-20251101"),
    _SONNET_4_5,
    replace(_SONNET_4_5, id="claude-sonnet-4-5-20250929"),
)
"""Newest first, as the models endpoint lists them."""

_BY_ID = {model.id: model for model in MODELS}


def model_named(name: str) -> Model | None:
    """The model of that id, if the fake knows it."""
    return _BY_ID.get(name)
