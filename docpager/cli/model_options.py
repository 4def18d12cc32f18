"""Options that choose a model and limit it; what a run may cost is said before it begins."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from docpager.cli.terminal import note
from docpager.core.errors import UsageError
from docpager.core.settings import INTERFACES, MOST_PREFETCHED, PICTURES, RunLimits

if TYPE_CHECKING:
    from docpager.run.preparation import PreparedModel

__all__ = [
    "language_model",
    "limit_options",
    "model_options",
    "prepared_model",
    "tell_free",
    "tell_price",
]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_LIMITS = RunLimits()


_INTERFACE = (
    click.option(
        "--prefetch",
        type=click.IntRange(0, MOST_PREFETCHED),
        default=0,
        show_default=True,
        metavar="N",
        help="Begin with a search for the question and its N best passages, for models "
        "that search badly.",
    ),
    click.option(
        "--functions",
        type=click.Choice(INTERFACES),
        default=INTERFACES[0],
        show_default=True,
        help="What the model may call: eight functions (`full`), four (`small`), or none: docpager "
        "searches and asks plainly (`plain`). `auto` is `plain` for models of at most 2 billion "
        "parameters, as far as their server tells, else `full`.",
    ),
    click.option(
        "--pictures",
        type=click.Choice(PICTURES),
        default=PICTURES[0],
        show_default=True,
        help="Let the model look at pages of PDFs as pictures, within the same window: `auto` lets "
        "models that are known to see (Claude), where pages have no usable, doubtful or recognised "
        "text.",
    ),
)
"""What a run begins with, and what it offers."""


def model_options(command: _Command) -> _Command:
    """`--model` and how it is asked, sized and priced."""
    for option in reversed(
        (
            click.option(
                "--model",
                envvar="DOCPAGER_MODEL",
                show_envvar=True,
                metavar="NAME",
                help="A Claude model, a model of the server at --base-url, or `extractive`: the "
                "rule-based reader, which is not a language model. Default: claude-sonnet-5-5 "
                "with a key or a server, else `extractive`.",
            ),
            click.option(
                "--effort",
                metavar="LEVEL",
                help="How much the model thinks: low, medium, high, xhigh or max.",
            ),
            *_server_options(),
            click.option(
                "--prices",
                envvar="DOCPAGER_PRICES",
                show_envvar=True,
                metavar="FILE",
                type=click.Path(path_type=Path),
                help="A file of prices (TOML) that are used instead of the built-in ones.",
            ),
            click.option(
                "--window",
                envvar="DOCPAGER_WINDOW",
                show_envvar=True,
                type=click.IntRange(min=1),
                metavar="TOKENS",
                help="The most tokens in a prompt and its reply together. Default: 64,000 "
                "for models that think, else 32,000.",
            ),
            click.option(
                "--max-output",
                type=click.IntRange(min=1),
                metavar="TOKENS",
                help="Tokens reserved for each reply. Default: 8,192 for models that think, 512 "
                "for the reader, else an eighth of the window, at most 4,096.",
            ),
            *_INTERFACE,
        )
    ):
        command = option(command)
    return command


def _server_options() -> tuple[Callable[[_Command], _Command], ...]:
    """Which server is asked, what it speaks, and with which key."""
    return (
        click.option(
            "--base-url",
            metavar="URL",
            help="The address of another server that speaks the Messages API.",
        ),
        click.option(
            "--api",
            type=click.Choice(["anthropic", "openai"]),
            help="What the server speaks: the Messages API, or OpenAI's Chat Completions (pip "
            "install 'docpager[openai]').  [default: anthropic]",
        ),
        click.option(
            "--api-key-env",
            metavar="NAME",
            help="Environment variable with the key for the server at --base-url. Without it "
            "no key is sent there: a provider's key goes to that provider alone.",
        ),
        click.option(
            "--backend",
            metavar="KIND",
            help="What that server supports: `anthropic` everything, `compatible` the minimum.",
        ),
    )


def limit_options(
    *, of_each: str = "", of_all: str = "", usd: float
) -> Callable[[_Command], _Command]:
    """`--max-steps`, `--timeout`, `--max-usd` and `--max-tokens`; `of_each` says what the first two
    hold for, `of_all` the others, and `usd` is the default of what may be spent."""
    options = (
        click.option(
            "--max-steps",
            type=int,
            default=_LIMITS.max_steps,
            show_default=True,
            metavar="N",
            help=f"The most replies{of_each}, including the last one.",
        ),
        click.option(
            "--timeout", type=float, metavar="SECONDS", help=f"Stop after this long{of_each}."
        ),
        click.option(
            "--max-usd",
            type=float,
            metavar="DOLLARS",
            help=f"Stop before more is spent{of_all}. Default: {usd:g} for a model that costs "
            "money.",
        ),
        click.option(
            "--max-tokens",
            type=int,
            metavar="TOKENS",
            help=f"Stop before all prompts and replies{of_all} together take more.",
        ),
    )

    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def prepared_model(
    *,
    model: str | None,
    effort: str | None,
    base_url: str | None,
    backend: str | None,
    api: str | None,
    api_key_env: str | None,
    prices: Path | None,
    window: int | None,
    max_output: int | None,
    prefetch: int,
    functions: str,
    pictures: str,
    max_steps: int,
    timeout: float | None,
    max_usd: float | None,
    max_tokens: int | None,
    default_max_usd: bool = True,
) -> PreparedModel:
    """The model that these options choose, with its settings."""
    from docpager.cli.config import check_project_values
    from docpager.models.registry import READER, ModelSource, default_model_name
    from docpager.run.preparation import prepare

    context = click.get_current_context()
    if model == READER and (
        context.get_parameter_source("base_url") is click.core.ParameterSource.DEFAULT_MAP
    ):
        base_url = None  # a server from a file is for language models; the reader refuses one
    else:
        check_project_values("base_url", "prices")

    # Only here is the reader asked without being named: `tell_price` and the answer itself say so.
    chosen = model or default_model_name(os.environ, base_url=base_url, api=api)
    if chosen is None and api == "openai":
        raise click.UsageError(
            "--api openai needs --model: the name of a model that the server has"
        )
    return prepare(
        chosen or READER,
        source=ModelSource(
            base_url or "", backend or "", effort or "", api or "", api_key_env or ""
        ),
        window=window,
        max_output=max_output,
        prefetch=prefetch,
        functions=functions,
        page_pictures=pictures,
        limits=RunLimits(max_steps, timeout, max_usd, max_tokens),
        default_max_usd=default_max_usd,
        prices=prices,
        environment=os.environ,
    )


def language_model(**how: Any) -> PreparedModel:
    """The same of what the rule-based reader cannot do.

    Raises:
        UsageError: no model is named, and none is implied.
    """
    from docpager.models.registry import READER

    prepared = prepared_model(**how)
    if prepared.model.name == READER and how["model"] is None:
        raise UsageError(
            "this needs a language model, and none is named; set ANTHROPIC_API_KEY, or name a "
            "server and its model: --base-url http://localhost:11434 --model NAME"
        )
    return prepared


def tell_price(prepared: PreparedModel) -> None:
    """Name the model and the most that a run with it can cost."""
    name = prepared.model.name
    prepared.model.notify = note
    if prepared.price is None:
        note(f"model: {name}; its price is not known: dollars are neither counted nor limited")
    elif prepared.paid:
        note(
            f"model: {name}; a run costs at most ${prepared.worst_run_usd:.2f} "
            f"({prepared.settings.limits.max_steps} steps of at most "
            f"${prepared.worst_call_usd:.4f}, --max-usd {prepared.settings.limits.max_usd:g}; "
            f"prices of {prepared.price.as_of})"
        )
    else:
        tell_free(name)
    if prepared.cheap_prompt is not None:
        largest = prepared.cheap_prompt + prepared.settings.paging.max_output
        note(
            f"prompts over {prepared.cheap_prompt:,} tokens are dearer with this model; "
            f"--window {largest} or less keeps below"
        )


def tell_free(name: str) -> None:
    """Name a model that costs nothing; what is no language model is never taken for one."""
    from docpager.models.registry import READER

    if name == READER:
        note(f"model: {name}, the rule-based reader: it is not a language model")
    else:
        note(f"model: {name}; it costs nothing")
