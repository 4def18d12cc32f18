"""`docpager verify`, `forget`, `compact` and `shards`."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from docpager.cli.options import (
    LOCATION,
    archive_option,
    as_json_option,
    chosen_documents,
    examples,
)
from docpager.cli.terminal import note, print_json, say
from docpager.core.errors import DocpagerError
from docpager.core.locations import Location
from docpager.core.passages import counted

if TYPE_CHECKING:
    from docpager.archive.archive import Archive
    from docpager.archive.integrity import Repaired
    from docpager.chat.forgetting import Forgetting

__all__ = ["compact", "forget", "shards", "verify"]

_FEW_HOLDINGS = 10
"""Places in conversations that are named; the command that removes them lists all."""


@click.command(
    epilog=examples(
        "docpager verify",
        "docpager verify --repair",
    )
)
@archive_option
@click.option(
    "--repair",
    "mend",
    is_flag=True,
    help="Rebuild damaged parts, from the ingested files if necessary.",
)
@as_json_option
def verify(archive_directory: Location, mend: bool, as_json: bool) -> None:
    """Check every byte, count and id of the archive.

    Names each damaged part; the exit code is then 1. With --repair, damaged parts are rebuilt
    from what is left of them or from the ingested files. Documents whose files are gone or have
    changed are named as lost.
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
        note("docpager verify --repair rebuilds what it can; the undamaged rest can be read")
        sys.exit(1)
    note(
        f"no damage: generation {found.generation}, {counted(found.documents, 'document')}, "
        f"{counted(found.passages, 'passage')}, {counted(found.parts, 'part')} of "
        f"{found.bytes:,} bytes"
    )


def _repair(directory: Location, *, as_json: bool) -> None:
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
    note("repaired" if not done.lost else "repaired, except for the documents named as lost")
    sys.exit(1 if done.lost else 0)


def _name_documents(done: Repaired) -> None:
    for number, path in done.read_again:
        note(f"read again: D{number} {path}")
    for number, path in done.lost:
        note(f"lost: D{number} {path} (its file is gone, has changed or cannot be read)")


@click.command(
    epilog=examples(
        "docpager forget D3",
        "docpager forget 'drafts/*.pdf'",
    )
)
@click.argument("documents", nargs=-1, required=True, metavar="DOCUMENT...")
@archive_option
@as_json_option
def forget(documents: tuple[str, ...], archive_directory: Location, as_json: bool) -> None:
    """Take documents out of the archive.

    DOCUMENT is an id such as D3, a path, or a glob of paths. Their earlier versions are removed
    too. They are no longer found from now on; `docpager compact` then erases their text from
    every file of the archive, including journals of runs and the pictures beside them. Journals
    that hold their text are listed, and what conversations made of it, which stays until `docpager
    chat forget D3` removes it. Delete journals and answers that you keep elsewhere yourself.
    """
    from docpager.archive.archive import Archive
    from docpager.archive.maintenance import forget as forget_documents
    from docpager.run.redaction import journals_holding

    archive = Archive.open(archive_directory)
    numbers = {number for name in documents for number in _numbers(archive, name)}
    archive.close()
    done = forget_documents(archive_directory, numbers)
    ids = [number for number, _ in done.documents]
    chats = _held_by_chats(archive_directory, ids)
    holding, unreadable = journals_holding(archive_directory / "runs", done.archive_id, ids)
    if as_json:
        journals = [str(path) for path in holding]
        print_json(
            {
                **asdict(done),
                "journals": journals,
                "unreadable": _strings(unreadable),
                "chats": [held.as_json() for held in chats],
            }
        )
    else:
        for number, path in done.documents:
            say(f"forgotten: D{number} {path}")
    for journal in holding:
        note(f"journal that still holds its text: {journal}")
    _name_unreadable(unreadable)
    for held in chats:
        _name_chats(held)
    for location in done.still_there:
        note(f"docpager ingest reads it again, docpager ask does not: {location}")
    note("docpager compact erases the text")


def _held_by_chats(archive: Location, documents: list[int]) -> list[Forgetting]:
    """What came from these documents in conversations, as far as those can be read."""
    from docpager.api.chat import chats_holding

    try:
        return chats_holding(archive, documents)
    except DocpagerError as error:
        note(f"conversations may hold its text too, and could not be looked through: {error}")
        return []


