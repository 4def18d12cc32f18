"""Where something stands: a path on this machine, or `s3://bucket/key` in object storage.

Only names are dealt with here; `docpager.storage.object_store` reads and writes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from docpager.core.errors import UsageError
from docpager.core.inputs import kind_of

__all__ = [
    "Location",
    "ObjectPath",
    "StrLocation",
    "absolute",
    "as_location",
    "as_locations",
    "is_remote",
    "wherever_from",
]

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://?(?=[^/]|$)", re.IGNORECASE)
"""One slash too: that is what `Path` leaves of two."""
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


@dataclass(frozen=True, slots=True, order=True)
class ObjectPath:
    """An object, or all objects whose keys begin so, in a bucket."""

    bucket: str
    key: str = ""
    """Without a slash at its ends; empty for the whole bucket."""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}" if self.key else f"s3://{self.bucket}"

    def __truediv__(self, name: str) -> ObjectPath:
        return ObjectPath(self.bucket, "/".join(filter(None, [self.key, name.strip("/")])))

    def as_posix(self) -> str:
        return str(self)

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> ObjectPath:
        return ObjectPath(self.bucket, self.key.rpartition("/")[0])

    def with_name(self, name: str) -> ObjectPath:
        return self.parent / name


Location: TypeAlias = Path | ObjectPath
StrLocation: TypeAlias = str | os.PathLike[str] | ObjectPath
"""A location in any form that a caller may give it."""


def is_remote(written: str) -> bool:
    """Whether this names something in object storage."""
    found = _SCHEME.match(written)
    return found is not None and found[1].lower() == "s3"


def absolute(place: Location) -> str:
    """The place as an archive remembers it."""
    return str(place) if isinstance(place, ObjectPath) else place.resolve().as_posix()


def wherever_from(place: Location) -> Location:
    """The same place, also for a process that works in another folder."""
    return place if isinstance(place, ObjectPath) else place.absolute()


def as_location(given: StrLocation, name: str) -> Location:
    """The location that the argument `name` holds.

    Raises:
        UsageError: it is neither text nor a path, or an address that cannot be read.
    """
    if isinstance(given, ObjectPath):
        return given
    path = os.fspath(given) if isinstance(given, os.PathLike) else given
    if not isinstance(path, str):
        raise UsageError(f"{name} must be a path, as a str or a Path, not {kind_of(given)}")
    scheme = _SCHEME.match(path)
    if scheme is None or (len(scheme[1]) == 1 or ("://" not in path and scheme[1].lower() != "s3")):
        return Path(path)
    if scheme[1].lower() != "s3":
        raise UsageError(
            f"{path!r} cannot be read: of addresses only s3://bucket/prefix is known; "
            "copy it to this machine first"
        )
    bucket, _, key = path[scheme.end() :].partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(f"{path!r} names no bucket; write s3://bucket/prefix")
    return ObjectPath(bucket, "/".join(part for part in key.split("/") if part))


def as_locations(given: StrLocation | Iterable[StrLocation], name: str) -> list[Location]:
    """The locations that the argument `name` holds: several, or a single one.

    Raises:
        UsageError: as `as_location`.
    """
    if isinstance(given, str | bytes | os.PathLike | ObjectPath):
        return [as_location(given, name)]
    if not isinstance(given, Iterable):
        raise UsageError(f"{name} must be a list of paths, not {kind_of(given)}")
    return [as_location(each, f"each of {name}") for each in given]
