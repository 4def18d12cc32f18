"""The tables of fonts and styles with which an RTF file begins.

A font says how the bytes written in it are encoded, whatever the file says of itself; a style says
which paragraphs are headings. Control words are those of Microsoft's RTF specification 1.9.1.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass

from docpager.documents.office.docx_styles import named_heading_level
from docpager.documents.office.symbols import symbol

__all__ = ["FontTable", "StyleTable"]

_CHARSETS: Mapping[int, str] = {
    0: "cp1252",
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gbk",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    254: "cp437",
    255: "cp850",
}
"""Encodings by the number of a font's character set; 1 is the file's own."""
_SYMBOLS = 2
"""The character set of fonts whose letters are pictures."""
_CODE_PAGES: Mapping[int, str] = {0: "cp1252", 936: "gbk", 10_000: "mac_roman", 65_001: "utf-8"}
_NAMED_CODE_PAGES: Mapping[str, str] = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
_MOST_BASES = 20
_BODY_LEVEL = 9


@dataclass(slots=True)
class _Font:
    name: str = ""
    encoding: str = ""
    """Empty for that of the file."""
    is_symbols: bool = False


class FontTable:
    """The fonts of a file, and the encoding of what is written in none of them."""

    def __init__(self) -> None:
        self._encoding = "cp1252"
        self._fonts: dict[int, _Font] = {}
        self._defined = _Font()

    def word(self, name: str, number: int) -> None:
        """A control word inside the table."""
        if name == "f":
            self._defined = self._fonts[number] = _Font()
        elif name == "fcharset":
            self._defined.is_symbols = number == _SYMBOLS
            self._defined.encoding = _CHARSETS.get(number, "")

    def text(self, text: str) -> None:
        """Text inside the table: the name of the font that is being defined."""
        self._defined.name += text.replace(";", "")

    def use_code_page(self, number: int) -> None:
        """The file says which encoding it is in; an unknown one is taken for Western."""
        try:
            self._encoding = codecs.lookup(_CODE_PAGES.get(number, f"cp{number}")).name
        except LookupError:
            self._encoding = "cp1252"

    def use_named_code_page(self, name: str) -> None:
        """The same in an older way: `mac`, `pc`, `pca`."""
        self._encoding = _NAMED_CODE_PAGES[name]

    def name(self, font: int) -> str:
        """The font's name; empty where it is not in the table."""
        return self._fonts[font].name.strip() if font in self._fonts else ""

    def decode(self, letters: bytes, font: int) -> str:
        """The text that the bytes are in a font."""
        used = self._fonts.get(font)
        if used is None:
            return letters.decode(self._encoding, "replace")
        if used.is_symbols:
            return "".join(symbol(used.name, place) for place in letters if place >= 0x20)
        return letters.decode(used.encoding or self._encoding, "replace")


@dataclass(slots=True)
class _Style:
    name: str = ""
    base: int = -1
    outline: int | None = None


class StyleTable:
    """The styles of a file's paragraphs."""

    def __init__(self) -> None:
        self._styles: dict[int, _Style] = {}
        self._defined = _Style()

    def begin(self) -> None:
        """A style begins; one without a number is that of plain paragraphs."""
        self._defined = self._styles[0] = self._styles.get(0, _Style())

    def word(self, name: str, number: int) -> None:
        """A control word inside the table."""
        match name:
            case "s":
                self._defined = self._styles[number] = _Style()
            case "cs" | "ts" | "ds":  # of letters, tables, sections
                self._defined = _Style()
            case "sbasedon":
                self._defined.base = number
            case "outlinelevel":
                self._defined.outline = number

    def text(self, text: str) -> None:
        """Text inside the table: the name of the style that is being defined."""
        self._defined.name += text

    def heading_level(self, style: int) -> int | None:
        """The level of headings in a style, from 1; None where it is none for headings."""
        for _ in range(_MOST_BASES):
            found = self._styles.get(style)
            if found is None:
                return None
            if found.outline is not None:
                return found.outline + 1 if found.outline < _BODY_LEVEL else None
            level = named_heading_level(found.name.partition(";")[0])
            if level is not None:
                return level
            style = found.base
        return None
