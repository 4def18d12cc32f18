"""`docpager ingest`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from docpager.cli.common import archive_option, as_json_option, note, print_json, progress_bar

if TYPE_CHECKING:
    from docpager.archive.report import IngestReport

__all__ = ["ingest"]


@click.command()
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path)
)
@archive_option
@click.option("--embedder", metavar="NAME", help="What embeds; wordllama in a new archive.")
@click.option("--text-field", metavar="FIELD", help="The field of a JSONL line that is its text.")
@click.option("--prune", is_flag=True, help="Remove the documents of files that are gone.")
@click.option("--strict", is_flag=True, help="Exit with 1 if anything could not be read.")
@as_json_option
def ingest(
    paths: tuple[Path, ...],
    archive_directory: Path,
    embedder: str | None,
    text_field: str | None,
    prune: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Bring the archive up to date with files and folders."""
    from docpager.archive.ingest import ingest as ingest_files

    with progress_bar("reading") as progress:
        report = ingest_files(
            paths,
            archive_directory,
            embedder=embedder,
            text_field=text_field,
            prune=prune,
            progress=progress,
        )
    if as_json:
        print_json(asdict(report))
    else:
        click.echo(_summary(report, archive_directory))
    _name_exceptions(report)
    if report.nothing_readable or (strict and (report.skipped or report.unreadable)):
        sys.exit(1)


def _summary(report: IngestReport, directory: Path) -> str:
    changes = {
        "new": report.new - report.changed,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "removed": report.removed,
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
    for path in report.missing:
        note(f"gone, but kept (--prune removes it): {path}")
    for path, pages in report.unreadable.items():
        note(f"{len(pages)} PDF pages without text in {path}: {_ranges(pages)}")
    for path, reason in report.skipped:
        note(f"skipped: {path} ({reason})")
    if not report.files:
        note("no readable file there; docpager reads PDF, text, Markdown and JSONL")
    elif report.nothing_readable:
        note("nothing there could be read")


def _ranges(pages: tuple[int, ...]) -> str:
    """`1-3, 7`, cut after the first eight ranges."""
    ranges: list[list[int]] = []
    for page in pages:
        if ranges and page == ranges[-1][1] + 1:
            ranges[-1][1] = page
        else:
            ranges.append([page, page])
    shown = [f"{first}" if first == last else f"{first}-{last}" for first, last in ranges[:8]]
    return ", ".join(shown) + (", ..." if len(ranges) > 8 else "")
