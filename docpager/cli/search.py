"""`docpager search` and `docpager grep`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from docpager.cli.options import (
    archive_option,
    as_json_option,
    chosen_documents,
    examples,
    in_option,
    page_option,
)
from docpager.cli.progress import rebuild_progress
from docpager.cli.terminal import note, print_json, say
from docpager.core.locations import Location
from docpager.core.passages import counted

if TYPE_CHECKING:
    from docpager.archive.archive import Archive
    from docpager.core.passages import Hit
    from docpager.core.places import Place

__all__ = ["grep", "search"]


@click.command(
    epilog=examples(
        'docpager search "operating income 2023"',
        'docpager search "ringed birds" --in "*2021*" --page 2',
    )
)
@click.argument("query")
@in_option
@page_option
@archive_option
@as_json_option
def search(
    query: str, names: tuple[str, ...], page: int, archive_directory: Location, as_json: bool
) -> None:
    """Find passages by words and meaning."""
    from docpager.archive.archive import Archive

    with rebuild_progress() as progress:
        archive = Archive.open(archive_directory, progress=progress)
        found = archive.search(query, documents=chosen_documents(archive, names), page=page)
    _print_hits(archive, found.hits, as_json=as_json)
    if as_json:
        totals = {"by_words": found.by_words, "by_meaning": found.by_meaning}
        print_json({**totals, "page": found.page, "pages": found.pages})
    note(
        f"{counted(found.by_words, 'passage')} by words, {found.by_meaning:,} more by meaning; "
        f"page {found.page} of {found.pages}"
    )


@click.command(
    epilog=examples(
        "docpager grep 'INV-[0-9]{6}'",
        "docpager grep --ignore-case 'net income' --in D3",
    )
)
@click.argument("pattern")
@click.option(
    "-i",
    "--ignore-case",
    is_flag=True,
    help="Ignore the difference between capital and small letters.",
)
@in_option
@page_option
@archive_option
@as_json_option
def grep(
    pattern: str,
    ignore_case: bool,
    names: tuple[str, ...],
    page: int,
    archive_directory: Location,
    as_json: bool,
) -> None:
    """Find a regular expression (RE2), in reading order."""
    from docpager.archive.archive import Archive

    archive = Archive.open(archive_directory)
    pattern = f"(?i){pattern}" if ignore_case else pattern
    found = archive.grep(pattern, documents=chosen_documents(archive, names), page=page)
    _print_hits(archive, found.hits, as_json=as_json)
    if as_json:
        totals = {"passages": found.total, "matches": found.matches}
        print_json({**totals, "page": found.page, "pages": found.pages})
    note(
        f"{counted(found.matches, 'match', 'matches')} in {counted(found.total, 'passage')}; "
        f"page {found.page} of {found.pages}"
    )


def _print_hits(archive: Archive, hits: tuple[Hit, ...], *, as_json: bool) -> None:
    for hit in hits:
        place = _place(archive, hit)
        if as_json:
            found: dict[str, Any] = {"locator": str(hit.passage), "place": place.as_json()}
            print_json({**found, "snippet": hit.snippet, "by": hit.by})
            continue
        say(f"{hit.passage}  {place}  [{hit.by}]")
        say(f"    {hit.snippet}")


def _place(archive: Archive, hit: Hit) -> Place:
    """Where a hit stands: its document, and the page of the part that matched."""
    from docpager.core.places import Place, page_place

    entry, page = archive.document(hit.passage.document), hit.pdf_page
    if page is None:
        return Place(entry.path, document_id=entry.name)
    return page_place(entry, page, archive.page_labels(entry.id)[page - 1])
