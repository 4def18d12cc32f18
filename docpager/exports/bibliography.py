"""The documents that answers cite as a bibliography: BibTeX, or CSL-JSON for programs that cite.

Title, authors, date and DOI are what the files say of themselves, read from them when it is asked
for. They are text that anybody may have written: in BibTeX nothing of it is a command of LaTeX or
ends its field, in CSL-JSON it is JSON.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from docpager.archive.archive import Archive
from docpager.archive.sources import read_details
from docpager.core.errors import DocpagerError, UsageError
from docpager.core.passages import DocumentEntry, number_ranges
from docpager.core.visible import visible
from docpager.documents.details import DocumentDetails
from docpager.exports.held_runs import named_runs
from docpager.report.watching import watch
from docpager.run.answer_line import Citation
from docpager.run.cited_places import cited_document
from docpager.storage.atomic_files import replace_file

__all__ = ["BIBLIOGRAPHY_ENDINGS", "export_bibliography"]

BIBLIOGRAPHY_ENDINGS = (".bib", ".json")
NO_TITLE = "no title in its file; named by its file"
_LATEX = {
    "\\": r"\textbackslash{}",
    # `\{` would be LaTeX, but BibTeX counts its brace.
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_"},
}
_LATEX_SPECIAL = re.compile("[" + re.escape("".join(_LATEX)) + "]")
_SMALL_WORD = re.compile(r"(?i)(?:an?|the|of|on|in|for|and|to|der|die|das|les?|la|el|los|il)")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()  # noqa: SIM905


@dataclass(slots=True)
class CitedWork:
    """A cited document and what is known of it."""

    entry: DocumentEntry
    details: DocumentDetails = field(default_factory=DocumentDetails)
    places: list[Citation] = field(default_factory=list)
    key: str = ""
    remark: str = ""
    """What a reader of the bibliography should know of it."""

    @property
    def title(self) -> str:
        """The title that the archive found, else the file's, else the file's name."""
        return self._archive_title or self.details.title or PurePosixPath(self.entry.path).name

    @property
    def has_title(self) -> bool:
        return bool(self._archive_title or self.details.title)

    @property
    def _archive_title(self) -> str:
        # Without a title of its own a document is called by its file's stem.
        stem = PurePosixPath(self.entry.path.partition("#")[0]).stem
        return "" if self.entry.title in ("", stem) else self.entry.title

    @property
    def kind(self) -> str:
        """`article`, `book`, `webpage` or `document`."""
        if self.details.container:
            return "article"
        if self.details.isbn or self.entry.kind == "epub":
            return "book"
        return "webpage" if self.details.url else "document"

    @property
    def note(self) -> str:
        """Where it stands and what of it was cited."""
        pages = sorted({c.place.page for c in self.places if c.place.page})
        word = "page" if len(pages) == 1 else "pages"
        cited = [f"cited: {word} {', '.join(number_ranges(pages))}"] if pages else []
        return "; ".join([f"file: {self.entry.path}", *cited, *filter(None, [self.remark])])


def export_bibliography(
    paths: Sequence[Path],
    output: Path,
    archive: Path,
    *,
    left_out: Callable[[str, str], None],
) -> tuple[int, int]:
    """Write a bibliography of the documents that answers cite with quotes that stand there; returns
    how many works it holds, and how many of them have no title and are named by their files.

    `paths` name answers files, journals or folders of journals; `archive` is where their documents
    are. `left_out` is told of each cited document that is not there.

    Raises:
        UsageError: a path holds no answers, nothing is cited, or the ending of `output` means no
            bibliography.
        ArchiveError: there is no such archive.
    """
    write = {".bib": bibtex, ".json": csl_json}.get(output.suffix.lower())
    if write is None:
        raise UsageError(f"{str(output)!r} names no bibliography; name a .bib or .json file")
    citations = [citation for citation in _citations(paths, left_out) if citation.stands]
    with Archive.open(archive) as opened:
        works = _works(opened, citations, left_out)
        _tell_details(opened, works)
    if not works:
        raise UsageError("no document of the archive is cited; nothing was written")
    _give_keys(works)
    try:
        replace_file(output, write(works).encode("utf-8"))
    except OSError as error:
        raise UsageError(f"cannot write {str(output)!r}: {error.strerror}") from error
    return len(works), sum(not work.has_title for work in works)


def _citations(paths: Sequence[Path], left_out: Callable[[str, str], None]) -> Iterator[Citation]:
    for held in named_runs(paths):
        if held.row is not None:
            yield from held.row.citations
            continue
        assert held.journal is not None
        try:
            line = watch(held.journal).line
        except DocpagerError as error:
            left_out(str(held.journal), str(error))
            continue
        yield from line.citations if line is not None else ()


def _works(
    archive: Archive, citations: Sequence[Citation], left_out: Callable[[str, str], None]
) -> list[CitedWork]:
    """Every cited document once, in the order of the first citation."""
    works: dict[int, CitedWork] = {}
    gone: set[str] = set()
    for citation in citations:
        named = citation.place.document
        try:
            entry = cited_document(archive, citation.place)
        except DocpagerError:
            if named not in gone:
                left_out(named, f"it is not in the archive {str(archive.directory)!r}")
            gone.add(named)
            continue
        works.setdefault(entry.id, CitedWork(entry)).places.append(citation)
    return list(works.values())


def _tell_details(archive: Archive, works: Sequence[CitedWork]) -> None:
    found = read_details(archive, [work.entry.id for work in works])
    for work in works:
        told = found[work.entry.id]
        if isinstance(told, DocumentDetails):
            work.details = told
            work.remark = "" if work.has_title else NO_TITLE
        else:
            work.remark = f"its file could not be asked for authors and date: {told}"


def _give_keys(works: Sequence[CitedWork]) -> None:
    """A key for each work, of who, when and a word of its title: letters and digits alone."""
    taken: set[str] = set()
    for work in works:
        author = next(iter(work.details.authors), "")
        family = author.partition(",")[0] if "," in author else author.rpartition(" ")[2]
        words = [w for w in re.findall(r"[^\W\d_]+", work.title) if not _SMALL_WORD.fullmatch(w)]
        parts = (family, work.details.date[:4], next(iter(words), ""))
        key = "".join(map(_plain, parts))[:40] or work.entry.name
        key = key if key[0].isalpha() else f"d{key}"
        number, free = 1, key
        while free in taken:
            number += 1
            free = f"{key}-{number}"
        taken.add(free)
        work.key = free


def _plain(text: str) -> str:
    """Letters and digits of ASCII, in lower case."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", plain.lower())


