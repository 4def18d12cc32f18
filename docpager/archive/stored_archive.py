"""An archive in object storage: its parts are objects, and putting the manifest is the commit.

Nothing is locked. A writer uploads its parts under names that no other writer gives, then puts the
manifest on the condition that it still is the one that the writer began with; of two at once one is
refused, and begins again from what the other made (`again_if_superseded`). Readers keep parts on
this machine (`storage.part_cache`) and read them as those of a local archive.
"""

from __future__ import annotations

import hashlib
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from docpager.archive.manifest import (
    MANIFEST,
    DamagedManifest,
    Manifest,
    StoredFile,
    Superseded,
    parsed_manifest,
    sealed_manifest,
)
from docpager.core.errors import ArchiveError, StorageError
from docpager.core.locations import ObjectPath
from docpager.storage.atomic_files import (
    CHECKSUMS,
    Checksum,
    checksum_of,
    checksums_of,
    discard,
    parsed_checksums,
)
from docpager.storage.object_store import (
    Bucket,
    ConditionRefused,
    ListedObject,
    ObjectMissing,
    in_parallel,
)
from docpager.storage.part_cache import PartCache, PartFile

__all__ = ["GRACE_SECONDS", "StoredArchive"]

GRACE_SECONDS = 86_400.0
"""How long parts stay that no manifest names any more, for readers that are opening them and
writers that have not committed yet."""
_LINEAGE = 32
"""Commits that a manifest names: so many may follow one whose reply was lost."""
_PARTS = ("segments", "lexical", "deletions")


