"""Reads letters that Outlook saved (`.msg`): a compound file of properties (MS-OXMSG, MS-OXPROPS).

Each is turned into a letter of the usual form, so that one reader decides what is body and what is
carried. python-oxmsg was tried: it stops at the first letter that its code page cannot write, and
does not reach letters inside letters.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from io import BytesIO
from typing import Any

from docpager.core.errors import DocumentError
from docpager.documents.carried import CarriedFile, FileContents, Instructions
from docpager.documents.encodings import decode_text
from docpager.documents.flow import on_one_line
from docpager.documents.mail.eml import read_message
from docpager.documents.reasons import Reason

__all__ = ["read_msg"]

_MOST_STREAMS = 20_000
_MOST_PACKED = 5_000_000
"""Bytes; it is unpacked in Python, a megabyte in a second or two."""
_DEEPEST = 8
"""Letters inside letters within one file."""
_FAULTS = (OSError, ValueError, IndexError, KeyError, struct.error, TypeError, AttributeError)
"""What olefile raises for damaged files, beside its own errors, which are OSErrors."""

_SUBJECT, _BODY, _HTML, _RTF = 0x0037, 0x1000, 0x1013, 0x1009
_SENDER_NAME, _SENDER_ADDRESS, _SENDER_SMTP = 0x0C1A, 0x0C1F, 0x5D01
_SUBMITTED, _DELIVERED, _CODE_PAGE, _WEB_CODE_PAGE = 0x0039, 0x0E06, 0x3FFD, 0x3FDE
_TO, _CC, _BCC = 0x0E04, 0x0E03, 0x0E02
_FILE_NAME, _SHORT_NAME, _DATA, _SHOWN_NAME = 0x3707, 0x3704, 0x3701, 0x3001
_RECIPIENT_KIND, _ADDRESS, _SMTP = 0x0C15, 0x3003, 0x39FE
_UTF8_CODE_PAGE = 65001
_KINDS = {1: "To", 2: "Cc", 3: "Bcc"}


def read_msg(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A letter with its headers and body as sections, and the files and letters that it carries.

    Raises:
        DocumentError: nothing in it can be read, or it is made to harm what reads it.
    """
    import olefile

    try:
        with olefile.OleFileIO(BytesIO(content)) as opened:
            names = opened.listdir(streams=True, storages=True)
            if len(names) > _MOST_STREAMS:
                raise DocumentError(
                    f"{path!r} holds more than {_MOST_STREAMS:,} parts; leave it out", Reason.UNSAFE
                )
            letter = _Letter(opened, [tuple(name) for name in names], (), 32)
            message, carried = letter.as_message(), letter.body_in_rtf()
    except (*_FAULTS, RecursionError) as error:
        raise DocumentError(
            f"{path!r} is damaged ({str(error)[:200] or type(error).__name__}); save it again",
            Reason.DAMAGED,
        ) from error
    found = read_message(message, content, path)
    return FileContents(found.documents, found.problems, (*carried, *found.carried))


