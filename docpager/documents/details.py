"""What a file says of itself as a publication: title, authors, date, DOI.

Office files, OpenDocument, EPUB and the XMP packet of a PDF all use the elements of Dublin Core,
some with those of PRISM beside. What people did not write, such as the name of the program as the
title, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from docpager.documents.flow import on_one_line
from docpager.documents.packages import Package, elements, local_name
from docpager.documents.signatures import kind_of

__all__ = ["DocumentDetails", "details_of", "dublin_core", "make_details", "merged"]

_LONGEST = 500
"""Characters of a value; longer ones are texts and no names."""
_MOST_AUTHORS = 100
_DOI = re.compile(r"""\b10\.\d{4,9}/[^\s"'<>{}\\|^`]+""")
_URL = re.compile(r"""https?://[^\s"'<>{}\\|^`]+""")
_DATE = re.compile(r"(?:D:)?(\d{4})(?:[-/.]?(\d\d)(?:[-/.]?(\d\d))?)?")
_ISBN = re.compile(r"(?:urn:)?isbn:?\s*([\d-]{9,16}[\dXx])", re.IGNORECASE)
_NO_TITLE = re.compile(
    r"(?i)untitled.*|(?:document|presentation|slide|book|workbook|mappe|tabelle)\s?\d*|title"
    r"|microsoft (?:word|powerpoint|excel|office)\b.*|(?:power\s?point|word) (?:pr.s|doc)\S*"
    r"|(?:[a-z]:)?[\\/].*|file:.*|.*\.(?:docx?|pptx?|xlsx?|pdf|indd|qxd|dvi|tex|rtf|odt)"
)
"""Titles that programs give by themselves, and names of files."""
_NO_AUTHOR = re.compile(
    r"(?i)(?:unknown|author|user\d*|owner|admin(?:istrator)?|root|anonymous|none|n/?a"
    r"|python-docx|openpyxl|apache poi|microsoft.*|(?:adobe|acrobat)\b.*)"
)
_LOGIN = re.compile(r"[a-z][a-z0-9._-]*")
"""One word without a capital: the name of an account, which programs write for the author."""
_TEMPLATE_DATES = ("2006-09-16T00:00:00", "2013-12-23T23:15:00", "2015-06-05T18:1")
"""When the empty files were made that Excel and python-docx begin with."""
_PACKAGED = {
    "docx": ("docProps/core.xml",),
    "pptx": ("docProps/core.xml",),
    "xlsx": ("docProps/core.xml",),
    "odt": ("meta.xml",),
    "ods": ("meta.xml",),
    "odp": ("meta.xml",),
}
"""Where packages of each kind have the element with their properties."""
_CONTAINER = "META-INF/container.xml"


@dataclass(frozen=True, slots=True)
class DocumentDetails:
    """What is empty is not said, or not by a person."""

    title: str = ""
    authors: tuple[str, ...] = ()
    """As they are written, such as `Jane Roe` or `Roe, Jane`."""
    date: str = ""
    """Of the publication, else of the file: `2026`, `2026-11` or `2026-11-30`."""
    doi: str = ""
    publisher: str = ""
    container: str = ""
    """The journal or book that it stands in."""
    isbn: str = ""
    url: str = ""


def details_of(content: bytes, path: str) -> DocumentDetails:
    """The details in a file's bytes; none in kinds of files that have no place for them.

    Raises:
        DocumentError: it is damaged, encrypted, or not safe to read.
    """
    kind = kind_of(path, content).name
    if kind == "pdf":
        from docpager.documents.pdf.pypdf_reader import pdf_details

        return pdf_details(content, path)
    if kind == "html":
        from docpager.documents.web.html import page_details

        return page_details(content, path)
    if kind == "epub":
        package = Package(content, path)
        roots = elements(package.xml(_CONTAINER), "rootfile")
        name = next((unquote(root.get("full-path") or "") for root in roots), "")
        return dublin_core(package.xml(name))
    if kind in _PACKAGED:
        package = Package(content, path)
        parts = {name.lower(): name for name in package.names}
        for name in _PACKAGED[kind]:
            if name.lower() in parts:
                return dublin_core(package.xml(parts[name.lower()]))
    return DocumentDetails()


