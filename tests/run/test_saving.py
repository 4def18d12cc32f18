from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from failing_models import PRICE, FailingModel
from playing import long_library

from docpager.models.messages import Usage
from docpager.models.pricing import Price, PriceBand, PriceList
from docpager.models.scripted import call
from docpager.run.answer_line import AnswerLine
from docpager.run.service import AskSettings, ask_archive

LIBRARY = long_library(40)
WHOLE = sum(entry.tokens for entry in LIBRARY.documents())
CHEAP = PRICE.bands[0].rates
DEAR = replace(CHEAP, input=10.0, output=50.0)
USAGE = Usage(input_tokens=1_000, cache_read_tokens=1_000, output_tokens=100, source="server")
COST = 2 * (1_000 * 2.0 + 1_000 * 0.1 + 100 * 10.0) / 1e6


def banded(up_to: int, *, largest_prompt: int | None = None) -> Price:
    bands = (PriceBand(CHEAP, up_to), PriceBand(DEAR))
    return replace(PRICE, bands=bands, largest_prompt=largest_prompt)


def line_at(price: Price, tmp_path: Path, *, usage: Usage = USAGE) -> AnswerLine:
    model = FailingModel(call("grep", pattern="x"), "Not found: it.", usage=usage)
    settings = AskSettings(prices=PriceList({"failing": price}))
    path = tmp_path / "run.jsonl"
    return asyncio.run(ask_archive("why?", LIBRARY, model, settings=settings, journal=path))


def test_the_whole_text_in_one_prompt_at_its_own_band_is_what_is_compared_with(
    tmp_path: Path,
) -> None:
    line = line_at(banded(5_000), tmp_path)

    assert WHOLE > 5_000
    assert line.cost_usd == pytest.approx(COST)
    assert line.saved_usd == pytest.approx(WHOLE * 10.0 / 1e6 - COST)
    assert line.as_json()["saved_usd"] == line.saved_usd


def test_text_that_no_prompt_of_the_model_holds_is_not_counted(tmp_path: Path) -> None:
    line = line_at(banded(5_000, largest_prompt=6_000), tmp_path)

    assert line.saved_usd == pytest.approx(6_000 * 10.0 / 1e6 - COST)


def test_a_run_that_cost_more_than_the_whole_text_says_so(tmp_path: Path) -> None:
    usage = replace(USAGE, output_tokens=500, input_tokens=3_000)
    price = banded(5_000, largest_prompt=5_001)
    dear = PriceBand(replace(CHEAP, input=2.1), None)
    line = line_at(replace(price, bands=(price.bands[0], dear)), tmp_path, usage=usage)

    assert line.saved_usd is not None
    assert line.saved_usd < 0


@pytest.mark.parametrize(
    "price",
    [
        PRICE,
        pytest.param(banded(WHOLE), id="the whole text is in the first band too"),
        pytest.param(banded(1_500), id="a prompt was in the dearer band"),
    ],
)
def test_nothing_is_said_to_be_saved_where_no_band_was_kept_to(
    tmp_path: Path, price: Price
) -> None:
    line = line_at(price, tmp_path)

    assert line.saved_usd is None
    assert "saved_usd" not in line.as_json()
