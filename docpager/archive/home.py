"""Where an archive is kept: in a folder, or in object storage with its parts fetched as needed.

What differs between the two is asked here; whoever reads or writes parts is given their folders.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from docpager.archive.manifest import Superseded
from docpager.archive.segment import Segment
from docpager.core.locations import Location
from docpager.storage.atomic_files import damage_of, damaged_part
from docpager.storage.writer_lock import writing as writing_folder

if TYPE_CHECKING:
    from docpager.archive.manifest import Manifest, SegmentRecord
    from docpager.archive.stored_archive import StoredArchive

__all__ = [
    "Home",
    "again_if_superseded",
    "home_at",
    "kept_here",
    "new_part",
    "part_damage",
    "part_name",
    "part_path",
    "parts_brought",
    "sound_segment",
    "writing",
]

Home: TypeAlias = "Path | StoredArchive"
"""A folder, or an archive in object storage that was opened to be read or written."""
_BEGUN_AGAIN = 50

_Made = TypeVar("_Made")


def home_at(location: Location | Home) -> Home:
    """The archive's home; nothing is looked at yet.

    Raises:
        UsageError: what speaks to object storage is not installed, or its endpoint is refused.
    """
    if isinstance(location, Path):
        return location
    from docpager.archive.stored_archive import StoredArchive

    return location if isinstance(location, StoredArchive) else StoredArchive(location)


def part_path(home: Home, part: str) -> Path:
    """The folder of a part, committed or just written.

    Raises:
        FileNotFoundError: it is gone from object storage.
        StorageError: it cannot be fetched.
    """
    return home / part if isinstance(home, Path) else home.part(part)


def new_part(home: Home, part: str) -> Path:
    """Where a new part is to be written; the caller is `writing`."""
    return home / part if isinstance(home, Path) else home.new_part(part)


def part_name(home: Home, number: int) -> str:
    """What the part of this number is called."""
    return f"{number:06d}" if isinstance(home, Path) else home.part_name(number)


def kept_here(home: Home) -> Path:
    """The folder for what was paid for and is kept on this machine."""
    return home if isinstance(home, Path) else home.kept_here


def parts_brought(home: Home, manifest: Manifest) -> None:
    """See that the parts of a generation are on this machine.

    Raises:
        FileNotFoundError, StorageError: as `part_path`.
    """
    if not isinstance(home, Path):
        home.fetch(manifest)


def sound_segment(home: Home, record: SegmentRecord) -> Segment:
    """A segment whose bytes are as they were written: what is copied gets new checksums.

    Raises:
        ArchiveError: it is damaged.
    """
    part = f"segments/{record.name}"
    place = part_path(home, part)
    if damage_of(place):
        if isinstance(home, Path) or not home.drop_damaged(part):
            raise damaged_part(place)
        place = home.part(part)
    return Segment.open(place, record.rows)


def part_damage(home: Home, part: str) -> dict[str, str]:
    """What is wrong with the files of a part where the archive is kept, by name."""
    return damage_of(home / part) if isinstance(home, Path) else home.damage_of(part)


@contextmanager
def writing(home: Home) -> Iterator[None]:
    """Be a writer of an archive that may not be there yet: in a folder, the only one.

    Raises:
        ArchiveLocked: another process writes the folder.
        ArchiveError: the folder cannot be written.
        StorageError: the object storage cannot be written.
    """
    with writing_folder(home) if isinstance(home, Path) else home.writing():
        yield


def again_if_superseded(attempt: Callable[[], _Made]) -> _Made:
    """What `attempt` makes; it begins again from the newest generation where another writer was
    faster.

    Raises:
        Superseded: others were faster every time.
    """
    for number in range(1, _BEGUN_AGAIN + 1):
        try:
            return attempt()
        except Superseded:
            if number == _BEGUN_AGAIN:
                raise
            # By chance, so that two writers do not meet again and again.
            time.sleep(random.uniform(0, min(2.0, 0.05 * number)))
    raise AssertionError("unreachable")
