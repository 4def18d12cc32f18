"""Reads a PDF with pypdf: slow, but it opens some that pdfium does not.

pypdf decrypts AES only with another library, which is as large as half of the others together. An
encrypted file is therefore handed to it as an unlocked copy, which pdfium writes in memory.
"""

from __future__ import annotations

import io
import logging
import re
import struct
import zlib
from typing import TYPE_CHECKING, Any

from docpager.core.errors import DocumentError
from docpager.documents.details import DocumentDetails, dublin_core, make_details, merged
from docpager.documents.packages import parse_xml
from docpager.documents.pdf.extract import Extract, PageExtract, PageWatch
from docpager.documents.pdf.text_repair import page_text
from docpager.documents.pdf.typesetting import looks_natural
from docpager.documents.reasons import Reason

if TYPE_CHECKING:
    import pypdf

__all__ = ["SecondReader", "is_pdf", "pdf_details"]

_HEADER_WITHIN = 1024
_SECOND_CHANCES = 12
"""After so many pages in a row on which pypdf found nothing either, the file counts as scanned."""

_VAIN_LOOKS = 2
"""After so many pages in a row that pypdf read no better it is not asked for more of them."""

_PYPDF_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pypdf lets through from damaged files, beside its own errors."""


_LARGEST_COPY = 50_000_000
"""Bytes: a copy of a file is held in memory."""
_ENCRYPTED = b"/Encrypt"
"""Stands in the trailer of every encrypted file, which is never encrypted itself."""
_GLYPH_NAME = re.compile(r"/[A-Za-z]{1,4}[0-9A-F]{1,4}(?![A-Za-z0-9])|\(cid:\d+\)")
_HEX_NAME = re.compile(r"/[Gg]([0-9A-F]{2})(?:\._)?(?![A-Za-z0-9])")


def is_pdf(start: bytes) -> bool:
    """Whether a file that begins with `start` says that it is a PDF."""
    return b"%PDF-" in start[:_HEADER_WITHIN]


def pdf_details(content: bytes, path: str) -> DocumentDetails:
    """What the XMP packet of a PDF says of it as a publication, else its older dictionary.

    Raises:
        DocumentError: it cannot be opened.
    """
    reader = SecondReader(content, None)
    packet, said = reader.metadata(path)
    doi = (said.get(name, "") for name in ("/doi", "/DOI", "/WPS-ARTICLEDOI", "/Subject"))
    written = make_details(
        title=said.get("/Title", ""),
        authors=[said.get("/Author", "")],
        date=said.get("/CreationDate", ""),
        identifiers=doi,
    )
    if not packet:
        return written
    try:
        return merged(dublin_core(parse_xml(packet, f"{path} (XMP)")), written)
    except DocumentError:  # no XML, or more than XML needs
        return written


class SecondReader:
    """pypdf, opened only when it is needed, and given up where it does not help."""

    def __init__(self, content: bytes, password: str | None) -> None:
        self._content = content
        self._password = password
        self._reader: pypdf.PdfReader | None = None
        self._fruitless = 0
        self._of_no_help = 0

    @property
    def is_of_help(self) -> bool:
        """Whether it still may have what pdfium leaves out of pages that it reads."""
        return self._of_no_help < _VAIN_LOOKS

    def note_help(self, *, helped: bool) -> None:
        """Say whether a page was read better by it."""
        self._of_no_help = 0 if helped else self._of_no_help + 1

    @property
    def given_up(self) -> bool:
        return self._fruitless >= _SECOND_CHANCES

    def page(self, index: int) -> PageExtract:
        """One page; empty where pypdf fails too."""
        found = PageExtract()
        try:
            text = page_text(_named(self._opened().pages[index].extract_text()))
            found = PageExtract(text, reader="pypdf")
        except _failures():
            found = PageExtract(failure=Reason.DAMAGED)
            if self._reader is None:
                self._fruitless = _SECOND_CHANCES
        self._fruitless = 0 if found.text.characters else self._fruitless + 1
        return found

    def plain_text(self, index: int) -> str:
        """The text of a page as pypdf gives it; empty where it fails."""
        try:
            return self._opened().pages[index].extract_text()
        except _failures():
            return ""

    def has_layers(self) -> bool:
        """Whether the file has optional content; True where that cannot be found out."""
        try:
            return "/OCProperties" in self._opened().root_object
        except _failures():
            return True

    def renamed(self) -> bytes | None:
        """A copy of the file in which names of glyphs that are numbers of characters say so in
        the way that pdfium knows (`uni0059` for `G59`); None where no font has such names."""
        from pypdf import PdfWriter

        if len(self._content) > _LARGEST_COPY:
            return None
        copy = io.BytesIO()
        try:
            writer = PdfWriter(clone_from=self._opened())
            if not sum(map(_rename_glyphs, writer.pages)):
                return None
            writer.write(copy)
        except _failures():
            return None
        return copy.getvalue()

    def metadata(self, path: str) -> tuple[bytes, dict[str, str]]:
        """The XMP packet, empty where there is none, and the entries of the older dictionary.

        Raises:
            DocumentError: the file cannot be opened.
        """
        from pypdf.errors import DependencyError, FileNotDecryptedError, WrongPasswordError

        try:
            reader = self._opened()
            said = {str(name): str(value) for name, value in (reader.metadata or {}).items()}
        except (DependencyError, FileNotDecryptedError, WrongPasswordError) as error:
            raise _encrypted(path, self._password) from error
        except _failures() as error:
            raise _damaged(path, self._content, error) from error
        try:
            stream: Any = reader.root_object["/Metadata"].get_object()
            return stream.get_data(), said
        except _failures():
            return b"", said

    def read_all(self, path: str, watch: PageWatch) -> Extract:
        """Everything, where pdfium could not open the file.

        Raises:
            DocumentError: pypdf cannot open it either.
        """
        from pypdf.errors import DependencyError, FileNotDecryptedError, WrongPasswordError

        try:
            reader = self._opened()
            count = len(reader.pages)
            title = str(reader.metadata.title or "") if reader.metadata else ""
        except (DependencyError, FileNotDecryptedError, WrongPasswordError) as error:
            # pypdf lacks what it needs to find out which password opens the file.
            raise _encrypted(path, self._password) from error
        except _failures() as error:
            raise _damaged(path, self._content, error) from error
        if not count:
            raise DocumentError(f"{path!r} has no pages; fetch or export it again", Reason.EMPTY)
        pages = []
        for index in range(count):
            left_out = watch(index + 1)
            pages.append(PageExtract(failure=left_out) if left_out else self.page(index))
        return Extract(pages, [""] * count, [], title)

    def _opened(self) -> pypdf.PdfReader:
        if self._reader is None:
            import pypdf

            logging.getLogger("pypdf").setLevel(logging.CRITICAL)
            content = _unlocked(self._content, self._password)
            password = self._password if content is self._content else None
            reader = pypdf.PdfReader(io.BytesIO(content), password=password)
            len(reader.pages)
            self._reader = reader
        return self._reader


def _failures() -> tuple[type[Exception], ...]:
    """What pypdf raises where it cannot read on."""
    from pypdf.errors import DependencyError, PyPdfError

    return (DependencyError, PyPdfError, *_PYPDF_FAILURES)


def _unlocked(content: bytes, password: str | None) -> bytes:
    """A copy of an encrypted file that is not, if pdfium opens it; else the file as it is."""
    if _ENCRYPTED not in content:
        return content
    import pypdfium2
    import pypdfium2.raw as pdfium

    copy = io.BytesIO()
    try:
        document = pypdfium2.PdfDocument(content, password=password)
        try:
            if pdfium.FPDF_GetSecurityHandlerRevision(document.raw) < 0:  # it only says the word
                return content
            document.save(copy, flags=pdfium.FPDF_REMOVE_SECURITY)
        finally:
            document.close()
    except pypdfium2.PdfiumError:
        return content
    return copy.getvalue()


def _named(text: str) -> str:
    """Text in which names of glyphs stand for characters, read as far as they say which.

    Where a font has no mapping pypdf gives the names themselves. Those of the form /G59 are the
    number of the character in its encoding, by a habit of old printer drivers; others say nothing.
    """
    names = _GLYPH_NAME.findall(text)
    if 4 * sum(map(len, names)) < len(text):
        return text
    decoded = _HEX_NAME.sub(lambda match: _numbered(match[1]), text)
    if looks_natural(decoded):
        return _GLYPH_NAME.sub("\ufffd", decoded)
    return _GLYPH_NAME.sub("\ufffd", text)


def _numbered(digits: str) -> str:
    """The character whose number in Windows' Latin code page these hexadecimal digits are.

    That code page is what the drivers who name glyphs so number characters by. A name that is left
    as it is would be read as whatever its code happens to be: an F as an H.
    """
    character = bytes.fromhex(digits).decode("cp1252", errors="replace")
    return character if character.isprintable() else "\ufffd"


def _rename_glyphs(page: pypdf.PageObject) -> bool:
    """Give numbered glyphs of a page's fonts their Unicode names; whether there were any."""
    from pypdf.generic import ArrayObject, DictionaryObject, NameObject

    resources = page.get("/Resources", {}).get_object()
    fonts = resources.get("/Font", {}).get_object()
    renamed = False
    for font in (reference.get_object() for reference in fonts.values()):
        encoding = font.get("/Encoding", NameObject("/None")).get_object()
        if "/ToUnicode" in font or not isinstance(encoding, DictionaryObject):
            continue
        names = encoding.get("/Differences", ArrayObject()).get_object()
        for n, name in enumerate(names):
            found = _HEX_NAME.fullmatch(str(name))
            if found:
                names[n] = NameObject(f"/uni{ord(_numbered(found[1])):04X}")
                renamed = True
    return renamed


def _encrypted(path: str, password: str | None) -> DocumentError:
    if password is not None:
        return DocumentError(
            f"{path!r} is encrypted and the password given for it does not open it; correct it",
            Reason.ENCRYPTED,
        )
    return DocumentError(
        f"{path!r} is encrypted and needs a password; give it with `passwords=`, "
        "or save a copy without one",
        Reason.ENCRYPTED,
    )


def _damaged(path: str, content: bytes, error: Exception) -> DocumentError:
    what, reason = "is damaged", Reason.DAMAGED
    if not is_pdf(content):
        what, reason = "is not a PDF", Reason.NOT_A_PDF
    detail = " ".join(str(error).split())[:120] or type(error).__name__
    return DocumentError(
        f"{path!r} {what} and cannot be read ({detail}); fetch or export it again", reason
    )
