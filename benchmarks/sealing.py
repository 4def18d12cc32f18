"""The seal of a finished run: what its files held when the last answer was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.models import REPLIES
from docpager.core.errors import UsageError

__all__ = ["JOURNALS", "LINES", "RECORD", "SEAL", "check_seal", "write_seal"]

RECORD, LINES, SEAL, JOURNALS = "run.json", "results.jsonl", "seal.json", "journals"


def write_seal(folder: Path, totals: Mapping[str, Any], journals: Iterable[str]) -> None:
    """Seal a run: its answers with what they took together, its record, replies and journals.

    Raises:
        UsageError: a journal that an answer names is missing.
    """
    names = [RECORD, *(f"{JOURNALS}/{name}" for name in sorted(set(journals)))]
    if (folder / REPLIES).exists():
        names.append(REPLIES)
    sealed = {
        **totals,
        "sha256": _sha256(folder / LINES),
        "files": {name: _sha256(_there(folder, name)) for name in names},
    }
    unfinished = folder / f"{SEAL}.new"
    unfinished.write_text(json.dumps(sealed, indent=1) + "\n", "utf-8")
    unfinished.replace(folder / SEAL)


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
    # Runs of earlier versions sealed their answers alone.
    if "files" in seal:
        _check_files(folder, seal["files"])
    return True


def _check_files(folder: Path, sealed: Mapping[str, str]) -> None:
    for name, sha256 in sealed.items():
        if _sha256(_there(folder, name)) != sha256:
            raise UsageError(
                f"{folder / name} was changed after the run was finished; restore the file, or "
                f"remove {folder} or name another --out and run again"
            )
    if REPLIES not in sealed and (folder / REPLIES).exists():
        raise UsageError(f"{folder / REPLIES} is not of this run; remove the file")


def _there(folder: Path, name: str) -> Path:
    if not (folder / name).exists():
        raise UsageError(
            f"{folder / name} is missing; restore the file, or remove {folder} or name another "
            "--out and run again"
        )
    return folder / name


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
