"""Where an ingest gets its files from: what is found under a path, and what is read from it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from docpager.archive.manifest import FileRecord
from docpager.documents.document import Cut, Document
from docpager.documents.reading import find_files
from docpager.errors import DocumentError, UsageError

__all__ = ["FilesSource", "Reading", "Source"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file held."""

    file: FileRecord
    documents: tuple[tuple[Document, tuple[Cut, ...]], ...] = ()
    """Each with the places where it is cut."""
    problems: tuple[str, ...] = ()
    """A sentence for each part that could not be read."""


class Source(Protocol):
    """Finds files, cheaply, and reads those that must be read."""

    def find(self, roots: Sequence[Path]) -> Sequence[FileRecord]:
        """Every file under `roots`, in path order, with size and time but without content."""
        ...

    def read(self, files: Sequence[FileRecord]) -> Iterator[Reading]:
        """What is in each of the files, in the order given."""
        ...


class FilesSource:
    """Files on disk, read by the `documents` room."""

    def __init__(self, archive_directory: Path, *, text_field: str | None) -> None:
        self._archive = archive_directory.resolve()
        self._text_field = text_field

    def find(self, roots: Sequence[Path]) -> Sequence[FileRecord]:
        """Every readable file under `roots`; the archive's own are left out.

        Raises:
            UsageError: there is no such file or folder.
        """
        found: dict[str, FileRecord] = {}
        for root in roots:
            for record in self._find_under(root):
                found.setdefault(record.location, record)
        return list(found.values())

    def _find_under(self, root: Path) -> Iterator[FileRecord]:
        try:
            paths = find_files(root)
        except DocumentError as error:
            raise UsageError(str(error)) from None
        base = (root if root.is_dir() else root.parent).resolve()
        for path in paths:
            relative = path.relative_to(root).as_posix() if root.is_dir() else path.name
            if self._archive in (base / relative).parents:
                continue
            try:
                stat = path.stat()
            except OSError:  # gone since it was listed
                continue
            reader = self._text_field or ""
            reader = reader if path.suffix.lower() in (".jsonl", ".ndjson") else ""
            yield FileRecord(
                base.as_posix(), relative, stat.st_size, stat.st_mtime_ns, reader=reader
            )

    def read(self, files: Sequence[FileRecord]) -> Iterator[Reading]:
        """What is in each of the files, read in processes of their own."""
        from docpager.documents.workers import ReadingJob, read_files

        jobs = [ReadingJob(Path(f.location), f.path, text_field=self._text_field) for f in files]
        with closing(cast("Generator[Any, None, None]", read_files(jobs))) as results:
            for file, (_, result) in zip(files, results, strict=True):
                if isinstance(result, DocumentError):
                    yield Reading(file, problems=(str(result),))
                else:
                    documents = tuple((piece.document, piece.cuts) for piece in result.documents)
                    yield Reading(file, documents, result.problems)
