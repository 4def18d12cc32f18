"""Reads RTF: what is shown is text; deleted text, notes, comments and headers are marked.

Control words are those of Microsoft's RTF specification 1.9.1. No library was found that keeps
notes, tells deleted text apart and reads the code pages of fonts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from docpager.core.errors import DocumentError
from docpager.documents.carried import FileContents, Instructions
from docpager.documents.flow import Flow, marked, on_one_line
from docpager.documents.office.blocks import Block, TextBlock, as_one_text, write_blocks
from docpager.documents.office.parts import nesting_is_bounded
from docpager.documents.office.rtf_story import CellForm, RowForm, Story
from docpager.documents.office.rtf_tables import FontTable, StyleTable
from docpager.documents.office.symbols import without_private_letters
from docpager.documents.reasons import Reason

__all__ = ["read_rtf"]

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([^\\{}\r\n]+)"
    rb"|[\r\n]+|\\",
    re.DOTALL,
)
_DEEPEST_GROUPS = 2_000
_LETTERS: Mapping[str, str] = {
    "tab": "\t",
    "page": "\n",
    "column": "\n",
    "line": "\n",
    "lbr": "\n",
    "emdash": "—",
    "endash": "–",
    "bullet": "•",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "emspace": " ",
    "enspace": " ",
    "qmspace": " ",
    "msup": "^",
    "msub": "_",
    "mden": "/",
}
_AROUND = {"header": "header", "footer": "footer"} | {
    f"{name}{which}": name for name in ("header", "footer") for which in "lrf"
}
_SKIPPED_NAMES = (
    "colortbl filetbl revtbl listtable listoverridetable rsidtbl generator datafield "
    "objdata objclass nonshppict shprslt bkmkstart bkmkend xe tc tcn rxe txe private themedata "
    "colorschememapping latentstyles datastore mmathPict nonesttables ftnsep ftnsepc ftncn aftnsep "
    "aftnsepc aftncn atnid atndate atnref atrfstart atrfend ffname pnseclvl template "
    "author operator subject keywords comment doccomm company manager category hlinkbase userprops "
    "bliptag blipuid background passwordhash xmlnstbl pgptbl protusertbl"
)
_SKIPPED = frozenset(_SKIPPED_NAMES.split())
_READ_THOUGH_OPTIONAL = frozenset(
    {"shppict", "shpinst", "do", "nesttableprops", "moMath", "moMathPara", "annotation", "ud", "ol"}
) | {"atnauthor", "picprop", "pnlvlblt", "sn", "sv", "cs", "ts", "ds", "pn", "pntext", "title"}
"""Destinations that a reader may skip if it does not know them; this one does."""
_DESTINATIONS: Mapping[str, str] = {
    "fonttbl": "fonttbl",
    "stylesheet": "stylesheet",
    "info": "info",
    "pict": "picture",
    "listtext": "label",
    "pntext": "label",
    "fldinst": "instruction",
    "upr": "upr",
    "formfield": "formfield",
}
_SILENT = frozenset({"skip", "info", "picture", "instruction", "upr", "formfield"})
_SHOWN_PROPERTIES: Mapping[str, str] = {"wzDescription": "picture", "gtextUNICODE": "drawn"}
"""Of shapes: descriptions, and words that are drawn as pictures."""
_MATH_PROPERTIES = re.compile(r"m[a-zA-Z]+Pr")
_CAPTURED = frozenset({"title", "atnauthor", "sn", "sv"})


@nesting_is_bounded
def read_rtf(content: bytes, path: str, instructions: Instructions) -> FileContents:
    """An RTF file; files embedded in it are not opened.

    Raises:
        DocumentError: it is no RTF, unsafe, or holds no text.
    """
    start = content[:1024].find(b"{\\rtf")
    if start < 0:
        raise DocumentError(
            f"{path!r} is not RTF though its name says so; give it the ending of its kind",
            Reason.DAMAGED,
        )
    reader = _RtfReader(path)
    reader.read(content, start)
    flow = Flow()
    write_blocks(reader.blocks(), flow)
    document = flow.document("rtf", path, content, title=reader.title or reader.first_heading)
    return FileContents((document,))


@dataclass(frozen=True, slots=True)
class _State:
    """What holds until the end of the group."""

    destination: str = "text"
    font: int = 0
    hidden: bool = False
    deleted: bool = False
    skip_after_unicode: int = 1
    style: int = 0
    outline: int = -1
    table_level: int = 0


class _RtfReader:
    """Reads one file from its first group to its last."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.title = ""
        self.first_heading = ""
        self._fonts, self._styles = FontTable(), StyleTable()
        self._default_font = 0
        self._state = _State()
        self._groups: list[tuple[_State, Callable[[], None] | None]] = []
        self._optional = self._at_start = False
        """Whether a group has just begun, and whether a reader may skip it."""
        self._bytes = bytearray()
        self._high = 0
        """The first half of a pair that is one character."""
        self._skip = 0
        self._captured = self._property = self._author = ""
        self._body = self._story = Story(path)
        self._row = RowForm()
        self._numbers = {"footnote": 0, "endnote": 0}
        self._around: dict[str, dict[str, None]] = {"header": {}, "footer": {}}
        self._box = (0, 25, 0)
        """Of a form field: its type, its result, its default."""

    def read(self, content: bytes, position: int) -> None:
        """Read from the first group on.

        Raises:
            DocumentError: groups or tables nest too deep, or a table has too many cells.
        """
        while position < len(content):
            token = _TOKEN.match(content, position)
            if token is None:
                break
            position = token.end()
            match token.lastindex:
                case 1 | 2:
                    number = int(token[2]) if token[2] else None
                    if token[1] == b"bin":
                        position += max(0, number or 0)
                    else:
                        self._word(token[1].decode("ascii"), number)
                case 3:
                    self._letter_bytes(bytes.fromhex(token[3].decode("ascii")))
                case 4:
                    self._symbol(token[4])
                case 5 if token[5] == b"{":
                    self._open()
                case 5:
                    self._close()
                    if not self._groups:
                        break
                case 6:
                    self._letter_bytes(token[6])
        while self._groups:
            self._close()

    def blocks(self) -> list[Block]:
        """The headers, the text, the footers."""
        headers = [TextBlock(marked("header", text)) for text in self._around["header"]]
        footers = [TextBlock(marked("footer", text)) for text in self._around["footer"]]
        return [*headers, *self._body.end(), *footers]

    def _open(self) -> None:
        self._flush()
        if len(self._groups) >= _DEEPEST_GROUPS:
            raise DocumentError(
                f"{self._path!r} nests more than {_DEEPEST_GROUPS} groups; leave it out",
                Reason.UNSAFE,
            )
        self._groups.append((self._state, None))
        self._at_start, self._optional, self._skip = True, False, 0
        if self._state.destination == "stylesheet":
            self._styles.begin()

    def _close(self) -> None:
        self._flush()
        if self._groups:
            self._state, after = self._groups.pop()
            self._at_start, self._skip = False, 0
            if after is not None:
                after()

    def _word(self, name: str, number: int | None) -> None:
        self._flush()
        self._skip = 0
        at_start, optional, self._at_start = self._at_start, self._optional, False
        if at_start and self._begins_destination(name, optional):
            return
        match self._state.destination:
            case "fonttbl" | "stylesheet" if name in ("par", "sectd"):  # it was never closed
                self._go_to("text")
            case "fonttbl":
                self._fonts.word(name, number or 0)
            case "stylesheet":
                self._styles.word(name, number or 0)
            case "formfield":
                self._form_word(name, number or 0)
            case "text" | "label" | "math" | "title" | "atnauthor" | "sn" | "sv":
                self._text_word(name, number)

    def _begins_destination(self, name: str, optional: bool) -> bool:
        """Whether a group that begins with this word is read in a way of its own."""
        outer = self._state.destination
        if outer == "skip" or (outer == "picture" and name not in ("picprop", "sp", "sn", "sv")):
            self._go_to("skip")
        elif outer == "instruction" and name != "formfield":
            pass
        elif outer == "upr":
            self._go_to("text" if name == "ud" else "skip")
        elif name in _CAPTURED:
            self._captured = ""
            self._go_to(name, lambda: self._end_capture(name))
        elif name in ("footnote", "annotation", "shptxt", "dptxbxtext") or name in _AROUND:
            self._begin_story(name)
        elif name in _DESTINATIONS:
            self._go_to(_DESTINATIONS[name], self._end_form if name == "formfield" else None)
        elif _is_not_shown(name, optional=optional):
            self._go_to("skip")
        else:
            return False
        return True

    def _go_to(self, destination: str, after: Callable[[], None] | None = None) -> None:
        self._state = replace(self._state, destination=destination)
        if after is not None:
            self._groups[-1] = (self._groups[-1][0], after)

    def _begin_story(self, name: str) -> None:
        outside, story = self._story, Story(self._path)
        self._story = story

        def end() -> None:
            self._story = outside
            if name in _AROUND:
                text = as_one_text(story.end())
                if text and not text.isdecimal():
                    self._around[_AROUND[name]][text] = None
            elif name in ("shptxt", "dptxbxtext"):
                outside.written.after += story.end()
            else:
                self._end_note(name, story)

        self._state = replace(_State(), font=self._default_font)
        self._go_to("text", end)

    def _end_note(self, name: str, story: Story) -> None:
        text = as_one_text(story.end())
        written = self._story.written
        if name == "annotation":
            by = f"comment by {self._author}" if self._author else "comment"
            written.end_deleted()
            written.apart += [marked(by, text)] if text else []
            return
        kind = "endnote" if story.is_endnote else "footnote"
        if story.has_own_number:
            self._numbers[kind] += 1
            kind = f"{kind} {self._numbers[kind]}"
        if self._state.deleted or self._heading() is not None:
            written.apart.append(marked(kind, text))
        elif text and not self._state.hidden:
            written.add(f" {marked(kind, text)} ")

    def _end_capture(self, name: str) -> None:
        text = on_one_line(self._captured)
        match name:
            case "title":
                self.title = self.title or text
            case "atnauthor":
                self._author = text
            case "sn":
                self._property = text
            case "sv" if text and self._property in _SHOWN_PROPERTIES:
                self._story.written.add(f" {marked(_SHOWN_PROPERTIES[self._property], text)} ")

    def _end_form(self) -> None:
        kind, result, default = self._box
        if kind == 1:
            self._story.written.add("☒" if (default if result == 25 else result) else "☐")
        self._box = (0, 25, 0)

    def _form_word(self, name: str, number: int) -> None:
        kind, result, default = self._box
        match name:
            case "fftype":
                self._box = (number, result, default)
            case "ffres":
                self._box = (kind, number, default)
            case "ffdefres":
                self._box = (kind, result, number)

    def _text_word(self, name: str, number: int | None) -> None:
        is_on = number != 0
        if name in _LETTERS:
            self._emit(_LETTERS[name])
            return
        match name:
            case "u":
                self._unicode((number or 0) & 0xFFFF)
            case "par" | "sect":
                self._end_paragraph()
            case "cell" | "nestcell":
                level = 1 if name == "cell" else self._state.table_level
                self._story.end_cell(level, self._heading())
            case "row" | "nestrow":
                level = 1 if name == "row" else max(2, self._state.table_level)
                self._story.end_row(level, self._row)
            case "pard":
                self._state = replace(self._state, style=0, outline=-1, table_level=0)
            case "intbl":
                self._state = replace(self._state, table_level=max(1, self._state.table_level))
            case "itap":
                self._state = replace(self._state, table_level=max(0, number or 0))
            case "s":
                self._state = replace(self._state, style=number or 0)
            case "outlinelevel":
                self._state = replace(self._state, outline=number or 0)
            case "plain":
                self._state = replace(
                    self._state, font=self._default_font, hidden=False, deleted=False
                )
            case "f":
                self._state = replace(self._state, font=number or 0)
            case "v":
                self._state = replace(self._state, hidden=is_on)
            case "deleted" | "mvf":
                self._state = replace(self._state, deleted=is_on)
            case "uc":
                self._state = replace(self._state, skip_after_unicode=max(0, number or 0))
            case "chftn":
                self._story.has_own_number = True
            case "ftnalt":
                self._story.is_endnote = True
            case _:
                self._row_or_file_word(name, number or 0)

    def _row_or_file_word(self, name: str, number: int) -> None:
        match name:
            case "trowd":
                self._row = RowForm()
            case "trleft":
                self._row.left = number
            case "trhdr":
                self._row.header = True
            case "clmrg":
                self._row.next.continues_left = True
            case "clvmgf":
                self._row.next.begins_down = True
            case "clvmrg":
                self._row.next.continues_above = True
            case "cellx":
                self._row.next.right = number
                self._row.cells.append(self._row.next)
                self._row.next = CellForm()
            case "ansicpg":
                self._fonts.use_code_page(number)
            case "mac" | "pc" | "pca":
                self._fonts.use_named_code_page(name)
            case "deff":
                self._default_font = number
                self._state = replace(self._state, font=number)

    def _symbol(self, letter: bytes) -> None:
        match letter:
            case b"*" if self._at_start:
                self._optional = True
                return
            case b"~":
                self._bytes += b" "
            case b"_":
                self._bytes += b"-"
            case b"\\" | b"{" | b"}":
                self._letter_bytes(letter)
            case b"\n" | b"\r":
                self._word("par", None)
            case b"\t":
                self._bytes += b"\t"
        self._at_start = False

    def _letter_bytes(self, letters: bytes) -> None:
        self._at_start = False
        if self._skip:
            skipped = min(self._skip, len(letters))
            self._skip -= skipped
            letters = letters[skipped:]
        if self._state.destination in _SILENT:
            return
        self._bytes += letters

    def _unicode(self, unit: int) -> None:
        self._skip = self._state.skip_after_unicode
        if 0xD800 <= unit < 0xDC00:
            self._high = unit
            return
        if 0xDC00 <= unit < 0xE000:
            if not self._high:
                return
            unit = 0x10000 + ((self._high - 0xD800) << 10) + unit - 0xDC00
        self._high = 0
        font = self._fonts.name(self._state.font)
        self._emit(without_private_letters(chr(unit), font))

    def _flush(self) -> None:
        """Decode the bytes since the last control word, which are in one font."""
        if not self._bytes:
            return
        letters = bytes(self._bytes)
        self._bytes.clear()
        self._emit(self._fonts.decode(letters, self._state.font))

    def _emit(self, text: str) -> None:
        match self._state.destination:
            case "text" | "math":
                if self._state.hidden:
                    return
                if self._state.deleted:
                    self._story.written.deleted.append(text)
                else:
                    self._story.written.add(text)
            case "label":
                self._story.label = _label(f"{self._story.label}{text}")
            case "fonttbl":
                self._fonts.text(text)
            case "stylesheet":
                self._styles.text(text)
            case destination if destination in _CAPTURED:
                self._captured += text

    def _end_paragraph(self) -> None:
        heading = self._heading()
        if heading is not None and self._story is self._body and not self.first_heading:
            self.first_heading = on_one_line("".join(self._story.written.text))
        self._story.end_paragraph(self._state.table_level, heading)

    def _heading(self) -> int | None:
        """The level of the heading that the paragraph is, from 1; None where it is none."""
        if self._state.outline >= 0:
            return self._state.outline + 1 if self._state.outline < 9 else None
        return self._styles.heading_level(self._state.style)


def _is_not_shown(name: str, *, optional: bool) -> bool:
    if name in _SKIPPED or _MATH_PROPERTIES.fullmatch(name):
        return True
    return optional and name not in _READ_THOUGH_OPTIONAL


def _label(text: str) -> str:
    """A number as it is; any bullet as a hyphen."""
    bare = text.strip()
    return "-" if len(bare) == 1 and not bare.isalnum() else text
