"""Reads EPUB books: their chapters in the order of the spine, with the titles of their contents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from docpager.core.errors import DocumentError
from docpager.documents.carried import FileContents, Instructions
from docpager.documents.encodings import decode_text
from docpager.documents.flow import Flow, on_one_line
from docpager.documents.packages import Package, elements, local_name, parse_xml
from docpager.documents.reasons import Reason
from docpager.documents.web.blocks import NavigationEntry
from docpager.documents.web.html import write_part

__all__ = ["read_epub"]

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_FONTS_ONLY = frozenset({"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"})
"""Fonts made unusable outside of their book; its text is not touched by it
(https://www.w3.org/TR/epub-33/#sec-font-obfuscation)."""
_PAGES = frozenset({"application/xhtml+xml", "text/html", "image/svg+xml"})
_OUTER_TYPE = re.compile(rb"<!DOCTYPE\s[^\[<>]*>")
"""A document type that declares nothing itself: every EPUB 2 has one, and nothing is fetched."""
_DEEPEST_LEVEL = 8

Contents = Mapping[str, Mapping[str, NavigationEntry]]
"""Lines of the table of contents, by the part and by the id of the element that they lead to."""


@dataclass(frozen=True, slots=True)
class _Book:
    """What the package document says of a book."""

    title: str
    chapters: tuple[str, ...]
    """Parts with text, in reading order."""
    navigation: tuple[str, ...]
    """Parts that may hold the table of contents, the better one first."""
    elsewhere: tuple[str, ...] = field(default=())
    """Parts of the spine that are no text."""


def read_epub(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A book as one document, its chapters as sections.

    Raises:
        DocumentError: it is damaged, protected against copying, shows no text, or holds more than
            is read.
    """
    package = Package(content, path)
    book = _book(package)
    _check_protection(package, book)
    contents, problems = _contents_of(package, book)
    flow = Flow()
    for name in book.chapters:
        try:
            part = package.read(name)
        except DocumentError as error:
            problems.append(str(error))
            continue
        write_part(flow, part, f"{path} ({name})", contents=contents.get(name))
    problems += [
        f"{path!r} shows its part {name!r}, which holds no text" for name in book.elsewhere
    ]
    document = flow.document("epub", path, content, title=book.title)
    return FileContents((document,), tuple(problems))


def _book(package: Package) -> _Book:
    roots = elements(_xml(package, _CONTAINER), "rootfile")
    name = next((unquote(root.get("full-path") or "") for root in roots), "")
    root = _xml(package, name)
    title = next((each.text or "" for each in elements(root, "title")), "")
    kinds: dict[str, tuple[str, str, str]] = {}
    for item in elements(root, "item"):
        # Some programs name the same part once for each of its sections.
        part = package.related(name, unquote((item.get("href") or "").partition("#")[0]))
        kinds[item.get("id") or ""] = (
            part, item.get("media-type") or "", item.get("properties") or ""
        )  # fmt: skip
    spine = [kinds.get(each.get("idref") or "") for each in elements(root, "itemref")]
    shown = dict.fromkeys(item[:2] for item in spine if item is not None)
    if not shown:
        raise DocumentError(f"{package.path!r} names no chapters; export it again", Reason.DAMAGED)
    better = [part for part, _, properties in kinds.values() if "nav" in properties.split()]
    older = [part for part, kind, _ in kinds.values() if kind == "application/x-dtbncx+xml"]
    return _Book(
        on_one_line(title),
        tuple(part for part, kind in shown if kind in _PAGES),
        (*better, *older),
        tuple(part for part, kind in shown if kind not in _PAGES),
    )


def _check_protection(package: Package, book: _Book) -> None:
    """Stop where chapters are encrypted; fonts may be.

    Raises:
        DocumentError: they are.
    """
    if _ENCRYPTION not in package:
        return
    chapters = set(book.chapters)
    for data in elements(_xml(package, _ENCRYPTION), "EncryptedData"):
        method = next((m.get("Algorithm") for m in elements(data, "EncryptionMethod")), None)
        parts = {unquote(each.get("URI") or "") for each in elements(data, "CipherReference")}
        if method not in _FONTS_ONLY and parts & chapters:
            raise DocumentError(
                f"{package.path!r} is protected against copying (DRM); ask its publisher for a "
                "copy without it",
                Reason.ENCRYPTED,
            )


def _contents_of(package: Package, book: _Book) -> tuple[Contents, list[str]]:
    """The first table of contents that can be read, and a sentence for each that cannot."""
    problems: list[str] = []
    for name in book.navigation:
        contents: dict[str, dict[str, NavigationEntry]] = {}
        try:
            for target, entry in _entries(package, name):
                part, _, fragment = target.partition("#")
                part = package.related(name, unquote(part)) if part else name
                contents.setdefault(part, {}).setdefault(unquote(fragment), entry)
        except DocumentError as error:
            problems.append(f"{error}; its chapters have no titles from there")
        if contents:
            return contents, problems
    return {}, problems


def _entries(package: Package, name: str) -> Iterator[tuple[str, NavigationEntry]]:
    if name.lower().endswith(".ncx"):
        yield from _ncx_entries(_xml(package, name))
    else:
        yield from _nav_entries(decode_text(package.read(name), package.path).text)


def _ncx_entries(root: Element) -> Iterator[tuple[str, NavigationEntry]]:
    """Lines of the table of contents of EPUB 2."""
    waiting = [(each, 1) for each in reversed(list(root)) if local_name(each) == "navMap"]
    while waiting:
        node, level = waiting.pop()
        below = [(each, level) for each in node if local_name(each) == "navPoint"]
        if local_name(node) == "navPoint":
            below = [(each, min(level + 1, _DEEPEST_LEVEL)) for each, _ in below]
            own = [each for each in node if local_name(each) in ("navLabel", "content")]
            title = " ".join(t for each in own for t in each.itertext())
            target = next((each.get("src") or "" for each in own if each.get("src")), "")
            if title.strip() and target:
                yield target, NavigationEntry(on_one_line(title), level)
        waiting += reversed(below)


def _nav_entries(html: str) -> Iterator[tuple[str, NavigationEntry]]:
    """Lines of the table of contents of EPUB 3: nested lists of links."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(html)
    for nav in tree.css("nav"):
        if "toc" not in (nav.attributes.get("epub:type") or "").split():
            continue
        for link in nav.css("a"):
            level, above = 0, link.parent
            while above is not None and above.tag != "nav" and level < _DEEPEST_LEVEL:
                level += above.tag == "ol"
                above = above.parent
            title = on_one_line(link.text(deep=True))
            target = link.attributes.get("href") or ""
            if title and target:
                yield target, NavigationEntry(title, max(1, level))


def _xml(package: Package, name: str) -> Element:
    content = _OUTER_TYPE.sub(b"", package.read(name), count=1)
    return parse_xml(content, f"{package.path} ({name})")