class _Letter:
    """A storage of properties: the letter itself, a recipient, or an attachment."""

    def __init__(
        self, opened: Any, names: list[tuple[str, ...]], place: tuple[str, ...], header: int
    ) -> None:
        self._opened = opened
        self._names = names
        self._place = place
        self._header = header
        depth = len(place)
        self._inside = {
            name[depth]: name for name in names if len(name) == depth + 1 and name[:depth] == place
        }
        self._fixed = self._read_fixed()

    def as_message(self, depth: int = 0) -> EmailMessage:
        """The letter as mail."""
        message = EmailMessage()
        for name, value in self._headers():
            if value:
                message[name] = on_one_line(value)[:900_000]
        body, html = self.text(_BODY), self._html()
        if body.strip() or not html:
            message.set_content(body or "\n")
        if html:
            adds = message.add_alternative if body.strip() else message.set_content
            adds(html, subtype="html")
        for place in self._storages("__attach_version1.0_"):
            self._attach(message, _Letter(self._opened, self._names, place, 8), depth)
        return message

    def body_in_rtf(self) -> tuple[CarriedFile, ...]:
        """The body as a file of its own where it is written in RTF only."""
        packed = self._stream(f"__substg1.0_{_RTF:04X}0102")
        if not packed or self.text(_BODY).strip() or self._html():
            return ()
        return (_unpacked_rtf(packed),)

    def text(self, tag: int) -> str:
        """A property of text; empty where there is none."""
        wide = self._stream(f"__substg1.0_{tag:04X}001F")
        if wide:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        narrow = self._stream(f"__substg1.0_{tag:04X}001E").rstrip(b"\0")
        return _decoded(narrow, self._number(_CODE_PAGE))

    def _html(self) -> str:
        content = self._stream(f"__substg1.0_{_HTML:04X}0102")
        if content:
            return _decoded(content, self._number(_WEB_CODE_PAGE))
        return self.text(_HTML)

    def _headers(self) -> list[tuple[str, str]]:
        address = self.text(_SENDER_SMTP) or self.text(_SENDER_ADDRESS)
        sent = self._time(_SUBMITTED) or self._time(_DELIVERED)
        headers = [("From", _mailbox(self.text(_SENDER_NAME), address))]
        headers += [(kind, ", ".join(whom)) for kind, whom in self._recipients().items()]
        headers.append(("Date", format_datetime(sent) if sent else ""))
        return [*headers, ("Subject", self.text(_SUBJECT))]

    def _recipients(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for place in self._storages("__recip_version1.0_"):
            one = _Letter(self._opened, self._names, place, 8)
            kind = _KINDS.get(one._number(_RECIPIENT_KIND), "To")
            address = one.text(_SMTP) or one.text(_ADDRESS)
            found.setdefault(kind, []).append(_mailbox(one.text(_SHOWN_NAME), address))
        if found:
            return found
        return {"To": [self.text(_TO)], "Cc": [self.text(_CC)], "Bcc": [self.text(_BCC)]}

    def _attach(self, message: EmailMessage, file: _Letter, depth: int) -> None:
        name = file.text(_FILE_NAME) or file.text(_SHORT_NAME) or file.text(_SHOWN_NAME)
        inner = (*file._place, f"__substg1.0_{_DATA:04X}000D")
        if inner in self._names:
            if depth >= _DEEPEST:
                raise ValueError(f"letters more than {_DEEPEST} deep")
            letter = _Letter(self._opened, self._names, inner, 24).as_message(depth + 1)
            # Most are named by their subject, which is how Outlook shows them.
            named = on_one_line(name)[:200] if name.lower().endswith(".eml") else None
            message.add_attachment(letter, filename=named)
            return
        content = file._stream(f"__substg1.0_{_DATA:04X}0102")
        name = on_one_line(name)[:200] or "attachment"
        message.add_attachment(
            content, maintype="application", subtype="octet-stream", filename=name
        )

    def _storages(self, beginning: str) -> list[tuple[str, ...]]:
        return [name for key, name in sorted(self._inside.items()) if key.startswith(beginning)]

    def _stream(self, name: str) -> bytes:
        if name not in self._inside:
            return b""
        found: bytes = self._opened.openstream(list(self._inside[name])).read()
        return found

    def _read_fixed(self) -> dict[int, int]:
        """Numbers and times, which stand in one stream: tag, flags, eight bytes of value."""
        stream = self._stream("__properties_version1.0")[self._header :]
        return {
            tag >> 16: value
            for tag, _, value in struct.iter_unpack("<IIQ", stream[: len(stream) // 16 * 16])
        }

    def _number(self, tag: int) -> int:
        return self._fixed.get(tag, 0) & 0xFFFFFFFF

    def _time(self, tag: int) -> datetime | None:
        """In tenths of microseconds since 1601."""
        ticks = self._fixed.get(tag, 0)
        try:
            return (
                datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10)
                if ticks
                else None
            )
        except OverflowError:
            return None


def _unpacked_rtf(packed: bytes) -> CarriedFile:
    from compressed_rtf import decompress

    if len(packed) > _MOST_PACKED:
        return CarriedFile("body.rtf", failure=f"packed RTF of more than {_MOST_PACKED:,} bytes")
    try:
        return CarriedFile("body.rtf", bytes(decompress(packed)))
    except Exception:  # noqa: BLE001 - the library raises no class of its own
        return CarriedFile("body.rtf", failure="packed RTF that is damaged")


def _decoded(content: bytes, code_page: int) -> str:
    if not content:
        return ""
    declared = "utf-8" if code_page == _UTF8_CODE_PAGE else f"cp{code_page}" if code_page else None
    return decode_text(content, "a property of the letter", declared).text


def _mailbox(name: str, address: str) -> str:
    name = name.strip()
    if not address or address == name or "@" not in address:
        return name or address
    return f"{name} <{address}>" if name else address
