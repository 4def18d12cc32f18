"""Reads web pages: their text as a person sees it, with headings as sections and tables as rows.

Pages are read as browsers read them (selectolax, the Lexbor engine), without scripts and without
anything from elsewhere. Filings on EDGAR are pages too, most of them with inline XBRL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from email import message_from_bytes
from email.message import Message

from docpager.core.errors import DocumentError
from docpager.documents.carried import FileContents, Instructions
from docpager.documents.details import DocumentDetails, make_details
from docpager.documents.encodings import decode_text
from docpager.documents.flow import Flow
from docpager.documents.reasons import Reason
from docpager.documents.web.blocks import NavigationEntry, blocks_of
from docpager.documents.web.filings import with_filing_headings
from docpager.documents.web.styles import HiddenBySheet, replace_spans
from docpager.documents.web.tables import Block

__all__ = ["page_details", "read_html", "read_saved_page", "write_html", "write_page", "write_part"]

_MOST_CHARACTERS = 80_000_000
"""Of one page; it and its tree take about 16 bytes for each, and a reader has 2 GB."""
_DEEPEST = 3_000
"""Elements within one another. Browsers stop at 512; the engine's time grows with the square."""
_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)([^<>]*)")
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source"}
    | {"track", "wbr"}
)
_NO_DEPTH = _VOID | frozenset(
    {"p", "li", "td", "th", "tr", "dt", "dd", "option", "optgroup", "tbody", "thead", "tfoot"}
    | {"colgroup", "html", "head", "body"}
)
"""Elements that hold nothing, or that end where the next one begins."""
_XHTML = re.compile(
    r"""\s*(?:<\?xml\b|(?:(?><!--.*?-->)\s*+){0,5}+<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML)""",
    re.DOTALL,
)
_XHTML_ROOT = re.compile(r"<html\b[^>]{0,5000}?\bxmlns\s*=\s*[\"']http://www\.w3\.org/1999/xhtml")
_SELF_CLOSED = re.compile(
    r"<([A-Za-z][\w:.-]*+)((?:\s++[^\s=<>/\"']++\s*+=\s*+(?:\"[^\"<]*+\"|'[^'<]*+'))*+)\s*+/>"
)
_INVISIBLE = re.compile("[\xad\u2060\ufeff]|\u200b(?![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])")
"""Marks where a word may be broken; in scripts that set no spaces they are where words end."""


def read_html(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A web page as one document.

    Raises:
        DocumentError: it shows no text, or holds more than is read.
    """
    flow = Flow()
    title = write_part(flow, content, path)
    return FileContents((flow.document("html", path, content, title=title),))


def page_details(content: bytes, path: str) -> DocumentDetails:
    """What a page's own data say of it as a publication (Highwire's names, Dublin Core, others).

    Raises:
        DocumentError: it is no text, or nests deeper or holds more than is read.
    """
    from selectolax.lexbor import LexborHTMLParser

    html = decode_text(content, path).text
    _check_size(html)
    tree = LexborHTMLParser(_as_html(html))
    said: dict[str, list[str]] = {}
    for meta in tree.css("meta"):
        name = meta.attributes.get("name") or meta.attributes.get("property") or ""
        if value := (meta.attributes.get("content") or "").strip():
            said.setdefault(name.lower(), []).append(value)

    def all_of(*names: str) -> list[str]:
        return next((said[name] for name in names if name in said), [])

    def first_of(*names: str) -> str:
        return next(iter(all_of(*names)), "")

    head, link = tree.css_first("head > title"), tree.css_first('link[rel="canonical"]')
    return make_details(
        title=first_of("citation_title", "dc.title", "dcterms.title", "og:title")
        or (head.text(deep=True) if head is not None else ""),
        authors=all_of("citation_author", "dc.creator", "dcterms.creator", "author"),
        date=first_of(
            "citation_publication_date", "citation_date", "dc.date", "dcterms.issued",
            "article:published_time", "date",
        ),
        identifiers=all_of("citation_doi", "dc.identifier", "dcterms.identifier"),
        publisher=first_of("citation_publisher", "dc.publisher", "og:site_name"),
        container=first_of("citation_journal_title", "citation_book_title"),
        url=(link.attributes.get("href") or "") if link is not None else first_of("og:url"),
    )  # fmt: skip


def read_saved_page(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A page that a browser saved with all that belongs to it (MHTML): the page alone.

    Raises:
        DocumentError: there is no page in it, it shows no text, or holds more than is read.
    """
    page = _page_within(message_from_bytes(content))
    if page is None:
        raise DocumentError(f"{path!r} holds no web page; save it again as HTML", Reason.DAMAGED)
    body = page.get_payload(decode=True)
    flow = Flow()
    title = write_part(
        flow, body if isinstance(body, bytes) else b"", path, declared=page.get_content_charset()
    )
    return FileContents((flow.document("html", path, content, title=title),))


