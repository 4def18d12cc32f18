"""Reads mail in its own format (RFC 5322 and MIME), mailboxes and saved web pages (MHTML)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import Message

from docpager.core.errors import DocumentError
from docpager.documents.blobs import without_blobs
from docpager.documents.carried import CarriedFile, FileContents, Instructions
from docpager.documents.encodings import DecodedText, decode_text
from docpager.documents.flow import Flow
from docpager.documents.kinds import EXTRA
from docpager.documents.mail.headers import decoded_header, header_lines, header_of
from docpager.documents.reasons import Reason

__all__ = ["read_eml", "read_mbox", "read_message"]

_MOST_PARTS = 10_000
_DEEPEST = 100
"""Parts inside one another; letters that were forwarded again and again reach about 20."""
_LONGEST_PART_HEADER = 8_000
"""Bytes of a header that says what a part is: the library takes quadratic time for it."""
_PART_HEADER = re.compile(rb"(?im)^content-[a-z-]{1,40}:[^\n]*(?:\n[ \t][^\n]*)*")
_BOUNDARY = re.compile(rb"(?i)\bboundary\*?\d?\*?=")
_MOST_MESSAGES = 10_000
_MESSAGE = re.compile(rb"(?m)^From (?=[^\n]{0,200}\d)[^\n]*\n")
_SAYS_NOTHING = 60
"""Characters of a plain text that may only tell how to see the rest."""
_PLACEHOLDER = re.compile(
    r"(?i)\bhtml\b|view (?:this|it)|(?:web|your|a) browser|does not support|cannot display"
)
_PLACEHOLDER_LENGTH = 400
_PGP = "-----BEGIN PGP MESSAGE-----"
_SIGNATURES = frozenset(
    ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
)


def read_eml(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A letter with its headers and body as sections, and the files that it carries.

    Raises:
        DocumentError: nothing in it can be read, or it is made to harm what reads it.
    """
    try:
        return read_message(_parsed(content, path), content, path)
    except RecursionError as error:
        raise _unsafe(path, "has headers with too many brackets in brackets") from error


