"""What an archive holds, in figures, and what it could not read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from docpager.archive.document_registry import told_apart
from docpager.archive.ingest_report import Skipped
from docpager.archive.manifest import Manifest
from docpager.archive.snapshot import Snapshot
from docpager.core.locations import Location
from docpager.core.passages import DocumentEntry
from docpager.documents.document import PdfPage

__all__ = ["ArchiveStatus", "Audit", "UnreadablePage", "audit_of", "status_of"]


@dataclass(frozen=True, slots=True)
class ArchiveStatus:
    """One generation, counted."""

    archive_id: str
    format: int
    generation: int
    embedder: str
    dimension: int
    documents: int
    passages: int
    deleted_passages: int
    """Still in the segments; merges drop them."""
    tokens: int
    """Of all live passages, by the built-in estimator."""
    pdf_pages: int
    unreadable_pdf_pages: int
    read_by_older_rules: int
    """Documents whose files would be read by other rules now; `ingest` can read them again."""
    versions: dict[str, str]
    """Of the rules that read the documents and made the indexes, by what has them."""
    files: int
    """Found so far: those read, duplicates, those not read, and those left out."""
    files_read: int
    duplicate_files: int
    """Whose documents are all those of another file."""
    files_not_read: int
    """From which nothing could be read; `docpager.Archive.audit` names them."""
    left_out: dict[str, int]
    """Files of kinds that are not read, and hidden files and folders, by kind."""
    segments: int
    bytes: int
    """Of the parts, on disk or in object storage."""
    roots: tuple[str, ...]
    """Where documents were ingested from."""


def status_of(directory: Location, generation: Snapshot) -> ArchiveStatus:
    """Count the documents of a generation and the bytes of its parts."""
    manifest, live = generation.manifest, generation.live
    passages = sum(record.passages for record in live)
    counts = _files_of(manifest)
    return ArchiveStatus(
        archive_id=manifest.archive_id,
        format=manifest.format,
        generation=manifest.generation,
        embedder=manifest.embedder,
        dimension=manifest.dimension,
        documents=len(live),
        passages=passages,
        deleted_passages=sum(segment.rows for segment in manifest.segments) - passages,
        tokens=sum(record.tokens for record in live),
        pdf_pages=sum(record.pdf_pages for record in live),
        unreadable_pdf_pages=sum(len(record.unreadable) for record in live),
        read_by_older_rules=sum(record.is_read_by_older_rules for record in live),
        versions=generation.versions,
        files=sum(counts) + sum(count for _, _, count in manifest.left_out),
        files_read=counts[0],
        duplicate_files=counts[1],
        files_not_read=counts[2],
        left_out=_by_kind(manifest),
        segments=len(manifest.segments),
        bytes=(
            sum(_bytes(directory / part) for part in manifest.parts)
            if isinstance(directory, Path)
            else sum(file.bytes for file in manifest.stored)
        ),
        roots=tuple(sorted({file.root for file in manifest.files})),
    )


def _files_of(manifest: Manifest) -> tuple[int, int, int]:
    """Files that were read, that hold only what others do, and that could not be read."""
    read = duplicates = failed = 0
    known: set[int] = set()
    for file in manifest.files:
        numbers = {number for number, _ in file.documents}
        if not numbers:
            failed += 1
        elif numbers <= known:
            duplicates += 1
        else:
            read += 1
        known |= numbers
    return read, duplicates, failed


def _by_kind(manifest: Manifest) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for _, kind, count in manifest.left_out:
        counts[kind] += count
    return dict(counts.most_common())


def _bytes(path: Path) -> int:
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


@dataclass(frozen=True, slots=True)
class UnreadablePage:
    """A page without usable text, or with doubtful text; its `problem` or `doubt` says why.

    Page 0 is the whole document, whose text may be wrong.
    """

    document: DocumentEntry
    page: PdfPage


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything that no search can find, or that may be found otherwise than it stands there."""

    pages: tuple[UnreadablePage, ...]
    """By document, in page order."""
    files: tuple[Skipped, ...]
    """Files, and lines of files, that could not be read, in path order."""


def audit_of(generation: Snapshot) -> Audit:
    """Gather what could not be read; only outlines of documents with such pages are opened."""
    pages = []
    for record in generation.live:
        if not record.unreadable and not record.doubtful:
            continue
        entry = generation.entries[record.id]
        if whole := dict(record.doubtful).get(0):
            pages.append(UnreadablePage(entry, PdfPage(0, "", 0, 0, doubt=whole)))
        found = generation.segments[record.segment].pdf_pages(record.id)
        pages += [UnreadablePage(entry, page) for page in found if page.problem or page.doubt]
    files = sorted(generation.manifest.files, key=lambda file: (file.path, file.root))
    shown = told_apart((file.root, file.path) for file in files)
    failed = [
        Skipped(shown[file.root, file.path], file.reason, said)
        for file in files
        for said in file.problems
    ]
    return Audit(tuple(pages), tuple(failed))
