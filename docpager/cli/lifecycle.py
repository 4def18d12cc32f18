"""`docpager verify`, `forget` and `compact`."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from docpager.cli.options import archive_option, as_json_option, chosen_documents
from docpager.cli.terminal import note, print_json, say

if TYPE_CHECKING:
    from docpager.archive.archive import Archive
    from docpager.archive.integrity import Repaired

__all__ = ["compact", "forget", "verify"]


@click.command()
@archive_option
@click.option(
    "--repair", "mend", is_flag=True, help="Rebuild what is damaged, from the files if need be."
)
@as_json_option
def verify(archive_directory: Path, mend: bool, as_json: bool) -> None:
    """Check every byte, count and id of the archive.

    Exit code 1 and the name of each damaged part where something is not as it was written.
    With --repair, parts are rebuilt from what is sound of them, else from the files that were
    ingested; documents whose files are gone or have changed are named as lost.
    """
    if mend:
        _repair(archive_directory, as_json=as_json)
        return
    from docpager.archive.integrity import verify as verify_archive

    found = verify_archive(archive_directory)
    if as_json:
        print_json(asdict(found))
    for damage in found.damages:
        say(f"damaged: {damage}", err=as_json)
    if found.damages:
        note("docpager verify --repair rebuilds what it can; the sound rest stays readable")
        sys.exit(1)
    note(
        f"sound: generation {found.generation}, {found.documents} documents, "
        f"{found.passages} passages, {found.parts} parts of {found.bytes:,} bytes"
    )


def _repair(directory: Path, *, as_json: bool) -> None:
    from docpager.archive.integrity import repair

    done = repair(directory)
    if as_json:
        print_json(asdict(done))
    if not done.damages:
        note("nothing is damaged")
        return
    for damage in done.damages:
        note(f"was damaged: {damage}")
    _name_documents(done)
    note("repaired" if not done.lost else "repaired but for the documents named as lost")
    sys.exit(1 if done.lost else 0)


def _name_documents(done: Repaired) -> None:
    for number, path in done.read_again:
        note(f"read again: D{number} {path}")
    for number, path in done.lost:
        note(f"lost: D{number} {path} (its file is gone, has changed or cannot be read)")


@click.command()
@click.argument("documents", nargs=-1, required=True, metavar="DOCUMENT...")
@archive_option
@as_json_option
def forget(documents: tuple[str, ...], archive_directory: Path, as_json: bool) -> None:
    """Take documents out of the archive: D3, a path, or a glob of paths.

    Their earlier versions go too. They are no longer found at once; `docpager compact` then erases
    their text from every file of the archive, journals of runs included. The journals that hold
    them are listed; journals and answers kept elsewhere are yours to delete.
    """
    from docpager.archive.archive import Archive
    from docpager.archive.maintenance import forget as forget_documents
    from docpager.run.redaction import journals_holding

    archive = Archive.open(archive_directory)
    numbers = {number for name in documents for number in _numbers(archive, name)}
    archive.close()
    done = forget_documents(archive_directory, numbers)
    ids = [number for number, _ in done.documents]
    holding, unreadable = journals_holding(archive_directory / "runs", done.archive_id, ids)
    if as_json:
        journals = [str(path) for path in holding]
        print_json({**asdict(done), "journals": journals, "unreadable": _strings(unreadable)})
    else:
        for number, path in done.documents:
            say(f"forgotten: D{number} {path}")
    for journal in holding:
        note(f"journal that holds it: {journal}")
    _name_unreadable(unreadable)
    for location in done.still_there:
        note(f"docpager ingest reads it again, docpager ask does not: {location}")
    note("docpager compact erases the text")


@click.command()
@archive_option
@click.option("--keep-runs", is_flag=True, help="Leave the journals of runs as they are.")
@as_json_option
def compact(archive_directory: Path, keep_runs: bool, as_json: bool) -> None:
    """Write the archive anew: small, and without what was forgotten, replaced or removed.

    In journals of runs the text of forgotten documents, and what the model wrote after it had seen
    it, is replaced by hashes; such a journal can no longer be replayed or resumed. A run that is
    still going on keeps what it has read; its journal is named and left for the next compact.
    """
    from docpager.archive.maintenance import compact as compact_archive
    from docpager.archive.manifest import read_manifest
    from docpager.run.redaction import redact_journals

    manifest = read_manifest(archive_directory)
    asked = () if keep_runs else manifest.forgotten
    redacted = redact_journals(archive_directory / "runs", manifest.archive_id, asked)
    done = compact_archive(archive_directory, redacted=() if redacted.unreadable else asked)
    if as_json:
        print_json(
            {
                **asdict(done),
                "redacted": [str(path) for path in redacted.journals],
                "unreadable": _strings(redacted.unreadable),
            }
        )
    else:
        say(
            f"{done.documents} documents, {done.passages} passages -> {archive_directory} "
            f"({done.bytes_before:,} bytes before, {done.bytes_after:,} now)"
        )
    for path in redacted.journals:
        note(f"redacted: {path}")
    for _, reason in redacted.unreadable:
        note(f"not redacted, compact again when that is mended: {reason}")
    if keep_runs and manifest.forgotten:
        note("journals may still hold forgotten text: compact without --keep-runs redacts them")
    sys.exit(1 if redacted.unreadable else 0)


def _numbers(archive: Archive, name: str) -> list[int]:
    """Ids of a document that may be replaced or removed already, or of those that a name fits."""
    if re.fullmatch(r"D\d+", name):
        return [int(name[1:])]
    return chosen_documents(archive, [name]) or []


def _name_unreadable(journals: list[tuple[Path, str]] | tuple[tuple[Path, str], ...]) -> None:
    for _, reason in journals:
        note(f"may hold it, delete it if it does: {reason}")


def _strings(journals: list[tuple[Path, str]] | tuple[tuple[Path, str], ...]) -> list[str]:
    return [str(path) for path, _ in journals]
