"""Families of Claude models: whether they think and see, what turns thinking on, whether effort can
be set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from docpager.core.errors import UsageError
from docpager.core.pictures import PicturePrice

__all__ = ["EFFORTS", "Family", "check_effort", "family_of"]

EFFORTS = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Family:
    """What a request to a model of this family says about thinking."""

    thinks: bool
    """Whether replies think, with what `thinking` says."""
    thinking: Mapping[str, str] | None = None
    """The parameter that turns thinking on; None where it is on, or stays off, without one."""
    takes_effort: bool = True
    sees: PicturePrice | None = None
    """Up to what size pictures are not made smaller; None for models that are not known to see."""


_FINE = PicturePrice(edge=2_576, most_tokens=4_784)
_COARSE = PicturePrice(edge=1_568, most_tokens=1_568)
"""From 4.7 on, and before. A picture takes one token for each 28 by 28 pixels begun (Anthropic's
page on vision, August 2026)."""

_CURRENT = Family(thinks=True, sees=_FINE)
_ADAPTIVE = Family(thinks=True, thinking={"type": "adaptive"}, sees=_COARSE)
_ADAPTIVE_FINE = replace(_ADAPTIVE, sees=_FINE)
_OLD = Family(thinks=False, takes_effort=False, sees=_COARSE)
_OTHER = Family(thinks=False, takes_effort=False)

_BY_PREFIX = (
    ("claude-opus-4-6", _ADAPTIVE),
    ("claude-opus-4-7", _ADAPTIVE_FINE),
    ("claude-opus-4-8", _ADAPTIVE_FINE),
    ("claude-sonnet-4-6", _ADAPTIVE),
    ("claude-opus-4", _OLD),
    ("claude-sonnet-4", _OLD),
    ("claude-haiku-4", _OLD),
    ("claude-3", _OLD),
    ("claude-", _CURRENT),
)
"""The first prefix that fits decides; newer models are taken to be like the newest known ones."""


def family_of(model: str) -> Family:
    """The family of a model by its name; others than Claude are not known to think or see."""
    return next((family for prefix, family in _BY_PREFIX if model.startswith(prefix)), _OTHER)


def check_effort(effort: str | None, *, model: str, thinking: bool) -> None:
    """Refuse an effort that would not be heeded.

    Raises:
        UsageError: there is no such effort, or neither model nor server takes one.
    """
    if effort is None:
        return
    if effort not in EFFORTS:
        raise UsageError(f"no effort {effort!r}; choose one of: {', '.join(EFFORTS)}")
    if not thinking:
        raise UsageError(
            f"`effort={effort!r}` would be ignored by this server; leave it out, or say "
            '`backend="anthropic"` if the server passes it on to Anthropic'
        )
    if not family_of(model).takes_effort:
        raise UsageError(f"{model} takes no effort; leave `effort=` out or choose a newer model")
