"""The seal of a finished run: what its files held when the last answer was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docpager.errors import UsageError

__all__ = ["LINES", "SEAL", "check_seal", "write_seal"]

LINES, SEAL = "results.jsonl", "seal.json"


def write_seal(folder: Path, totals: Mapping[str, Any]) -> None:
    """Seal the answers of a run, with what they took together."""
    sealed = {**totals, "sha256": _sha256(folder / LINES)}
    (folder / SEAL).write_text(json.dumps(sealed, indent=1) + "\n", "utf-8")


def check_seal(folder: Path) -> bool:
    """Whether a run has a seal; what it holds is then what was sealed.

    Raises:
        UsageError: a file is missing or changed (names it).
    """
    if not (folder / SEAL).exists():
        return False
    seal = json.loads((folder / SEAL).read_text("utf-8"))
    path = folder / LINES
    if not path.exists() or _sha256(path) != seal["sha256"]:
        there = path.read_bytes().count(b"\n") if path.exists() else 0
        raise UsageError(
            f"the answers in {path} are not those that the run wrote ({there} of "
            f"{seal['answers']} lines); restore the file, or remove {folder} or name another "
            "--out and run again"
        )
    return True


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