def read_mbox(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A mailbox: each of its letters is carried, `box.mbox#3.eml`.

    Raises:
        DocumentError: it holds no letter, or too many.
    """
    starts = [found.start() for found in _MESSAGE.finditer(content)]
    if not starts:
        return read_eml(content, path, instructions)
    if len(starts) > _MOST_MESSAGES:
        raise DocumentError(
            f"{path!r} holds more than {_MOST_MESSAGES:,} letters; split it", Reason.TOO_LARGE
        )
    letters = [
        content[start:end].partition(b"\n")[2]
        for start, end in zip(starts, [*starts[1:], len(content)], strict=True)
    ]
    unquoted = (re.sub(rb"(?m)^>(>*From )", rb"\1", letter) for letter in letters)
    carried = tuple(CarriedFile(f"{n}.eml", each) for n, each in enumerate(unquoted, start=1))
    return FileContents((), carried=carried)


def read_message(message: Message, content: bytes, path: str) -> FileContents:
    """A letter that was parsed; `content` are the bytes of the file that it came from.

    Raises:
        DocumentError: nothing in it can be read.
    """
    parts = _Parts(path)
    parts.take(message)
    flow = Flow()
    lines = list(header_lines(message))
    if not lines and not parts.texts and not parts.carried:
        raise DocumentError(f"{path!r} is no mail: it has no headers; check it", Reason.DAMAGED)
    flow.heading("Headers", 1)
    flow.lines(lines)
    names = [file.name for file in parts.carried if file.name]
    if names:
        flow.lines([f"Attachments: {', '.join(names)}"])
    flow.heading("Body", 1)
    for text in parts.texts:
        try:
            text.write(flow)
        except DocumentError as error:
            if error.reason != Reason.NEEDS_READER:
                raise
            parts.problems.append(f"{path!r}: {error}")
    document = flow.document("mail", path, content, title=header_of(message, "Subject"))
    return FileContents((document,), tuple(parts.problems), tuple(parts.carried))


def _parsed(content: bytes, path: str) -> Message:
    if any(len(each[0]) > _LONGEST_PART_HEADER for each in _PART_HEADER.finditer(content)):
        raise _unsafe(path, f"has a part header of more than {_LONGEST_PART_HEADER:,} bytes")
    if sum(1 for _ in _BOUNDARY.finditer(content)) > _MOST_PARTS:
        raise _unsafe(path, f"holds more than {_MOST_PARTS:,} groups of parts")
    try:
        return message_from_bytes(content, policy=policy.default)
    except RecursionError as error:
        raise _unsafe(path, f"holds parts more than {_DEEPEST} deep") from error


def _unsafe(path: str, what: str) -> DocumentError:
    return DocumentError(f"{path!r} {what}; leave it out", Reason.UNSAFE)


class _Text:
    """A part of the body."""

    def __init__(self, decoded: DecodedText, subtype: str, title: str = "") -> None:
        self.decoded = decoded
        self.is_html = subtype in ("html", "xhtml", "xhtml+xml")
        self._title = title

    def says_nothing(self) -> bool:
        """Whether a plain text only tells that there is another one."""
        text = self.decoded.text.strip()
        if len(text) > _PLACEHOLDER_LENGTH:
            return False
        return len(text) < _SAYS_NOTHING // 10 or bool(_PLACEHOLDER.search(text))

    def write(self, flow: Flow) -> None:
        """Write it, its paragraphs and quoted lines as they stand."""
        if self.decoded.doubt is not None:
            flow.doubt(self.decoded.doubt)
        if self._title:
            flow.heading(self._title, 2)
        if self.is_html:
            _write_html(flow, self.decoded.text)
        else:
            flow.paragraph(without_blobs(self.decoded.text))


def _write_html(flow: Flow, html: str) -> None:
    try:
        from docpager.documents.web.html import write_html

        write_html(flow, html)
    except ModuleNotFoundError as error:
        raise DocumentError(
            f"its text is HTML; install what reads it: pip install 'docpager[{EXTRA}]'",
            Reason.NEEDS_READER,
        ) from error


class _Parts:
    """What the parts of a letter are: body, carried files, and what cannot be read."""

    def __init__(self, path: str) -> None:
        self.texts: list[_Text] = []
        self.carried: list[CarriedFile] = []
        self.problems: list[str] = []
        self._path = path
        self._count = 0

    def take(self, message: Message, depth: int = 0) -> None:
        """Take a part with all that is in it, in its order."""
        self._count += 1
        if depth > _DEEPEST:
            raise _unsafe(self._path, f"holds parts more than {_DEEPEST} deep")
        if self._count > _MOST_PARTS:
            raise _unsafe(self._path, f"holds more than {_MOST_PARTS:,} parts")
        kind = _kind(message)
        if kind == "multipart/encrypted":
            self._name(message, "is encrypted (PGP); save the letter after opening it")
        elif kind == "multipart/alternative" and message.is_multipart():
            self._take_best(_parts_of(message), depth)
        elif kind.startswith("multipart/") and message.is_multipart():
            for part in _parts_of(message):
                self.take(part, depth + 1)
        elif kind == "message/rfc822" and message.is_multipart():
            self._carry_message(message)
        elif kind == "message/delivery-status" and message.is_multipart():
            report = "\n\n".join(str(part) for part in _parts_of(message))
            self.texts.append(_Text(DecodedText(report, "ascii"), "plain", "Delivery status"))
        else:
            self._take_leaf(message, kind)

    def _take_best(self, parts: Sequence[Message], depth: int) -> None:
        """One of several ways to write the same: plain text, unless it says nothing."""
        ways = _Parts(self._path)
        ways._count = self._count
        for part in parts:
            ways.take(part, depth + 1)
        self._count = ways._count
        plain = [text for text in ways.texts if not text.is_html]
        html = [text for text in ways.texts if text.is_html]
        told = [text for text in plain if not text.says_nothing()]
        self.texts += (told if told else html) or plain
        self.carried += ways.carried
        self.problems += ways.problems

    def _take_leaf(self, part: Message, kind: str) -> None:
        content = _content_of(part)
        name = _name_of(part)
        disposition = str(part.get("Content-Disposition", "")).lower()
        if kind in _SIGNATURES or kind == "application/pgp-encrypted":
            return
        if kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
            self._name(part, "is encrypted or sealed (S/MIME); save the letter after opening it")
        elif kind == "application/ms-tnef" or name.lower() == "winmail.dat":
            self._name(part, "is in Outlook's own wrapping (TNEF); save its files one by one")
        elif kind in ("message/external-body", "message/partial"):
            self._name(part, f"is not in this letter ({kind}); fetch it")
        elif kind.startswith("image/") and part.get("Content-ID") and "attach" not in disposition:
            picture = f"[picture: {name or kind}]"
            self.texts.append(_Text(DecodedText(picture, "ascii"), "plain"))
        elif kind.startswith(("text/", "message/")) and not _is_attached(kind, name, disposition):
            self._take_text(part, kind, content)
        elif content:
            self.carried.append(CarriedFile(name, content))

    def _take_text(self, part: Message, kind: str, content: bytes) -> None:
        try:
            decoded = decode_text(content, self._path, _charset_of(part))
        except DocumentError:
            self._name(part, "is called text and is none; save it by itself")
            return
        if _PGP in decoded.text:
            self._name(part, "is encrypted (PGP); save the letter after opening it")
        title = "Calendar" if kind == "text/calendar" else ""
        if decoded.text.strip():
            self.texts.append(_Text(decoded, kind.partition("/")[2], title))

    def _carry_message(self, part: Message) -> None:
        inner = _parts_of(part)[0]
        subject = header_of(inner, "Subject")[:100] or "message"
        name = _name_of(part) or re.sub(r"[/\\:#\s]+", " ", subject).strip() + ".eml"
        try:
            self.carried.append(CarriedFile(name, inner.as_bytes(policy=policy.compat32)))
        except (ValueError, LookupError, RecursionError, AttributeError, TypeError) as error:
            self.carried.append(CarriedFile(name, failure=f"damaged: {type(error).__name__}"))

    def _name(self, part: Message, what: str) -> None:
        name = _name_of(part)
        which = f"its part {name!r}" if name else "a part of it"
        self.problems.append(f"{self._path!r}: {which} {what}")


def _parts_of(message: Message) -> list[Message]:
    payload = message.get_payload()
    parts = payload if isinstance(payload, list) else []
    return [part for part in parts if isinstance(part, Message)]


def _kind(part: Message) -> str:
    """As `text/plain`; what the library cannot make out is plain text, as the standard says."""
    try:
        return part.get_content_type()
    except (ValueError, IndexError, AttributeError, TypeError, RecursionError):
        return "text/plain"


def _charset_of(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except (ValueError, LookupError, AttributeError, TypeError):
        return None


def _name_of(part: Message) -> str:
    """The file's name without folders; it is data."""
    try:
        name = part.get_filename() or ""
    except (ValueError, IndexError, LookupError, AttributeError, TypeError, RecursionError):
        name = ""
    return decoded_header(name.replace("\\", "/").rpartition("/")[2])[:200]


def _content_of(part: Message) -> bytes:
    """The bytes of a part, its transfer encoding undone as far as it is in order."""
    try:
        content = part.get_payload(decode=True)
    except (ValueError, LookupError, AttributeError, TypeError):
        content = None
    if isinstance(content, bytes):
        return content
    payload = part.get_payload()
    return payload.encode("utf-8", "surrogateescape") if isinstance(payload, str) else b""


def _is_attached(kind: str, name: str, disposition: str) -> bool:
    if kind == "text/calendar":
        return False
    return "attachment" in disposition or bool(name)
