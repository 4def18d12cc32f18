"""Reads plain text, Markdown with its headings, and JSONL with one document a line."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from docpager.core.errors import DocumentError
from docpager.documents.blobs import without_blobs
from docpager.documents.carried import FileContents, Instructions
from docpager.documents.document import Document
from docpager.documents.encodings import decode_text
from docpager.documents.outline import Heading, nest
from docpager.documents.reasons import Reason

__all__ = [
    "read_jsonl",
    "read_markdown",
    "read_markdown_file",
    "read_records",
    "read_text",
    "read_text_file",
    "readable_json",
]

_TEXT_FIELDS = ("text", "content", "contents", "body", "document", "passage", "context", "article")


def read_text_file(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """Any text as one document; see `read_text`.

    Raises:
        DocumentError: `content` is no text, or nothing but white space.
    """
    return FileContents((_not_blank(read_text(content, path)),))


def read_markdown_file(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """Markdown as one document; see `read_markdown`.

    Raises:
        DocumentError: `content` is no text, or nothing but white space.
    """
    return FileContents((_not_blank(read_markdown(content, path)),))


def read_records(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """A document a line; see `read_jsonl`."""
    return FileContents(*read_jsonl(content, path, text_field=instructions.text_field))


def read_text(content: bytes, path: str) -> Document:
    """The file as it stands, without base64; JSON with the characters that its escapes stand for.

    Raises:
        DocumentError: `content` is no text.
    """
    decoded = decode_text(content, path)
    is_json = PurePosixPath(path).suffix.lower() == ".json"
    text = without_blobs(readable_json(decoded.text) if is_json else decoded.text)
    title = PurePosixPath(path).stem
    return Document(path, _sha256(content), title, "text", text, doubt=decoded.doubt)


def read_markdown(content: bytes, path: str) -> Document:
    """The file as it stands, its headings as sections; the first heading of level 1 is its title.

    Raises:
        DocumentError: `content` is no text.
    """
    decoded = decode_text(content, path)
    text = without_blobs(decoded.text)
    headings = list(_headings(text))
    title = next(
        (heading.title for heading in headings if heading.level == 1), PurePosixPath(path).stem
    )
    sections = nest(headings, len(text))
    return Document(
        path, _sha256(content), title, "markdown", text, sections=sections, doubt=decoded.doubt
    )


def read_jsonl(
    content: bytes, path: str, *, text_field: str | None = None
) -> tuple[tuple[Document, ...], tuple[str, ...]]:
    """One document a line, named `path#17`, and a sentence for each line that has none.

    A line's text is its `text_field` (else `text`, `content`, `body` or the like); a line without
    such a field is a document as it stands, with the characters that its escapes stand for. A
    `title` field names the document.

    Raises:
        DocumentError: `content` is no text.
    """
    documents, problems = [], []
    decoded = decode_text(content, path)
    for number, line in enumerate(decoded.text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = _record(line.strip(), f"{path}#{number}", text_field)
            # What is ASCII is the same in every encoding that may have been guessed.
            doubt = None if record.text.isascii() else decoded.doubt
            documents.append(replace(record, doubt=doubt))
        except DocumentError as error:
            problems.append(str(error))
    return tuple(documents), tuple(problems)


_JSON_ESCAPE = re.compile(r"(?:\\u[0-9a-fA-F]{4})+|\\.", re.DOTALL)
_JSON_SIGNS = {"\\n": "\n", "\\t": "\t", "\\r": "", "\\/": "/"}
_STRUCTURE = frozenset('"\\')


def readable_json(text: str) -> str:
    r"""JSON with the characters that its escapes stand for, as far as it stays as clear.

    Programs write every letter beyond ASCII as `\u5408` if nobody asks them not to; nobody searches
    for that. Quotes and backslashes inside strings stay escaped, so it is seen where strings end.

    >>> readable_json(r'{"caf\u00e9": "a \"b\" \\u00e9\nc"}')
    '{"café": "a \\"b\\" \\\\u00e9\nc"}'
    """
    return _JSON_ESCAPE.sub(_characters, text)


def _characters(found: re.Match[str]) -> str:
    if not found[0].startswith("\\u") or len(found[0]) < 6:
        return _JSON_SIGNS.get(found[0], found[0])
    units = [int(number, 16) for number in found[0].split("\\u")[1:]]
    # Two halves of a pair stand for one character; a half alone for none.
    text = b"".join(unit.to_bytes(2, "little") for unit in units).decode("utf-16-le", "replace")
    return "".join(
        f"\\u{ord(each):04x}" if each in _STRUCTURE or (each < " " and each not in "\n\t") else each
        for each in text
    )


def _not_blank(document: Document) -> Document:
    if not document.text.strip():
        raise DocumentError(f"{document.path!r} has no text", Reason.EMPTY)
    return document


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
    text = _encodable(_clean(fields[name])) if name else readable_json(line)
    text = without_blobs(text)
    title = fields.get("title")
    title = " ".join(_encodable(title).split()) if isinstance(title, str) else ""
    return Document(path, _sha256(line.encode()), title or _stem(path), "record", text)


def _has_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _clean(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _encodable(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _stem(path: str) -> str:
    file, _, number = path.rpartition("#")
    return f"{PurePosixPath(file).stem}#{number}"


_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_FRONT_MATTER = re.compile(r"---\n(?:(?!---\n).*\n){1,200}---(?:\n|$)")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_HASHES = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
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
            if title := _without_closing_hashes(line[heading.end() :]):
                yield Heading(match.start(), len(heading[1]), title)
        elif (underline := _UNDERLINE.match(line)) and before:
            level = 1 if underline[1][0] == "=" else 2
            yield Heading(before.start(), level, before[0].strip())
        elif not _NO_PARAGRAPH.match(line):
            paragraph = match


def _without_closing_hashes(title: str) -> str:
    """A title without the space around it and the hashes that may close it.

    >>> _without_closing_hashes(" C# and F# ## "), _without_closing_hashes(" C#")
    ('C# and F#', 'C#')
    """
    # An expression that looks for both takes time by the square of a long run of spaces.
    title = title.strip(" \t")
    rest = title.rstrip("#")
    return rest.rstrip(" \t") if rest[-1:] in ("", " ", "\t") else title
