"""Where an ingest gets its files from: what is found under a path, and what is read from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol, cast

from docpager.archive.manifest import RECOGNISED_WITH, FileRecord
from docpager.archive.recognised_pages import RecognisedPages
from docpager.core.errors import DocumentError, UsageError
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
    from docpager.documents.reader_process import ReadingJob

__all__ = ["FilesSource", "Reading", "ReadingSettings", "Source"]


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
    without: Sequence[Path] = ()
    """Files and folders to leave out, wherever they are met."""
    reread: bool = False
    """Whether files that were read by older rules are read again though they did not change."""
    ocr: bool = False
    """Whether text is recognised in scanned pages and picture files, with tesseract."""
    ocr_language: str = "eng"
    """As tesseract names it; several with `+`, such as `eng+deu`."""

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

    def find(self, roots: Sequence[Path]) -> Sequence[FileRecord]:
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
        archive_directory: Path,
        *,
        text_field: str | None,
        settings: ReadingSettings | None = None,
    ) -> None:
        self._text_field = text_field
        self._settings = settings or ReadingSettings()
        self._without = {each.resolve() for each in (archive_directory, *self._settings.without)}
        self._directory = archive_directory
        self._tesseract: Tesseract | None = None
        self._tell: Callable[[int, int], None] = lambda recognised, scanned: None

    def find(self, roots: Sequence[Path]) -> Sequence[FileRecord]:
        """Every file under `roots`; the archive's own are left out.

        Raises:
            UsageError: there is no such file or folder, a file is of a kind that is not read, or
                text is to be recognised and tesseract or its data are not installed.
        """
        self._look_for_tesseract()
        found: dict[str, FileRecord] = {}
        for root in roots:
            for record in self._find_under(root):
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
            if self._without & {place, *place.parents} or self._settings.leaves_out(relative):
                continue
            try:
                refusal = refusal_of(path, root)
                stat = path.lstat() if refusal else path.stat()
            except OSError:  # gone since it was listed
                continue
            is_records = path.suffix.lower() in (".jsonl", ".ndjson")
            reader = (self._text_field or "") if is_records else self._settings.reader
            found = FileRecord(
                base.as_posix(),
                relative,
                stat.st_size,
                stat.st_mtime_ns,
                reader=reader,
                ctime_ns=stat.st_ctime_ns,
                inode=stat.st_ino,
            )
            if path in left_out:
                yield replace(found, reason=left_out[path])
            else:
                yield _refused(found, *refusal) if refusal else found

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
        seconds = self._settings.timeout_seconds
        limits = ReadingLimits() if seconds is None else ReadingLimits(timeout_seconds=seconds)
        keeper = None
        if self._tesseract is not None:
            keeper = RecognisedPages(self._directory, self._tesseract.settings, self._tell)
        begun = read_files(map(self.job, files), limits, keeper)
        # A generator that is left half-way must end its processes now, not when it is collected.
        with closing(cast("Generator[Any, None, None]", begun)) as results:
            for file, (_, result) in zip(files, results, strict=True):
                if isinstance(result, DocumentError):
                    yield Reading(file, problems=(str(result),), reason=result.reason)
                else:
                    documents = tuple((piece.document, piece.cuts) for piece in result.documents)
                    yield Reading(file, documents, result.problems)

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
