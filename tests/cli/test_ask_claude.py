"""`docpager ask --model claude-...`, against the fake API over a real socket."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from make_pdf import make_pdf

from benchmarks.fake_api import ExtractiveBrain, FakeApi
from docpager.cli import main

PAGES = [
    "The Harbour Trust was founded in 1911 by Ada Quill. " + "Its records are long. " * 40,
    "Maintenance. The north crane was repaired in March 1974 by Tomas Berg. " + "Rope. " * 60,
    "Finance. Total dredging expenses were 48,200 crowns in 1975. "
    + "Other costs were small. " * 40,
]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "trust.pdf").write_bytes(make_pdf(PAGES))


@pytest.fixture
def key(monkeypatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")


@pytest.fixture
def api(key) -> Iterator[FakeApi]:
    with FakeApi(brain=ExtractiveBrain()) as api:
        yield api


def asked(*more: object) -> Result:
    question = "How much were dredging expenses in 1975?"
    return CliRunner().invoke(main, ["ask", question, "docs", *map(str, more)])


def at(api: FakeApi) -> tuple[str, ...]:
    return "--base-url", api.url, "--backend", "anthropic"


def test_the_model_and_the_most_it_can_cost_are_said_before_the_answer_and_its_cost(api):
    result = asked(*at(api))

    assert result.exit_code == 0, result.output
    assert "48,200" in result.stdout
    first, *_, last = result.stderr.splitlines()
    assert first.startswith("model: claude-sonnet-5-5; a run costs at most $1.00 (60 steps of at")
    assert "prices of 2026-10-10" in first
    assert re.search(r"tokens in \([\d,]+ from cache, [\d,]+ into it\), [\d,]+ out, \$0\.\d+", last)


def test_the_answer_line_says_what_the_server_charged(api):
    line = json.loads(asked(*at(api), "--json").stdout)

    assert line["status"] == "answered"
    assert line["cost_usd"] == pytest.approx(api.bill.usd)
    assert line["usage"]["source"] == "server"
    assert line["usage"]["cache_read_tokens"] == api.bill.usage.cache_read_tokens > 0
    assert {"lost", "saved_usd"}.isdisjoint(line)


def test_replies_that_never_arrived_are_in_the_cost_and_marked(key):
    faults = {2: "no_message_stop", 4: "rate_limited_ms"}
    with FakeApi(brain=ExtractiveBrain(), faults=faults) as api:
        result = asked(*at(api), "--json")
    line = json.loads(result.stdout)
    waits = [told for told in result.stderr.splitlines() if re.search(r"; waits \d+ s$", told)]

    assert len(waits) == 2
    assert "429 rate_limit_error" in waits[1]
    assert line["status"] == "answered"
    assert line["lost"]["attempts"] == 1
    received = line["cost_usd"] - line["lost"]["usd"]
    assert received == pytest.approx(api.bill.delivered_usd)
    assert line["cost_usd"] >= api.bill.usd


def test_a_limit_in_dollars_ends_in_an_answer_or_a_stop_below_it(api):
    ends = []
    for limit in (0.25, 0.33, 0.4, 0.8):
        before = api.bill.usd or 0.0
        line = json.loads(asked(*at(api), "--max-usd", limit, "--json").stdout)

        assert line["cost_usd"] == pytest.approx((api.bill.usd or 0.0) - before)
        assert line["cost_usd"] <= limit
        ends.append(line["status"])
    assert (ends[0], ends[-1]) == ("stopped", "answered")


def test_a_run_that_was_stopped_before_it_cost_anything_says_why(api):
    result = asked(*at(api), "--max-usd", 0.01)

    assert result.exit_code == 1
    assert "could take $0.2214, but $0.0100 of $0.0100 is left (--max-usd)" in result.stderr
    assert api.requests == []


def test_a_parked_run_goes_on_where_and_how_it_was_asked(key):
    with FakeApi(brain=ExtractiveBrain(), faults={3: "spend_cap"}) as api:
        parked = asked(*at(api), "--effort", "low", "--json")
        line = json.loads(parked.stdout)
        assert (parked.exit_code, line["status"], line["steps"]) == (1, "failed", 2)

        resumed = CliRunner().invoke(main, ["resume", line["journal"], "--json"])

    again = json.loads(resumed.stdout)
    assert again["status"] == "answered"
    assert again["cost_usd"] == pytest.approx(api.bill.usd)
    efforts = {request.body["output_config"]["effort"] for request in api.requests}
    assert efforts == {"low"}


def test_a_parked_run_says_how_to_go_on_with_it(key):
    with FakeApi(brain=ExtractiveBrain(), faults={1: "spend_cap"}) as api:
        result = asked(*at(api))

    assert result.exit_code == 1
    assert re.search(r"the run is kept: docpager resume \S+\.jsonl\n", result.stderr)


def test_prices_of_the_users_own_are_kept_in_the_journal(api, tmp_path):
    (tmp_path / "mine.toml").write_text(
        "[models.claude-sonnet-5-5]\nas_of = 2026-12-01\ninput = 100\noutput = 100\n"
    )
    result = asked(*at(api), "--prices", "mine.toml", "--max-usd", 50, "--json")
    line = json.loads(result.stdout)

    assert "prices of 2026-12-01" in result.stderr
    tokens = line["usage"]
    spent = sum(
        tokens[f"{kind}_tokens"] for kind in ("input", "cache_read", "cache_write", "output")
    )
    assert line["cost_usd"] == pytest.approx(spent * 100 / 1e6)
    replayed = CliRunner().invoke(main, ["replay", line["journal"], "--json"])
    assert json.loads(replayed.stdout)["cost_usd"] == line["cost_usd"]


def test_a_model_without_a_price_is_asked_and_its_dollars_are_null(key):
    with FakeApi(brain=ExtractiveBrain()) as api:
        result = asked(*at(api), "--model", "claude-fable-5-2", "--json")
        limited = asked(*at(api), "--model", "claude-fable-5-2", "--max-usd", 1)

    assert json.loads(result.stdout)["cost_usd"] is None
    assert "claude-fable-5-2; its price is not known" in result.stderr
    assert (limited.exit_code, "--max-usd cannot be kept" in limited.stderr) == (2, True)


def test_without_a_key_nothing_is_read_and_the_way_out_is_named(tmp_path):
    result = asked("--model", "claude-sonnet-5-5")

    assert result.exit_code == 1
    assert "set ANTHROPIC_API_KEY" in result.stderr
    assert not (tmp_path / ".docpager").exists()


def test_a_window_over_the_price_band_is_remarked_upon(key):
    with FakeApi(brain=ExtractiveBrain()) as api:
        wide = asked(*at(api), "--model", "claude-haiku-5-5", "--window", 150_000)
        usual = asked(*at(api), "--model", "claude-haiku-5-5")

    assert "prompts over 100,000 tokens are dearer with this model" in wide.stderr
    assert "--window 108192 or less keeps below" in wide.stderr
    assert "dearer" not in usual.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--max-usd", "0"], "--max-usd must be above 0"),
        (["--max-tokens", "0"], "--max-tokens must be at least 1"),
        (["--prices", "nothing.toml"], "cannot read the prices in 'nothing.toml'"),
        (["--effort", "huge", "--model", "claude-sonnet-5-5"], "no effort 'huge'"),
        (["--model", "claude-sonnet-5-5", "--max-output", "100"], "no room for its answer"),
        (["--model", "extractive", "--base-url", "http://h"], "means nothing to the rule-based"),
    ],
)
def test_wrong_options_get_a_sentence_and_cost_nothing(arguments, sentence):
    result = asked(*arguments)

    assert (result.exit_code, sentence in result.stderr) == (2, True), result.output


def test_the_journal_of_a_lost_reply_replays_to_the_same_cost(key):
    with FakeApi(brain=ExtractiveBrain(), faults={1: "html_200"}) as api:
        line = json.loads(asked(*at(api), "--json").stdout)

    replayed = CliRunner().invoke(main, ["replay", line["journal"], "--json"])

    assert json.loads(replayed.stdout)["cost_usd"] == line["cost_usd"] >= api.bill.usd
    assert json.loads(replayed.stdout)["lost"] == line["lost"]
