"""What the library calls by its Python name is an option at a terminal."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from docpager.cli import main
from docpager.cli.flags import with_flags


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("the smallest is `window=900` (with `max_output=512`)",
         "the smallest is --window 900 (with --max-output 512)"),
        ("name another with `archive=`", "name another with --archive"),
        ("pass `on_new_archive=True` to go on", "pass --on-new-archive to go on"),
        ('or use `model="extractive"`, which', "or use --model extractive, which"),
        ("`base_url='ftp://a b'` is none", "--base-url 'ftp://a b' is none"),
        ("`effort=high` is", "--effort high is"),
        ("ask it with `by_batches=False`", "ask it with --via live"),
        ("`finish_live_after_seconds=` is for `by_batches=True`",
         "--finish-live-after is for --via batches"),
        ("raise it (`ReadingSettings.timeout_seconds=`)", "raise it (--timeout-per-file)"),
        ("`docpager.repair(...)` rebuilds it", "`docpager verify --repair` rebuilds it"),
        ("its own `id`; `x=5` is no setting", "its own `id`; `x=5` is no setting"),
    ],
)  # fmt: skip
def test_settings_become_options(message, shown):
    assert with_flags(message) == shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ask", "why?", "--max-usd", "-1"], "--max-usd must be above 0 dollars, not -1"),
        (["ask", "why?", "--timeout", "0"], "--timeout must be above 0 seconds, not 0"),
        (["ask", "why?", "--model", "extractive", "--effort", "high"], "--effort high means noth"),
        (["ask", "why?", "--archive", "none"], "no archive 'none'; .* with --archive"),
        (["doctor"], "name a server with --base-url"),
    ],
)
def test_the_terminal_shows_options(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = CliRunner().invoke(main, arguments).output

    assert re.search(message, output)
    assert "=`" not in output
