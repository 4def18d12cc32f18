"""Archives made in a moment: files read in this process, embedded by hashes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from docpager.archive.archive import Archive
from docpager.archive.ingest import ingest
from docpager.archive.ingest_files import FilesSource, Reading, ReadingSettings
from docpager.archive.ingest_report import IngestReport
from docpager.archive.manifest import FileRecord
from docpager.core.errors import DocumentError
from docpager.documents.reader_process import read_and_cut
from docpager.testing import HashingEmbedder


class HereSource(FilesSource):
    """Reads files in this process, and remembers which."""

    def __init__(
        self,
        directory: Path,
        text_field: str | None = None,
        settings: ReadingSettings | None = None,
        readers: object = None,
    ) -> None:
        super().__init__(directory, text_field=text_field, settings=settings)
        self.read_paths: list[str] = []

    def read(self, files: Sequence[FileRecord]) -> Iterator[Reading]:
        for file in files:
            self.read_paths.append(file.path)
            try:
                cut_file = read_and_cut(self.job(file))
            except DocumentError as error:
                yield Reading(file, problems=(str(error),), reason=error.reason)
                continue
            documents = tuple((piece.document, piece.cuts) for piece in cut_file.documents)
            yield Reading(file, documents, cut_file.problems)


class Workshop:
    """A folder of files and an archive beside it."""

    def __init__(self, home: Path) -> None:
        self.files = home / "files"
        self.directory = home / "archive"
        self.files.mkdir()
        self.read_paths: list[str] = []

    def write(self, **texts: str) -> None:
        """Write `name_txt="..."` as name.txt (the last underscore is the dot)."""
        for name, text in texts.items():
            path = self.files / ".".join(name.rsplit("_", 1))
            path.write_text(text, encoding="utf-8")

    def ingest(
        self,
        *roots: Path,
        prune: bool = False,
        text_field: str | None = None,
        reading: ReadingSettings | None = None,
    ) -> IngestReport:
        source = self.source(text_field, reading)
        report = ingest(
            roots or (self.files,),
            self.directory,
            embedder=HashingEmbedder(),
            prune=prune,
            reading=reading,
            source=source,
        )
        self.read_paths = source.read_paths
        return report

    def source(
        self, text_field: str | None = None, reading: ReadingSettings | None = None
    ) -> HereSource:
        return HereSource(self.directory, text_field, reading)

    def open(self) -> Archive:
        return Archive.open(self.directory, embedder=HashingEmbedder())

    def paths(self) -> dict[str, tuple[str, ...]]:
        return {entry.name: entry.paths for entry in self.open().documents()}


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)
