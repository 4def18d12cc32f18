"""Whole files, on this machine or in object storage: looked for, read, replaced, copied here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from docpager.core.locations import Location, ObjectPath
from docpager.storage.atomic_files import replace_file
from docpager.storage.object_store import Bucket, ObjectMissing

__all__ = ["copied_here", "discard_objects", "read_whole", "send", "size_of", "write_whole"]


def size_of(place: Location) -> int | None:
    """Bytes of a file; None where there is none.

    Raises:
        StorageError: object storage does not say.
    """
    if isinstance(place, Path):
        return place.stat().st_size if place.exists() else None
    try:
        return Bucket(place.bucket).look(place.key).bytes
    except ObjectMissing:
        return None


def read_whole(place: Location) -> bytes:
    """What a file holds.

    Raises:
        FileNotFoundError: there is none.
        OSError, StorageError: it cannot be read.
    """
    if isinstance(place, Path):
        return place.read_bytes()
    try:
        return Bucket(place.bucket).get(place.key).content
    except ObjectMissing as error:
        raise FileNotFoundError(2, "there is no such object", str(place)) from error


def write_whole(place: Location, content: bytes) -> None:
    """Put `content` in the place of a file: whoever reads it sees the old bytes or the new.

    Raises:
        OSError, StorageError: it cannot be written.
    """
    if isinstance(place, Path):
        replace_file(place, content)
    else:
        Bucket(place.bucket).put(place.key, content)


def discard_objects(
    folder: ObjectPath, is_unwanted: Callable[[str], bool], *, older_than_seconds: float
) -> list[Location]:
    """Remove the objects of a folder that are unwanted by their names; what is gone.

    Raises:
        StorageError: they cannot be listed or removed.
    """
    bucket, latest = Bucket(folder.bucket), time.time() - older_than_seconds
    gone = [
        found.path
        for found in bucket.list(folder.key)
        if is_unwanted(found.path.name) and found.modified.timestamp() <= latest
    ]
    bucket.delete([path.key for path in gone])
    return list(gone)


def send(path: Path, place: Location) -> None:
    """Put a file of this machine where `place` is; nothing where that is itself.

    Raises:
        StorageError: it cannot be written.
    """
    if not isinstance(place, Path):
        Bucket(place.bucket).upload(path, place.key)


@contextmanager
def copied_here(place: Location) -> Iterator[Path]:
    """A file on this machine: itself, or a copy under its own name that is removed afterwards.

    Raises:
        ObjectMissing: there is none.
        StorageError: it cannot be fetched.
    """
    if isinstance(place, Path):
        yield place
        return
    with TemporaryDirectory(prefix="docpager-") as folder:
        target = Path(folder, place.name)
        bucket = Bucket(place.bucket)
        bucket.download(place.key, target, size=bucket.look(place.key).bytes)
        yield target
