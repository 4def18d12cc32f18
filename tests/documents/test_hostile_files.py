"""Files made to harm what reads them are named, or read harmlessly, by the process that reads all
files: far within its limits, without a word to the network, without a byte written."""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from documents.hostile_files import (
    LAUGHS,
    PARAGRAPH,
    WORDS_OF_A_SLIDE,
    carried_by_pdf,
    compound,
    epub,
    mail,
    nested_mails,
    opendocument,
    overlapping,
    patched_sizes,
    png,
    presentation,
    sheet,
    tiff,
    xlsx,
)
from documents.office_files import docx, zipped
from make_pdf import make_pdf

from docpager.core.errors import DocumentError
from docpager.documents.ocr.recognition import Scans
from docpager.documents.ocr.tesseract import Tesseract
from docpager.documents.reader_pool import Reader, ReadingJob, ReadingLimits
from docpager.documents.reasons import Reason

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="limits are kept by Linux"),
    pytest.mark.usefixtures("own_readers"),
]

LIMITS = ReadingLimits(processes=1, timeout_seconds=60)
MOST_MEGABYTES = 400
"""Of the 2,000 that a reader has."""
MOST_SECONDS = 10.0
"""Of the 300 that a file has by default, in seconds of the processor."""
MEGABYTE = "word " * 200_000

Made = bytes | dict[str, str]
Expected = Reason | str
"""Why the file is refused; or words that are read from it."""

AUDIT = """
import os, sys
log = os.open(os.environ["HOSTILE_AUDIT"], os.O_WRONLY | os.O_APPEND)
writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
told = ("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.fork", "os.system", "os.remove",
        "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "shutil.", "urllib.")
def is_new(arguments):
    return not isinstance(arguments[0], int) and (arguments[2] or 0) & writing
def hook(event, arguments):
    if event.startswith(told) or (event == "open" and is_new(arguments)):
        os.write(log, f"{event} {arguments!r}\\n".encode("ascii", "replace"))
sys.addaudithook(hook)
"""
"""What the reader process runs before anything else: it notes whatever reaches beyond it."""


@dataclass(frozen=True)
class Hostile:
    name: str
    make: Callable[[str], Made]
    """Of an address that nobody may ask."""
    expected: Expected


def cut_off(content: bytes) -> bytes:
    return content[: len(content) * 3 // 5]


def swelling(size: int = 30_000_000) -> bytes:
    return zipped(docx(" " * size))


def declared(encoding: str) -> dict[str, str]:
    return {"word/document.xml": f'<?xml version="1.0" encoding="{encoding}"?>{LAUGHS}<a>&b9;</a>'}


def entities(encoding: str) -> bytes:
    return zipped({"word/document.xml": f"{LAUGHS}<a>&b9;</a>".encode(encoding)})


def notes_that_name_notes() -> dict[str, str]:
    def name(number: int) -> str:
        return f'<w:r><w:t>y</w:t><w:footnoteReference w:id="{number}"/></w:r>'

    notes = (f'<w:footnote w:id="{n}"><w:p>{name(n - 1) * 2}</w:p></w:footnote>' for n in range(40))
    return docx(f"{PARAGRAPH}<w:p>{name(39)}</w:p>", footnotes="".join(notes))


def styles_in_a_circle() -> dict[str, str]:
    paragraph = PARAGRAPH.replace("<w:p>", '<w:p><w:pPr><w:pStyle w:val="A"/></w:pPr>')
    styles = (
        f'<w:style w:styleId="{a}"><w:basedOn w:val="{b}"/></w:style>' for a, b in ("AB", "BA")
    )
    return docx(paragraph, styles="".join(styles))


def remote_docx(url: str) -> dict[str, str]:
    named = {
        "t": ("attachedTemplate", f"{url}/a.dotm", True),
        "i": ("image", f"{url}/b.png", True),
        "o": ("oleObject", "file:///etc/hostname", True),
        "s": ("subDocument", f"{url}/c.docx", True),
        "p": ("package", "../../../../etc/hostname"),
    }
    link = '<w:p><w:hyperlink r:id="i"><w:r><w:t>linked</w:t></w:r></w:hyperlink></w:p>'
    field = '<w:p><w:fldSimple w:instr="INCLUDETEXT {}"><w:r><w:t>x</w:t></w:r></w:fldSimple></w:p>'
    return docx(PARAGRAPH + link + field.format(url), named=named)


def remote_html(url: str) -> bytes:
    return f"""<html><head><base href="{url}"><link rel="stylesheet" href="{url}/a.css">
        <style>@import url({url}/b.css);</style><meta http-equiv="refresh" content="0;url={url}">
        <script src="{url}/c.js"></script></head><body background="{url}/d.png">Words of a page.
        <img src="{url}/e.png" srcset="{url}/f.png 2x"><iframe src="{url}/g"></iframe>
        <object data="{url}/h"></object><embed src="{url}/i"><video poster="{url}/j"></video>
        <svg><image href="{url}/k"/><use href="{url}/l#a"/></svg></body></html>""".encode()


def remote_xlsx(url: str) -> bytes:
    parts = xlsx(sheet(("n", "7")))
    parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"].replace(
        "<v>7</v>", f'<f>WEBSERVICE("{url}")+[1]A!A1</f><v>7</v>'
    )
    outside = f'<Relationship Id="r9" Type="x/externalLink" Target="{url}" TargetMode="External"/>'
    names = "xl/_rels/workbook.xml.rels"
    parts[names] = parts[names].replace("</Relationships>", f"{outside}</Relationships>")
    return zipped(parts)


