"""What is decided before a question is asked: which model, how it is sized, what it may cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from docpager.core.errors import UsageError, WindowTooSmall
from docpager.core.settings import DEFAULT_RUN_USD, PLAIN_UP_TO, PagingSettings, RunLimits
from docpager.core.tokens import BuiltInEstimator, TokenCounter
from docpager.models.messages import ChatModel, ModelLike, ServedContext
from docpager.models.pricing import Price, PriceList, read_prices
from docpager.models.registry import (
    DEFAULT_MODEL,
    READER,
    ModelDefaults,
    ModelSource,
    as_chat_model,
    default_model_name,
    model_defaults,
    model_from,
)
from docpager.run.plan import functions_of, told_first

__all__ = [
    "AskSettings",
    "PreparedModel",
    "fitted",
    "measured",
    "naming_context",
    "prepare",
    "refuse_reader",
    "suited",
    "usable",
]


@dataclass(frozen=True, slots=True)
class AskSettings:
    """How one question is asked."""

    paging: PagingSettings = field(default_factory=PagingSettings)
    limits: RunLimits = field(default_factory=RunLimits)
    policy: str = "recent"
    counter: TokenCounter = field(default_factory=BuiltInEstimator)
    factor: float = 1.0
    prices: PriceList | None = None
    """None for the built-in ones."""
    source: ModelSource = field(default_factory=ModelSource)
    """Where and how the model is asked, for `resume`."""
    served: ServedContext | None = None
    """Where the window is what the server serves, because nobody chose one."""


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """A model and the settings to ask it with."""

    model: ChatModel
    settings: AskSettings
    price: Price | None
    """None where it is not known."""
    owned: bool = False
    """Whether the model was made here, by name: its connections are closed after use."""
    unchosen: ModelDefaults | None = None
    """Where nobody chose the window: what sizes another one."""
    max_output: int | None = None
    """Tokens of a reply, as far as somebody chose them."""

    @property
    def paid(self) -> bool:
        """Whether a price is known and not zero."""
        return self.price is not None and not self.price.free

    @property
    def largest_prompt(self) -> int:
        """Tokens of the largest prompt that a run can send."""
        return self.settings.paging.window - self.settings.paging.max_output

    @property
    def worst_call_usd(self) -> float | None:
        """The most that one call can cost; None where no price is known."""
        if self.price is None:
            return None
        output = self.settings.paging.max_output
        return self.price.worst_case(prompt_tokens=self.largest_prompt, output_tokens=output)

    @property
    def worst_run_usd(self) -> float | None:
        """The most that a run can cost, unless calls fail and are limited by nothing else."""
        if self.worst_call_usd is None:
            return None
        limits = self.settings.limits
        steps = limits.max_steps * self.worst_call_usd
        return steps if limits.max_usd is None else min(steps, limits.max_usd)

    @property
    def cheap_prompt(self) -> int | None:
        """The longest prompt of the first price band, where a run can send longer ones."""
        if self.price is None or self.price.band(self.largest_prompt) == self.price.bands[0]:
            return None
        return self.price.bands[0].up_to


def prepare(
    model: str | ModelLike | None,
    *,
    source: ModelSource | None = None,
    window: int | None = None,
    max_output: int | None = None,
    paging: PagingSettings | None = None,
    limits: RunLimits | None = None,
    default_max_usd: bool = False,
    prices: Path | None = None,
    policy: str = "recent",
    prefetch: int = 0,
    functions: str = "auto",
    page_pictures: str = "auto",
    chats: bool = False,
    environment: Mapping[str, str],
) -> PreparedModel:
    """Choose a model and settle what was left open. Where none is named, the environment's key or
    the server decides; the rule-based reader is never chosen for somebody, nor named as a way out
    where the model `chats`.

    Without `limits`, or with `default_max_usd` where they name no dollars, a model that costs money
    stops at one dollar. `paging` goes before `window`, `max_output`, `prefetch`,
    `functions` and `page_pictures`.

    Raises:
        UsageError: no model is named or implied, there is no such model, a wrong price file, or
            settings that cannot work.
    """
    source = source or ModelSource()
    url, backend, api = source.base_url or None, source.backend or None, source.api or None
    chosen = model or default_model_name(environment, base_url=url, api=api)
    if chosen is None:
        reader = f', or model="{READER}" for the rule-based reader, which is not a language model'
        raise UsageError(
            "no model is named and the environment holds no ANTHROPIC_API_KEY; pass "
            f'model="{DEFAULT_MODEL}" and set the key, base_url="http://..." for another server, '
            f"or a docpager.ChatModel of your own{'' if chats else reader}"
        )
    price_list = read_prices(prices)
    if owned := isinstance(chosen, str):
        name, price = chosen, price_list.of(chosen)
        chat = model_from(name, source, price=price).model
    else:
        chat = as_chat_model(chosen)
        name, price = chat.name, price_list.of(chat.name)
    defaults = model_defaults(name, base_url=url, backend=backend, api=api)
    unchosen = defaults if window is None and paging is None else None
    paging = paging or replace(
        defaults.paging(window=window, max_output=max_output),
        prefetch=prefetch,
        functions=functions,
        page_pictures=page_pictures,
    )
    defaults.check(paging)
    limits = _limits(limits, price, default_max_usd=default_max_usd or limits is None)
    counter, factor = defaults.counter()
    settings = AskSettings(paging, limits, policy, counter, factor, price_list, source)
    return PreparedModel(chat, settings, price, owned, unchosen, max_output)


def refuse_reader(model: object) -> None:
    """Refuse a model, or its name, that cannot chat.

    Raises:
        UsageError: it is the rule-based reader.
    """
    name = model if isinstance(model, str) else getattr(model, "name", "")
    if name == READER:
        raise UsageError(
            f"{READER!r} is the rule-based reader, which answers single questions and does not "
            "chat; name a language model with `model=`"
        )


def _limits(limits: RunLimits | None, price: Price | None, *, default_max_usd: bool) -> RunLimits:
    limits = limits or RunLimits()
    costs = price is not None and not price.free
    if costs and default_max_usd and limits.max_usd is None:
        return replace(limits, max_usd=DEFAULT_RUN_USD)
    return limits


async def usable(prepared: PreparedModel) -> PreparedModel:
    """The model, seen to be usable, with the window that its server serves where that is smaller
    than the default one and nobody chose a window.

    Raises:
        UsageError: the window is larger than the server's context or the model's, or the context
            leaves no room for a reply.
        ModelError: there are no credentials.
    """
    prepared = await fitted(prepared)
    paging = prepared.settings.paging
    await prepared.model.check(window=paging.window, max_output=paging.max_output)
    return prepared


async def fitted(prepared: PreparedModel) -> PreparedModel:
    """The same without the look whether the model can be asked; sends nothing to those who sell
    tokens.

    Raises:
        UsageError: the server's context leaves no room for a reply.
        ModelError: there are no credentials.
    """
    if prepared.unchosen is None:
        return prepared
    served, settings = await prepared.model.served_context(), prepared.settings
    if served is None or served.tokens >= settings.paging.window:
        return replace(prepared, unchosen=None)
    try:
        sized = prepared.unchosen.paging(window=served.tokens, max_output=prepared.max_output)
    except UsageError as error:
        raising = served.how_to_raise.replace("{window}", str(settings.paging.window))
        raise UsageError(
            f"the context of {served.server} is {served.tokens:,} tokens, too few for a window: "
            f"{error}; or {raising}"
        ) from error
    prepared.model.notify(
        f"the window is {served.tokens:,} tokens, the context that {served.server} serves"
    )
    paging = replace(settings.paging, window=sized.window, max_output=sized.max_output)
    settings = replace(settings, paging=paging, served=served)
    return replace(prepared, settings=settings, unchosen=None)


@contextmanager
def naming_context(settings: AskSettings) -> Iterator[None]:
    """Where the window is what a server serves, and too small, say so, and how to raise it."""
    try:
        yield
    except WindowTooSmall as error:
        if (served := settings.served) is None:
            raise
        # An eighth of the window is the reply's; servers are told whole KiB of tokens.
        needed = (error.smallest - error.max_output) * 8 / 7
        raising = served.how_to_raise.replace("{window}", str(1_024 * math.ceil(needed / 1_024)))
        raise WindowTooSmall(
            f"the context of {served.server} is {served.tokens:,} tokens, too few for this "
            f"question and these documents; {raising}",
            window=error.window,
            smallest=error.smallest,
            max_output=error.max_output,
        ) from error


async def suited(settings: AskSettings, model: ChatModel) -> AskSettings:
    """The settings with what the model is to be offered, where its size is to decide that."""
    if settings.paging.functions != "auto":
        return settings
    parameters = await model.parameters()
    plain = parameters is not None and parameters <= PLAIN_UP_TO
    if plain and not model.size_was_told:
        model.size_was_told = True  # once for all questions of a batch
        model.notify(
            f"{model.name} is small ({(parameters or 0) / 1e9:.1f} billion parameters): docpager "
            "searches for it and asks plainly; `functions=full` lets it search itself"
        )
    chosen = replace(settings.paging, functions="plain" if plain else "full")
    return replace(settings, paging=chosen)


async def measured(
    settings: AskSettings,
    model: ChatModel,
    *,
    pictures: bool,
    chat: bool = False,
    documents: bool = True,
) -> tuple[AskSettings, int]:
    """The settings with the server's own way to count, where it has proved itself, and what
    instructions and functions take by it; else as they are, and 0."""
    if settings.factor <= 1:
        return settings, 0
    paging = settings.paging
    functions = functions_of(paging, chat=chat, documents=documents, pictures=pictures)
    offered = () if paging.plain else functions
    told = told_first(paging, chat=chat, pictures=pictures)
    told_tokens = await model.measure_tokens(told, offered)
    if told_tokens is None:
        return settings, 0
    return replace(
        settings, counter=told_tokens.counter, factor=told_tokens.margin
    ), told_tokens.fixed
