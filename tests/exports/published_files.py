"""Files of several kinds that say who wrote them, some with hostile words."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

from make_pdf import make_pdf
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, StreamObject

HOSTILE = r"Costs & {gains} of 50 % \input{/etc/passwd} }@misc{x, $5_a^b~#1 " "".strip()
XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/" prism:doi="10.1234/abc_def.5">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Cranes of the North Sea</rdf:li></rdf:Alt>
</dc:title>
<dc:creator><rdf:Seq><rdf:li>Jane Roe</rdf:li><rdf:li>Müller, Jörg</rdf:li></rdf:Seq></dc:creator>
<prism:publicationName>Journal of Quays</prism:publicationName>
<prism:coverDate>2021-03</prism:coverDate>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def pdf(folder: Path, name: str, text: str, *, xmp: str = "", **info: str) -> None:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(make_pdf([text, "The end of it."]))))
    writer.add_metadata({f"/{key}": value for key, value in info.items()})
    if xmp:
        packet = StreamObject()
        packet.set_data(xmp.encode())
        packet[NameObject("/Type")] = NameObject("/Metadata")
        packet[NameObject("/Subtype")] = NameObject("/XML")
        writer._root_object[NameObject("/Metadata")] = writer._add_object(packet)
    with (folder / name).open("wb") as file:
        writer.write(file)


def docx(folder: Path, name: str, text: str, *, title: str, creator: str) -> None:
    w = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    parts = {
        "[Content_Types].xml": "<Types/>",
        "word/document.xml": f'<w:document xmlns:w="{w}"><w:body><w:p><w:r><w:t>{escape(text)}'
        "</w:t></w:r></w:p></w:body></w:document>",
        "docProps/core.xml": '<cp:coreProperties xmlns:cp="x" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">'
        f"<dc:title>{escape(title)}</dc:title><dc:creator>{escape(creator)}</dc:creator>"
        "<dcterms:created>2019-05-04T10:00:00Z</dcterms:created></cp:coreProperties>",
    }
    with zipfile.ZipFile(folder / name, "w") as file:
        for part, content in parts.items():
            file.writestr(part, content)


def epub(folder: Path, name: str, text: str) -> None:
    parts = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="book.opf"/>'
        "</rootfiles></container>",
        "book.opf": '<package xmlns="http://www.idpf.org/2007/opf"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Barge</dc:title>'
        "<dc:creator>Ministry of Trade and Industry</dc:creator><dc:date>1999</dc:date>"
        "<dc:publisher>Quay &amp; Sons</dc:publisher>"
        "<dc:identifier>urn:isbn:978-3-16-148410-0</dc:identifier></metadata>"
        '<manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="a"/></spine></package>',
        "a.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml"><body><p>{text}</p></body></html>',
    }
    with zipfile.ZipFile(folder / name, "w") as file:
        for part, content in parts.items():
            file.writestr(part, content)


def html(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(
        "<html><head><title>Harbour news - Portal</title>"
        '<meta name="citation_title" content="Harbour news"><meta name="author" content="Ann Lee">'
        '<meta property="article:published_time" content="2024-11-30T08:00:00Z">'
        '<link rel="canonical" href="https://example.org/a_b?c=1&amp;d=%20"></head>'
        f"<body><p>{text}</p></body></html>",
        "utf-8",
    )


SENTENCES = {
    "article.pdf": "The crane lifts nine tons of coal.",
    "hostile.pdf": "The ledger lists nine debts of the captain.",
    "slides.pdf": "The tide rose by nine feet that night.",
    "report.docx": "The mooring broke after nine days of storm.",
    "book.epub": "The barge was painted nine times over.",
    "page.html": "The quay was closed for nine hours.",
    "plain.txt": "The signal was seen from nine miles away.",
}


def library(folder: Path) -> None:
    """One file of each kind, each with its sentence."""
    folder.mkdir()
    said = SENTENCES
    pdf(folder, "article.pdf", said["article.pdf"], xmp=XMP, Title="crane.indd", Author="user1")
    pdf(folder, "hostile.pdf", said["hostile.pdf"], Title=HOSTILE, Author=f"Eve {HOSTILE}; Bo Ek",
        CreationDate="D:20260704120000Z", Subject="doi:10.99/x}y")  # fmt: skip
    pdf(folder, "slides.pdf", said["slides.pdf"], Title="Microsoft Word - x.doc", Author="Admin")
    docx(folder, "report.docx", said["report.docx"], title="Report on Moorings",
         creator="John Smith, Mary Jones")  # fmt: skip
    epub(folder, "book.epub", said["book.epub"])
    html(folder, "page.html", said["page.html"])
    (folder / "plain.txt").write_text(said["plain.txt"], "utf-8")
