"""Files that are wholly there or not there at all: fsync, rename, checksums.

Every write, fsync, rename and removal is announced as an audit event (`sys.audit`) just before it
happens, so that a test can end the process there; without a hook that costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from docpager.core.errors import ArchiveError

__all__ = [
    "AUDIT_EVENT",
    "CHECKSUMS",
    "Checksum",
    "announce",
    "checksum_of",
    "checksums_of",
    "damage_of",
    "damaged_part",
    "discard",
    "fresh_directory",
    "parsed_checksums",
    "replace_file",
    "sizes_of",
    "sync_directory",
    "sync_file",
    "sync_part",
    "write_bytes",
]

CHECKSUMS = "checksums.json"
AUDIT_EVENT = "docpager.durable"
_BLOCK = 1 << 20


class Checksum(TypedDict):
    """What a finished file must be."""

    bytes: int
    sha256: str


def announce(kind: str, path: Path) -> None:
    """Say that a `write`, `fsync`, `rename` or `remove` is about to happen."""
    sys.audit(AUDIT_EVENT, kind, str(path))


def sync_file(path: Path) -> None:
    """Wait until the file's bytes are on the disk."""
    announce("fsync", path)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_directory(directory: Path) -> None:
    """Wait until the directory's names are on the disk, where the system can promise that."""
    announce("fsync", directory)
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
    announce("write", path)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        announce("fsync", path)
        os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` in the place of `path`: whoever reads it sees the old bytes or the new."""
    # Beside the target, not in a temporary folder: a rename is atomic only within one file system.
    temporary = path.with_name(path.name + ".new")
    # The bytes are on the disk before the name: a rename that outlives a power cut would otherwise
    # name an empty file. The directory is synced last, since until then the rename itself may be
    # undone.
    write_bytes(temporary, content)
    announce("rename", path)
    temporary.replace(path)
    sync_directory(path.parent)


def fresh_directory(path: Path) -> Path:
    """An empty directory at `path`; what an interrupted writer left there is removed."""
    discard(path)
    path.mkdir(parents=True)
    return path


def discard(path: Path) -> None:
    """Remove a file or a directory that nothing names any more."""
    announce("remove", path)
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for pause in (0.0, 0.05, 0.2):
        # A reader that opens an old index leaves its lock file there for a moment.
        time.sleep(pause)
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return
    # Still there after the pauses: this time the error is raised.
    shutil.rmtree(path)


def sync_part(directory: Path, inherited: Mapping[str, Checksum] | None = None) -> None:
    """Close a finished part: note every file's size and sha256, and put all of it on the disk.

    Files `inherited` from an older part keep the checksum they had there, so that damage done in
    between is not declared sound.
    """
    inherited = inherited or {}
    checksums = {}
    for path in sorted(directory.iterdir()):
        checksums[path.name] = inherited.get(path.name) or checksum_of(path)
        sync_file(path)
    # Last, so that a part without a list is an unfinished one.
    write_bytes(directory / CHECKSUMS, json.dumps(checksums, indent=1).encode())
    # Both: one holds the names of the files, the other the name of the part.
    sync_directory(directory)
    sync_directory(directory.parent)


def checksums_of(directory: Path) -> dict[str, Checksum]:
    """What the files of a finished part must be, by name.

    Raises:
        ValueError: the list is damaged.
    """
    return parsed_checksums((directory / CHECKSUMS).read_bytes())


def parsed_checksums(listed: bytes) -> dict[str, Checksum]:
    """What a part's list of files says.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    content = json.loads(listed)
    if not isinstance(content, dict):
        raise ValueError(f"{CHECKSUMS} is not a list of files")
    return {
        name: Checksum(bytes=int(entry["bytes"]), sha256=str(entry["sha256"]))
        for name, entry in content.items()
    }


def sizes_of(directory: Path) -> dict[str, int]:
    """The sizes that the files of a finished part must have."""
    return {name: entry["bytes"] for name, entry in checksums_of(directory).items()}


def damage_of(directory: Path) -> dict[str, str]:
    """What is wrong with the files of a finished part, by name; empty where all is well."""
    if not directory.is_dir():
        return {"": "it is missing"}
    try:
        checksums = checksums_of(directory)
    # Any bytes at all may stand in a damaged list, so any of these may be what reading it meets.
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {CHECKSUMS: "it cannot be read"}
    found = {}
    for name, expected in checksums.items():
        if (problem := _damage(directory / name, expected)) is not None:
            found[name] = problem
    return found


def damaged_part(directory: Path) -> ArchiveError:
    """What to say of a part that is not as it was written."""
    return ArchiveError(
        f"part '{directory}' of the archive is damaged; `docpager.repair(...)` rebuilds it"
    )


def _damage(path: Path, expected: Checksum) -> str | None:
    try:
        actual = checksum_of(path)
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    if actual["bytes"] != expected["bytes"]:
        return f"it has {actual['bytes']} bytes instead of {expected['bytes']}"
    return None if actual == expected else "its bytes have changed"


def checksum_of(path: Path) -> Checksum:
    """Size and hash of a file as it is now."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return Checksum(bytes=path.stat().st_size, sha256=digest.hexdigest())
