"""A document being written: headings, paragraphs, table rows, and the slides or sheets they are on.

Readers of all formats but PDF and plain text write into a `Flow`, so that white space, headings,
rows and marks look the same whatever the file was.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from docpager.core.errors import DocumentError
from docpager.documents.document import Document, PdfPage
from docpager.documents.outline import Heading, nest
from docpager.documents.reasons import Reason

__all__ = [
    "MOST_TABLE_CHARACTERS",
    "Flow",
    "marked",
    "on_one_line",
    "rows_with_headers",
    "shortened_header",
    "too_long",
]

_MOST_CHARACTERS = 200_000_000
"""Of one document; a reader has 2 GB for the file, its parts and its text."""
MOST_TABLE_CHARACTERS = 50_000_000
"""Of the rows of one table, with the headers that each says again."""
_LONGEST_HEADER = 200
"""Characters of a header that are said again in each row: a page of them times ten thousand rows
would fill the memory."""
_SPACES = re.compile(r"[^\S\n]+")
_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\ud800-\udfff\ufeff]")
"""Control characters, halves of pairs and byte order marks; tabs and line ends are white space."""
_MOST_BLANK = re.compile(r"\n{3,}")


def on_one_line(text: str) -> str:
    """The text with every run of white space as one space, and without control characters."""
    return " ".join(_NO_TEXT.sub("", text.replace("\r", "\n")).split())


def marked(what: str, text: str) -> str:
    """Text that is not part of the body, marked as what it is.

    >>> marked("footnote 3", "Unaudited.")
    '[footnote 3: Unaudited.]'
    """
    return f"[{what}: {on_one_line(text)}]"


def rows_with_headers(rows: Sequence[Sequence[str]], header_rows: int) -> list[str]:
    """A table as lines: its header rows, then each row with the header before each cell.

    A passage may hold any one of the lines, so each says what its figures are. Empty cells are
    left out; cells of one column that spans several come once, in the first of them.

    >>> rows_with_headers([["", "2023", "2022"], ["Revenue", "1,234", "1,100"]], 1)
    ['2023 | 2022', 'Revenue | 2023: 1,234 | 2022: 1,100']
    """
    cleaned = [[on_one_line(cell) for cell in row] for row in rows]
    width = max(map(len, cleaned), default=0)
    headers = [_column_header(cleaned[:header_rows], column) for column in range(width)]
    lines = [" | ".join(filter(None, row)) for row in cleaned[:header_rows]]
    length = 0
    for row in cleaned[header_rows:]:
        cells = [(headers[column], cell) for column, cell in enumerate(row) if cell]
        if len(cells) == 1:
            lines.append(cells[0][1])
        else:
            lines.append(" | ".join(f"{name}: {cell}" if name else cell for name, cell in cells))
            length += len(lines[-1])
            if length > MOST_TABLE_CHARACTERS:
                raise too_long(MOST_TABLE_CHARACTERS)
    return [line for line in lines if line]


def too_long(most: int) -> DocumentError:
    """What is said of a text, or of a table, of too many characters; it does not name the file."""
    return DocumentError(f"holds more than {most:,} characters; split it", Reason.TOO_LARGE)


def _column_header(header_rows: Sequence[Sequence[str]], column: int) -> str:
    cells = [row[column] for row in header_rows if column < len(row) and row[column]]
    return shortened_header(" / ".join(dict.fromkeys(cell.rstrip(":") for cell in cells)))


def shortened_header(header: str) -> str:
    """A header as it is said again before each cell beneath; it stands in full where it is."""
    return header if len(header) <= _LONGEST_HEADER else f"{header[: _LONGEST_HEADER - 1]}…"


class Flow:
    """What has been written of a document so far."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._blank = True
        """Whether a blank line, or nothing, stands before what comes next."""
        self._headings: list[Heading] = []
        self._pages: list[tuple[int, str, str | None, str | None]] = []
        """Where each begins, its label, its doubt, its problem."""
        self._doubts: list[str] = []

    @property
    def length(self) -> int:
        """Characters written so far: the offset of what comes next, up to a blank line."""
        return self._length

    def heading(self, text: str, level: int) -> None:
        """A heading, on lines of its own; `level` counts from 1 and grows with depth."""
        if title := on_one_line(text):
            self.gap()
            page = len(self._pages) or None
            self._headings.append(Heading(self._length, level, title, page))
            self._write(f"{title}\n")
            self.gap()

    def paragraph(self, text: str) -> None:
        """A paragraph between blank lines; line ends inside it are kept, other space is not."""
        lines = [_SPACES.sub(" ", line).strip() for line in _without_controls(text).split("\n")]
        cleaned = _MOST_BLANK.sub("\n\n", "\n".join(lines)).strip("\n")
        if cleaned:
            self.gap()
            self._write(f"{cleaned}\n")
            self.gap()

    def lines(self, lines: Iterable[str]) -> None:
        """Lines one under the other, such as the rows of a table or the items of a list."""
        for line in lines:
            if cleaned := on_one_line(line):
                self._write(f"{cleaned}\n")
                self._blank = False

    def text_as_it_is(self, text: str) -> None:
        """Text whose every space counts, such as a program or a table drawn with characters."""
        if cleaned := _without_controls(text).strip("\n"):
            self.gap()
            self._write(f"{cleaned}\n")
            self.gap()

    def gap(self) -> None:
        """A blank line, unless there is one."""
        if not self._blank:
            self._write("\n")
        self._blank = True

    def begin_page(
        self, label: str, *, doubt: str | None = None, problem: str | None = None
    ) -> None:
        """From here on what is written stands on the next slide or sheet, called `label`.

        A `problem` says why it has no text, a `doubt` why its text may be wrong: a `Reason`.
        """
        self.gap()
        self._pages.append((self._length, label, doubt, problem))

    def doubt_page(self, doubt: str) -> None:
        """The text of the slide or sheet that was begun last may be wrong: a `Reason`."""
        start, label, _, problem = self._pages[-1]
        self._pages[-1] = (start, label, doubt, problem)

    def doubt(self, doubt: str) -> None:
        """The text of the whole document may be wrong: a `Reason`."""
        self._doubts.append(doubt)

    def document(self, kind: str, path: str, content: bytes, *, title: str = "") -> Document:
        """What was written, as a document of the file that `content` is.

        Raises:
            DocumentError: nothing was written.
        """
        text = "".join(self._pieces).rstrip("\n") + "\n"
        if not text.strip():
            raise DocumentError(f"{path!r} holds no text; leave it out", Reason.EMPTY)
        starts = [min(start, len(text)) for start, *_ in self._pages]
        ends = [*starts[1:], len(text)]
        pages = tuple(
            PdfPage(number, label, start, end, problem, reader=kind, doubt=doubt)
            for number, ((_, label, doubt, problem), start, end) in enumerate(
                zip(self._pages, starts, ends, strict=False), start=1
            )
        )
        return Document(
            path,
            hashlib.sha256(content).hexdigest(),
            on_one_line(title) or PurePosixPath(path).stem,
            kind,
            text,
            pages,
            nest(self._headings, len(text)),
            doubt=self._doubts[0] if self._doubts else None,
        )

    def _write(self, text: str) -> None:
        self._pieces.append(text)
        self._length += len(text)
        self._blank = False
        if self._length > _MOST_CHARACTERS:
            raise too_long(_MOST_CHARACTERS)


def _without_controls(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0b", "\n")
    return _NO_TEXT.sub("", text)
