"""Rebuilds damaged parts: from what is sound of them, else from the files they were read from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from docpager.archive.catalogue import named_documents
from docpager.archive.embedding import Embedder, load_embedder
from docpager.archive.manifest import (
    COPY,
    DocumentRecord,
    FileRecord,
    Manifest,
    mend_manifest,
    read_manifest,
)
from docpager.archive.rewriting import StoredDocument, rewrite, stored_document
from docpager.archive.segment import DOCUMENTS_FILE, PASSAGES_FILE, Segment
from docpager.archive.sources import FilesSource, Source
from docpager.archive.vectors import PROPOSALS_FILE, VECTORS_FILE
from docpager.archive.verify import Damage, damages_of
from docpager.core.inputs import StrPath, as_path
from docpager.documents.chunking import passages_of
from docpager.storage.writer_lock import writing

__all__ = ["Repaired", "repair"]

_TEXT_FILES = {PASSAGES_FILE, DOCUMENTS_FILE}


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did."""

    damages: tuple[Damage, ...]
    """What was found; empty where nothing had to be done."""
    read_again: tuple[tuple[int, str], ...] = ()
    """(id, path) of documents whose passages were read from their files again."""
    lost: tuple[tuple[int, str], ...] = ()
    """(id, path) of documents that could not be rebuilt: their files are gone or have changed."""


def repair(
    directory: StrPath, *, embedder: Embedder | None = None, source: Source | None = None
) -> Repaired:
    """Rebuild whatever `verify` finds damaged; ids stay, sound parts are copied.

    Raises:
        ArchiveError: there is no archive, its manifest and the copy of it are both damaged, or it
            cannot be written.
        UsageError: `directory` is no path.
    """
    directory = as_path(directory, "directory")
    if not (directory / COPY).is_file():
        read_manifest(directory)
    with writing(directory):
        mended = [Damage(name, "", said) for name, said in mend_manifest(directory).items()]
        manifest = read_manifest(directory)
        damages = damages_of(directory, manifest)
        if not damages:
            return Repaired(tuple(mended))
        done = _Rebuilding(directory, manifest, damages, source).run(embedder)
        return replace(done, damages=(*mended, *done.damages))


class _Rebuilding:
    """One repair at work."""

    def __init__(
        self, directory: Path, manifest: Manifest, damages: list[Damage], source: Source | None
    ) -> None:
        self._directory = directory
        self._manifest = manifest
        self._damages = damages
        self._source = source
        self._live = [record for record in manifest.documents if record.is_live]
        self._sound, self._without_vectors = self._segments()

    def run(self, embedder: Embedder | None) -> Repaired:
        @cache
        def load() -> Embedder:
            return embedder or load_embedder(self._manifest.embedder)

        wanted = [record for record in self._live if record.segment not in self._sound]
        again = self._read_again(wanted)
        lost = [record for record in wanted if record.id not in again]
        rewrite(
            self._directory,
            self._manifest,
            self._documents(again),
            embedder=load,
            files=self._files_without({record.id for record in lost}),
        )
        read_again = [record for record in wanted if record.id in again]
        return Repaired(
            tuple(self._damages),
            named_documents(self._manifest, read_again),
            named_documents(self._manifest, lost),
        )

    def _segments(self) -> tuple[dict[str, Segment], set[str]]:
        """Segments whose text is sound, and the names of those that need new vectors."""
        bad: dict[str, set[str]] = {}
        for damage in self._damages:
            bad.setdefault(damage.part, set()).add(damage.file)
        sound: dict[str, Segment] = {}
        without_vectors = set()
        for record in self._manifest.segments:
            place = self._directory / "segments" / record.name
            files = bad.get(f"segments/{record.name}", set())
            if not files:
                sound[record.name] = Segment.open(place, record.rows)
            elif files <= {VECTORS_FILE, PROPOSALS_FILE}:
                sound[record.name] = Segment.open(place, record.rows, only=_TEXT_FILES)
                without_vectors.add(record.name)
        return sound, without_vectors

    def _documents(self, again: dict[int, StoredDocument]) -> Iterator[StoredDocument]:
        for record in sorted(self._live, key=lambda record: record.id):
            if record.id in again:
                yield again[record.id]
            elif record.segment in self._sound:
                keeps = record.segment not in self._without_vectors
                segment = self._sound[record.segment]
                yield stored_document(segment, record, with_vectors=keeps)

    def _read_again(self, wanted: list[DocumentRecord]) -> dict[int, StoredDocument]:
        """Those of the wanted documents that their files still hold, by id."""
        by_content = {(record.sha256, record.reader): record for record in wanted}
        numbers = {record.id for record in wanted}
        files = [f for f in self._manifest.files if any(n in numbers for n, _ in f.documents)]
        found = {}
        for reader in sorted({file.reader for file in files}):
            source = self._source or FilesSource(self._directory, text_field=reader or None)
            for reading in source.read([file for file in files if file.reader == reader]):
                for document, cuts in reading.documents:
                    record = by_content.get((document.sha256, reader))
                    if record is None or not cuts:
                        continue
                    passages = tuple(passages_of(document, cuts, record.id))
                    settled = replace(
                        record,
                        passages=len(passages),
                        tokens=sum(passage.tokens for passage in passages),
                        pdf_pages=len(document.pdf_pages),
                        unreadable=document.unreadable,
                    )
                    found[record.id] = StoredDocument(settled, document, passages)
        return found

    def _files_without(self, lost: set[int]) -> tuple[FileRecord, ...]:
        """Files as they are remembered; the next ingest reads those that held a lost document."""
        kept = []
        for file in self._manifest.files:
            documents = tuple(held for held in file.documents if held[0] not in lost)
            if documents == file.documents:
                kept.append(file)
            elif documents:
                kept.append(replace(file, documents=documents, size=-1, sha256=""))
        return tuple(kept)
