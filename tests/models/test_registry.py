from __future__ import annotations

import pytest

from docpager.core.errors import UsageError
from docpager.core.settings import PagingSettings
from docpager.models.registry import (
    DEFAULT_MODEL,
    default_model_name,
    model_defaults,
    model_named,
)


def test_without_a_key_or_a_server_there_is_no_default() -> None:
    assert default_model_name({}) is None
    assert default_model_name({"ANTHROPIC_API_KEY": ""}) is None


@pytest.mark.parametrize("key", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
def test_with_a_key_or_a_server_claude_is_the_default(key: str) -> None:
    assert default_model_name({key: "k"}) == DEFAULT_MODEL == "claude-sonnet-5-5"
    assert default_model_name({}, base_url="http://127.0.0.1:1") == DEFAULT_MODEL


@pytest.mark.parametrize(
    ("name", "window", "output", "factor", "tiktoken_factor"),
    [
        ("claude-sonnet-5-5", 64_000, 8_192, 2.25, 2.0),
        ("claude-haiku-5-5", 64_000, 8_192, 2.25, 2.0),
        ("claude-mythos-preview", 64_000, 8_192, 2.25, 2.0),
        ("claude-opus-4-7", 64_000, 8_192, 2.25, 2.0),
        ("claude-opus-4-6", 64_000, 8_192, 1.52, 1.35),
        ("claude-haiku-4-5-20251001", 32_000, 4_000, 1.52, 1.35),
        ("claude-opus-4-20250514", 32_000, 4_000, 1.52, 1.35),
        ("claude-3-7-sonnet-20250219", 32_000, 4_000, 1.52, 1.35),
        ("extractive", 32_000, 512, 1.0, None),
    ],
)
def test_runs_are_sized_for_the_model(
    name: str, window: int, output: int, factor: float, tiktoken_factor: float | None
) -> None:
    defaults = model_defaults(name)

    assert defaults.paging() == PagingSettings(window=window, max_output=output)
    assert (defaults.factor, defaults.tiktoken_factor) == (factor, tiktoken_factor)


def test_a_server_that_is_not_known_to_think_gets_no_room_for_it() -> None:
    defaults = model_defaults("llama3.3:70b", base_url="http://127.0.0.1:11434")

    assert defaults.paging() == PagingSettings(window=32_000, max_output=4_000)
    assert defaults.factor == 2.25


def test_what_the_user_asks_for_goes_before_the_defaults() -> None:
    plain = model_defaults("claude-haiku-4-5")

    assert plain.paging(window=8_000) == PagingSettings(window=8_000, max_output=1_000)
    assert plain.paging(window=200_000).max_output == 4_096
    assert plain.paging(max_output=700) == PagingSettings(window=32_000, max_output=700)


def test_too_little_output_for_a_model_that_thinks_is_refused() -> None:
    with pytest.raises(UsageError, match="`max_output=512` leaves a model that thinks no room"):
        model_defaults("claude-sonnet-5-5").paging(max_output=512)

    assert model_defaults("claude-haiku-4-5").paging(max_output=512).max_output == 512


def test_a_model_is_made_by_name_without_a_key_or_a_request() -> None:
    model, defaults = model_named("claude-sonnet-5-5", effort="low")
    reader, _ = model_named("extractive")

    assert (model.name, reader.name) == ("claude-sonnet-5-5", "extractive")
    assert defaults.thinks


def test_other_servers_have_other_models() -> None:
    model, _ = model_named("llama3.3:70b", base_url="http://127.0.0.1:11434")

    assert model.name == "llama3.3:70b"
    with pytest.raises(UsageError, match=r"no model 'llama3.3:70b'; there are extractive"):
        model_named("llama3.3:70b")


@pytest.mark.parametrize(
    ("option", "value"), [("effort", "low"), ("base_url", "http://h"), ("backend", "compatible")]
)
def test_the_reader_takes_no_options_of_a_server(option: str, value: str) -> None:
    with pytest.raises(UsageError, match="means nothing to the rule-based reader"):
        model_named("extractive", **{option: value})
