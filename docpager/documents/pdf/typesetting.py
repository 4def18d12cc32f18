"""What typesetters did to letters, undone: ligatures, accents set apart, spaced capitals.

TeX before T1 fonts puts an accent and its letter in one place, so they come out side by side
(`Geb¨uhr`); its fonts have ligatures at control characters, which no text holds, so that they are
lost (`ecient`); headings are spaced letter by letter (`B A L A N C E`), or drawn twice, a little
aside, to cast a shadow (`BBAALLAANNCCEE`). Each is a change of
single characters, and each is made only where the positions on the page agree.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from statistics import median_low

from docpager.documents.pdf.glyphs import Box, Glyphs

__all__ = ["looks_natural", "typesetting_changes"]

_OT1 = {0x0B: "ff", 0x0C: "fi", 0x0D: "fl", 0x0E: "ffi", 0x0F: "ffl", 0x10: "ı", 0x11: "ȷ"}
_OT1 |= {0x12: "`", 0x13: "´", 0x14: "ˇ", 0x15: "˘", 0x16: "¯", 0x17: "˚", 0x18: "¸"}
_OT1 |= {0x19: "ß", 0x1A: "æ", 0x1B: "œ", 0x1C: "ø", 0x1D: "Æ", 0x1E: "Œ", 0x1F: "Ø", 0x7F: "¨"}
_T1 = {0x10: "“", 0x11: "”", 0x12: "„", 0x13: "«", 0x14: "»", 0x15: "–", 0x16: "—"}
_T1 |= {0x1B: "ff", 0x1C: "fi", 0x1D: "fl", 0x1E: "ffi", 0x1F: "ffl"}
"""TeX's font encodings (The LaTeX Companion, 2nd ed., tables 7.32 and 7.33)."""

