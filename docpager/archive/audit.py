"""What an archive could not read: files, and pages of files."""

from __future__ import annotations

from dataclasses import dataclass

from docpager.archive.catalogue import told_apart
from docpager.archive.generation_reader import Generation
from docpager.archive.report import Skipped
from docpager.core.passages import DocumentEntry
from docpager.documents.document import PdfPage

__all__ = ["Audit", "UnreadablePage", "audit_of"]


@dataclass(frozen=True, slots=True)
class UnreadablePage:
    """A PDF page without usable text; its `problem` says why."""

    document: DocumentEntry
    page: PdfPage


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything that no search can find."""

    pages: tuple[UnreadablePage, ...]
    """By document, in page order."""
    files: tuple[Skipped, ...]
    """Files, and lines of files, that could not be read, in path order."""


def audit_of(generation: Generation) -> Audit:
    """Gather what could not be read; only outlines of documents with such pages are opened."""
    pages = [
        UnreadablePage(generation.entries[record.id], page)
        for record in generation.live
        if record.unreadable
        for page in generation.segments[record.segment].pdf_pages(record.id)
        if page.problem
    ]
    files = sorted(generation.manifest.files, key=lambda file: (file.path, file.root))
    shown = told_apart((file.root, file.path) for file in files)
    failed = [
        Skipped(shown[file.root, file.path], file.reason, said)
        for file in files
        for said in file.problems
    ]
    return Audit(tuple(pages), tuple(failed))