def bibtex(works: Sequence[CitedWork]) -> str:
    """Works as entries of BibTeX, in UTF-8.

    A document without a journal, a book's number or a title is `@misc`.
    """
    return "\n".join(map(_entry, works))


def _entry(work: CitedWork) -> str:
    details = work.details
    kind = {"article": "article", "book": "book"}.get(work.kind, "misc")
    year, _, month = details.date[:7].partition("-")
    fields = {
        # In braces of its own, so that no style writes its names in small letters.
        "title": f"{{{latex(work.title)}}}",
        "author": " and ".join(map(_bibtex_name, details.authors)),
        "year": year,
        "month": _MONTHS[int(month) - 1] if month else "",
        "journal": latex(details.container) if kind == "article" else "",
        "publisher": latex(details.publisher),
        "isbn": latex(details.isbn),
        # As they are: programs make links of them. They have no braces and no backslash.
        "doi": details.doi,
        "url": details.url,
        "note": latex(work.note),
    }
    lines = [
        # A month is a word that BibTeX knows, and stands without braces.
        f"  {name} = {value}," if name == "month" else f"  {name} = {{{value}}},"
        for name, value in fields.items()
        if value
    ]
    return "\n".join([f"@{kind}{{{work.key},", *lines, "}", ""])


def latex(text: str) -> str:
    """`text` as LaTeX prints it, with balanced braces and no commands.

    >>> print(latex("R&D, 50 %: {x}"))
    R\\&D, 50 \\%: \\textbraceleft{}x\\textbraceright{}
    """
    return _LATEX_SPECIAL.sub(lambda match: _LATEX[match[0]], _one_line(text))


def _bibtex_name(name: str) -> str:
    """An author; one whose name would be taken apart is held together."""
    written = latex(name)
    is_one = name.count(",") > 1 or re.search(r"(?i)(?:^|\s)and(?:\s|$)", name)
    return f"{{{written}}}" if is_one else written


def csl_json(works: Sequence[CitedWork]) -> str:
    """Works as items of CSL-JSON (citationstyles.org), which citeproc, pandoc and Zotero read."""
    return json.dumps([_item(work) for work in works], ensure_ascii=False, indent=2) + "\n"


def _item(work: CitedWork) -> Mapping[str, Any]:
    details = work.details
    kinds = {"article": "article-journal", "book": "book", "webpage": "webpage"}
    item = {
        "id": work.key,
        "type": kinds.get(work.kind, "document"),
        "title": _one_line(work.title),
        "author": [_csl_name(_one_line(name)) for name in details.authors],
        "issued": {"date-parts": [[int(part) for part in details.date.split("-")]]}
        if details.date
        else None,
        "container-title": _one_line(details.container),
        "publisher": _one_line(details.publisher),
        "ISBN": details.isbn,
        "DOI": _one_line(details.doi),
        "URL": _one_line(details.url),
        "note": _one_line(work.note),
    }
    return {name: value for name, value in item.items() if value}


def _csl_name(name: str) -> Mapping[str, str]:
    """An author by family and given name where a comma says which is which."""
    family, comma, given = name.partition(",")
    if comma and "," not in given and given.strip():
        return {"family": family.strip(), "given": given.strip()}
    return {"literal": name}


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))
