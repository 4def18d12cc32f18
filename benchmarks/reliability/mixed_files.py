"""Writes files of every kind that docpager reads, of some that it does not, and broken ones.

Each file that can be read tells one fact, with a word that no other file has.
"""

from __future__ import annotations

import io
import json
import random
import struct
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

__all__ = ["ENCODINGS", "WRITERS", "outlook_letter", "scan", "written_in"]

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SLIDES = "http://schemas.openxmlformats.org/presentationml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
_OPEN = "urn:oasis:names:tc:opendocument:xmlns:{}:1.0"

ENCODINGS: Mapping[str, str] = {
    "utf-8": "Das Lager am Hafen wurde im Frühjahr geräumt.",
    "utf-8-sig": "L'entrepôt du port a été vidé au printemps.",
    "utf-16": "Склад в порту был освобождён весной.",
    "cp1252": "Der Vertrag über die Schließung gilt für fünf Jahre, sagte Frau Müller.",
    "cp1251": "Настоящий договор вступает в силу с момента подписания его сторонами.",
    "koi8-r": "Настоящий договор вступает в силу с момента подписания его сторонами.",
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy, řekl ředitel závodu.",
    "cp1253": "Η σύμβαση τίθεται σε ισχύ από την ημερομηνία υπογραφής της.",
    "gbk": "本合同自双方签字盖章之日起生效，甲方应按期支付货款。",
    "big5": "本合約自雙方簽字蓋章之日起生效，甲方應按期支付貨款。",
    "shift_jis": "本契約は、両当事者が署名した日から効力を生じるものとします。",
    "euc-kr": "이 계약은 당사자 쌍방이 서명한 날부터 효력이 발생합니다.",
    "cp1255": "הסכם זה ייכנס לתוקפו ביום חתימתו על ידי שני הצדדים.",
    "cp1256": "يدخل هذا العقد حيز التنفيذ من تاريخ توقيعه من قبل الطرفين.",
}
"""A sentence for each encoding in which text files are written."""


def written_in(encoding: str, fact: str) -> bytes:
    """A text of that encoding's language, ten times over, with the fact in its middle."""
    lines = [ENCODINGS[encoding]] * 10
    return "\n".join([*lines[:5], fact, *lines[5:]]).encode(encoding)


def scan() -> bytes:
    """A picture of some lines, as PNG."""
    from PIL import Image

    stream = io.BytesIO()
    Image.new("L", (200, 100), 255).save(stream, "png")
    return stream.getvalue()


def _zipped(parts: Mapping[str, str], *, media_type: str = "") -> bytes:
    stream = io.BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as package:
        if media_type:
            package.writestr("mimetype", media_type, ZIP_STORED)
        for name, content in parts.items():
            package.writestr(name, content)
    return stream.getvalue()


def _related(**targets: str) -> str:
    rows = "".join(
        f'<Relationship Id="{kind}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}">{rows}</Relationships>'


def _pdf(fact: str) -> bytes:
    drawn = f"BT /F1 11 Tf 50 760 Td ({fact}) Tj ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R "
        "/Resources << /Font << /F1 3 0 R >> >> >>",
        f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
    ]
    body, offsets = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    head = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    end = f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return (body + head + end).encode("latin-1")


def _docx(fact: str) -> bytes:
    body = f"<w:body><w:p><w:r><w:t>{fact}</w:t></w:r></w:p></w:body>"
    return _zipped(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": _related(officeDocument="word/document.xml"),
            "word/document.xml": f'<w:document xmlns:w="{_WORD}">{body}</w:document>',
        }
    )


def _pptx(fact: str) -> bytes:
    names = f'xmlns:p="{_SLIDES}" xmlns:a="{_DRAWING}" xmlns:r="{_OFFICE}"'
    said = f"<a:p><a:r><a:t>{fact}</a:t></a:r></a:p>"
    shape = f"<p:sp><p:nvSpPr/><p:spPr/><p:txBody>{said}</p:txBody></p:sp>"
    slides = '<p:sldIdLst><p:sldId id="256" r:id="slide"/></p:sldIdLst>'
    return _zipped(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": _related(officeDocument="ppt/presentation.xml"),
            "ppt/presentation.xml": f"<p:presentation {names}>{slides}</p:presentation>",
            "ppt/_rels/presentation.xml.rels": _related(slide="slides/slide1.xml"),
            "ppt/slides/slide1.xml": f"<p:sld {names}><p:cSld><p:spTree>{shape}</p:spTree>"
            "</p:cSld></p:sld>",
        }
    )


def _opendocument(kind: str, inner: str) -> bytes:
    spaces = " ".join(
        f'xmlns:{name}="{_OPEN.format(full)}"'
        for name, full in {
            "office": "office",
            "text": "text",
            "table": "table",
            "draw": "drawing",
        }.items()
    )
    body = f"<office:body><office:{kind}>{inner}</office:{kind}></office:body>"
    content = f"<office:document-content {spaces}>{body}</office:document-content>"
    return _zipped(
        {"content.xml": content}, media_type=f"application/vnd.oasis.opendocument.{kind}"
    )


def _odt(fact: str) -> bytes:
    return _opendocument("text", f"<text:p>{fact}</text:p>")


def _odp(fact: str) -> bytes:
    box = f"<draw:frame><draw:text-box><text:p>{fact}</text:p></draw:text-box></draw:frame>"
    return _opendocument("presentation", f'<draw:page draw:name="one">{box}</draw:page>')


