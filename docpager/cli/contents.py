"""`docpager contents` and `docpager show`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from docpager.cli.options import archive_option, as_json_option, examples
from docpager.cli.terminal import note, print_json, say
from docpager.core.locations import Location
from docpager.core.passages import counted

if TYPE_CHECKING:
    from docpager.archive.archive import Archive
    from docpager.core.locators import Locator
    from docpager.core.passages import DocumentEntry, Passage
    from docpager.documents.document import Section

__all__ = ["contents", "show"]


@click.command(
    epilog=examples(
        "docpager contents",
        "docpager contents D3",
        "docpager contents D3:s2",
    )
)
@click.argument("locator", required=False)
@archive_option
@as_json_option
def contents(locator: str | None, archive_directory: Location, as_json: bool) -> None:
    """List the documents, or the outline of one.

    LOCATOR is D3 (a document) or D3:s2 (a section).
    """
    from docpager.archive.archive import Archive
    from docpager.core.locators import parse_locator

    archive = Archive.open(archive_directory)
    if locator is None:
        _print_documents(archive.documents(), as_json=as_json)
    else:
        _print_outline(archive, parse_locator(locator), as_json=as_json)


@click.command(
    epilog=examples(
        "docpager show D3:p45-47",
        "docpager show D3:s2.1",
        "docpager show D3:c120",
    )
)
@click.argument("locator")
@archive_option
@as_json_option
def show(locator: str, archive_directory: Location, as_json: bool) -> None:
    """Print the text of a document, page, section or passage.

    LOCATOR is D3 (a document), D3:p45-47 (pages, slides or sheets), D3:s2.1 (a section) or
    D3:c120-124 (passages). `docpager contents` lists documents and sections.
    """
    from docpager.archive.archive import Archive
    from docpager.core.locators import parse_locator

    archive = Archive.open(archive_directory)
    wanted = parse_locator(locator)
    passages = archive.load_exactly(wanted)
    labels = archive.page_labels(wanted.number)
    printed = archive.document(wanted.number).page_word != "sheet"
    for passage in passages:
        if as_json:
            print_json(_passage_json(archive, passage, labels))
        else:
            say(_with_page_marks(passage, labels, printed=printed), lines=True, nl=False)
    if not as_json:
        say()


def _print_documents(entries: Sequence[DocumentEntry], *, as_json: bool) -> None:
    for entry in entries:
        if as_json:
            print_json(_entry_json(entry))
            continue
        pages = f"{counted(entry.pdf_pages, entry.page_word)}, " if entry.pdf_pages else ""
        unreadable = len(entry.unreadable_pdf_pages)
        missing = f", {counted(unreadable, entry.page_word)} without text" if unreadable else ""
        title = f"  {entry.title!r}" if entry.title not in entry.path else ""
        say(f"{entry}{title}  ({pages}{counted(entry.passages, 'passage')}{missing})")


def _print_outline(archive: Archive, locator: Locator, *, as_json: bool) -> None:
    from docpager.core.errors import UsageError
    from docpager.core.locators import LocatorKind

    if locator.kind not in (LocatorKind.DOCUMENT, LocatorKind.SECTION):
        raise UsageError(f"{locator} has no outline; give a document or a section")
    if locator.kind is LocatorKind.SECTION:
        archive.resolve(locator)
    entry = archive.document(locator.number)
    if not as_json and locator.kind is LocatorKind.DOCUMENT:
        _print_documents([entry], as_json=False)
    sections = archive.sections(entry.id)
    if not sections:
        note(f"{entry} has no outline; its passages are {entry.name}:c1 to c{entry.passages}")
    labels = archive.page_labels(entry.id)
    for section in sections:
        if section.path[: len(locator.section)] == locator.section:
            label = None if section.pdf_page is None else labels[section.pdf_page - 1]
            _print_section(entry, section, label, as_json=as_json)


def _print_section(
    entry: DocumentEntry, section: Section, label: str | None, *, as_json: bool
) -> None:
    """One line of an outline; `label` is printed on the page where it begins."""
    name = f"{entry.name}:s{section.number}"
    if as_json:
        from docpager.core.places import Place, page_place

        at: dict[str, Any] = {"start": section.start, "end": section.end, "document_id": entry.name}
        if section.pdf_page is None:
            begins = Place(entry.path, section=section.number, title=section.title, **at)
        else:
            begins = replace(page_place(entry, section.pdf_page, label or ""), **at)
        print_json({"locator": name, "title": section.title, "place": begins.as_json()})
        return
    place = ""
    if label:
        place = f"  ({entry.page_word} {section.pdf_page}{_printed(section.pdf_page, label)})"
        if entry.page_word == "sheet":
            place = "" if label == section.title else f"  (sheet {label})"
    say(f"{'  ' * len(section.path)}{name}  {section.title}{place}")


def _with_page_marks(passage: Passage, labels: Sequence[str], *, printed: bool) -> str:
    """The passage with `[p46]` where a page begins, and beside it the label if it is printed."""
    text = passage.text
    for offset, pdf_page in reversed(passage.page_starts):
        mark = f"[p{pdf_page}{_printed(pdf_page, labels[pdf_page - 1]) if printed else ''}]"
        text = f"{text[:offset]}{mark} {text[offset:]}"
    return text


def _printed(pdf_page: int | None, label: str | None) -> str:
    return "" if label is None or label == str(pdf_page) else f" (printed {label})"


def _entry_json(entry: DocumentEntry) -> dict[str, object]:
    return {
        "document_id": entry.name,
        "document": entry.path,
        "other_paths": list(entry.other_paths),
        "title": entry.title,
        "kind": entry.kind,
        "passages": entry.passages,
        "tokens": entry.tokens,
        "pdf_pages": entry.pdf_pages,
        "unreadable_pdf_pages": list(entry.unreadable_pdf_pages),
    }


def _passage_json(archive: Archive, passage: Passage, labels: Sequence[str]) -> dict[str, object]:
    from docpager.core.places import place_in

    entry, start, end = archive.document(passage.document), passage.start, passage.end
    page = passage.pdf_page_at(0)
    place = place_in(archive, entry, start=start, end=end, pdf_page=page)
    pages: dict[str, object] = {}
    if passage.pdf_pages is not None:
        printed = [labels[pdf_page - 1] for pdf_page in passage.pdf_pages]
        pages = {"pdf_pages": list(passage.pdf_pages), "page_labels": printed}
    return {
        "locator": str(passage.id),
        "place": place.as_json(),
        **pages,
        "tokens": passage.tokens,
        "text": passage.text,
    }