def _name_chats(held: Forgetting) -> None:
    """Name what of a document is in conversations, but not their journals, which are named."""
    kept = [each for each in held.holdings if not each.where.startswith("journal ")]
    for holding in kept[:_FEW_HOLDINGS]:
        shown = f": {holding.shown}" if holding.shown else ""
        note(f"conversations still hold: {holding.where} ({holding.why}){shown}")
    more = len(kept) - _FEW_HOLDINGS
    note(
        f"docpager chat forget {held.what} {'lists' if more <= 0 else f'lists {more} more'} and "
        "removes it"
    )


@click.command(
    epilog=examples(
        "docpager compact",
    )
)
@archive_option
@click.option("--keep-runs", is_flag=True, help="Do not change the journals of runs.")
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    metavar="HOURS",
    help="In object storage: how long what is no part of the archive any more stays for those who "
    "are opening it. Default: 24.",
)
@as_json_option
def compact(
    archive_directory: Location, keep_runs: bool, grace: float | None, as_json: bool
) -> None:
    """Erase forgotten, replaced and removed text from the archive.

    The archive is written again without it. In journals of runs, the text of forgotten
    documents and what the model wrote after it had seen it are replaced by hashes; such a
    journal can no longer be replayed or resumed. Pictures of pages that no journal names any more
    are deleted. The journal of a run that is still going on is
    named and left for the next compact.
    """
    from docpager.archive.home import home_at
    from docpager.archive.maintenance import compact as compact_archive
    from docpager.archive.manifest import read_manifest
    from docpager.run.redaction import discard_unnamed_pictures, redact_journals

    manifest = read_manifest(home_at(archive_directory))
    asked = () if keep_runs else manifest.forgotten
    redacted = redact_journals(archive_directory / "runs", manifest.archive_id, asked)
    pictures = [] if keep_runs else discard_unnamed_pictures(archive_directory / "runs")
    done = compact_archive(
        archive_directory,
        redacted=() if redacted.unreadable else asked,
        grace_seconds=None if grace is None else grace * 3600,
    )
    if as_json:
        print_json(
            {
                **asdict(done),
                "redacted": [str(path) for path in redacted.journals],
                "pictures": len(pictures),
                "unreadable": _strings(redacted.unreadable),
            }
        )
    else:
        say(
            f"{counted(done.documents, 'document')}, {counted(done.passages, 'passage')} -> "
            f"{archive_directory} ({done.bytes_before:,} bytes before, {done.bytes_after:,} now)"
        )
    if done.waiting:
        note(
            f"{counted(done.waiting, 'object')} of earlier generations ({done.waiting_bytes:,} "
            "bytes) may still be read by others: compact again when their time of grace is over "
            "(--grace 0 removes them at once)"
        )
    for path in redacted.journals:
        note(f"redacted: {path}")
    if pictures:
        note(f"deleted: {counted(len(pictures), 'picture')} of pages that no journal names")
    for _, reason in redacted.unreadable:
        note(f"not redacted; compact again once this is solved: {reason}")
    if keep_runs and manifest.forgotten:
        note("journals may still hold forgotten text: compact without --keep-runs redacts them")
    sys.exit(1 if redacted.unreadable else 0)


def _numbers(archive: Archive, name: str) -> list[int]:
    """Ids of a document that may be replaced or removed already, or of those that a name fits."""
    if re.fullmatch(r"D\d+", name):
        return [int(name[1:])]
    return chosen_documents(archive, [name]) or []


def _name_unreadable(
    journals: list[tuple[Location, str]] | tuple[tuple[Location, str], ...],
) -> None:
    for _, reason in journals:
        note(f"may still hold its text; delete it if it does: {reason}")


def _strings(journals: list[tuple[Location, str]] | tuple[tuple[Location, str], ...]) -> list[str]:
    return [str(path) for path, _ in journals]


@click.command(
    epilog=examples(
        "docpager shards 2022/.docpager 2023/.docpager --archive all-years",
        "docpager shards s3://bucket/2022 s3://bucket/2023 --archive s3://bucket/all",
    )
)
@click.argument("shards", nargs=-1, required=True, metavar="SHARD...", type=LOCATION)
@archive_option
def shards(shards: tuple[Location, ...], archive_directory: Location) -> None:
    """Make the archive one of shards: other archives, searched together as one.

    The order of results is that of one archive with all the documents. Shards go on being written
    and read by themselves. Documents are numbered by the position of their shard (D1000001 is the
    first of the first), so name new ones last.
    """
    from docpager.archive.archive import Archive
    from docpager.archive.shards import name_shards

    name_shards(archive_directory, shards)
    with Archive.open(archive_directory) as archive:
        held = archive.status()
    say(
        f"{counted(len(shards), 'shard')}, {counted(held.documents, 'document')}, "
        f"{counted(held.passages, 'passage')} -> {archive_directory}"
    )
