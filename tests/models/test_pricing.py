from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.core.errors import UsageError
from docpager.models.messages import Usage
from docpager.models.pricing import built_in_prices, price_of, read_prices

HAIKU, SONNET = price_of("claude-haiku-5-5"), price_of("claude-sonnet-5-5")
assert HAIKU is not None
assert SONNET is not None

sizes = st.integers(0, 400_000)


def test_each_kind_of_token_has_its_own_price() -> None:
    usage = Usage(
        input_tokens=1_000_000,
        cache_read_tokens=1_000_000,
        cache_write_tokens=3_000_000,
        output_tokens=1_000_000,
        cache_write_1h_tokens=1_000_000,
    )

    assert SONNET.cost(usage) == pytest.approx(2 + 0.10 + 2 * 2.50 + 4 + 10)
    assert SONNET.cost(usage, batch=True) == pytest.approx(SONNET.cost(usage) / 2)


def test_a_prompt_over_the_band_prices_the_whole_request_higher_cache_reads_counted() -> None:
    at = Usage(input_tokens=1_000, cache_read_tokens=99_000, output_tokens=100)
    over = Usage(input_tokens=1_001, cache_read_tokens=99_000, output_tokens=100)

    assert HAIKU.cost(at) == pytest.approx((1_000 * 0.10 + 99_000 * 0.01 + 100 * 0.50) / 1e6)
    assert HAIKU.cost(over) == pytest.approx((1_001 * 0.50 + 99_000 * 0.05 + 100 * 2.50) / 1e6)


def test_the_worst_case_writes_every_prompt_token_at_the_dearest_price_in_use() -> None:
    short = SONNET.worst_case(prompt_tokens=50_000, output_tokens=8_192)
    hour = SONNET.worst_case(prompt_tokens=50_000, output_tokens=8_192, hour=True)

    assert short == pytest.approx((50_000 * 2.50 + 8_192 * 10) / 1e6)
    assert hour == pytest.approx((50_000 * 4.00 + 8_192 * 10) / 1e6)


@given(sizes, sizes, sizes, sizes, sizes, st.booleans(), st.booleans(), st.integers(0, 300_000))
def test_no_request_costs_more_than_its_worst_case(
    plain: int, read: int, short: int, hour: int, output: int, dear: bool, batch: bool, more: int
) -> None:
    price = HAIKU if dear else SONNET
    usage = Usage(plain, read, short + hour, output, "server", hour)
    worst = price.worst_case(
        prompt_tokens=usage.prompt_tokens + more,
        output_tokens=output + more,
        batch=batch,
        hour=hour > 0,
    )

    assert price.cost(usage, batch=batch) <= worst * (1 + 1e-12)


def test_a_dated_name_has_the_price_of_its_family_and_an_unknown_one_has_none() -> None:
    assert price_of("claude-haiku-4-5-20251001") == price_of("claude-haiku-4-5")
    assert price_of("claude-fable-5-2") is None
    assert price_of("claude-sonnet-5-5-turbo") is None
    assert price_of("llama3.3:70b") is None


def test_every_built_in_price_has_a_date_and_a_source_and_a_cheap_cache() -> None:
    for name, price in built_in_prices().prices.items():
        assert price.as_of.startswith("2026-"), name
        assert price.source
        for band in price.bands:
            rates = band.rates
            assert price.free or rates.read < rates.input < rates.write_5m < rates.write_1h
            assert price.free or rates.output == pytest.approx(5 * rates.input)


def test_only_the_built_in_reader_is_free() -> None:
    free = [name for name, price in built_in_prices().prices.items() if price.free]

    assert free == ["extractive"]


def test_a_file_of_the_users_adds_models_and_replaces_those_it_names(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        "[models.local]\nas_of = 2026-11-01\ninput = 0.3\noutput = 1\n"
        '[models."claude-sonnet-5-5"]\ninput = 7\noutput = 9\nbatch = 0.25\n'
    )
    prices = read_prices(path)

    local, mine = prices.of("local"), prices.of("claude-sonnet-5-5")
    assert local is not None
    assert (local.as_of, local.source) == ("2026-11-01", str(path))
    usage = Usage(input_tokens=10, cache_read_tokens=20, cache_write_tokens=70)
    assert local.cost(usage) == pytest.approx(100 * 0.3 / 1e6)
    assert mine is not None
    assert mine.batch_share == 0.25
    assert prices.of("claude-opus-5-5") == price_of("claude-opus-5-5")


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("models = 3", r"need a table \[models.NAME\]"),
        ("[models.a", "not valid TOML"),
        ("[models.a]\ninput = 1", "'output' must be a number"),
        ("[models.a]\ninput = 1\noutput = '2'", "'output' must be a number"),
        ("[models.a]\ninput = -1\noutput = 2", "'input' must be from 0"),
        ("[models.a]\ninput = nan\noutput = 2", "'input' must be from 0"),
        ("[models.a]\ninput = 1\noutput = 2\nouptut = 3", "unknown key 'ouptut'"),
        ("[models.a]\ninput = 1e308\noutput = 2", "'input' must be from 0"),
        ("[models.a]\ninput = 1\noutput = 2\nup_to = 5", "unknown key 'up_to'"),
        ("[a]\ninput = 1\noutput = 2", r"hold 'a'; each model is a table \[models.NAME\]"),
        ("[[models.a.bands]]\ninput = 1\noutput = 2\nread_ = 3", "unknown key 'read_'"),
        (
            "[models.a]\ninput = 1\n[[models.a.bands]]\ninput = 1\noutput = 2",
            "unknown key 'input'; known are as_of, bands",
        ),
        (
            "[[models.a.bands]]\nup_to = -5\ninput = 1\noutput = 2\n"
            "[[models.a.bands]]\ninput = 1\noutput = 2",
            "each band but the last needs",
        ),
        (
            "[[models.a.bands]]\nup_to = true\ninput = 1\noutput = 2\n"
            "[[models.a.bands]]\ninput = 1\noutput = 2",
            "each band but the last needs",
        ),
        ("[models.a]\nbands = 3", "`bands` is a list"),
        ("[models.a]\nbands = []", "each band but the last needs"),
        (
            "[[models.a.bands]]\ninput = 1\noutput = 2\n[[models.a.bands]]\ninput = 1\noutput = 2",
            "each band but the last needs",
        ),
        ("[[models.a.bands]]\nup_to = 5\ninput = 1\noutput = 2", "each band but the last needs"),
    ],
)
def test_a_wrong_price_file_is_refused_by_name(tmp_path: Path, written: str, sentence: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(written)

    with pytest.raises(UsageError, match=sentence) as refused:
        read_prices(path)

    assert "mine.toml" in str(refused.value)


def test_a_missing_price_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the prices in"):
        read_prices(tmp_path / "nothing.toml")
