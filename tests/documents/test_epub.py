"""EPUB books: chapters in order, sections from their contents."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest

pytest.importorskip("selectolax")

from docpager.core.errors import DocumentError
from docpager.documents.carried import Instructions, ReadFile, read_content
from docpager.documents.reasons import Reason
from docpager.documents.signatures import kind_of

CONTAINER = """<?xml version="1.0"?>
<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/>
</rootfiles></container>"""
NCX = """<?xml version="1.0"?>
<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://127.0.0.1:9/ncx-2005-1.dtd">
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>{}</navMap></ncx>"""
NAV = """<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">
<body><nav epub:type="landmarks"><ol><li><a href="b.xhtml">no</a></li></ol></nav>
<nav epub:type="toc"><ol>{}</ol></nav></body></html>"""


def opf(chapters: list[str], extra: str = "", title: str = "The Book") -> str:
    items = "".join(
        f'<item id="c{n}" href="{name}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(chapters)
    )
    refs = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    return (
        '<package xmlns="http://www.idpf.org/2007/opf" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata><dc:title>{title}</dc:title></metadata>"
        f"<manifest>{items}{extra}</manifest><spine>{refs}</spine></package>"
    )


def epub(parts: dict[str, str]) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        package.writestr("META-INF/container.xml", CONTAINER)
        for name, text in parts.items():
            package.writestr(name, text)
    return content.getvalue()


def xhtml(body: str) -> str:
    return f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>{body}</body></html>'


def read(content: bytes) -> ReadFile:
    return read_content(content, "a.epub", Instructions())


def sections(found: ReadFile) -> list[tuple[str, str]]:
    return [(section.number, section.title) for section in found.documents[0].sections]


def test_chapters_come_in_the_order_of_the_spine():
    found = read(
        epub(
            {
                "OEBPS/a.xhtml": xhtml("<h1>First</h1><p>alpha"),
                "OEBPS/b%20c.xhtml": xhtml("never"),
                "OEBPS/b c.xhtml": xhtml("<h1>Second</h1><p>beta"),
                "OEBPS/content.opf": opf(["b%20c.xhtml", "a.xhtml"]),
            }
        )
    )
    document = found.documents[0]

    assert document.text == "Second\n\nbeta\n\nFirst\n\nalpha\n"
    assert (document.title, document.kind, found.problems) == ("The Book", "epub", ())
    assert sections(found) == [("1", "Second"), ("2", "First")]


PARTS = {
    "OEBPS/a.xhtml": xhtml("<p>alpha</p><p><a id='s1'/>early days</p><p id='s2'>late days</p>"),
    "OEBPS/b.xhtml": xhtml("<h2>2. Winter</h2><p>beta<h3>Snow</h3><p>gamma"),
}


def test_titles_come_from_the_contents_of_epub_2():
    def point(title: str, target: str, inner: str = "") -> str:
        return (
            f"<navPoint><navLabel><text>{title}</text></navLabel>"
            f'<content src="{target}"/>{inner}</navPoint>'
        )

    points = point("Summer", "a.xhtml", point("Early", "a.xhtml#s1") + point("Late", "a.xhtml#s2"))
    item = '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
    found = read(
        epub(
            {
                **PARTS,
                "OEBPS/toc.ncx": NCX.format(points + point("Winter", "b.xhtml")),
                "OEBPS/content.opf": opf(["a.xhtml", "b.xhtml"], item),
            }
        )
    )

    assert sections(found) == [
        ("1", "Summer"), ("1.1", "Early"), ("1.2", "Late"), ("2", "2. Winter"), ("2.1", "Snow"),
    ]  # fmt: skip
    assert found.documents[0].text.startswith("Summer\n\nalpha\n\nEarly\n\nearly days\n\nLate")


def test_titles_come_from_the_contents_of_epub_3():
    lines = (
        '<li><span>Seasons</span><ol><li><a href="a.xhtml">Summer</a></li>'
        '<li><a href="b.xhtml">Winter</a></li></ol></li>'
    )
    item = '<item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
    found = read(
        epub(
            {
                **PARTS,
                "OEBPS/nav.xhtml": NAV.format(lines),
                "OEBPS/content.opf": opf(["a.xhtml", "b.xhtml"], item),
            }
        )
    )

    assert sections(found) == [("1", "Summer"), ("2", "2. Winter"), ("2.1", "Snow")]


def test_a_title_set_as_a_paragraph_comes_once():
    item = '<item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
    found = read(
        epub(
            {
                "OEBPS/a.xhtml": xhtml("<div>8<p id='s'><b>1.1 For the impatient</b></p><p>alpha"),
                "OEBPS/nav.xhtml": NAV.format('<li><a href="a.xhtml#s">For the impatient</a></li>'),
                "OEBPS/content.opf": opf(["a.xhtml"], item),
            }
        )
    )

    assert sections(found) == [("1", "1.1 For the impatient")]
    assert found.documents[0].text == "8\n\n1.1 For the impatient\n\nalpha\n"


def test_footnotes_are_marked_and_pictures_of_the_spine_are_named():
    note = '<aside epub:type="footnote" id="n1"><p>1. Hard to say.</p></aside>'
    item = '<item id="p" href="p.png" media-type="image/png"/>'
    package = opf(["a.xhtml"], item).replace("</spine>", '<itemref idref="p"/></spine>')
    found = read(
        epub(
            {
                "OEBPS/a.xhtml": xhtml(
                    f'<p>True<a epub:type="noteref" href="#n1"><sup>1</sup></a>.</p>{note}'
                ),
                "OEBPS/p.png": "x",
                "OEBPS/content.opf": package,
            }
        )
    )

    assert found.documents[0].text == "True[1].\n\n[footnote 1: Hard to say.]\n"
    assert found.problems == ("'a.epub' shows its part 'OEBPS/p.png', which holds no text",)


def encryption(algorithm: str, part: str) -> str:
    return (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" '
        'xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>'
        f'<enc:EncryptionMethod Algorithm="{algorithm}"/><enc:CipherData>'
        f'<enc:CipherReference URI="{part}"/></enc:CipherData></enc:EncryptedData></encryption>'
    )


def test_copy_protection_is_named_and_hidden_fonts_are_harmless():
    parts = {"OEBPS/a.xhtml": xhtml("<p>alpha"), "OEBPS/content.opf": opf(["a.xhtml"])}
    font = encryption("http://www.idpf.org/2008/embedding", "OEBPS/f.otf")
    locked = encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "OEBPS/a.xhtml")

    assert read(epub({**parts, "META-INF/encryption.xml": font})).documents[0].text == "alpha\n"
    with pytest.raises(DocumentError, match="protected against copying") as caught:
        read(epub({**parts, "META-INF/encryption.xml": locked}))
    assert caught.value.reason is Reason.ENCRYPTED


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "lacks its part 'OEBPS/content.opf'"),
        ({"OEBPS/content.opf": "<package"}, "is damaged"),
        ({"OEBPS/content.opf": opf([])}, "names no chapters"),
        ({"OEBPS/content.opf": opf(["a.xhtml"])}, "holds no text"),
        (
            {"OEBPS/content.opf": '<!DOCTYPE a [<!ENTITY b "c">]>' + opf(["a.xhtml"])},
            "declares a document type or entities",
        ),
    ],
)
def test_books_that_cannot_be_read_are_named(parts, message):
    with pytest.raises(DocumentError, match=message):
        read(epub(parts))


def test_a_missing_chapter_is_named_and_the_others_are_read():
    found = read(
        epub(
            {
                "OEBPS/b.xhtml": xhtml("<p>beta"),
                "OEBPS/content.opf": opf(["../../a.xhtml", "b.xhtml"]),
            }
        )
    )

    assert found.documents[0].text == "beta\n"
    assert len(found.problems) == 1 and "lacks its part" in found.problems[0]


def test_a_book_is_known_whatever_its_name():
    assert kind_of("book.zip", epub({})).name == "epub"
