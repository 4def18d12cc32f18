"""`docpager ingest`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from docpager.cli.options import (
    archive_option,
    as_json_option,
    counted_pages,
    embedder_for,
    embedder_option,
    read_by_older_rules,
    tell_unsupported,
)
from docpager.cli.progress import ingest_progress
from docpager.cli.terminal import note, print_json, say

if TYPE_CHECKING:
    from docpager.archive.ingest_report import IngestReport

__all__ = ["ingest"]


@click.command()
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path)
)
@archive_option
@embedder_option
@click.option("--text-field", metavar="FIELD", help="The field of a JSONL line that is its text.")
@click.option(
    "--exclude",
    multiple=True,
    metavar="GLOB",
    help="Leave out files and folders, by name or by path under PATH. May be repeated.",
)
@click.option(
    "--prune", is_flag=True, help="Remove the documents of files that are gone or excluded."
)
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Passwords of encrypted PDFs: a JSON object by file name or path.",
)
@click.option(
    "--timeout-per-file",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="How long reading one file may take; 300 where not given.",
)
@click.option(
    "--retry-failed", is_flag=True, help="Read again what could not be read, though unchanged."
)
@click.option(
    "--reread",
    is_flag=True,
    help="Read again what an earlier docpager read by older rules, though unchanged.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Exit with 1 if anything could not be read, or is of a kind that is not read.",
)
@click.option("--verbose", "-v", is_flag=True, help="Name every file that is not read.")
@as_json_option
def ingest(
    paths: tuple[Path, ...],
    archive_directory: Path,
    embedder: str | None,
    text_field: str | None,
    exclude: tuple[str, ...],
    prune: bool,
    password_file: Path | None,
    timeout_per_file: float | None,
    retry_failed: bool,
    reread: bool,
    strict: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Bring the archive up to date with files and folders.

    Each file is read in a process with limits on time and memory; what cannot be read is named
    with its reason, file by file and page by page, remembered, and not read again until it
    changes. Files in folders that are of a kind which is not read (.docx, .zip) are counted.
    """
    from docpager.archive.ingest import ingest as ingest_files
    from docpager.archive.sources import ReadingSettings

    passwords = _passwords(password_file) if password_file else {}
    reading = ReadingSettings(
        timeout_per_file,
        retry_failed=retry_failed,
        passwords=passwords,
        exclude=exclude,
        reread=reread,
    )
    with ingest_progress() as progress, _parting_words():
        report = ingest_files(
            paths,
            archive_directory,
            embedder=embedder_for(archive_directory, embedder),
            text_field=text_field,
            prune=prune,
            reading=reading,
            progress=progress,
        )
    if as_json:
        print_json(asdict(report))
    else:
        say(_summary(report, archive_directory))
    _name_exceptions(report)
    tell_unsupported(report.unsupported, verbose=verbose)
    left_out = report.skipped or report.unreadable or report.unsupported
    if report.nothing_readable or (strict and left_out):
        sys.exit(1)


@contextmanager
def _parting_words() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        note("what was committed stays; the same ingest goes on from there")
        raise


def _passwords(path: Path) -> dict[str, str]:
    """What the file says, which is never shown."""
    from docpager.core.errors import UsageError

    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        given = None
    if not isinstance(given, dict) or not all(isinstance(word, str) for word in given.values()):
        raise UsageError(
            f"{str(path)!r} is not a JSON object of passwords by file name; "
            'write {"report.pdf": "its password"}'
        )
    return given


def _summary(report: IngestReport, directory: Path) -> str:
    changes = {
        "new": report.new - report.changed,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "read again": report.reread,
        "duplicate": len(report.duplicates),
    }
    counted = ", ".join(f"{count} {word}" for word, count in changes.items() if count)
    return (
        f"{report.documents} documents, {report.passages} passages -> {directory}"
        f" ({counted or 'nothing new'}; {report.seconds:.1f} s)"
    )


def _name_exceptions(report: IngestReport) -> None:
    for path, twin in report.duplicates:
        note(f"equal to {twin}: {path}")
    for path in report.differing:
        note(f"its text is another one now, so runs that read it cannot be resumed: {path}")
    if report.older:
        note(read_by_older_rules(report.older))
    for path in report.missing:
        note(f"gone or excluded, but kept (--prune removes it): {path}")
    for path, reasons in report.unreadable.items():
        for reason, pages in reasons.items():
            note(f"{path}: {counted_pages(pages)}: {reason}")
    for file in report.skipped:
        note(f"skipped: {file.path}: {file.reason or 'in part'} ({file.message})")
    if not report.files:
        note("no readable file there; docpager reads PDF, text, Markdown and JSONL")
    elif report.nothing_readable:
        note("nothing there could be read")