def remote_odt(url: str) -> bytes:
    return opendocument(
        "text",
        f'<text:p>Words of a text.<draw:frame><draw:image xlink:href="{url}/a.png"/>'
        f'<draw:object xlink:href="../../../etc/hostname"/><draw:object xlink:href="./"/>'
        f'</draw:frame></text:p><text:section><text:section-source xlink:href="{url}/b.odt"/>'
        "</text:section>",
    )


def remote_rtf(url: str) -> bytes:
    return (
        f"{{\\rtf1 {{\\*\\template {url}/a.dot}}Words of a text."
        f'{{\\field{{\\*\\fldinst INCLUDEPICTURE "{url}/b.png"}}{{\\fldrslt shown}}}}}}'
    ).encode()


def remote_mail(url: str) -> bytes:
    outside = f'Content-Type: message/external-body; access-type=URL; URL="{url}/a"\r\n\r\n'
    return mail(("page.html", remote_html(url))).replace(
        b"--edge--", f"--edge\r\n{outside}Content-Type: text/plain\r\n\r\n--edge--".encode()
    )


def names_with_paths() -> bytes:
    names = (
        "../../../out.txt",
        "/etc/out.txt",
        "C:\\out.txt",
        "a\x1b[2Jb.txt",
        "\x9b31m.txt",
        "..",
    )
    return mail(*((name, b"clause nine") for name in names))


def of(made: Made) -> Callable[[str], Made]:
    return lambda url: made


