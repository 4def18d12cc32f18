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

from docpager.cli.left_out import tell_few, tell_left_out, tell_skipped, tell_unreadable
from docpager.cli.options import (
    LOCATION,
    archive_option,
    as_json_option,
    embedder_for,
    embedder_option,
    engine_option,
    examples,
    ocr_options,
    read_by_older_rules,
)
from docpager.cli.progress import ingest_progress
from docpager.cli.terminal import note, print_json, say
from docpager.core.locations import Location
from docpager.core.passages import counted
from docpager.engines.engine import engine_or_none

if TYPE_CHECKING:
    from docpager.archive.ingest_report import IngestReport

__all__ = ["ingest"]


@click.command(
    epilog=examples(
        "docpager ingest reports/ notes.md",
        "docpager ingest reports/ --exclude 'drafts/*' --prune",
        "docpager ingest scans/ --ocr --ocr-language eng+deu",
    )
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=LOCATION)
@archive_option
@embedder_option
@click.option(
    "--text-field", metavar="FIELD", help="The field that holds the text, in JSONL lines."
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="GLOB",
    help="Leave out files and folders, by name or by path within PATH. May be repeated.",
)
@click.option(
    "--prune", is_flag=True, help="Remove the documents of files that are gone or excluded."
)
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Passwords of encrypted PDFs: a JSON object of passwords by file name or path.",
)
@click.option(
    "--timeout-per-file",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="How long reading one file may take. Default: 300.",
)
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Read files again that could not be read, even if they are unchanged.",
)
@click.option(
    "--reread",
    is_flag=True,
    help="Read again what an earlier docpager read by older rules, though unchanged.",
)
@ocr_options
@click.option(
    "--strict",
    is_flag=True,
    help="Exit with code 1 if a file or page could not be read, or is of an unsupported kind.",
)
@engine_option
@click.option(
    "--verbose",
    "-v",
    is_flag=True,
    help="Name every file that is not read, gone or equal to another.",
)
@as_json_option
def ingest(
    paths: tuple[Location, ...],
    archive_directory: Location,
    embedder: str | None,
    text_field: str | None,
    exclude: tuple[str, ...],
    prune: bool,
    password_file: Path | None,
    timeout_per_file: float | None,
    retry_failed: bool,
    reread: bool,
    ocr: bool,
    ocr_language: str,
    strict: bool,
    engine: str | None,
    verbose: bool,
    as_json: bool,
) -> None:
    """Bring the archive up to date with files and folders.

    Reads PDF, office, web, mail and text files; other kinds (.zip) are counted and left out.
    Each file is read in a process with limits on time and memory. Files and pages that cannot
    be read are named with the reason, and are not read again until they change.

    Scanned pages and pictures are read with --ocr, which needs tesseract (apt-get install
    tesseract-ocr) and, for pictures, pip install 'docpager[formats]'. It takes seconds a page, and
    goes on where it was when it is interrupted; citations of such pages say so.
    """
    from docpager.archive.ingest import ingest as ingest_files
    from docpager.archive.ingest_files import ReadingSettings

    reading = ReadingSettings(
        timeout_per_file,
        retry_failed=retry_failed,
        passwords=_passwords(password_file) if password_file else {},
        exclude=exclude,
        reread=reread,
        ocr=ocr,
        ocr_language=ocr_language,
    )
    with engine_or_none(engine) as on, ingest_progress(engine=on) as progress, _parting_words():
        report = ingest_files(
            paths,
            archive_directory,
            embedder=embedder_for(archive_directory, embedder),
            text_field=text_field,
            prune=prune,
            reading=reading,
            progress=progress,
            engine=on,
        )
    _report(report, archive_directory, strict=strict, verbose=verbose, as_json=as_json)


def _report(
    report: IngestReport, archive: Location, *, strict: bool, verbose: bool, as_json: bool
) -> None:
    if as_json:
        print_json(asdict(report))
    else:
        say(_summary(report, archive))
    _name_exceptions(report, verbose=verbose)
    tell_left_out(report, verbose=verbose)
    left_out = report.skipped or report.unreadable or report.unsupported
    if report.nothing_readable or (strict and left_out):
        sys.exit(1)


@contextmanager
def _parting_words() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        note("what was committed is kept; run the same command again to continue")
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


def _summary(report: IngestReport, directory: Location) -> str:
    changes = {
        "new": report.new - report.changed,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "read again": report.reread,
        "duplicate": len(report.duplicates),
    }
    listed = ", ".join(f"{count} {word}" for word, count in changes.items() if count)
    return (
        f"{counted(report.documents, 'document')}, {counted(report.passages, 'passage')} -> "
        f"{directory} ({listed or 'nothing new'}; {report.seconds:.1f} s)"
    )


def _name_exceptions(report: IngestReport, *, verbose: bool) -> None:
    twins = [f"equal to {twin}: {path}" for path, twin in report.duplicates]
    tell_few(twins, "equal to others", verbose=verbose)
    for path in report.differing:
        note(f"its text is another one now, so runs that read it cannot be resumed: {path}")
    if report.older:
        note(read_by_older_rules(report.older))
    gone = [f"gone or excluded, but kept (--prune removes it): {path}" for path in report.missing]
    tell_few(gone, "gone or excluded, but kept", verbose=verbose)
    tell_unreadable(report.unreadable, verbose=verbose)
    tell_skipped(report.skipped, verbose=verbose)
    if not report.files:
        note("there is no file that can be read, such as PDF, office, web, mail and text files")
    elif report.nothing_readable:
        note("no file could be read")
