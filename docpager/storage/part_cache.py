"""Files of object storage kept on this machine, found by their checksums.

Programs share them: a file is downloaded under a name of its own, checked, put on the disk and
renamed, so that whoever finds it finds it whole; a program that dies leaves nothing that another
could take for it. A part is a folder of links to such files. What was used longest ago goes first
when there is too much.

    files/<sha256>              each file once
    parts/<id>/                 a part; its id is the hash of its list of files
    archives/<id>/parts/<id>    which parts an archive has here
    work/<id>/                  parts that are being written
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from docpager.core.errors import StorageError
from docpager.storage.atomic_files import CHECKSUMS, Checksum, checksum_of, checksums_of, damage_of

__all__ = ["PartCache", "PartFile"]

_MOST_BYTES = 20 * 10**9
_JUST_USED_SECONDS = 600.0
"""A part that was used so lately is kept whatever the sum is: somebody may be opening it."""
_FORSAKEN_SECONDS = 2 * 86_400.0
"""What no program can be working on any more."""


@dataclass(frozen=True, slots=True)
class PartFile:
    """One file of a part."""

    name: str
    bytes: int
    sha256: str
    key: str
    """Of its object."""

    @property
    def checksum(self) -> Checksum:
        return Checksum(bytes=self.bytes, sha256=self.sha256)


class PartCache:
    """The files that this user keeps of all archives in object storage."""

    def __init__(self, root: Path, *, most_bytes: int = _MOST_BYTES) -> None:
        self.root = root
        self.most_bytes = most_bytes

    @classmethod
    def of_user(cls) -> PartCache:
        """In `DOCPAGER_CACHE_DIR`, or where this system keeps caches; at most
        `DOCPAGER_CACHE_GB` (20).

        Raises:
            StorageError: the size is no number.
        """
        said = os.environ.get("DOCPAGER_CACHE_GB") or ""
        try:
            most_bytes = int(float(said) * 10**9) if said else _MOST_BYTES
        except ValueError:
            raise StorageError(f"DOCPAGER_CACHE_GB is {said!r}; give a number, as in 20") from None
        return cls(_folder_of_user(), most_bytes=most_bytes)

    def archive(self, name: str) -> Path:
        """What is kept of one archive besides its parts."""
        return self.root / "archives" / _hash(name)

    def begin_work(self) -> Path:
        """A new folder to write parts in; what dead writers left long ago is removed."""
        work = self.root / "work"
        work.mkdir(parents=True, exist_ok=True)
        _remove_forsaken(work)
        _remove_forsaken(self.root / "files", "*.new")
        _remove_forsaken(self.root / "parts", "*.new")
        made = work / uuid.uuid4().hex
        made.mkdir()
        return made

    def has(self, file: PartFile) -> bool:
        with contextlib.suppress(OSError):
            return self._file(file).stat().st_size == file.bytes
        return False

    def take(self, file: PartFile, fetch: Callable[[Path], None]) -> None:
        """Keep what `fetch` writes to the path it is given.

        Raises:
            StorageError: it is not what the file must be.
        """
        folder = self.root / "files"
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / f"{file.sha256}.{uuid.uuid4().hex}.new"
        try:
            fetch(new)
            if (found := checksum_of(new)) != file.checksum:
                raise StorageError(
                    f"object '{file.key}' is damaged: it has {found['bytes']:,} bytes of "
                    f"sha256 {found['sha256'][:12]}, not {file.bytes:,} of {file.sha256[:12]}; "
                    "`docpager.repair(...)` rebuilds it"
                )
            # The bytes before the name: a name that outlives a power cut would name nothing.
            with new.open("rb") as written:
                os.fsync(written.fileno())
            new.replace(self._file(file))
        finally:
            new.unlink(missing_ok=True)

    def part(self, files: Sequence[PartFile], *, of: Path) -> Path:
        """The folder of a part whose files are all here; `of` is the `archive` it belongs to.

        Raises:
            FileNotFoundError: one was removed meanwhile.
        """
        place = self._part(files)
        if not self._is_used_now(place):
            self._assemble(files, place)
        mark = of / "parts" / place.name
        if not mark.exists():
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
        return place

    def adopt(self, files: Sequence[PartFile], directory: Path, *, of: Path) -> None:
        """Keep a part that was written in `directory`, which may be removed afterwards."""
        for file in files:
            if not self.has(file):
                self.take(file, lambda new, file=file: _link(directory / file.name, new))  # type: ignore[misc]
        self.part(files, of=of)

    def drop_damaged(self, files: Sequence[PartFile]) -> bool:
        """Remove a part whose files are not as they were written; whether it was so."""
        place = self._part(files)
        damaged = damage_of(place)
        if not damaged:
            return False
        for file in files:
            if file.name in damaged or CHECKSUMS in damaged:
                self._file(file).unlink(missing_ok=True)
        _discard(place)
        return True

    def keep_only(self, live: Collection[Sequence[PartFile]], *, of: Path) -> None:
        """Remove every part of an archive but these: others may hold what was forgotten."""
        kept = {self._part(files).name for files in live}
        for mark in (of / "parts").glob("*"):
            if mark.name not in kept:
                self._remove_part(self.root / "parts" / mark.name)
                mark.unlink(missing_ok=True)

    def trim(self) -> None:
        """Remove what was used longest ago until it is no more than `most_bytes`."""
        sizes = {
            (stat.st_dev, stat.st_ino): stat.st_size
            for stat in map(_stat, [*self.root.glob("files/*"), *self.root.glob("parts/*/*")])
            if stat is not None
        }
        excess = sum(sizes.values()) - self.most_bytes
        used = [(stat.st_mtime, p) for p in self.root.glob("parts/*") if (stat := _stat(p))]
        for last_use, place in sorted(used):
            if excess <= 0 or time.time() - last_use < _JUST_USED_SECONDS:
                break
            excess -= sum(stat.st_size for file in place.glob("*") if (stat := _stat(file)))
            self._remove_part(place)

    def _remove_part(self, place: Path) -> None:
        """Remove a part, and the files of it that stand in no other."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            hashes = [checksum["sha256"] for checksum in checksums_of(place).values()]
            _discard(place)
            for path in (self.root / "files" / sha256 for sha256 in hashes):
                if path.stat().st_nlink == 1:
                    path.unlink()
        _discard(place)

    def _file(self, file: PartFile) -> Path:
        return self.root / "files" / file.sha256

    def _part(self, files: Sequence[PartFile]) -> Path:
        return self.root / "parts" / _hash(_list_of(files))

    def _is_used_now(self, place: Path) -> bool:
        try:
            os.utime(place)
        except FileNotFoundError:
            return False
        return True

    def _assemble(self, files: Sequence[PartFile], place: Path) -> None:
        new = place.with_name(f"{place.name}.{uuid.uuid4().hex}.new")
        new.mkdir(parents=True)
        try:
            for file in files:
                _link(self._file(file), new / file.name)
            (new / CHECKSUMS).write_text(_list_of(files), encoding="utf-8")
            # Fails where another program was faster: then its folder is as good.
            with contextlib.suppress(OSError):
                new.rename(place)
        finally:
            shutil.rmtree(new, ignore_errors=True)


def _folder_of_user() -> Path:
    if named := os.environ.get("DOCPAGER_CACHE_DIR"):
        return Path(named)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "docpager"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _list_of(files: Sequence[PartFile]) -> str:
    """As `atomic_files.checksums_of` reads it."""
    return json.dumps({file.name: file.checksum for file in sorted(files, key=lambda f: f.name)})


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:  # removed by another program since it was listed
        return None


def _discard(place: Path) -> None:
    """Out of the way in one step, then removed: nobody finds half of a part."""
    aside = place.with_name(f"{place.name}.{uuid.uuid4().hex}.new")
    with contextlib.suppress(OSError):
        place.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _remove_forsaken(folder: Path, glob: str = "*") -> None:
    for path in folder.glob(glob):
        stat = _stat(path)
        if stat and time.time() - stat.st_mtime > _FORSAKEN_SECONDS:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