FILES = (
    # Bombs by ratio, by size, by entries.
    Hostile("ratio.docx", lambda url: swelling(), Reason.UNSAFE),
    Hostile("entries.docx", lambda url: {f"{n}": "" for n in range(20_001)}, Reason.UNSAFE),
    Hostile("overlap.docx", lambda url: overlapping(1_000, 900_000), Reason.UNSAFE),
    Hostile("declared.docx", lambda url: patched_sizes(zipped(docx("")), 2**32 - 2), Reason.UNSAFE),
    Hostile("lies.docx", lambda url: patched_sizes(swelling(), 100), Reason.DAMAGED),
    # By nesting.
    Hostile("mails.eml", lambda url: nested_mails(60), "Words of a letter."),
    Hostile(
        "zips.eml",
        lambda url: mail(
            ("a.zip", zipped({"a.docx": swelling(9_000_000)})), ("a.docx", swelling())
        ),
        "Words of a letter.",
    ),
    Hostile(
        "mime.eml",
        lambda url: (
            b"Subject: x\r\nMIME-Version: 1.0\r\n"
            + b"".join(
                b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
                for n in range(5_000)
            )
        ),
        Reason.UNSAFE,
    ),
    Hostile("xml.docx", lambda url: docx("<w:x>" * 50_000 + "</w:x>" * 50_000), Reason.UNSAFE),
    Hostile("html.html", lambda url: b"<html><body>" + b"<div>" * 100_000 + b"x", Reason.UNSAFE),
    Hostile("tables.html", lambda url: b"<html>" + b"<table><tr><td>x" * 20_000, Reason.UNSAFE),
    Hostile(
        "tables.docx",
        lambda url: docx(
            ("<w:tbl><w:tr><w:tc>" + PARAGRAPH) * 100 + "</w:tc></w:tr></w:tbl>" * 100
        ),
        Reason.UNSAFE,
    ),
    Hostile("groups.rtf", lambda url: b"{\\rtf1 " + b"{" * 1_000_000 + b"x", Reason.UNSAFE),
    Hostile(
        "groups.pptx",
        lambda url: presentation("<p:grpSp>" * 380 + WORDS_OF_A_SLIDE + "</p:grpSp>" * 380),
        Reason.UNSAFE,
    ),
    Hostile("deep.json", lambda url: b"[" * 100_000 + b"]" * 100_000, "[[["),
    Hostile("deep.jsonl", lambda url: b"[" * 100_000 + b'\n{"text": "words"}', "words"),
    # By cells.
    Hostile(
        "far.xlsx",
        lambda url: xlsx('<row r="1048576"><c r="XFD1048576"><v>7</v></c></row>'),
        "Row 1048576: 7",
    ),
    Hostile("repeats.ods", lambda url: cells_of_ods(16_384, "x", rows=1_048_576), Reason.TOO_LARGE),
    Hostile("digits.ods", lambda url: cells_of_ods("9" * 5_000, "x"), "Row 1: x"),
    Hostile("row.ods", lambda url: cells_of_ods(16_384, MEGABYTE), Reason.UNSAFE),
    Hostile(
        "row.xlsx",
        lambda url: xlsx(sheet(*[("s", "0")] * 16_000), strings=f"<si><t>{MEGABYTE}</t></si>"),
        Reason.UNSAFE,
    ),
    Hostile(
        "spans.html",
        lambda url: (
            b"<html><table><tr>"
            + b"<td colspan=1000 rowspan=65534>x" * 999
            + b"<tr><td>a<td>b" * 5_000
        ),
        Reason.UNSAFE,
    ),
    Hostile(
        "headers.html",
        lambda url: (
            b"<html><table><thead><tr>" + b"<th>" + b"h" * 500_000 + b"</th><th>i</th></tr>"
            b"</thead>" + b"<tr><td>1<td>2" * 2_000
        ),
        "i: 2",
    ),
    Hostile("field.csv", lambda url: b"a,b\n" * 99 + b'1,"' + b"x" * 21_000_000, Reason.UNSAFE),
    # The same part shown again and again.
    Hostile("sheets.xlsx", lambda url: xlsx(sheet(("n", "7")) * 500, sheets=20_000), "Row 2: 7"),
    Hostile(
        "slides.pptx", lambda url: presentation(WORDS_OF_A_SLIDE * 99, slides=9_999), "of a slide"
    ),
    Hostile("spine.epub", lambda url: epub("<p>words</p>", spine=50_000), "words"),
    # By pixels.
    Hostile("pixels.png", lambda url: png(60_000, 60_000), Reason.UNSAFE),
    Hostile("pixels.tiff", lambda url: tiff(60_000, 60_000), Reason.UNSAFE),
    Hostile("circle.tiff", lambda url: tiff(100, 100, next_at=8), Reason.DAMAGED),
    Hostile(
        "page.pdf",
        lambda url: make_pdf(["words"]).replace(b"[0 0 612 792]", b"[0 0 99999999 99999999]"),
        "words",
    ),
    # Entities and document types, in every way to write them.
    Hostile("entities.docx", lambda url: entities("utf-8"), Reason.UNSAFE),
    Hostile("entities-16.docx", lambda url: entities("utf-16"), Reason.UNSAFE),
    Hostile("entities-16-be.docx", lambda url: entities("utf-16-be"), Reason.DAMAGED),
    Hostile("entities-32.docx", lambda url: entities("utf-32"), Reason.DAMAGED),
    Hostile(
        "outside.odt",
        lambda url: opendocument(
            "text",
            "<text:p>&b;</text:p>",
            before=f'<!DOCTYPE a [<!ENTITY b SYSTEM "{url}/a"><!ENTITY % c SYSTEM "{url}/b"> %c;]>',
        ),
        Reason.UNSAFE,
    ),
    Hostile(
        "entities.epub", lambda url: epub(f"{LAUGHS}<html><body>&b9; words</body></html>"), "words"
    ),
    # Encodings that lie, or are none of files.
    Hostile("undefined.docx", lambda url: declared("undefined"), Reason.DAMAGED),
    Hostile("escapes.docx", lambda url: declared("unicode_escape"), Reason.DAMAGED),
    Hostile("utf-7.docx", lambda url: declared("utf-7"), Reason.UNSAFE),
    Hostile("idna.html", lambda url: b"<html><meta charset=idna>w\xf6rds", "wörds"),
    Hostile(
        "undefined.eml",
        lambda url: (
            b"From: a@b.c\r\nSubject: =?undefined?q?abc?=\r\n"
            b"Content-Type: text/plain; charset=undefined\r\n\r\nw\xf6rds"
        ),
        "wörds",
    ),
    # What names itself, or what is not there.
    Hostile("styles.docx", lambda url: styles_in_a_circle(), "Words of a paragraph."),
    Hostile("notes.docx", lambda url: notes_that_name_notes(), "Words of a paragraph."),
    Hostile(
        "layout.pptx",
        lambda url: presentation(
            WORDS_OF_A_SLIDE,
            a=("slideLayout", "slide1.xml"),
            b=("slideMaster", "slide1.xml"),
            c=("notesSlide", "slide1.xml"),
        ),
        "Words of a slide",
    ),
    Hostile("chain.msg", lambda url: compound(following=1), Reason.DAMAGED),
    Hostile(
        "chain.doc", lambda url: compound(following=1, name="WordDocument"), Reason.UNSUPPORTED
    ),
    Hostile(
        "strings.xlsx",
        lambda url: xlsx(
            sheet(*(("s", n) for n in ("9" * 5_000, "-1", "1e9", "x", "0"))),
            strings="<si><t>words</t></si>",
            styles=f'<numFmts><numFmt numFmtId="{"9" * 5_000}" formatCode="0"/></numFmts>',
        ),
        "words",
    ),
    Hostile("bin.rtf", lambda url: b"{\\rtf1 words \\bin4294967295 x}", "words"),
    Hostile("bins.rtf", lambda url: b"{\\rtf1 words" + b"\\bin-7 \\uc2147483647" * 9_999, "words"),
    # Addresses and paths.
    Hostile("remote.docx", remote_docx, "Words of a paragraph."),
    Hostile("remote.html", remote_html, "Words of a page."),
    Hostile("remote.xlsx", remote_xlsx, "7"),
    Hostile("remote.odt", remote_odt, "Words of a text."),
    Hostile("remote.rtf", remote_rtf, "Words of a text."),
    Hostile("remote.eml", remote_mail, "Words of a letter."),
    Hostile("paths.epub", lambda url: epub("x", href="../../../../etc/hostname"), Reason.EMPTY),
    Hostile("file.epub", lambda url: epub("x", href="file:///etc/hostname"), Reason.EMPTY),
    Hostile(
        "paths.docx",
        lambda url: docx(PARAGRAPH) | {"../../../out": "x", "/etc/out": "x", "C:\\out": "x"},
        "Words of a paragraph.",
    ),
    Hostile("paths.eml", lambda url: names_with_paths(), "clause nine"),
    # Long ways to say little.
    Hostile("spaces.md", lambda url: (b"#" + b" " * 20_000) * 20 + b"x", "x"),
    Hostile("comments.html", lambda url: b"<!--x-->" * 20_000 + b"<html>words", "words"),
    Hostile(
        "brackets.eml",
        lambda url: (
            b"From: a@b.c\r\nMIME-Version: 1.0\r\n"
            b"Content-Transfer-Encoding: " + b"(" * 7_000 + b"\r\n\r\nwords"
        ),
        Reason.UNSAFE,
    ),
    # Cut off.
    Hostile("cut.docx", lambda url: cut_off(zipped(docx(PARAGRAPH * 99))), Reason.DAMAGED),
    Hostile("cut.epub", lambda url: cut_off(epub("<p>words</p>")), Reason.DAMAGED),
    Hostile("cut.png", lambda url: png(100, 100)[:30], Reason.DAMAGED),
    # In a PDF.
    Hostile("bomb.pdf", lambda url: carried_by_pdf("a.docx", swelling()), "Words of a page."),
    Hostile(
        "remote.pdf", lambda url: carried_by_pdf("a.html", remote_html(url)), "Words of a page."
    ),
)


