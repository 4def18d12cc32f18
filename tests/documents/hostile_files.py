"""Files made to harm what reads them. They are made when the tests run, and are kept nowhere."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

from documents.office_files import R, relationships, root, zipped
from make_pdf import make_pdf
from pypdf import PdfWriter

FAR = 1_000_000
SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
ODF = "urn:oasis:names:tc:opendocument:xmlns"
LAUGHS = (
    '<!DOCTYPE a [<!ENTITY b "ha">'
    + "".join(f'<!ENTITY b{n} "{f"&b{n - 1 or str()};" * 10}">' for n in range(1, 10))
    + "]>"
)
PARAGRAPH = "<w:p><w:r><w:t>Words of a paragraph.</w:t></w:r></w:p>"


def mail(*parts: tuple[str, bytes], text: str = "Words of a letter.") -> bytes:
    """A letter with attached files, each a name and its content."""
    lines = [
        b"From: a@example.org\r\nTo: b@example.org\r\nSubject: Files\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=edge\r\n\r\n"
        b"--edge\r\nContent-Type: text/plain\r\n\r\n" + text.encode() + b"\r\n"
    ]
    for name, content in parts:
        kind = b"message/rfc822" if name.endswith(".eml") else b"application/octet-stream"
        lines.append(
            b"--edge\r\nContent-Type: " + kind + b"\r\nContent-Disposition: attachment; filename="
            b'"' + name.encode() + b'"\r\nContent-Transfer-Encoding: binary\r\n\r\n'
            + content + b"\r\n"
        )  # fmt: skip
    return b"".join([*lines, b"--edge--\r\n"])


def xlsx(sheet: str, *, strings: str = "", styles: str = "", sheets: int = 1) -> dict[str, str]:
    """A workbook whose sheets are all the same part."""
    named = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="r1"/>' for n in range(1, sheets + 1))
    return {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relationships(r1=("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook xmlns="{SPREADSHEET}" xmlns:r="{R}">'
        f"<sheets>{named}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": relationships(
            r1=("worksheet", "worksheets/sheet1.xml"),
            r2=("sharedStrings", "sharedStrings.xml"),
            r3=("styles", "styles.xml"),
        ),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{SPREADSHEET}"><sheetData>{sheet}'
        "</sheetData></worksheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{SPREADSHEET}">{strings}</sst>',
        "xl/styles.xml": f'<styleSheet xmlns="{SPREADSHEET}">{styles}</styleSheet>',
    }


def opendocument(kind: str, body: str, *, before: str = "", styles: str = "") -> bytes:
    """A text, spreadsheet or presentation of OpenDocument."""
    names = "".join(
        f' xmlns:{short}="{ODF}:{name}:1.0"'
        for short, name in (
            ("office", "office"), ("text", "text"), ("table", "table"), ("style", "style"),
            ("draw", "drawing"),
        )
    )  # fmt: skip
    names += ' xmlns:xlink="http://www.w3.org/1999/xlink"'
    content = (
        f"{before}<office:document-content{names}><office:automatic-styles>{styles}"
        f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}>"
        "</office:body></office:document-content>"
    )
    mimetype = f"application/vnd.oasis.opendocument.{kind}"
    return zipped({"content.xml": content}, first=("mimetype", mimetype))


def epub(chapter: str, *, href: str = "a.xhtml", spine: int = 1, **more: str) -> bytes:
    """A book of one chapter."""
    parts = {
        "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:'
        'container"><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>',
        "OPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf"><metadata/><manifest>'
        f'<item id="c" href="{href}" media-type="application/xhtml+xml"/></manifest><spine>'
        + '<itemref idref="c"/>' * spine + "</spine></package>",
        "OPS/a.xhtml": chapter,
    } | more  # fmt: skip
    return zipped(parts, first=("mimetype", "application/epub+zip"))


def png(width: int, height: int) -> bytes:
    """The beginning of a picture that says it is so large."""

    def chunk(name: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)


def tiff(width: int, height: int, *, next_at: int = 0) -> bytes:
    """A picture in one strip; `next_at` is where its next picture stands."""
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 200), (277, 1),
            (278, height), (279, 100)]  # fmt: skip
    listed = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    beginning = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + listed
    return (beginning + struct.pack("<I", next_at)).ljust(200, b"\0") + bytes(100)


def compound(*, following: int, name: str = "__properties_version1.0") -> bytes:
    """A compound file (OLE) whose directory's chain goes on at the sector `following`."""
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<HHHHH", header, 24, 0x3E, 3, 0xFFFE, 9, 6)
    struct.pack_into("<II", header, 44, 1, 1)  # one table of sectors; the directory is sector 1
    struct.pack_into("<III", header, 56, 4096, 0xFFFFFFFE, 0)
    struct.pack_into("<II", header, 68, 0xFFFFFFFE, 0)
    struct.pack_into("<109I", header, 76, 0, *[0xFFFFFFFF] * 108)
    table = struct.pack("<128I", 0xFFFFFFFD, following, 2, *[0xFFFFFFFF] * 125)

    def entry(called: str, kind: int, left: int, right: int, child: int, start: int) -> bytes:
        encoded = called.encode("utf-16-le")
        made = bytearray(128)
        made[: len(encoded)] = encoded
        struct.pack_into("<HBB3I", made, 64, len(encoded) + 2, kind, 1, left, right, child)
        struct.pack_into("<IQ", made, 116, start, FAR)
        return bytes(made)

    none = 0xFFFFFFFF
    directory = entry("Root Entry", 5, none, none, 1, 0xFFFFFFFE)
    directory += entry(name, 2, 2, 3, none, 2)
    directory += entry("__substg1.0_1000001F", 2, 1, 3, none, 2)
    directory += entry("__attach_version1.0_#00000000", 1, 2, 1, 1, 0)
    return bytes(header) + table + directory + bytes(512)