class StoredArchive:
    """One archive in object storage, as one reader or writer sees it."""

    def __init__(
        self,
        location: ObjectPath,
        *,
        cache: PartCache | None = None,
        grace_seconds: float = GRACE_SECONDS,
        unfinished_seconds: float = GRACE_SECONDS,
    ) -> None:
        """`grace_seconds`: how long what a commit let go of stays; `unfinished_seconds`: the same
        of what was never committed, which its writer may be about to."""
        self.location = location
        self.bucket = Bucket(location.bucket)
        self.grace_seconds = grace_seconds
        self._unfinished_seconds = unfinished_seconds
        self._cache = cache or PartCache.of_user()
        self.kept_here = self._cache.archive(f"{self.bucket.endpoint} {location}")
        """A folder of this machine for what was paid for: embeddings, recognised pages."""
        self._tags: dict[str, str] = {}
        """By commit: the tag of its manifest."""
        self._files: dict[str, tuple[StoredFile, ...]] = {}
        """Of each part of the generations that were met."""
        self._damaged: set[str] = set()
        """Keys of objects that no new part may take over."""
        self._work: Path | None = None

    def __str__(self) -> str:
        return str(self.location)

    def read_manifest(self) -> Manifest:
        """The committed generation.

        Raises:
            ArchiveError: there is none, or it is damaged or from another format.
            StorageError: it cannot be read.
        """
        place = self.location / MANIFEST
        try:
            found = self.bucket.get(place.key)
        except ObjectMissing:
            raise ArchiveError(
                f"no archive '{self}'; make one with `docpager ingest PATH`, or name another with "
                "`archive=`"
            ) from None
        try:
            manifest = parsed_manifest(str(place), found.content)
        except DamagedManifest:
            raise DamagedManifest(
                f"archive manifest '{place}' is damaged; restore an earlier version of the object "
                "where the bucket keeps them, or ingest the documents into another archive"
            ) from None
        if manifest.parts and not manifest.stored:
            manifest = replace(manifest, stored=self._copied(manifest))
        self._note(manifest, found.tag)
        return manifest

    def _copied(self, manifest: Manifest) -> tuple[StoredFile, ...]:
        """The files of an archive that was written on disk and copied here as it was."""
        stored = []
        for part in manifest.parts:
            place = self.location / part
            try:
                if part.startswith("deletions/"):
                    content = self.bucket.get(place.key).content
                    sha256 = hashlib.sha256(content).hexdigest()
                    stored.append(StoredFile(part, "", len(content), sha256, place.key))
                    continue
                listed = parsed_checksums(self.bucket.get((place / CHECKSUMS).key).content)
            except (ObjectMissing, ValueError, KeyError, TypeError) as error:
                raise ArchiveError(
                    f"part '{place}' of the archive is not as it was written: was all of it copied?"
                ) from error
            stored += [
                StoredFile(part, name, each["bytes"], each["sha256"], (place / name).key)
                for name, each in listed.items()
            ]
        return tuple(stored)

    def committed(self) -> Manifest | None:
        """The committed generation; None where an archive can be made.

        Raises:
            ArchiveError: the place holds something else, or a damaged archive.
        """
        try:
            return self.read_manifest()
        except DamagedManifest:
            raise
        except ArchiveError:
            start = len(self.location.key) + 1 if self.location.key else 0
            for found in self.bucket.list(self.location.key):
                room, _, rest = found.path.key[start:].partition("/")
                if rest and room not in _PARTS and room != "runs":
                    raise ArchiveError(
                        f"'{self}' is not empty and not an archive; name another with `archive=`"
                    ) from None
            return None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep parts in a folder of this machine until they are committed.

        Raises:
            StorageError: the storage ignores conditional puts, or cannot be written.
        """
        self.bucket.check_conditions(self.location.key)
        self._work = self._cache.begin_work()
        try:
            yield
        finally:
            shutil.rmtree(self._work, ignore_errors=True)
            self._work = None

    def part_name(self, number: int) -> str:
        """A name that no other writer gives."""
        return f"{number:06d}-{uuid.uuid4().hex[:8]}"

    def new_part(self, part: str) -> Path:
        """Where a part is to be written; the caller is `writing`."""
        if self._work is None:
            raise RuntimeError("a part is written without `writing`")
        place = self._work / part
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def part(self, part: str) -> Path:
        """The folder of a part on this machine, fetched where it is not here yet.

        Raises:
            FileNotFoundError: it is gone: a newer generation has replaced it.
            StorageError: it cannot be fetched, or is not what was committed.
        """
        if self._work is not None and (self._work / part).exists():
            return self._work / part
        files = self._files[part]
        self._fetch(files)
        return self._cache.part([_part_file(file) for file in files], of=self.kept_here)

    def fetch(self, manifest: Manifest) -> None:
        """Bring all parts that readers of a generation need to this machine, several at once."""
        parts = [part for part in manifest.parts if not part.startswith("deletions/")]
        self._fetch([file for part in parts for file in self._files[part]])
        for part in parts:
            self.part(part)
        self._keep_only(manifest)
        self._cache.trim()

    def drop_damaged(self, part: str) -> bool:
        """Have a part fetched again whose copy on this machine is damaged; whether it was."""
        return self._cache.drop_damaged([_part_file(file) for file in self._files[part]])

    def damage_of(self, part: str) -> dict[str, str]:
        """What is wrong with the objects of a part, by file: all of them are read."""

        def problem(file: StoredFile) -> str:
            try:
                if (size := self.bucket.look(file.key).bytes) != file.bytes:
                    return f"it has {size} bytes instead of {file.bytes}"
                digest = hashlib.sha256()
                for block in self.bucket.blocks(file.key, size=size):
                    digest.update(block)
            except ObjectMissing:
                return "it is missing"
            except StorageError as error:
                return str(error)
            return "" if digest.hexdigest() == file.sha256 else "its bytes have changed"

        files = self._files[part]
        problems = zip(files, in_parallel(problem, files), strict=True)
        found = {file: said for file, said in problems if said}
        self._damaged |= {file.key for file in found}
        return {file.name: said for file, said in found.items()}

    def read_bitmap(self, part: str) -> bytes:
        """A file that is a part by itself.

        Raises:
            FileNotFoundError: it is gone.
        """
        (file,) = self._files[part]
        try:
            return self.bucket.get(file.key).content
        except ObjectMissing as error:
            raise FileNotFoundError(str(error)) from error

    def send_part(
        self, part: str, there: Mapping[tuple[str, int], str] | None = None
    ) -> tuple[StoredFile, ...]:
        """Upload a part that was written in `new_part`, but for content that is `there` under
        another key; its files. Whoever commits a manifest that names it must `know` them.

        Raises:
            StorageError: it cannot be written.
        """
        place, own = self.new_part(part), (self.location / part).key
        new: list[tuple[Path, StoredFile]] = []
        files: list[StoredFile] = []
        for name, path, checksum in _files_in(place):
            content = (checksum["sha256"], checksum["bytes"])
            key = (there or {}).get(content)
            file = StoredFile(
                part, name, content[1], content[0], key or f"{own}/{name}".rstrip("/")
            )
            files.append(file)
            if key is None:
                new.append((path, file))
        in_parallel(lambda each: self.bucket.upload(each[0], each[1].key), new)
        # What was written here need not be fetched again.
        if not part.startswith("deletions/"):
            self._cache.adopt([_part_file(file) for file in files], place, of=self.kept_here)
        return tuple(files)

    def know(self, files: Sequence[StoredFile]) -> None:
        """Take these files for those of their parts, whoever sent them."""
        by_part: dict[str, list[StoredFile]] = {}
        for file in files:
            by_part.setdefault(file.part, []).append(file)
        self._files |= {part: tuple(found) for part, found in by_part.items()}

    def commit(self, manifest: Manifest) -> Manifest:
        """Upload the parts of `manifest` that are new, and make it the archive; as committed.

        Raises:
            Superseded: another writer committed since the generation before was read.
            StorageError: it cannot be written. The archive is as it was, or has this generation:
                reading it tells.
        """
        base = manifest.commits[0] if manifest.commits else ""
        stored = self._upload(manifest)
        committed = replace(
            manifest,
            commits=(uuid.uuid4().hex, *manifest.commits)[:_LINEAGE],
            stored=stored,
            retired=self._retired(manifest, stored),
        )
        self._note(committed, self._put(committed, base))
        self.bucket.delete([key for key, _ in self._past(manifest)])
        self._keep_only(committed)
        return committed

    def discard_unnamed(self) -> None:
        """Remove what was written here and is not committed, or is and stands in the cache."""
        if self._work is not None:
            for room in _PARTS:
                discard(self._work / room)

    def remove_unnamed(self, manifest: Manifest) -> tuple[int, int]:
        """Remove objects that no generation names and that are older than the time of grace; how
        many others wait for it, and their bytes.

        Raises:
            StorageError: they cannot be listed or removed.
        """
        named = {file.key for file in manifest.stored}
        retired = dict(manifest.retired)
        now = time.time()
        gone: list[ListedObject] = []
        waiting: list[ListedObject] = []
        for room in _PARTS:
            for found in self.bucket.list((self.location / room).key):
                key = found.path.key
                if key in named:
                    continue
                since = float(retired.get(key, found.modified.timestamp()))
                grace = self.grace_seconds if key in retired else self._unfinished_seconds
                (gone if now - since >= grace else waiting).append(found)
        self.bucket.delete([found.path.key for found in gone])
        return len(waiting), sum(found.bytes for found in waiting)

    def _put(self, manifest: Manifest, base: str) -> str:
        """Put the manifest in the place of that of commit `base`; its tag."""
        key = (self.location / MANIFEST).key
        content, own = sealed_manifest(manifest), manifest.commits[0]
        try:
            if base not in self._tags:
                return self.bucket.create(key, content)
            return self.bucket.replace(key, content, tag=self._tags[base])
        except StorageError as error:
            # It may have been stored all the same, its reply lost: then this commit is the newest,
            # or others have followed it.
            there = self._read_back()
            if there is not None and own in there.commits:
                return self._tags.get(own, "")
            if isinstance(error, ConditionRefused):
                raise Superseded(
                    f"archive '{self}' was changed by another writer meanwhile; run it again"
                ) from error
            raise

    def _read_back(self) -> Manifest | None:
        try:
            return self.read_manifest()
        except (ArchiveError, StorageError):
            return None

    def _upload(self, manifest: Manifest) -> tuple[StoredFile, ...]:
        """Send the parts that are new; the files of all."""
        # What the word index took over from the one before is in storage already.
        there = {
            (file.sha256, file.bytes): file.key
            for file in manifest.stored
            if file.key not in self._damaged
        }
        stored: list[StoredFile] = []
        for part in manifest.parts:
            stored += self._files[part] if part in self._files else self.send_part(part, there)
        return tuple(stored)

    def _retired(
        self, manifest: Manifest, stored: Sequence[StoredFile]
    ) -> tuple[tuple[str, int], ...]:
        """Objects that `stored` names no more, each with when that was noted."""
        kept = {file.key for file in stored}
        past = dict(self._past(manifest))
        waiting = {key: since for key, since in manifest.retired if key not in past}
        now = int(datetime.now(UTC).timestamp())
        waiting |= {f.key: now for f in manifest.stored if f.key not in kept | waiting.keys()}
        return tuple(sorted(waiting.items()))

    def _past(self, manifest: Manifest) -> list[tuple[str, int]]:
        """What an earlier commit let go of, past its time of grace."""
        latest = time.time() - self.grace_seconds
        return [(key, since) for key, since in manifest.retired if since <= latest]

    def _fetch(self, files: Sequence[StoredFile]) -> None:
        def fetch(file: PartFile) -> None:
            def download(path: Path) -> None:
                self.bucket.download(file.key, path, size=file.bytes)

            try:
                self._cache.take(file, download)
            except ObjectMissing as error:
                raise FileNotFoundError(2, str(error), str(self.location / file.key)) from error

        wanted = {file.sha256: _part_file(file) for file in files}
        missing = [file for file in wanted.values() if not self._cache.has(file)]
        # The largest first: the others are fetched beside it.
        in_parallel(fetch, sorted(missing, key=lambda file: -file.bytes))

    def _note(self, manifest: Manifest, tag: str) -> None:
        if tag:
            # What was copied here has no commit of its own.
            self._tags[manifest.commits[0] if manifest.commits else ""] = tag
        self.know(manifest.stored)

    def _keep_only(self, manifest: Manifest) -> None:
        live = [[_part_file(f) for f in self._files[part]] for part in manifest.parts]
        self._cache.keep_only(live, of=self.kept_here)


def _part_file(file: StoredFile) -> PartFile:
    return PartFile(file.name, file.bytes, file.sha256, file.key)


def _files_in(place: Path) -> list[tuple[str, Path, Checksum]]:
    """(name, path, checksum) of each file of a part that was just written."""
    if place.is_file():
        return [("", place, checksum_of(place))]
    return [(name, place / name, each) for name, each in checksums_of(place).items()]
