"""Letters of the fonts Symbol and Wingdings, which files store by their place in the font.

Office programs store such a letter in Unicode's private area, at U+F000 and its place; RTF stores
the place itself. Sources: Adobe's Symbol encoding, and the Unicode names of the Wingdings glyphs
that documents are known to use (boxes, bullets, arrows, ticks, numbers in circles).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["is_symbol_font", "symbol", "without_private_letters"]

_SYMBOL = dict(
    enumerate(
        " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾"
        "αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼",
        start=0x20,
    )
) | dict(
    enumerate(
        "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪"
        "\ufffd〉∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭",
        start=0xA0,
    )
)
_WINGDINGS = {
    **dict(enumerate("⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿", start=0x80)),
    **dict(enumerate("⇦⇨⇧⇩⬄⇳", start=0xEF)),
    0x20: " ",
    0x22: "✂",
    0x28: "☎",
    0x2A: "✉",
    0x46: "☞",
    0x4A: "☺",
    0x4B: "😐",
    0x4C: "☹",
    0x6C: "●",
    0x6D: "❍",
    0x6E: "■",
    0x6F: "□",
    0x71: "❑",
    0x72: "❒",
    0x75: "◆",
    0x76: "❖",
    0x77: "⬥",
    0x9E: "·",
    0x9F: "•",
    0xA0: "▪",
    0xA1: "○",
    0xA7: "▪",
    0xA8: "☐",
    0xAB: "★",
    0xD8: "➢",
    0xDF: "←",
    0xE0: "→",
    0xE1: "↑",
    0xE2: "↓",
    0xE8: "➔",
    0xFB: "✗",
    0xFC: "✓",
    0xFD: "☒",
    0xFE: "☑",
}
_WINGDINGS_2 = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x54: "☒", 0x97: "●", 0xA3: "☐"}
_WEBDINGS = {0x61: "✓", 0x72: "✗", 0x67: "■", 0x63: "□"}
_FONTS: Mapping[str, Mapping[int, str]] = {
    "symbol": _SYMBOL,
    "wingdings": _WINGDINGS,
    "wingdings 2": _WINGDINGS_2,
    "wingdings 3": {},
    "webdings": _WEBDINGS,
}
_PRIVATE = re.compile("[\uf020-\uf0ff]")


def is_symbol_font(font: str) -> bool:
    """Whether letters of that font are not the ones that they seem to be."""
    return font.strip().lower() in _FONTS


def symbol(font: str, place: int) -> str:
    """The letter that stands at that place of a symbol font; U+FFFD where it is not known.

    >>> symbol("Symbol", 0xF06D), symbol("Wingdings", 0xFE)
    ('μ', '☑')
    """
    place = place - 0xF000 if 0xF000 <= place <= 0xF0FF else place
    letters = _FONTS.get(font.strip().lower())
    if letters is None:
        return chr(place) if 0x20 <= place < 0xD800 else "\ufffd"
    return letters.get(place, "\ufffd")


def without_private_letters(text: str, font: str = "") -> str:
    """The text with letters of symbol fonts as Unicode has them; Symbol where no font is named."""
    if not _PRIVATE.search(text):
        return text
    font = font if is_symbol_font(font) else "Symbol"
    return _PRIVATE.sub(lambda found: symbol(font, ord(found[0])), text)
