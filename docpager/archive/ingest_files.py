"""Where an ingest gets its files from: what is found under a path, and what is read from it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol, cast

from docpager.archive.home import home_at, kept_here
from docpager.archive.manifest import RECOGNISED_WITH, FileRecord
from docpager.archive.recognised_pages import RecognisedPages
from docpager.archive.remote_files import RemoteFiles
from docpager.core.errors import DocumentError, StorageError, UsageError
from docpager.core.locations import Location, ObjectPath, absolute, is_remote
from docpager.documents.document import Cut, Document
from docpager.documents.files import (
    find_files,
    is_supported,
    refusal_of,
)
from docpager.documents.kinds import readable_suffixes
from docpager.documents.reasons import Reason

if TYPE_CHECKING:
    from docpager.documents.ocr.tesseract import Tesseract
    from docpager.documents.reader_pool import KeptReaders
    from docpager.documents.reader_process import ReadingJob

__all__ = ["FilesSource", "Reading", "ReadingSettings", "RememberedReadings", "Source"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file held."""

    file: FileRecord
    documents: tuple[tuple[Document, tuple[Cut, ...]], ...] = ()
    """Each with the places where it is cut."""
    problems: tuple[str, ...] = ()
    """A sentence for each part that could not be read."""
    reason: str = ""
    """Why nothing could be read, in a word or two."""

    @property
    def was_recognised(self) -> bool:
        """Whether pages that are pictures were looked at."""
        return any(document.was_looked_at for document, _ in self.documents)