_CONTROL = re.compile("[\x02-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
_OT1_LIGATURE = re.compile("[A-Za-z ][\x0b\x0c\x0e\x0f][a-z]|[a-z][\x0b\x0c\x0e\x0f]")
_T1_LIGATURE = re.compile("[A-Za-z ][\x1b-\x1f][a-z]|[a-z][\x1b-\x1f]")
_ACCENT = re.compile("[´`¨ˆ˜˚ˇ˘¯˙¸˝^~]")
# The same as one class of characters, over all others of which `re` passes by itself.
_SIGN = re.compile("[\x02-\x08\x0b-\x1f\x7f´`¨ˆ˜˚ˇ˘¯˙¸˝^~](?!(?<=\r)\n)")
_COMBINING = dict(zip("´`¨ˆ˜˚ˇ˘¯˙¸˝^~", "\u0301\u0300\u0308\u0302\u0303\u030a\u030c\u0306\u0304"
                      "\u0307\u0327\u030b\u0302\u0303", strict=True))  # fmt: skip
_DOTLESS = {"ı": "i", "ȷ": "j"}
_SPACED_SIGN = re.compile(r" [^\W\d_] [^\W\d_] [^\W\d_] ")
_SPACED = re.compile(r"(?<!\S)[^\W\d_](?: +[^\W\d_]){4,}(?!\S)")

_DOUBLED_SIGN = re.compile(r"\n([^\W\d_])\1([^\W\d_])\2")
_DOUBLED = re.compile(r"(?:([^\W\d_])\1){3,}")

_WORD_GAP = 0.13
"""In heights of a line box."""
_WIDEST_TRACKING = 0.75
"""In heights of a line box: letters of a heading stand closer, letters in columns farther."""
_FEWEST_LATIN = 24
_VOWELS = frozenset("aeiouyàáâäèéêëìíîïòóôöùúûü")
_LEAST_VOWELS = 0.22
"""Of the letters of words: 0.34 to 0.48 in European languages; random letters have 0.19."""


def typesetting_changes(glyphs: Glyphs) -> dict[int, str]:
    """What stands in the place of characters when these things are undone."""
    raw = glyphs.raw
    changes: dict[int, str] = {}
    if _SIGN.search(raw):
        changes |= dict(_ligatures(glyphs))
        changes |= dict(_accents(glyphs, changes))
    if _SPACED_SIGN.search(raw):
        changes |= dict(_spaced(glyphs))
    if _DOUBLED_SIGN.search(f"\n{raw}"):
        changes |= dict.fromkeys(_shadows(glyphs), "")
    return changes


def looks_natural(text: str) -> bool:
    """Whether Latin words of a text have vowels as words do; True where there are too few."""
    letters = [mark for word in re.findall(r"[^\W\d_]{4,}", text) for mark in word.lower()]
    latin = [mark for mark in letters if mark < "\u0250"]
    if len(latin) < _FEWEST_LATIN:
        return True
    return sum(mark in _VOWELS for mark in latin) >= _LEAST_VOWELS * len(latin)


def _ligatures(glyphs: Glyphs) -> Iterator[tuple[int, str]]:
    raw = glyphs.raw
    old = len(_OT1_LIGATURE.findall(raw))
    new = len(_T1_LIGATURE.findall(raw))
    if not (old or new) or not looks_natural(raw):
        return
    table = _OT1 if old >= new else _T1
    for match in _CONTROL.finditer(raw):
        stands_for = table.get(ord(match[0]))
        if stands_for and not glyphs.is_made(match.start()):
            yield match.start(), stands_for


def _accents(glyphs: Glyphs, changes: dict[int, str]) -> Iterator[tuple[int, str]]:
    raw = glyphs.raw
    texts = {at: changes.get(at, raw[at]) for at in range(len(raw))} if changes else None
    marks = (
        [match.start() for match in _ACCENT.finditer(raw)]
        if texts is None
        else [at for at, text in texts.items() if text in _COMBINING]
    )
    for at in marks:
        accent = texts[at] if texts else raw[at]
        for letter in (*_beside(raw, at), *_before_in_line(raw, at)):
            written = texts[letter] if texts else raw[letter]
            plain = _DOTLESS.get(written, written)
            composed = unicodedata.normalize("NFC", plain + _COMBINING[accent])
            if plain.isalpha() and len(composed) == 1 and _is_over(glyphs, at, letter):
                yield letter, composed
                yield at, ""
                if abs(at - letter) > 2:
                    yield from _without_line_end(raw, at)
                else:
                    yield from _without_gaps(glyphs, at, letter)
                break


def _beside(raw: str, at: int) -> Iterator[int]:
    """The characters before and behind, a space left out."""
    for step in (1, -1):
        other = at + step
        if 0 <= other < len(raw) and raw[other] == " ":
            other += step
        if 0 <= other < len(raw):
            yield other


def _before_in_line(raw: str, at: int) -> range:
    """The characters of a line at whose end an accent stands: drawn higher, it may belong to any
    capital of it."""
    if raw[at + 1 : at + 2].strip("\r\n"):
        return range(0)
    return range(raw.rfind("\n", 0, at) + 1, at)


def _without_line_end(raw: str, at: int) -> Iterator[tuple[int, str]]:
    """What stands around an accent at the end of a line, as it would without the accent."""
    if raw[at - 1] != " ":
        return
    yield at - 1, ""
    end = re.compile(r"\r?\n(?=[^\W\d_])").match(raw, at + 1)
    if raw[at - 2] == "-" and end:
        yield at - 2, "\ufffe"
        yield from ((n, "") for n in range(*end.span()))


def _is_over(glyphs: Glyphs, accent: int, letter: int) -> bool:
    mark, box = glyphs.ink(accent), glyphs.box(letter)
    middle = mark.centre[0]
    # The accent of a capital rises a little above the height of the font.
    return box.left - 0.1 * box.width <= middle <= box.right + 0.1 * box.width and (
        mark.bottom < box.top + 0.15 * box.height and mark.top > box.bottom
    )


def _without_gaps(glyphs: Glyphs, accent: int, letter: int) -> Iterator[tuple[int, str]]:
    """Spaces that pdfium made around an accent, away where the word goes on there."""
    raw = glyphs.raw
    first, last = min(accent, letter), max(accent, letter)
    if last - first == 2:
        yield first + 1, ""
    box = glyphs.box(letter)
    if first >= 2 and raw[first - 1] == " ":
        before = glyphs.box(first - 2)
        if box.left - before.right < _WORD_GAP * box.height:
            yield first - 1, ""
    if last + 2 < len(raw) and raw[last + 1] == " " and raw[last + 2] != "\r":
        after = glyphs.box(last + 2)
        if after.left - box.right < _WORD_GAP * box.height:
            yield last + 1, ""


def _spaced(glyphs: Glyphs) -> Iterator[tuple[int, str]]:
    """Spaces inside spaced words, away; the wider ones part words and stay."""
    for match in _SPACED.finditer(glyphs.raw):
        letters = [n for n in range(*match.span()) if glyphs.raw[n] != " "]
        boxes = [glyphs.box(n) for n in letters]
        gaps = [b.left - a.right for a, b in itertools.pairwise(boxes)]
        usual = median_low(gaps)
        if not _is_tracking(gaps, usual, boxes[0]) or _is_alphabet(match[0]):
            continue
        for n, gap in enumerate(gaps):
            if gap <= 1.5 * usual + 0.05 * boxes[0].height:
                yield from ((at, "") for at in range(letters[n] + 1, letters[n + 1]))


def _is_tracking(gaps: list[float], usual: float, box: Box) -> bool:
    """Whether letters stand at an even distance, as those of a spaced word do."""
    if not 0 < usual < _WIDEST_TRACKING * box.height:
        return False
    even = sum(abs(gap - usual) < 0.35 * usual + 0.02 * box.height for gap in gaps)
    return min(gaps) > 0.4 * usual and even >= 0.6 * len(gaps)


def _is_alphabet(text: str) -> bool:
    """Whether letters name columns: A B C D E."""
    letters = text.split()
    return all(ord(b) == ord(a) + 1 for a, b in itertools.pairwise(letters))


def _shadows(glyphs: Glyphs) -> Iterator[int]:
    """The second of two equal letters that stand nearly in one place, in words of such."""
    raw = glyphs.raw
    for start in {raw.rfind("\n", 0, match.end()) + 1 for match in _DOUBLED.finditer(raw)}:
        end = raw.find("\n", start)
        at = start
        while at + 1 < (end if end >= 0 else len(raw)):
            is_double = not raw[at].isspace() and raw[at] == raw[at + 1]
            if is_double and _is_shadow(glyphs.box(at), glyphs.box(at + 1)):
                yield at + 1
                at += 1
            at += 1


def _is_shadow(box: Box, other: Box) -> bool:
    near = abs(other.bottom - box.bottom) < 0.25 * box.height
    return near and 0 <= other.left - box.left < max(0.5 * box.width, 0.12 * box.height)
