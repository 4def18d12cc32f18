"""Reads plain text, Markdown with its headings, and JSONL with one document a line."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from docpager.core.errors import DocumentError
from docpager.documents.carried import FileContents, Instructions
from docpager.documents.document import Document
from docpager.documents.outline import Heading, nest
from docpager.documents.reasons import Reason

__all__ = [
    "decode",
    "read_jsonl",
    "read_markdown",
    "read_markdown_file",
    "read_records",
    "read_text",
    "read_text_file",
]

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 65_536
_MOST_CONTROLS = 0.02
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\v\b\x1b")) + b"\x7f"
_TEXT_FIELDS = ("text", "content", "contents", "body", "document", "passage", "context", "article")


def read_text_file(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """Any text as one document; see `read_text`."""
    return FileContents((read_text(content, path),))


def read_markdown_file(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """Markdown as one document; see `read_markdown`."""
    return FileContents((read_markdown(content, path),))


def read_records(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A document a line; see `read_jsonl`."""
    return FileContents(*read_jsonl(content, path, text_field=instructions.text_field))


def read_text(content: bytes, path: str) -> Document:
    """The file as it stands.

    Raises:
        DocumentError: `content` is no text.
    """
    return Document(path, _sha256(content), PurePosixPath(path).stem, "text", decode(content, path))


def read_markdown(content: bytes, path: str) -> Document:
    """The file as it stands, its headings as sections; the first heading of level 1 is its title.

    Raises:
        DocumentError: `content` is no text.
    """
    text = decode(content, path)
    headings = list(_headings(text))
    title = next(
        (heading.title for heading in headings if heading.level == 1), PurePosixPath(path).stem
    )
    sections = nest(headings, len(text))
    return Document(path, _sha256(content), title, "markdown", text, sections=sections)


def read_jsonl(
    content: bytes, path: str, *, text_field: str | None = None
) -> tuple[tuple[Document, ...], tuple[str, ...]]:
    """One document a line, named `path#17`, and a sentence for each line that has none.

    A line's text is its `text_field` (else `text`, `content`, `body` or the like); a line without
    such a field is a document as it stands. A `title` field names the document.

    Raises:
        DocumentError: `content` is no text.
    """
    documents, problems = [], []
    for number, line in enumerate(decode(content, path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            documents.append(_record(line.strip(), f"{path}#{number}", text_field))
        except DocumentError as error:
            problems.append(str(error))
    return tuple(documents), tuple(problems)


def decode(content: bytes, path: str) -> str:
    r"""`content` as text with `\n` as line end: by its byte order mark, as UTF-8, as Windows-1252.

    Raises:
        DocumentError: it holds too many control characters to be text.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return _clean(content[len(mark) :].decode(encoding, errors="replace"))
    sample = content[:_SAMPLE]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls > _MOST_CONTROLS * len(sample):
        raise DocumentError(
            f"{path!r} is not text but binary data; convert it to PDF or text, or leave it out",
            Reason.NOT_TEXT,
        )
    try:
        return _clean(content.decode("utf-8"))
    except UnicodeDecodeError:
        return _clean(content.decode("cp1252", errors="replace"))


def _clean(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _record(line: str, path: str, text_field: str | None) -> Document:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DocumentError(
            f"{path!r} is not JSON ({error}); correct or remove the line"
        ) from error
    fields = value if isinstance(value, dict) else {}
    if text_field is not None and not isinstance(fields.get(text_field), str):
        known = ", ".join(repr(name) for name in list(fields)[:8]) or "none"
        raise DocumentError(
            f"{path!r} has no text in the field {text_field!r} (it has {known}); name another"
        )
    name = text_field or next((n for n in _TEXT_FIELDS if _has_text(fields.get(n))), None)
    # JSON may hold half of a surrogate pair, which no file can.
    text = _encodable(_clean(fields[name])) if name else line
    title = fields.get("title")
    title = " ".join(_encodable(title).split()) if isinstance(title, str) else ""
    return Document(path, _sha256(line.encode()), title or _stem(path), "record", text)


def _has_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _encodable(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _stem(path: str) -> str:
    file, _, number = path.rpartition("#")
    return f"{PurePosixPath(file).stem}#{number}"


_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_FRONT_MATTER = re.compile(r"---\n(?:(?!---\n).*\n){1,200}---(?:\n|$)")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_HASHES = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_NO_PARAGRAPH = re.compile(r"\s*$| {4}|\t| {0,3}(?:[-*+>|]|\d+[.)])(?:\s|$)")


def _headings(text: str) -> Iterator[Heading]:
    """Each Markdown heading outside code fences and front matter."""
    fence = "---" if _FRONT_MATTER.match(text) else ""
    paragraph: re.Match[str] | None = None
    for match in _LINE.finditer(text):
        line = match[0].rstrip("\n")
        marker = _FENCE.match(line)
        before, paragraph = paragraph, None
        if fence:
            closes = match.start() and line.strip().startswith(fence)
            if closes and not line.strip().strip(fence[0]):
                fence = ""
        elif marker:
            fence = marker[1]
        elif heading := _HASHES.match(line):
            if heading[2]:
                yield Heading(match.start(), len(heading[1]), heading[2])
        elif (underline := _UNDERLINE.match(line)) and before:
            level = 1 if underline[1][0] == "=" else 2
            yield Heading(before.start(), level, before[0].strip())
        elif not _NO_PARAGRAPH.match(line):
            paragraph = match
