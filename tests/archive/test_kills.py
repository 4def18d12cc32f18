"""A few of the kills, and some seconds of the readers, of `benchmarks/reliability`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
@pytest.mark.parametrize(("during", "kills"), [("ingest", 5), ("compact", 3)])
def test_no_kill_loses_or_changes_anything(during, kills):
    command = [sys.executable, "-m", "benchmarks.reliability.kills", "--during", during]

    done = subprocess.run(
        [*command, "--kills", str(kills), "--seed", "7"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{kills} kills" in done.stdout
    assert "0 failures" in done.stdout


@pytest.mark.slow
def test_readers_see_one_generation_whatever_a_writer_does():
    command = [sys.executable, "-m", "benchmarks.reliability.readers", "--readers", "4"]

    done = subprocess.run(
        [*command, "--seconds", "6"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 problems" in done.stdout
