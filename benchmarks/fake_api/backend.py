"""Servers that speak the Messages API but leave parts of it out.

What each leaves out follows its own documentation (notes of 2026-11). A field that a server does
not support is refused here, although some of them would pass over it: a client that sends one gains
nothing, and this way it is noticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.fake_api.api_errors import invalid
from benchmarks.fake_api.models import Model, model_named
from benchmarks.fake_api.output import Piece

__all__ = [
    "ANTHROPIC",
    "BACKENDS",
    "LITELLM",
    "LLAMA_CPP",
    "LM_STUDIO",
    "OLLAMA",
    "VLLM",
    "Backend",
]

_FOREIGN = frozenset({"foreign_models"})
_EVERYWHERE = frozenset({"models", "count_tokens", "batches"})
_ONLY_ANTHROPIC = frozenset(
    {"cache_control", "citations", "strict", "thinking", "output_config", "diagnostics"}
)


@dataclass(frozen=True, slots=True)
class Backend:
    """What a server offers."""

    name: str
    endpoints: frozenset[str] = frozenset()
    """Beside messages: `models` (or `foreign_models`), `count_tokens`, `batches`."""
    refuses: frozenset[str] = _ONLY_ANTHROPIC
    """Fields that may occur nowhere in a request."""
    obeys_tool_choice: bool = False
    context: int = 32_768
    models: frozenset[str] | None = None
    """Names that are served; None serves any."""

    @property
    def is_anthropic(self) -> bool:
        return self.name == "anthropic"

    def model(self, name: str) -> Model | None:
        """The model of that name, as far as this server is concerned."""
        if self.is_anthropic:
            return model_named(name)
        if self.models is not None and name not in self.models:
            return None
        return Model(
            name,
            min_cacheable=1 << 60,
            context=self.context,
            max_output=self.context,
            tool_prompt=0,
            thinking=("adaptive", "disabled", "enabled"),
            thinks=False,
            binds_thinking=False,
            forced_tools=True,
            prefill=True,
        )

    def check(self, body: Any, where: str = "") -> None:
        """Refuse fields that this server does not know.

        Raises:
            ApiError: 400.
        """
        if not self.refuses:
            return
        if isinstance(body, list):
            for n, each in enumerate(body):
                self.check(each, f"{where}{n}.")
        elif isinstance(body, Mapping):
            for key, value in body.items():
                if key in self.refuses and value is not None:
                    raise invalid(f"{where}{key}: unknown field")
                if key not in ("input", "input_schema"):
                    self.check(value, f"{where}{key}.")

    def plain(self, message: dict[str, Any]) -> dict[str, Any]:
        """A message with no more than such a server sends."""
        usage = {key: message["usage"][key] for key in ("input_tokens", "output_tokens")}
        kept = ("id", "type", "role", "model", "stop_reason", "stop_sequence")
        content = [_plain_block(block) for block in message["content"]]
        plain = {key: message[key] for key in kept}
        return plain | {"content": content, "usage": usage, "id": "chatcmpl-" + message["id"][4:]}

    def plain_pieces(self, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
        """The same for the blocks of a stream."""
        return tuple(Piece(_plain_block(piece.block), piece.json_text) for piece in pieces)


def _plain_block(block: Mapping[str, Any]) -> dict[str, Any]:
    """A block without Anthropic's own fields, and with a foreign id."""
    kept = {key: block[key] for key in block if key not in ("citations", "caller")}
    if "id" in kept:
        kept["id"] = "call_" + str(kept["id"]).removeprefix("toolu_")
    return kept


ANTHROPIC = Backend("anthropic", _EVERYWHERE, frozenset(), obeys_tool_choice=True)
OLLAMA = Backend("ollama", _FOREIGN, _ONLY_ANTHROPIC - {"thinking"}, obeys_tool_choice=True)
LLAMA_CPP = Backend("llama.cpp", _FOREIGN | {"count_tokens"})
VLLM = Backend("vllm", _FOREIGN, models=frozenset({"served-model"}))
LM_STUDIO = Backend("lm-studio", _FOREIGN)
LITELLM = Backend("litellm", _FOREIGN | {"count_tokens"}, obeys_tool_choice=True)

BACKENDS: Mapping[str, Backend] = {
    each.name: each for each in (ANTHROPIC, OLLAMA, LLAMA_CPP, VLLM, LM_STUDIO, LITELLM)
}
