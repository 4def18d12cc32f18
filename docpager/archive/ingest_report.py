"""How far an ingest has come, what it did, and what it had to leave out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from docpager.archive.document_registry import told_apart
from docpager.archive.manifest import FileRecord, Manifest
from docpager.documents.reasons import Reason

__all__ = [
    "IngestChanges",
    "IngestProgress",
    "IngestReport",
    "Progress",
    "Skipped",
    "by_reason",
    "report_of",
]


@dataclass(slots=True)
class IngestProgress:
    """How far an ingest has come."""

    files: int = 0
    """Read and taken in."""
    all_files: int = 0
    """Those that must be read."""
    path: str = ""
    """Of the last one."""
    pdf_pages: int = 0
    passages: int = 0
    """Of the files taken in."""
    embedded: int = 0
    """Passages that have their vectors."""
    recognised: int = 0
    """Scanned pages that were recognised."""
    scanned: int = 0
    """Those that have been found so far and are to be."""
    rebuilding: bool = False
    """Whether indexes that other rules made are made again: then no file is read, `passages` are
    those of the archive, and `embedded` those that stand in the new indexes."""


Progress = Callable[[IngestProgress], None]
"""Told after each file that was read, and whenever some of its passages are embedded."""


@dataclass(slots=True)
class IngestChanges:
    """What one ingest changed."""

    new: int = 0
    changed: int = 0
    removed: int = 0
    read: int = 0
    duplicates: list[tuple[tuple[str, str], tuple[str, str]]] = field(default_factory=list)
    """(root, path) of a file, and of the equal one that was read before it."""
    reread: int = 0
    """Documents read again because older rules had read them."""
    differing: list[tuple[str, str]] = field(default_factory=list)
    """(root, path) of those of them whose text is another one now."""

    def copy(self) -> IngestChanges:
        """The changes so far, whatever follows."""
        return replace(self, duplicates=[*self.duplicates], differing=[*self.differing])


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
    hidden: list[str] = field(default_factory=list)
    """Files and folders under the given folders whose names begin with a dot, in path order."""
    doubtful: dict[str, str] = field(default_factory=dict)
    """By path: why the text of a whole document under the given paths may be wrong."""
    unreadable: dict[str, dict[str, tuple[int, ...]]] = field(default_factory=dict)
    """By path and reason: PDF pages without usable text, of documents under the given paths."""
    older: int = 0
    """Documents under the given paths that were read by older rules; `reread` reads them again."""
    reread: int = 0
    """Documents that older rules had read, and that were read again."""
    differing: list[str] = field(default_factory=list)
    """Those of them whose text is another one now: a run that has met it cannot be resumed."""
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
    twins += changes.differing
    shown = told_apart(
        [*((file.root, file.path) for file in (*known, *unsupported)), *twins],
    )
    report = IngestReport(
        files=len(found),
        missing=list(missing),
        new=changes.new,
        changed=changes.changed,
        removed=changes.removed,
        # Files with a problem before they are read are none that could be read: links, pipes.
        unchanged=sum(not file.problems for file in found) - changes.read,
        duplicates=[(shown[one], shown[other]) for one, other in changes.duplicates],
        reread=changes.reread,
        differing=[shown[place] for place in changes.differing],
        unsupported=[
            shown[file.root, file.path] for file in unsupported if file.reason != Reason.HIDDEN
        ],
        hidden=[
            shown[file.root, file.path] for file in unsupported if file.reason == Reason.HIDDEN
        ],
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
    known = {record.id: record for record in manifest.documents}
    older = set()
    for file in sorted(manifest.files, key=lambda file: file.path):
        if file.location not in asked:
            continue
        path = shown[file.root, file.path]
        report.readable += bool(file.documents)
        report.skipped += [Skipped(path, file.reason, said) for said in file.problems]
        for number, line in file.documents:
            if known[number].unreadable:
                report.unreadable[path + line] = by_reason(known[number].unreadable)
            if 0 in (doubts := dict(known[number].doubtful)):
                report.doubtful[path + line] = doubts[0]
            if known[number].is_read_by_older_rules:
                older.add(number)
    report.older = len(older)


def by_reason(unreadable: Iterable[tuple[int, str]]) -> dict[str, tuple[int, ...]]:
    """PDF pages by the reason why they have no usable text."""
    pages: dict[str, tuple[int, ...]] = {}
    for number, reason in unreadable:
        pages[reason] = (*pages.get(reason, ()), number)
    return pages
