"""`docpager status`."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from docpager.cli.flags import with_flags
from docpager.cli.options import archive_option, as_json_option, examples, read_by_older_rules
from docpager.cli.terminal import note, print_json, say
from docpager.core.locations import Location
from docpager.core.passages import counted

if TYPE_CHECKING:
    from docpager.archive.status import Audit, UnreadablePage

__all__ = ["status"]


@click.command(
    epilog=examples(
        "docpager status",
        "docpager status --unreadable",
    )
)
@archive_option
@click.option(
    "--unreadable",
    is_flag=True,
    help="List the files and pages without usable text, or with doubtful text, and why.",
)
@as_json_option
def status(archive_directory: Location, unreadable: bool, as_json: bool) -> None:
    """Show what the archive holds, or what it could not read."""
    from docpager.archive.archive import Archive
    from docpager.documents.kinds import counted_kinds

    archive = Archive.open(archive_directory)
    if unreadable:
        _print_audit(archive.audit(), as_json=as_json)
        return
    found = archive.status()
    if as_json:
        print_json(asdict(found))
        return
    for name, value in asdict(found).items():
        parts = [f"{key} {said}" for key, said in value.items()] if name == "versions" else value
        parts = counted_kinds(value) or "none" if name == "left_out" else parts
        shown = ", ".join(parts) if isinstance(parts, tuple | list) else parts
        say(f"{name.replace('_', ' '):<22}{shown}")
    if found.read_by_older_rules:
        note(read_by_older_rules(found.read_by_older_rules))


def _print_audit(audit: Audit, *, as_json: bool) -> None:

    if as_json:
        for unread in audit.pages:
            print_json(_page_json(unread))
        for file in audit.files:
            print_json({"file": file.path, "reason": file.reason, "message": file.message})
        return
    for document, pages in groupby(audit.pages, key=lambda unread: unread.document):
        say(str(document))
        for unread in pages:
            say(f"  {_page_line(unread)}")
    for file in audit.files:
        say(f"{file.path}: {file.reason or 'in part'} ({with_flags(file.message)})")
    textless = sum(unread.page.problem is not None for unread in audit.pages)
    documents = sum(unread.page.number == 0 for unread in audit.pages)
    doubtful = len(audit.pages) - textless
    note(
        f"{counted(textless, 'page')} without usable text, "
        f"{doubtful - documents:,} with doubtful text, "
        + (f"{counted(documents, 'document')} with doubtful text, " if documents else "")
        + f"{counted(len(audit.files), 'file')} not read or read in part"
    )


def _page_line(unread: UnreadablePage) -> str:
    page = unread.page
    if page.number == 0:
        return f"whole document  may be wrong: {page.doubt}"
    if unread.document.page_word != "PDF page":
        name = f" ({page.label})" if page.label != str(page.number) else ""
        return f"p{page.number}{name}  {page.problem or f'may be wrong: {page.doubt}'}"
    printed = f" (printed {page.label})" if page.label != str(page.number) else ""
    seen = f"{page.characters} characters"
    seen += f", {page.unmapped_share:.0%} of them unmapped" if page.unmapped_share else ""
    seen += "" if page.image_area is None else f", images on {page.image_area:.0%} of the page"
    reason = page.problem or f"may be wrong: {page.said_doubt}"
    return f"p{page.number}{printed}  {reason}  ({seen})"


def _page_json(unread: UnreadablePage) -> dict[str, Any]:
    from docpager.core.places import Place, page_place

    page, entry = unread.page, unread.document
    place = Place(entry.path, document_id=entry.name)
    if page.number:
        place = page_place(entry, page.number, page.label)
    return {
        "place": place.as_json(),
        "reason": page.problem or page.doubt,
        "readable": not page.problem,
        "reader": page.reader,
        "confidence": page.confidence,
        "characters": page.characters,
        "unmapped_share": page.unmapped_share,
        "image_area": page.image_area,
    }
