"""A short script against the public API is typed throughout, and runs."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("user_script.py")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_it_passes_mypy_strict_which_sees_a_wrong_type(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import docpager\n\ndocpager.ask(5, paging={'window': 8000})\n")
    # An installed package's own modules are not checked for its users: hence `silent`.
    strict = ("--strict", "--config-file=", "--follow-imports=silent")
    checked = run(sys.executable, "-m", "mypy", *strict, str(SCRIPT), str(wrong))
    said = [line for line in checked.stdout.splitlines() if "error:" in line]

    assert len(said) == 2, checked.stdout + checked.stderr
    assert all("wrong.py:3" in line and "[arg-type]" in line for line in said), said


@pytest.mark.skipif(shutil.which("pyright") is None, reason="pyright is not installed")
def test_it_passes_pyright():
    checked = run("pyright", "--pythonpath", sys.executable, str(SCRIPT))

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_it_imports_nothing_from_inside_and_runs(tmp_path):
    assert "docpager." not in "".join(
        line for line in SCRIPT.read_text("utf-8").splitlines() if "import" in line
    )
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "graz.txt").write_text("The bridge of Graz cost 21 million dollars.")
    question = "What did the bridge of Graz cost?"
    done = run(
        sys.executable, str(SCRIPT), str(tmp_path / "docs"), str(tmp_path / "archive"), question
    )

    assert done.returncode == 0, done.stderr
    assert "the smallest window is" in done.stdout
    assert done.stdout.splitlines()[-3:] == ["21 million dollars"] * 2 + ["answered"]