def _ods(fact: str) -> bytes:
    cell = (
        f'<table:table-cell office:value-type="string"><text:p>{fact}</text:p></table:table-cell>'
    )
    row = f"<table:table-row>{cell}</table:table-row>"
    return _opendocument("spreadsheet", f'<table:table table:name="one">{row}</table:table>')


def _xlsx(fact: str) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    for row in (("what", "year"), (fact, 2023)):
        sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _xls(fact: str) -> bytes:
    import xlwt

    book = xlwt.Workbook()
    sheet = book.add_sheet("one")
    for at, value in enumerate(("what", fact)):
        sheet.write(at, 0, value)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _page(fact: str) -> str:
    return (
        f"<!doctype html><html><head><title>A page</title></head><body><p>{fact}</p></body></html>"
    )


def _epub(fact: str) -> bytes:
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata/><manifest>'
        '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="a"/></spine></package>'
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="book.opf"/></rootfiles></container>'
    )
    page = f'<html xmlns="http://www.w3.org/1999/xhtml"><body><p>{fact}</p></body></html>'
    return _zipped(
        {"META-INF/container.xml": container, "book.opf": package, "a.xhtml": page},
        media_type="application/epub+zip",
    )


def _letter(fact: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "ana@example.org", "hans@example.org"
    message["Subject"], message["Date"] = "The harbour", "Mon, 02 Dec 2024 08:00:00 +0000"
    message["Message-ID"] = "<1@example.org>"
    message.set_content(fact + "\n")
    return message


def _mbox(fact: str) -> bytes:
    return b"From ana@example.org Mon Dec  2 08:00:00 2024\n" + bytes(_letter(fact)) + b"\n"


def _mhtml(fact: str) -> bytes:
    message = EmailMessage()
    message["MIME-Version"], message["Subject"] = "1.0", "A page"
    message.set_content(_page(fact), subtype="html")
    message.make_related()
    return bytes(message)


def _json(fact: str) -> bytes:
    return json.dumps({"title": "Склад", "fact": fact}).encode()


def _jsonl(fact: str) -> bytes:
    return (json.dumps({"text": fact}) + "\n").encode()


WRITERS: Mapping[str, Callable[[str], bytes]] = {
    ".pdf": _pdf,
    ".docx": _docx,
    ".pptx": _pptx,
    ".odt": _odt,
    ".odp": _odp,
    ".ods": _ods,
    ".xlsx": _xlsx,
    ".xls": _xls,
    ".rtf": lambda fact: ("{\\rtf1\\ansi " + fact + "\\par}").encode(),
    ".csv": lambda fact: f'what,year\n"{fact}",2023\n'.encode(),
    ".tsv": lambda fact: f"what\tyear\n{fact}\t2023\n".encode(),
    ".html": lambda fact: _page(fact).encode(),
    ".mhtml": _mhtml,
    ".epub": _epub,
    ".eml": lambda fact: bytes(_letter(fact)),
    ".mbox": _mbox,
    ".msg": lambda fact: outlook_letter(fact),
    ".md": lambda fact: f"# The harbour\n\n{fact}\n".encode(),
    ".json": _json,
    ".jsonl": _jsonl,
    ".xml": lambda fact: f"<note><fact>{fact}</fact></note>".encode(),
    ".py": lambda fact: f"# {fact}\n".encode(),
    ".ics": lambda fact: f"BEGIN:VCALENDAR\nSUMMARY:{fact}\nEND:VCALENDAR\n".encode(),
}
"""Files that hold a fact, by their ending."""


def outlook_letter(fact: str) -> bytes:
    """A letter as Outlook saves it: a compound file (MS-CFB) with three small streams."""
    streams = {
        "__properties_version1.0": bytes(32),
        "__substg1.0_0037001F": "The harbour".encode("utf-16-le"),
        "__substg1.0_1000001F": fact.encode("utf-16-le"),
    }
    free, end = 0xFFFFFFFF, 0xFFFFFFFE
    small, small_table, entries = b"", [], []
    for at, (name, content) in enumerate(streams.items(), start=1):
        start, count = len(small_table), -(-len(content) // 64)
        small_table += [*range(start + 1, start + count), end]
        small += content.ljust(64 * count, b"\0")
        following = at + 1 if at < len(streams) else free
        entries.append(_entry(name, 2, following, free, start, len(content)))
    sectors = [small[at : at + 512].ljust(512, b"\0") for at in range(0, len(small), 512)]
    table = [*range(1, len(sectors)), end]
    entries.insert(0, _entry("Root Entry", 5, free, 1, 0, len(small)))
    small_table_at, directory_at, table_at = len(sectors), len(sectors) + 1, len(sectors) + 2
    table += [end, end, 0xFFFFFFFD]
    sectors.append(struct.pack(f"<{len(small_table)}I", *small_table).ljust(512, b"\xff"))
    sectors.append(b"".join(entries).ljust(512, b"\0"))
    sectors.append(struct.pack(f"<{len(table)}I", *table).ljust(512, b"\xff"))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<IIIII", 0, 1, directory_at, 0, 4_096)
    head += struct.pack("<IIIII", small_table_at, 1, end, 0, table_at)
    return head.ljust(512, b"\xff") + b"".join(sectors)


def _entry(name: str, kind: int, following: int, child: int, start: int, size: int) -> bytes:
    wide = name.encode("utf-16-le") + b"\0\0"
    head = struct.pack("<HBBIII", len(wide), kind, 1, 0xFFFFFFFF, following, child)
    return wide.ljust(64, b"\0") + head + bytes(36) + struct.pack("<IQ", start, size)


def cut(content: bytes, generator: random.Random) -> bytes:
    """The beginning of a file that broke off."""
    return content[: generator.randrange(40, max(41, len(content) // 2))]
