"""Files that are wholly there or not there at all: fsync, rename, checksums."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

__all__ = [
    "CHECKSUMS",
    "discard",
    "fresh_directory",
    "replace_file",
    "sizes_of",
    "sync_directory",
    "sync_file",
    "sync_part",
    "write_bytes",
]

CHECKSUMS = "checksums.json"
_BLOCK = 1 << 20


def sync_file(path: Path) -> None:
    """Wait until the file's bytes are on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_directory(directory: Path) -> None:
    """Wait until the directory's names are on the disk, where the system can promise that."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except PermissionError:  # Windows does not open directories, and needs no sync of them
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a new file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` in the place of `path`: whoever reads it sees the old bytes or the new."""
    temporary = path.with_name(path.name + ".new")
    write_bytes(temporary, content)
    temporary.replace(path)
    sync_directory(path.parent)


def fresh_directory(path: Path) -> Path:
    """An empty directory at `path`; what an interrupted writer left there is removed."""
    discard(path)
    path.mkdir(parents=True)
    return path


def discard(path: Path) -> None:
    """Remove a file or a directory that nothing names any more."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync_part(directory: Path) -> None:
    """Close a finished part: note every file's size and sha256, and put all of it on the disk."""
    checksums = {}
    for path in sorted(directory.iterdir()):
        checksums[path.name] = {"bytes": path.stat().st_size, "sha256": _sha256(path)}
        sync_file(path)
    write_bytes(directory / CHECKSUMS, json.dumps(checksums, indent=1).encode())
    sync_directory(directory)
    sync_directory(directory.parent)


def sizes_of(directory: Path) -> dict[str, int]:
    """The sizes that the files of a finished part must have."""
    checksums = json.loads((directory / CHECKSUMS).read_bytes())
    return {name: entry["bytes"] for name, entry in checksums.items()}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