def cells_of_ods(columns: int | str, text: str, *, rows: int = 1) -> bytes:
    return opendocument(
        "spreadsheet",
        f'<table:table table:name="A"><table:table-row table:number-rows-repeated="{rows}">'
        f'<table:table-cell table:number-columns-repeated="{columns}"><text:p>{text}</text:p>'
        "</table:table-cell></table:table-row></table:table>",
    )


class Watched:
    """A reader process whose every step beyond itself is noted, and an address nobody may ask."""

    def __init__(self, folder: Path) -> None:
        (folder / "sitecustomize.py").write_text(AUDIT)
        self.log = folder / "log"
        self.log.write_bytes(b"")
        self.visitors: list[object] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()
        self._reader = Reader(LIMITS)
        self._innocent = folder / "innocent.txt"
        self._innocent.write_text("innocent")

    def read(self, path: Path) -> tuple[str | DocumentError, int, float]:
        """What is read of a file, or why it is refused; megabytes and seconds that it took."""
        self._read(self._innocent)
        (pid,) = self.processes()
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak is counted anew
        before = seconds_of(pid)
        result = self._read(path)
        assert self.processes() == [pid], f"the process ended: {result}"
        status = Path(f"/proc/{pid}/status").read_text()
        peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) // 1_000
        return result, peak, seconds_of(pid) - before

    def processes(self) -> list[int]:
        """The reader processes of this test."""
        children: set[int] = set()
        for thread in Path("/proc/self/task").iterdir():
            with suppress(OSError):  # it has ended
                children.update(map(int, (thread / "children").read_text().split()))
        return [pid for pid in children if b"reader_process" in cmdline(pid)]

    def close(self) -> None:
        self._reader.stop()
        self._reader.close()
        self._listening.close()

    def _read(self, path: Path) -> str | DocumentError:
        is_picture = path.suffix in (".png", ".tiff")
        job = ReadingJob(path, path.name, ocr=Tesseract("false", "", "eng") if is_picture else None)
        result = self._reader.read(job)
        if isinstance(result, Scans):
            result = self._reader.read(replace(job, only=result.pages[0]))
        if isinstance(result, DocumentError):
            return result
        return "\n".join(each.document.text for each in result.documents)

    def _listen(self) -> None:
        while True:
            try:
                self.visitors.append(self._listening.accept())
            except OSError:
                return


def cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def seconds_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("watched")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        patch.setenv("HOSTILE_AUDIT", str(folder / "log"))
        watched = Watched(folder)
        yield watched
        watched.close()


@pytest.mark.parametrize("hostile", FILES, ids=lambda hostile: hostile.name)
def test_a_hostile_file_is_named_or_harmless(watched, tmp_path, hostile):
    made = hostile.make(watched.url)
    path = tmp_path / "inner" / hostile.name
    path.parent.mkdir()
    path.write_bytes(zipped(made) if isinstance(made, dict) else made)
    before = watched.log.read_bytes()

    result, megabytes, seconds = watched.read(path)

    if isinstance(hostile.expected, Reason):
        assert isinstance(result, DocumentError), result[:200]
        assert result.reason == hostile.expected, result
        assert hostile.name in str(result)
    else:
        assert isinstance(result, str), result
        assert hostile.expected in result
    assert megabytes < MOST_MEGABYTES
    assert seconds < MOST_SECONDS
    assert watched.log.read_bytes() == before
    assert watched.visitors == []
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]


def test_what_reaches_beyond_the_reader_would_be_noted(watched, tmp_path):
    """The guard of the tests above works: it is the same hook, asked to do what they forbid."""
    import subprocess

    port = watched.url.rpartition(":")[2]
    steps = (
        f"import socket; socket.create_connection(('127.0.0.1', {port})); "
        f"open({str(tmp_path / 'out')!r}, 'w')"
    )
    before = watched.log.read_text()

    subprocess.run([sys.executable, "-P", "-c", steps], check=True)

    noted = watched.log.read_text().removeprefix(before)
    assert "socket.connect" in noted
    assert "open" in noted and "out" in noted
    for _ in range(100):
        if watched.visitors:
            break
        threading.Event().wait(0.05)
    assert len(watched.visitors) == 1
    watched.visitors.clear()
    watched.log.write_text(before)
