"""A small folder of `benchmarks/reliability/mixed_folder.py`, with two kills."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_every_file_is_a_document_a_duplicate_or_named_whatever_happens():
    command = [sys.executable, "-m", "benchmarks.reliability.mixed_folder"]

    done = subprocess.run(
        [*command, "--files", "160", "--kills", "2", "--seed", "3"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "found 160 = " in done.stdout
    assert "0 faults" in done.stdout