def _page_within(message: Message) -> Message | None:
    kinds = ("text/html", "application/xhtml+xml")
    return next((part for part in message.walk() if part.get_content_type() in kinds), None)


def write_part(
    flow: Flow,
    content: bytes,
    path: str,
    *,
    declared: str | None = None,
    contents: Mapping[str, NavigationEntry] | None = None,
) -> str:
    """Write a page that is a file, or a part of one, called `path`; returns its title.

    `declared` is the encoding that stands outside of the page; see `write_page` for `contents`.

    Raises:
        DocumentError: it is no text, nests deeper, or holds more, than is read.
    """
    decoded = decode_text(content, path, declared)
    if decoded.doubt:
        flow.doubt(decoded.doubt)
    try:
        return write_page(flow, decoded.text, contents)
    except DocumentError as error:
        raise DocumentError(f"{path!r} {error}", error.reason) from error


def write_html(flow: Flow, html: str) -> str:
    """Write what a page shows; returns its title, else its first heading, else nothing.

    Raises:
        DocumentError: it nests deeper, or holds more, than is read.
    """
    return write_page(flow, html)


def write_page(flow: Flow, html: str, contents: Mapping[str, NavigationEntry] | None = None) -> str:
    """As `write_html`, with the headings that a table of contents names and the page may lack.

    `contents` holds its lines by the id of the element that they lead to; the empty id is the
    page's beginning.
    """
    from selectolax.lexbor import LexborHTMLParser

    _check_size(html)
    tree = LexborHTMLParser(_as_html(html))
    if tree.root is None:
        return ""
    sheets = (node.text(deep=True) for node in tree.css("style"))
    blocks = blocks_of(tree.root, HiddenBySheet(sheets), contents)
    if not any(block.sort == "heading" for block in blocks):
        blocks = with_filing_headings(blocks)
    _write(flow, _below_contents(blocks))
    head = tree.css_first("head > title")
    title = _cleaned(head.text(deep=True)).strip() if head is not None else ""
    return title or next((_cleaned(b.text) for b in blocks if b.sort == "heading"), "")


def _check_size(html: str) -> None:
    if len(html) > _MOST_CHARACTERS:
        raise DocumentError(
            f"holds a page of more than {_MOST_CHARACTERS:,} characters; split it",
            Reason.TOO_LARGE,
        )
    depth = 0
    for ends, name, rest in _TAG.findall(html):
        if rest[-1:] == "/" or name.lower() in _NO_DEPTH:
            continue
        depth = max(0, depth - 1) if ends else depth + 1
        if depth > _DEEPEST:
            raise DocumentError(
                f"holds a page that nests more than {_DEEPEST:,} elements; leave it out",
                Reason.UNSAFE,
            )


def _as_html(html: str) -> str:
    """XHTML written as HTML: elements that close themselves there stay open here."""
    if not (_XHTML.match(html[:5000]) or _XHTML_ROOT.search(html[:20_000])):
        return html
    html = replace_spans(
        html, "<![CDATA[", "]]>", lambda text: text.replace("&", "&amp;").replace("<", "&lt;")
    )
    return _SELF_CLOSED.sub(
        lambda found: (
            found[0] if found[1].lower() in _VOID else f"<{found[1]}{found[2]}></{found[1]}>"
        ),
        html,
    )


def _below_contents(blocks: Sequence[Block]) -> Sequence[Block]:
    """A page's own headings below those of the table of contents that leads to it."""
    if not any(block.listed for block in blocks):
        return blocks
    below = 0
    highest = min((b.level for b in blocks if b.sort == "heading" and not b.listed), default=1)
    for block in blocks:
        if block.listed:
            below = block.level
        elif block.sort == "heading":
            block.level += below + 1 - highest if below else 0
    return blocks


def _write(flow: Flow, blocks: Sequence[Block]) -> None:
    before = ""
    for block in blocks:
        text = _cleaned(block.text)
        if block.sort != "item" and before == "item":
            flow.gap()
        if block.sort == "heading":
            flow.heading(text, block.level)
        elif block.sort == "as it is":
            flow.text_as_it_is(text)
        elif block.sort == "item":
            flow.lines(text.split("\n"))
        elif block.sort == "rows":
            flow.gap()
            flow.lines(text.split("\n"))
            flow.gap()
        else:
            flow.paragraph(text)
        before = block.sort
    flow.gap()


def _cleaned(text: str) -> str:
    return _INVISIBLE.sub("", text)
