"""`docpager open`: the page that a citation names, with the quoted words marked."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from docpager.cli.answer_sources import pages_json
from docpager.cli.options import archive_option, as_json_option, examples
from docpager.cli.terminal import has_colour, note, print_json, say
from docpager.cli.viewers import Viewing, has_display, show_file, show_source
from docpager.core.errors import DocumentError, UsageError
from docpager.core.locations import Location, as_location
from docpager.core.passages import counted

if TYPE_CHECKING:
    from docpager.archive.archive import Archive
    from docpager.archive.sources import PagePart
    from docpager.documents.page_picture import PagePicture
    from docpager.run.answer_line import Citation
    from docpager.run.cited_places import CitedPlace

__all__ = ["open_citation"]

_NUMBERED = re.compile(r"(?P<path>.+?\.jsonl)(?:#(?P<rest>.+))?")
_JOURNAL_LINE = re.compile(rb'[0-9a-f]{8,} \{"format"')
_AROUND = 1_500
"""Characters shown before and after the words, in documents without pages."""


@click.command(
    "open",
    epilog=examples(
        "docpager open D3:p8",
        'docpager open report.pdf:p38 --quote "revenue rose by 4 %" --image page.png',
        "docpager open .docpager/runs/20261121-062934-38fe32dc4196.jsonl#2",
        "docpager open answers.jsonl#question-17",
        "docpager open D3:c23 --source",
    ),
)
@click.argument("citation")
@click.option("--quote", metavar="WORDS", help="The words to mark, where CITATION is a place.")
@click.option(
    "--image",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.png",
    help="Write the picture of the page to this file, and open nothing.",
)
@click.option(
    "--source",
    is_flag=True,
    help="Open the file itself, if it is unchanged and of a kind that runs nothing.",
)
@archive_option
@as_json_option
@click.pass_context
def open_citation(
    ctx: click.Context,
    citation: str,
    quote: str | None,
    image: Path | None,
    source: bool,
    archive_directory: Location,
    as_json: bool,
) -> None:
    """Show the page that CITATION names, with the quoted words marked.

    CITATION is a place, such as D3:p8 (a page), D3:c23 (a passage) or FILE:p38, or the citation of
    an answer: JOURNAL (its first citation), JOURNAL#2 (its second), ANSWERS.jsonl#ID or
    ANSWERS.jsonl#ID:2 (of the question ID in the answers of a batch).

    The page is docpager's own picture of it, shown by the system's viewer; nothing in the document
    is run. What has no pages to draw is shown as text. With --json, nothing is opened: the place
    and the rectangles around the words are printed, in points from the upper left corner of the
    page as it is shown.
    """
    from docpager.archive.archive import Archive
    from docpager.run.cited_places import cited_place, cited_words

    if image is not None and (source or image.suffix.lower() != ".png"):
        raise UsageError("--image writes a picture of the page; give a name that ends with .png")
    found, home = _citation_of(citation)
    if found is not None and quote is not None:
        raise UsageError("the citation has a quote of its own; leave --quote out")
    typed = ctx.get_parameter_source("archive_directory")
    is_default = typed is click.core.ParameterSource.DEFAULT
    with closing(Archive.open(home if home is not None and is_default else archive_directory)) as (
        archive
    ):
        cited = (
            cited_words(archive, found)
            if found is not None
            else cited_place(archive, citation, quote)
        )
        if source:
            _open_source(archive, cited)
        elif as_json:
            print_json(_as_json(archive, cited, image))
        else:
            _show(archive, cited, image)


def _citation_of(written: str) -> tuple[Citation | None, Location | None]:
    """The citation of an answer, and the archive that it was given over where that is known; None
    where a place is written.

    Raises:
        UsageError: the answer has no such citation.
        JournalError: the journal cannot be read.
    """
    split = _NUMBERED.fullmatch(written)
    from docpager.storage.entry_log import log_exists

    path = as_location(split["path"] if split else written, "the answer")
    rest = (split["rest"] if split else None) or ""
    if not isinstance(path, Path):
        return _of_journal(path, rest) if log_exists(path) else (_of_answers(path, rest), None)
    try:
        if not path.is_file():
            return None, None
        with path.open("rb") as file:
            head = file.read(1_000)
    except OSError:
        return None, None
    if _JOURNAL_LINE.match(head):
        return _of_journal(path, rest)
    if split and head.lstrip(b"\xef\xbb\xbf").startswith(b"{") and b'"schema_version"' in head:
        return _of_answers(path, rest), None
    return None, None


def _of_journal(path: Location, rest: str) -> tuple[Citation, Location]:
    from docpager.run.answer_line import citations_of
    from docpager.run.journal import read_journal
    from docpager.run.outcome import Abstention, Answer

    record = read_journal(path)
    outcome = record.outcome
    checks = outcome.citations if isinstance(outcome, Answer | Abstention) else ()
    if rest and not rest.isdecimal():
        raise UsageError(f"{rest!r} is no number of a citation; write {path}#2 for the second")
    archive = as_location(record.header.archive, "archive")
    return _chosen(citations_of(checks), rest, str(path)), archive


def _of_answers(path: Location, rest: str) -> Citation:
    """Of `ID` or `ID:2`; an id may itself end so."""
    from docpager.run.answer_line import parse_answer
    from docpager.storage.json_lines import read_lines
    from docpager.storage.whole_files import copied_here

    if not rest:
        raise UsageError(f"{path} holds many answers; write {path}#ID or {path}#ID:2")
    start, _, number = rest.rpartition(":")
    chosen: dict[str, Any] = {}
    with copied_here(path) as copy:
        for line in read_lines(copy):
            value = line.value or {}
            if value.get("id") in (rest, start):
                chosen[value["id"]] = value
    for id, which in ((rest, ""), (start, number)):
        if id in chosen and (not which or which.isdecimal()):
            try:
                return _chosen(parse_answer(chosen[id]).citations, which, f"{path}#{id}")
            except ValueError as error:
                raise UsageError(f"{path}#{id} is no answer: {error}") from error
    raise UsageError(f"{path} has no answer with the id {rest!r}")


def _chosen(citations: Sequence[Citation], which: str, named: str) -> Citation:
    number = int(which or 1)
    if not citations:
        raise UsageError(f"the answer in {named} has no citation")
    if not 1 <= number <= len(citations):
        raise UsageError(f"the answer in {named} has {counted(len(citations), 'citation')}")
    return citations[number - 1]


def _show(archive: Archive, cited: CitedPlace, image: Path | None) -> None:
    if image is None and not has_display():
        _print_text(archive, cited)
        note("there is no display here to show a picture on; --image FILE.png writes it")
        return
    picture, parts = _drawn(archive, cited, image)
    if picture is None:
        _print_text(archive, cited)
        return
    said = f"{cited.place}{_marked(cited, picture, parts)}"
    if image is not None:
        from docpager.storage.atomic_files import replace_file

        replace_file(image, picture.png)
        say(f"{image}: {said}")
        return
    with tempfile.NamedTemporaryFile(prefix="docpager-", suffix=".png", delete=False) as file:
        file.write(picture.png)
    show_file(Path(file.name))
    say(said)
    note(f"shown from {file.name}, which can be deleted")


def _drawn(
    archive: Archive, cited: CitedPlace, image: Path | None
) -> tuple[PagePicture | None, Sequence[PagePart]]:
    """The page on which the words begin, and what is marked on each page; no picture where the
    document has no pages to draw.

    Raises:
        UsageError, ArchiveError, DocumentError: a picture was asked for, and there is none.
    """
    from docpager.archive.sources import draw_pages
    from docpager.run.cited_places import page_parts

    if cited.entry.kind != "pdf":
        if image is not None:
            raise UsageError(
                f"{cited.entry} has no page to draw: it is no PDF; leave --image out to see its "
                "text"
            )
        return None, ()
    parts = page_parts(archive, cited)
    try:
        return draw_pages(archive, cited.entry.id, parts[:1])[0], parts
    except DocumentError as error:
        if image is not None:
            raise
        note(f"{error}; its text is shown instead")
        return None, ()


def _marked(cited: CitedPlace, picture: PagePicture, parts: Sequence[PagePart]) -> str:
    """What is to be said about the marks on a page."""
    if cited.start == cited.end:
        return ""
    if not picture.rectangles:
        return "; the words could not be found on the picture, so nothing is marked"
    said = f"; {counted(len(picture.rectangles), 'line')} marked"
    if picture.share < 1:
        said += f", {picture.share:.0%} of the letters found"
    if len(parts) > 1:
        said += f"; the words go on on page {parts[1].number}"
    return said


def _open_source(archive: Archive, cited: CitedPlace) -> None:
    from docpager.archive.sources import source_file

    file = source_file(archive, cited.entry.id)
    if file.inside:
        raise UsageError(
            f"{cited.entry} is a part of '{file.path}', and no file of its own; leave --source out"
        )
    if file.leads_out:
        raise UsageError(
            f"'{file.path}' is a link to a file outside of '{file.root}'; leave --source out"
        )
    if not isinstance(file.path, Path):
        raise UsageError(
            f"'{file.path}' is in object storage, where no viewer opens it; leave --source out"
        )
    show_source(Viewing(file.path, cited.entry.kind, cited.place.page))
    say(f"opened {file.path}")


def _print_text(archive: Archive, cited: CitedPlace) -> None:
    """The page, or what stands around the words, with the words marked."""
    from docpager.run.cited_places import page_parts

    say(str(cited.place), bold=has_colour())
    parts = page_parts(archive, cited)
    if parts:
        first = parts[0]
        _print_marked(first.text, first.start, first.end)
        if len(parts) > 1:
            note(f"the words go on on page {parts[1].number}")
        return
    begin = max(0, cited.start - _AROUND)
    text = archive.text(cited.entry.id, begin, cited.end + _AROUND)
    start = cited.start - begin
    skipped = text.find("\n", 0, start) + 1 if begin else 0
    _print_marked(text[skipped:], start - skipped, cited.end - begin - skipped)


def _print_marked(text: str, start: int, end: int) -> None:
    before, words, after = text[:start], text[start:end], text[end:].rstrip()
    say(before, lines=True, nl=False)
    if words and has_colour():
        say(words, lines=True, nl=False, fg="black", bg="yellow")
    elif words:
        say(f">>{words}<<", lines=True, nl=False)
    say(after, lines=True)


def _as_json(archive: Archive, cited: CitedPlace, image: Path | None) -> dict[str, Any]:
    """The place, the file, and the rectangles on each page that the words stand on."""
    from docpager.archive.sources import draw_pages, known_file
    from docpager.run.cited_places import page_parts

    file = known_file(archive, cited.entry.id)
    pages: Sequence[PagePicture] = ()
    if cited.entry.kind == "pdf":
        parts = page_parts(archive, cited)
        pages = draw_pages(archive, cited.entry.id, parts, is_drawn=image is not None)
    elif image is not None:
        raise UsageError(f"{cited.entry} has no page to draw: it is no PDF; leave --image out")
    if image is not None and pages:
        from docpager.storage.atomic_files import replace_file

        replace_file(image, pages[0].png)
    return {
        "place": cited.place.as_json(),
        "quote": cited.quote,
        "match": cited.match,
        "file": str(file.path),
        "pages": pages_json(pages),
    }