@dataclass(frozen=True, slots=True)
class ReadingSettings:
    """How files are read."""

    timeout_seconds: float | None = None
    """For one file; None: see `ReadingLimits`."""
    retry_failed: bool = False
    """Whether files that could not be read before are read again though they did not change."""
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By path as ingested, or by file name. Never stored."""
    keep_forgotten_out: bool = False
    """Whether files that were forgotten stay out until they change."""
    exclude: Sequence[str] = ()
    """Globs of files and folders to leave out, by name or by path under the root."""
    without: Sequence[Location] = ()
    """Files and folders to leave out, wherever they are met."""
    reread: bool = False
    """Whether files that were read by older rules are read again though they did not change."""
    ocr: bool = False
    """Whether text is recognised in scanned pages and picture files, with tesseract."""
    ocr_language: str = "eng"
    """As tesseract names it; several with `+`, such as `eng+deu`."""
    processes: int | None = None
    """That read files; None: one for each core that this process may use."""

    @property
    def reader(self) -> str:
        """As in `FileRecord.reader`, of files that may have pictures."""
        return f"{RECOGNISED_WITH}{self.ocr_language}" if self.ocr else ""

    def leaves_out(self, path: str) -> bool:
        """Whether a file, by its path under the root, or a folder above it is excluded."""
        place = PurePosixPath(path)
        names = [place, *list(place.parents)[:-1]]
        return any(
            fnmatchcase(name.name, glob) or fnmatchcase(name.as_posix(), glob)
            for glob in (glob.strip("/") for glob in self.exclude)
            for name in names
        )

    def password_of(self, file: FileRecord) -> str | None:
        name = file.path.rpartition("/")[2]
        places = (file.location, file.path, name)
        return next((self.passwords[at] for at in places if at in self.passwords), None)


class Source(Protocol):
    """Finds files, cheaply, and reads those that must be read."""

    def find(self, roots: Sequence[Location]) -> Sequence[FileRecord]:
        """Every file under `roots`, in path order, with size and time but without content; those
        that are not to be read have their problem already, or are `Reason.UNSUPPORTED` or
        `Reason.HIDDEN`."""
        ...

    def retries(self, file: FileRecord) -> bool:
        """Whether a file that could not be read is to be tried again, though it did not change."""
        ...

    def read(self, files: Sequence[FileRecord]) -> Iterator[Reading]:
        """What is in each of the files, in the order given."""
        ...

    def on_recognised(self, tell: Callable[[int, int], None]) -> None:
        """Call `tell` while files are read: how many scanned pages are recognised, of how many."""
        ...


class FilesSource:
    """Files on disk, read by the `documents` room."""

    def __init__(
        self,
        archive_directory: Location,
        *,
        text_field: str | None,
        settings: ReadingSettings | None = None,
        readers: KeptReaders | None = None,
    ) -> None:
        """`readers`: those of this process, where it reads block after block."""
        self._readers = readers
        self._text_field = text_field
        self._settings = settings or ReadingSettings()
        self._without = {absolute(each) for each in (archive_directory, *self._settings.without)}
        self._kept_here = kept_here(home_at(archive_directory))
        self._remote = RemoteFiles()
        self._tesseract: Tesseract | None = None
        self._tell: Callable[[int, int], None] = lambda recognised, scanned: None

    def find(self, roots: Sequence[Location]) -> Sequence[FileRecord]:
        """Every file under `roots`; the archive's own are left out.

        Raises:
            UsageError: there is no such file or folder, a file is of a kind that is not read, or
                text is to be recognised and tesseract or its data are not installed.
        """
        self._look_for_tesseract()
        found: dict[str, FileRecord] = {}
        for root in roots:
            under = self._find_objects if isinstance(root, ObjectPath) else self._find_under
            for record in under(root):  # type: ignore[arg-type]
                # The same file may be named twice (a folder and a file in it): the first root keeps
                # it.
                found.setdefault(record.location, record)
        return list(found.values())

    def _find_under(self, root: Path) -> Iterator[FileRecord]:
        try:
            under = find_files(root, pictures=self._settings.ocr)
        except DocumentError as error:
            raise UsageError(str(error)) from None
        if root.is_file() and not is_supported(root, pictures=self._settings.ocr):
            raise UsageError(_not_supported(root))
        base = (root if root.is_dir() else root.parent).resolve()
        left_out = dict.fromkeys(under.unsupported, Reason.UNSUPPORTED)
        left_out |= dict.fromkeys(under.hidden, Reason.HIDDEN)
        for path in (*under.readable, *left_out):
            relative = path.relative_to(root).as_posix() if root.is_dir() else path.name
            # A name that is no valid text is spelled out; it cannot be opened, and is reported so.
            relative = os.fsencode(relative).decode("utf-8", "backslashreplace")
            place = base / relative
            above = {each.as_posix() for each in (place, *place.parents)}
            if self._without & above or self._settings.leaves_out(relative):
                continue
            try:
                refusal = refusal_of(path, root)
                stat = path.lstat() if refusal else path.stat()
            except OSError:  # gone since it was listed
                continue
            found = FileRecord(
                base.as_posix(),
                relative,
                stat.st_size,
                stat.st_mtime_ns,
                reader=self._reader_of(path.suffix),
                ctime_ns=stat.st_ctime_ns,
                inode=stat.st_ino,
            )
            if path in left_out:
                yield replace(found, reason=left_out[path])
            else:
                yield _refused(found, *refusal) if refusal else found

    def _find_objects(self, root: ObjectPath) -> Iterator[FileRecord]:
        found = self._remote.find(root, pictures=self._settings.ocr)
        left_out = dict.fromkeys(found.unsupported, Reason.UNSUPPORTED)
        left_out |= dict.fromkeys(found.hidden, Reason.HIDDEN)
        for each in (*found.readable, *left_out):
            relative = found.path_of(each)
            if self._settings.leaves_out(relative) or any(
                f"{each.path}/".startswith(f"{place}/") for place in self._without
            ):
                continue
            yield FileRecord(
                str(found.root),
                relative,
                each.bytes,
                int(each.modified.timestamp() * 1_000_000) * 1000,
                reader=self._reader_of(each.path.suffix),
                reason=left_out.get(each, ""),
                # Another content has another tag.
                inode=int(hashlib.sha256(each.tag.encode()).hexdigest()[:15], 16),
            )

    def _reader_of(self, ending: str) -> str:
        if ending.lower() in (".jsonl", ".ndjson"):
            return self._text_field or ""
        return self._settings.reader

    def retries(self, file: FileRecord) -> bool:
        """When asked to, where a password for it has come, or where it was only forgotten."""
        if file.reason == Reason.FORGOTTEN:
            return not self._settings.keep_forgotten_out
        opens = file.reason == Reason.ENCRYPTED and self._settings.password_of(file) is not None
        return self._settings.retry_failed or opens

    def read(self, files: Sequence[FileRecord]) -> Iterator[Reading]:
        """What is in each of the files, read in processes of their own."""
        from docpager.documents.reader_pool import ReadingLimits, read_files

        self._look_for_tesseract()
        limits = ReadingLimits(processes=self._settings.processes)
        if self._settings.timeout_seconds is not None:
            limits = replace(limits, timeout_seconds=self._settings.timeout_seconds)
        keeper = None
        if self._tesseract is not None:
            keeper = RecognisedPages(self._kept_here, self._tesseract.settings, self._tell)
        with self._remote.fetching([file.location for file in files]) as fetched:
            refused: dict[str, StorageError] = {}
            jobs = self._jobs(files, fetched, refused)
            begun = read_files(jobs, limits, keeper, self._readers)
            # A generator that is left half-way must end its processes now, not when it is
            # collected.
            with closing(cast("Generator[Any, None, None]", begun)) as results:
                for file, (job, result) in zip(files, results, strict=True):
                    if is_remote(file.root):
                        job.path.unlink(missing_ok=True)
                    if (error := refused.get(file.location)) is not None:
                        yield Reading(file, problems=(str(error),), reason=Reason.NOT_OPENED)
                    elif isinstance(result, DocumentError):
                        yield Reading(file, problems=(str(result),), reason=result.reason)
                    else:
                        pieces = result.documents
                        documents = tuple((piece.document, piece.cuts) for piece in pieces)
                        yield Reading(file, documents, result.problems)

    def _jobs(
        self,
        files: Sequence[FileRecord],
        fetched: Iterator[Path | StorageError],
        refused: dict[str, StorageError],
    ) -> Iterator[ReadingJob]:
        for file, path in zip(files, fetched, strict=True):
            if isinstance(path, StorageError):
                refused[file.location] = path
                yield self.job(file)
            else:
                yield replace(self.job(file), path=path)

    def on_recognised(self, tell: Callable[[int, int], None]) -> None:
        """Call `tell` while files are read: how many scanned pages are recognised, of how many."""
        self._tell = tell

    def _look_for_tesseract(self) -> None:
        if self._settings.ocr and self._tesseract is None:
            from docpager.documents.ocr.tesseract import find_tesseract

            self._tesseract = find_tesseract(self._settings.ocr_language)

    def job(self, file: FileRecord) -> ReadingJob:
        """What a reader needs to know of a file."""
        from docpager.documents.reader_process import ReadingJob

        return ReadingJob(
            Path(file.location),
            file.path,
            text_field=self._text_field,
            password=self._settings.password_of(file),
            ocr=self._tesseract,
        )


class RememberedReadings:
    """A source that reads nothing twice: an ingest that begins again from what another writer has
    committed meanwhile takes what it has read already.

    It holds the text of what was not committed yet: of one commit's passages at most.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._kept: dict[str, Reading] = {}

    def find(self, roots: Sequence[Location]) -> Sequence[FileRecord]:
        return self._source.find(roots)

    def retries(self, file: FileRecord) -> bool:
        return self._source.retries(file)

    def on_recognised(self, tell: Callable[[int, int], None]) -> None:
        self._source.on_recognised(tell)

    def read(self, files: Sequence[FileRecord]) -> Iterator[Reading]:
        # What is not asked for again was committed by the other writer.
        kept = {f.location: self._kept[f.location] for f in files if self._read_as(f)}
        self._kept = dict(kept)
        begun = self._source.read([file for file in files if file.location not in kept])
        with closing(cast("Generator[Reading, None, None]", begun)) as readings:
            for file in files:
                if file.location not in kept:
                    self._kept[file.location] = next(readings)
                yield self._kept.get(file.location) or kept[file.location]
            for _ in readings:
                raise ValueError("more files were read than were asked for")

    def committed(self) -> None:
        """What was read so far need not be remembered."""
        self._kept.clear()

    def _read_as(self, file: FileRecord) -> bool:
        kept = self._kept.get(file.location)
        return kept is not None and kept.file == file


def _not_supported(path: Path) -> str:
    if path.suffix.lower() in readable_suffixes(pictures=True):
        return (
            f"{str(path)!r} is a picture; its text is read only where it is to be recognised "
            "(`ReadingSettings.ocr=True`)"
        )
    kind = f"of the kind {path.suffix}" if path.suffix else "no text"
    return (
        f"{str(path)!r} is {kind}, which docpager does not read; save it as PDF or text, or leave "
        f"it out (what is read: {' '.join(sorted(readable_suffixes()))})"
    )


def _refused(file: FileRecord, reason: Reason, said: str) -> FileRecord:
    return replace(file, problems=(f"{file.path!r} {said}",), reason=reason)
