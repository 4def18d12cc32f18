"""What an ingest did, and what it had to leave out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from docpager.archive.document_registry import told_apart
from docpager.archive.ingest_session import IngestChanges
from docpager.archive.manifest import FileRecord, Manifest

__all__ = ["IngestReport", "Skipped", "by_reason", "report_of"]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file, or a line of it, that could not be read."""

    path: str
    reason: str
    """In a word or two; empty where other parts of the file were read."""
    message: str
    """In a sentence that says what to do."""


@dataclass(slots=True)
class IngestReport:
    """The archive after an ingest, and what the ingest changed."""

    documents: int = 0
    """Live documents of the archive."""
    passages: int = 0
    """Live passages of the archive."""
    pdf_pages: int = 0
    generation: int = 0
    files: int = 0
    """Files found under the given paths."""
    new: int = 0
    """Documents with a new id, or whose content came back."""
    changed: int = 0
    """Those of the new ones that replaced another."""
    unchanged: int = 0
    """Files that did not change, or were only touched or moved."""
    removed: int = 0
    """Documents that no file holds any more."""
    missing: list[str] = field(default_factory=list)
    """Files that are gone or excluded but whose documents are kept; pruning removes them."""
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    """(path, path of the equal file read before it)."""
    skipped: list[Skipped] = field(default_factory=list)
    """What could not be read under the given paths, in path order."""
    unsupported: list[str] = field(default_factory=list)
    """Files under the given folders that are of a kind which is not read, in path order."""
    unreadable: dict[str, dict[str, tuple[int, ...]]] = field(default_factory=dict)
    """By path and reason: PDF pages without usable text, of documents under the given paths."""
    seconds: float = 0.0

    readable: int = 0
    """Files under the given paths from which at least one document came."""

    @property
    def nothing_readable(self) -> bool:
        """Whether not one document came out of the given paths."""
        return self.readable == 0


def report_of(
    manifest: Manifest | None,
    found: Sequence[FileRecord],
    missing: Sequence[str],
    changes: IngestChanges,
    unsupported: Sequence[FileRecord] = (),
    *,
    seconds: float,
) -> IngestReport:
    """What to tell about an ingest: the archive as it is, the files asked for, the changes."""
    known = manifest.files if manifest else ()
    twins = [place for pair in changes.duplicates for place in pair]
    shown = told_apart(
        [*((file.root, file.path) for file in (*known, *unsupported)), *twins],
    )
    report = IngestReport(
        files=len(found),
        missing=list(missing),
        new=changes.new,
        changed=changes.changed,
        removed=changes.removed,
        unchanged=len(found) - changes.read,
        duplicates=[(shown[one], shown[other]) for one, other in changes.duplicates],
        unsupported=[shown[file.root, file.path] for file in unsupported],
        seconds=seconds,
    )
    if manifest is None:
        return report
    live = [record for record in manifest.documents if record.is_live]
    report.generation = manifest.generation
    report.documents = len(live)
    report.passages = sum(record.passages for record in live)
    report.pdf_pages = sum(record.pdf_pages for record in live)
    _add_files(report, manifest, {file.location for file in found}, shown)
    return report


def _add_files(
    report: IngestReport,
    manifest: Manifest,
    asked: set[str],
    shown: Mapping[tuple[str, str], str],
) -> None:
    unreadable = {record.id: record.unreadable for record in manifest.documents}
    for file in sorted(manifest.files, key=lambda file: file.path):
        if file.location not in asked:
            continue
        path = shown[file.root, file.path]
        report.readable += bool(file.documents)
        report.skipped += [Skipped(path, file.reason, said) for said in file.problems]
        for number, line in file.documents:
            if unreadable[number]:
                report.unreadable[path + line] = by_reason(unreadable[number])


def by_reason(unreadable: Iterable[tuple[int, str]]) -> dict[str, tuple[int, ...]]:
    """PDF pages by the reason why they have no usable text."""
    pages: dict[str, tuple[int, ...]] = {}
    for number, reason in unreadable:
        pages[reason] = (*pages.get(reason, ()), number)
    return pages