def overlapping(entries: int, size: int) -> bytes:
    """A package whose parts are all the same bytes of the file."""
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", " " * size)
        (part,) = package.filelist
        for number in range(entries):
            copy = part.__class__(f"word/part{number}.xml")
            for field in ("CRC", "compress_size", "file_size", "header_offset", "compress_type"):
                setattr(copy, field, getattr(part, field))
            package.filelist.append(copy)
            package.NameToInfo[copy.filename] = copy
    return stream.getvalue()


def patched_sizes(content: bytes, size: int) -> bytes:
    """The package with another size declared for each of its parts."""
    made = bytearray(content)
    at = made.find(b"PK\x01\x02")
    while at != -1:
        struct.pack_into("<I", made, at + 24, size)
        at = made.find(b"PK\x01\x02", at + 4)
    return bytes(made)


def carried_by_pdf(name: str, content: bytes) -> bytes:
    """A PDF with words of its own that carries a file."""
    writer = PdfWriter(clone_from=BytesIO(make_pdf(["Words of a page."])))
    writer.add_attachment(name, content)
    stream = BytesIO()
    writer.write(stream)
    return stream.getvalue()


def nested_mails(depth: int) -> bytes:
    """A letter in a letter in a letter."""
    content = mail(("plan.txt", b"clause nine"))
    for number in range(depth):
        content = mail((f"{number}.eml", content))
    return content


def presentation(shapes: str, *, slides: int = 1, **named: tuple[str, str]) -> bytes:
    """A presentation that shows the same slide so many times; `named` are its relationships."""
    ids = '<p:sldId id="256" r:id="r1"/>' * slides
    return zipped(
        {
            "_rels/.rels": relationships(r1=("officeDocument", "ppt/presentation.xml")),
            "ppt/presentation.xml": root("p:presentation", f"<p:sldIdLst>{ids}</p:sldIdLst>"),
            "ppt/_rels/presentation.xml.rels": relationships(r1=("slide", "slides/slide1.xml")),
            "ppt/slides/_rels/slide1.xml.rels": relationships(**named),
            "ppt/slides/slide1.xml": root(
                "p:sld", f"<p:cSld><p:spTree>{shapes}</p:spTree></p:cSld>"
            ),
        }
    )


WORDS_OF_A_SLIDE = (
    "<p:sp><p:txBody><a:p><a:r><a:t>Words of a slide</a:t></a:r></a:p></p:txBody></p:sp>"
)


def sheet(*cells: tuple[str, str] | tuple[str, str, str]) -> str:
    """A row of cells: (kind, value), and the number of a style where a third value says so."""
    written = "".join(
        f'<c t="{kind}" s="{"".join(style) or 0}"><v>{value}</v></c>'
        for kind, value, *style in cells
    )
    return f"<row>{written}</row>"