def dublin_core(root: Element) -> DocumentDetails:
    """The details that elements of Dublin Core and PRISM tell, wherever they stand below `root`."""
    said: dict[str, list[str]] = {}
    for element in root.iter():
        if isinstance(element.tag, str):
            said.setdefault(local_name(element), []).extend(_values(element))
        for name, value in element.items():
            # XMP may write a value as an attribute; those of XML itself have no namespace.
            if name.startswith("{") and value.strip():
                said.setdefault(name.rpartition("}")[2], []).append(on_one_line(value))
    identifiers = [*said.get("doi", ()), *said.get("identifier", ())]
    dates = ("publicationDate", "coverDate", "issued", "date", "creation-date", "created",
             "modified", "CreateDate")  # fmt: skip
    return make_details(
        title=_first(said, "title"),
        authors=said.get("creator") or said.get("initial-creator") or (),
        date=_first(said, *dates),
        identifiers=identifiers,
        publisher=_first(said, "publisher"),
        container=_first(said, "publicationName", "isPartOf"),
    )


def make_details(
    *,
    title: str = "",
    authors: Iterable[str] = (),
    date: str = "",
    identifiers: Iterable[str] = (),
    publisher: str = "",
    container: str = "",
    url: str = "",
) -> DocumentDetails:
    """Details out of what a file says, without what no person wrote.

    `identifiers` are texts that may hold a DOI or an ISBN. One text may name several authors.
    """
    named = [_line(title), _line(publisher), _line(container)]
    title = "" if len(named[0]) < 3 or _NO_TITLE.fullmatch(named[0]) else named[0]
    told = [on_one_line(each) for each in identifiers]
    doi = next((found[0].rstrip(".,;:)]") for each in told if (found := _DOI.search(each))), "")
    isbn = next((found[1] for each in told if (found := _ISBN.search(each))), "")
    return DocumentDetails(
        title,
        tuple(dict.fromkeys(_people(authors)))[:_MOST_AUTHORS],
        _iso(date),
        doi,
        named[1],
        named[2],
        isbn,
        url if _URL.fullmatch(url) and len(url) <= _LONGEST else "",
    )


def merged(first: DocumentDetails, second: DocumentDetails) -> DocumentDetails:
    """What `first` says, and of what it does not say what `second` says."""
    both = {name: getattr(first, name) or getattr(second, name) for name in first.__slots__}
    return DocumentDetails(**both)


def _values(element: Element) -> Iterator[str]:
    """An element's own text, or that of the items of the list in it (`rdf:Seq`, `rdf:Alt`)."""
    items = [each for each in element.iter() if each is not element and local_name(each) == "li"]
    for each in items or [element]:
        text = on_one_line(each.text or "")
        if text:
            yield text


def _first(said: dict[str, list[str]], *names: str) -> str:
    found = (value for name in names for value in said.get(name, ()))
    return next((value for value in found if not value.startswith(_TEMPLATE_DATES)), "")


def _line(text: str) -> str:
    line = on_one_line(text)
    return line if len(line) <= _LONGEST else ""


def _people(authors: Iterable[str]) -> Iterator[str]:
    """Every author by name. Commas part names only where each part is more than one word: else
    they stand between the names of one person."""
    for written in authors:
        for part in re.split(r"\s*;\s*|\s+and\s+(?=\w+[.\s])", on_one_line(written)):
            names = [part]
            several = part.split(",")
            if len(several) > 1 and all(" " in each.strip() for each in several):
                names = [each.strip() for each in several]
            for name in names:
                name = _line(name).strip(" ,")
                if name and not (_NO_AUTHOR.fullmatch(name) or _LOGIN.fullmatch(name)):
                    yield name


def _iso(date: str) -> str:
    """A date as `2026-11-30`, as far as it is told; empty where it is none.

    >>> _iso("D:20260704120000+02'00'"), _iso("2026-07"), _iso("1999"), _iso("soon")
    ('2026-07-04', '2026-07', '1999', '')
    """
    found = _DATE.match(date.strip())
    if found is None or not 1400 <= int(found[1]) <= 2200:
        return ""
    year, month, day = found.groups()
    if month is None or not 1 <= int(month) <= 12:
        return year
    if day is None or not 1 <= int(day) <= 31:
        return f"{year}-{month}"
    return f"{year}-{month}-{day}"
