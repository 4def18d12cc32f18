"""Files in object storage as an ingest finds them, and brings them here to be read.

Each is downloaded into a temporary folder a few files before its turn, read from there in the
limited process as a local file is, and removed.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from docpager.core.errors import DocumentError, StorageError, UsageError
from docpager.core.locations import Location, ObjectPath, as_location, is_remote
from docpager.documents.files import content_sha256, is_supported
from docpager.documents.kinds import readable_suffixes
from docpager.documents.reasons import Reason
from docpager.storage.object_store import Bucket, ListedObject, ObjectMissing, in_parallel
from docpager.storage.whole_files import copied_here

__all__ = ["FoundObjects", "RemoteFiles", "local_copy", "sha256_at", "stands_there"]

_AHEAD = 8
"""Files that are fetched before their turn."""
_SAMPLE = 65_536


@dataclass(frozen=True, slots=True)
class FoundObjects:
    """What stands under a prefix, each in path order."""

    root: ObjectPath
    """That paths are relative to: the prefix, or what the object that was named stands in."""
    readable: tuple[ListedObject, ...]
    unsupported: tuple[ListedObject, ...] = ()
    hidden: tuple[ListedObject, ...] = ()

    def path_of(self, found: ListedObject) -> str:
        """Its path under the root."""
        return found.path.key[len(self.root.key) :].lstrip("/")


class RemoteFiles:
    """Objects that are found, and fetched one after the other."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def find(self, root: ObjectPath, *, pictures: bool) -> FoundObjects:
        """The objects under `root` (or `root` itself), sorted out as `find_files` does.

        Raises:
            UsageError: there is nothing at `root`.
            StorageError: it cannot be listed.
        """
        listed = [each for each in self._bucket(root).list(root.key) if each.path != root]
        if not listed:
            single = self._single(root)
            return FoundObjects(root.parent, (single,))
        found = FoundObjects(root, tuple(listed))
        endings = readable_suffixes(pictures=pictures)
        own = _own_prefixes(listed)
        readable: list[ListedObject] = []
        unsupported: list[ListedObject] = []
        hidden: list[ListedObject] = []
        unnamed: list[ListedObject] = []
        for each in listed:
            names = found.path_of(each).split("/")
            if each.path.key.startswith(own) or not names[-1]:
                continue
            if any(name.startswith(".") for name in names):
                if ".docpager" not in names:
                    hidden.append(each)
            elif not each.path.suffix:
                unnamed.append(each)
            else:
                kind = readable if each.path.suffix.lower() in endings else unsupported
                kind.append(each)
        for each, can_be_read in zip(
            unnamed,
            in_parallel(lambda it: self._looks_readable(it, pictures), unnamed),
            strict=True,
        ):
            (readable if can_be_read else unsupported).append(each)
        readable.sort(key=lambda each: each.path.key)
        unsupported.sort(key=lambda each: each.path.key)
        return FoundObjects(root, tuple(readable), tuple(unsupported), tuple(hidden))

    @contextmanager
    def fetching(self, locations: Sequence[str]) -> Iterator[Iterator[Path | StorageError]]:
        """The files at these places, one after the other, each where it was fetched to, or why it
        could not be; local ones are where they are. Everything fetched is removed at the end, and
        may be before."""
        if not any(map(is_remote, locations)):
            yield map(Path, locations)
            return
        with TemporaryDirectory(prefix="docpager-") as folder, ThreadPoolExecutor(_AHEAD) as pool:

            def fetch(number: int) -> Path | StorageError:
                place = as_location(locations[number], "file")
                if isinstance(place, Path):
                    return place
                # Its own name, for what looks at the ending.
                target = Path(folder, str(number), place.name)
                target.parent.mkdir()
                try:
                    self._download(place, target)
                except StorageError as error:
                    return error
                return target

            def each() -> Generator[Path | StorageError, None, None]:
                begun: deque[Future[Path | StorageError]] = deque()
                for number in range(len(locations)):
                    begun.append(pool.submit(fetch, number))
                    if len(begun) >= _AHEAD:
                        yield begun.popleft().result()
                while begun:
                    yield begun.popleft().result()

            with closing(each()) as fetched:
                try:
                    yield fetched
                finally:
                    pool.shutdown(cancel_futures=True)

    def _download(self, place: ObjectPath, target: Path) -> None:
        bucket = self._bucket(place)
        bucket.download(place.key, target, size=bucket.look(place.key).bytes)

    def _single(self, place: ObjectPath) -> ListedObject:
        try:
            if place.key:
                return self._bucket(place).look(place.key)
        except ObjectMissing:
            pass
        raise UsageError(f"there is no file or folder '{place}'; check the bucket and the prefix")

    def _looks_readable(self, found: ListedObject, pictures: bool) -> bool:
        with TemporaryDirectory(prefix="docpager-") as folder:
            sample = Path(folder, found.path.name)
            size = min(found.bytes, _SAMPLE)
            self._bucket(found.path).download(found.path.key, sample, size=size)
            return is_supported(sample, pictures=pictures)

    def _bucket(self, place: ObjectPath) -> Bucket:
        if place.bucket not in self._buckets:
            self._buckets[place.bucket] = Bucket(place.bucket)
        return self._buckets[place.bucket]


def stands_there(location: str) -> bool:
    """Whether a file is still where it was ingested from.

    Raises:
        StorageError: object storage does not say.
    """
    place = as_location(location, "file")
    if isinstance(place, Path):
        return place.exists()
    try:
        Bucket(place.bucket).look(place.key)
    except ObjectMissing:
        return False
    return True


def sha256_at(location: str) -> str:
    """Hash of a file's bytes, as in `Document.sha256`.

    Raises:
        DocumentError: it cannot be opened.
    """
    if not is_remote(location):
        return content_sha256(Path(location))
    with local_copy(as_location(location, "file")) as path, path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def local_copy(place: Location) -> Iterator[Path]:
    """A file on this machine: itself, or a copy under its own name that is removed afterwards.

    Raises:
        DocumentError: it cannot be fetched.
    """
    if isinstance(place, Path):
        yield place
        return
    with ExitStack() as opened:
        try:
            copy = opened.enter_context(copied_here(place))
        except StorageError as error:
            raise DocumentError(str(error), Reason.NOT_OPENED) from error
        yield copy


def _own_prefixes(listed: Sequence[ListedObject]) -> tuple[str, ...]:
    """Prefixes of archives, and of what is kept beside answers."""
    keys = [each.path.key for each in listed]
    manifests = {key.removesuffix("manifest.json") for key in keys if key.endswith("manifest.json")}
    batches = {
        key.removesuffix("settings.json") for key in keys if key.endswith(".batch/settings.json")
    }
    archives = {at for at in manifests if any(key.startswith(f"{at}segments/") for key in keys)}
    return tuple(archives | batches | {batch.removesuffix(".batch/") for batch in batches})
