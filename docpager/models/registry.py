"""Models by name, and what a run needs to know of each before it begins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from docpager.core.errors import UsageError
from docpager.core.settings import PagingSettings
from docpager.core.tokens import BuiltInEstimator, TokenCounter, cached_tiktoken
from docpager.models.messages import ChatModel, ModelLike, ModelReply, ModelRequest
from docpager.models.pricing import Price

__all__ = [
    "DEFAULT_MODEL",
    "ModelDefaults",
    "ModelSource",
    "NamedModel",
    "as_chat_model",
    "default_model_name",
    "model_defaults",
    "model_from",
    "model_named",
]

DEFAULT_MODEL = "claude-sonnet-5-5"
APIS = (None, "", "anthropic", "openai")
"""Protocols that can be named; without a name it is the Messages API."""

READER = "extractive"
"""The rule-based reader, which is no language model: only the command line asks it unnamed."""

LEAST_THINKING_OUTPUT = 2_048
"""Reserved output below which a model that thinks has no room left for its answer."""

_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d+)(?:-(\d{1,2}))?(?:-|$)")
_NEW_TOKENIZER = (4, 7)
"""From this version on, texts are about 30 % more tokens (Anthropic's pricing, 2026-10-10)."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where and how a model is asked, beside its name; empty for what is usual."""

    base_url: str = ""
    backend: str = ""
    effort: str = ""
    api: str = ""
    """The protocol that is spoken: `openai` for Chat Completions, else Messages."""
    api_key_env: str = ""
    """The environment variable with the key for a server that is no provider's own."""


@dataclass(frozen=True, slots=True)
class ModelDefaults:
    """How main context is sized for a model unless the user says otherwise."""

    window: int = 32_000
    output: int | None = None
    """Tokens reserved for a reply; None for an eighth of the window, at most 4,096."""
    thinks: bool = False
    factor: float = 2.25
    """Safety factor on the built-in estimator, until the server's counts are known."""
    tiktoken_factor: float | None = 2.0
    """The same on tiktoken's o200k counts; None where the built-in estimator is the tokenizer."""

    def paging(self, *, window: int | None = None, max_output: int | None = None) -> PagingSettings:
        """Paging settings, with what the user asked for.

        Raises:
            UsageError: no number of tokens, or too few for a model that thinks.
        """
        window = self.window if window is None else window
        usual = min(4_096, max(1, window // 8)) if self.output is None else self.output
        paging = PagingSettings(
            window=window, max_output=usual if max_output is None else max_output
        )
        self.check(paging)
        return paging

    def check(self, paging: PagingSettings) -> None:
        """Refuse settings under which no reply can be whole.

        Raises:
            UsageError: too few tokens for a model that thinks.
        """
        if self.thinks and paging.max_output < LEAST_THINKING_OUTPUT:
            raise UsageError(
                f"`max_output={paging.max_output}` leaves a model that thinks no room for its "
                f"answer; {LEAST_THINKING_OUTPUT} is the least"
            )

    def counter(self) -> tuple[TokenCounter, float]:
        """What counts tokens for this model on this machine, and the factor on it."""
        if self.tiktoken_factor is not None and (counter := cached_tiktoken()) is not None:
            return counter, self.tiktoken_factor
        return BuiltInEstimator(), self.factor


class NamedModel(NamedTuple):
    """A model, and how runs with it are sized."""

    model: ChatModel
    defaults: ModelDefaults


class _Adapted(ChatModel):
    """An object that is no ChatModel but has its `name` and `complete`, and perhaps more of it."""

    _METHODS = (
        "check",
        "served_context",
        "count_tokens",
        "measure_tokens",
        "parameters",
        "close",
        "submit",
        "status",
        "results",
        "cancel",
        "recent",
    )

    def __init__(self, model: ModelLike) -> None:
        self.name = model.name
        self._model = model
        self.sees = getattr(model, "sees", None)
        for method in self._METHODS:
            if hasattr(model, method):
                setattr(self, method, getattr(model, method))

    async def complete(self, request: ModelRequest) -> ModelReply:
        return await self._model.complete(request)

    @property
    def rate_limit_left(self) -> float | None:
        left: float | None = getattr(self._model, "rate_limit_left", None)
        return left

    @property
    def why_no_batches(self) -> str:
        if not hasattr(self._model, "submit"):
            return super().why_no_batches
        why: str = getattr(self._model, "why_no_batches", "")
        return why


def as_chat_model(model: ModelLike) -> ChatModel:
    """`model` itself, or what stands for it if its class is not derived from `ChatModel`.

    Raises:
        UsageError: it has no `name`, or no `complete` to await.
    """
    if isinstance(model, ChatModel):
        return model
    name, complete = getattr(model, "name", None), getattr(model, "complete", None)
    if not isinstance(name, str) or not callable(complete):
        raise UsageError(
            f"model must be a name such as {DEFAULT_MODEL!r} or a docpager.ChatModel (at least an "
            f"object with a name and `async def complete(request)`), not {type(model).__name__}"
        )
    return _Adapted(model)


def default_model_name(
    environment: Mapping[str, str], *, base_url: str | None = None, api: str | None = None
) -> str | None:
    """The model where none is named: Claude with a key or a server, else none."""
    if api == "openai":
        return None
    has_key = any(environment.get(key) for key in _KEYS)
    return DEFAULT_MODEL if has_key or base_url else None


def model_defaults(
    name: str,
    *,
    base_url: str | None = None,
    backend: str | None = None,
    api: str | None = None,
) -> ModelDefaults:
    """How runs with a model of that name, on that server, are sized."""
    if name in (READER, "scripted"):
        return ModelDefaults(output=512, factor=1.0, tiktoken_factor=None)
    if api == "openai":
        from docpager.models.openai.client import address as openai_address
        from docpager.models.openai.client import is_official

        # OpenAI's own models are cut by o200k, which the built-in estimator is within 10 % of.
        if is_official(openai_address(base_url)):
            return ModelDefaults(factor=1.15, tiktoken_factor=1.05)
        return ModelDefaults()
    from docpager.models.claude.backends import address, backend_for
    from docpager.models.claude.families import family_of

    server = backend_for(address(base_url), backend)
    thinks = server.thinking and family_of(name).thinks
    window, output = (64_000, 8_192) if thinks else (32_000, None)
    version = _VERSION.match(name)
    if version and (int(version[1]), int(version[2] or 0)) < _NEW_TOKENIZER:
        return ModelDefaults(window, output, thinks, factor=1.52, tiktoken_factor=1.35)
    return ModelDefaults(window, output, thinks)


def model_named(
    name: str,
    *,
    base_url: str | None = None,
    backend: str | None = None,
    effort: str | None = None,
    api: str | None = None,
    api_key_env: str | None = None,
    price: Price | None = None,
) -> NamedModel:
    """The model of that name; nothing is sent yet.

    Raises:
        UsageError: there is no such model, server, backend, effort or protocol.
    """
    if api not in APIS:
        raise UsageError(f"no protocol `api={api}`; choose one of: {', '.join(filter(None, APIS))}")
    if name == READER:
        from docpager.models.extractive import ExtractiveModel

        _refuse_options(
            base_url=base_url, backend=backend, effort=effort, api=api, api_key_env=api_key_env
        )
        return NamedModel(ExtractiveModel(), model_defaults(name))
    if api == "openai":
        from docpager.models.openai import OpenAIModel

        if backend:
            raise UsageError(f"`backend={backend}` is about the Messages API, not `api=openai`")
        chat = OpenAIModel(
            name, base_url=base_url, effort=effort, api_key_env=api_key_env or "", price=price
        )
        return NamedModel(chat, model_defaults(name, base_url=base_url, api=api))
    from docpager.models.claude import ClaudeModel
    from docpager.models.claude.backends import OFFICIAL_URL, address

    if not name.startswith("claude-") and address(base_url) == OFFICIAL_URL:
        raise UsageError(
            f"no model {name!r}; there are {READER} (the rule-based reader, not a language model), "
            f"Claude models such as {DEFAULT_MODEL}, and whatever a server at `base_url=` has; in "
            "Python, `docpager.ask(model=...)` takes any ChatModel"
        )
    model = ClaudeModel(
        name,
        base_url=base_url,
        backend=backend,
        effort=effort,
        api_key_env=api_key_env or "",
        price=price,
    )
    return NamedModel(model, model_defaults(name, base_url=base_url, backend=backend))


def model_from(name: str, source: ModelSource, *, price: Price | None = None) -> NamedModel:
    """The model of that name, asked where and how `source` says.

    Raises:
        UsageError: as `model_named`.
    """
    return model_named(
        name,
        base_url=source.base_url or None,
        backend=source.backend or None,
        effort=source.effort or None,
        api=source.api or None,
        api_key_env=source.api_key_env or None,
        price=price,
    )


def _refuse_options(**options: str | None) -> None:
    for name, value in options.items():
        if value:
            raise UsageError(
                f"`{name}={value!r}` means nothing to the rule-based reader; name a language model "
                "with `model=`"
            )
