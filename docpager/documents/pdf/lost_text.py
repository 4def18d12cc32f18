"""Text objects that pdfium leaves out of a page's text.

It leaves out an object whose glyphs have no width, as those have that a substitute font lacks where
a font is not in the file: single Cyrillic, Greek, Hebrew, Chinese characters. And some programs
print bold letters by drawing each twice, a little aside, so it drops an object of one letter whose
box covers much of that of an equal letter before it. Where a file sets each letter
by itself and a little tight, the second of two equal letters is lost: `af ected`, `dif er`. The
dropped objects are still on the page, so they are looked up there. It costs a call for each object
and is done only where a page is set letter by letter and shows words that end as no word does.

Characters that a font does not name.

A font without a mapping to Unicode gives numbers of glyphs. pdfium passes them on as if they were
characters, so text shifted by 29 places looks like text, and a prime is a zero. It also says of
each character whether it had to guess. That alone proves nothing, as fonts whose numbers are ASCII
read well without a mapping; so the guessed characters are looked at: words have vowels.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from docpager.documents.pdf.figures import FALSE_DIGIT
from docpager.documents.pdf.glyphs import Box, Glyphs
from docpager.documents.pdf.native import native
from docpager.documents.pdf.typesetting import looks_natural

__all__ = [
    "Unmapped",
    "letter_changes",
    "loses_objects",
    "lost_letters",
    "lost_sign",
    "unmapped_of",
]

_TEXT = 1
"""Kind of a text object, FPDF_PAGEOBJ_TEXT."""
_LETTER_BY_LETTER = 0.5
"""Pieces for each character with ink; where words are objects it is about 0.2."""
_F_ENDS = re.compile(r"f (?=[a-z])")
_WITHOUT_F: tuple[str, ...] = (" diferen", " afect", " efect", " ofer", " ofic", " Ofic", " ofset")
_WITHOUT_F += (
    " efort",
    " suficien",
    " insuficien",
    " afilia",
    "coeficien",
    " staf ",
    " staf,",
    " staf.",
)
"""How words begin that have two f."""
_OF_FOR_OFF = re.compile(r"(?<![-\w])(?:Of ?-(?=[A-Z])|of ?-(?=[a-z]))|-[Oo]f(?![-\w])")
_OF_AND_HYPHEN = ("of-", "of -", "Of-", "Of -", "-of", "-Of")
"""Looked for first: that takes a third of the time of the pattern."""
_WORDS_IN_F_TEXT = (
    "of if half self itself himself herself oneself myself yourself brief chief belief relief "
    "proof roof leaf behalf golf gulf shelf wolf grief thief beef reef deaf loaf serif turf "
    "surf dwarf scarf calf chef elf hoof spoof motif aloof sheaf thereof hereof whereof "
    "disbelief def ref pdf gif vs of"
)
_WORDS_IN_F = frozenset(_WORDS_IN_F_TEXT.split())
_AFTER_OF = ("ice ", "icer", "ices", "icial", "er ", "ers ", "ered ", "ering", "set ", "setting")
"""How words go on that begin with off."""
# A class of characters leads, as `re` passes over all others by itself: three times as fast.
_GLUED_FIGURE = re.compile(r"\d(?<=[a-z]{2}\d)")
_GLUED_NAME = re.compile(r"\d(?<=[A-Z]{2}\d)\d|,(?<=\d{4},)\d|t(?=he[A-Z][a-z])")
_NUMBERS_TEXT = (
    "two three four five six seven nine eleven twelve twenty thirty forty fifty sixty "
    "ninety hundred"
)
_NUMBERS = tuple(_NUMBERS_TEXT.split())
"""Of which no other English word is made, as it is of one (alone), eight (height), ten (often)."""
_CROSSED = re.compile(r"[\d$€£¥](?:(?<=\d[$€£¥])|(?<=\d)\d[A-Z], [a-z])")
_MOST_CROSSED = 12
_SPLIT_FIGURE = re.compile(r"[\d,](?:(?<=\d) ,\d|(?<=,)\d\d? \d\b)")
_SECOND_LETTER = 0.35
"""Of a letter's width: a second letter stands at least so far on; bold is drawn closer."""
_WORD_GAP = 0.13
"""In heights of a line box, which is about 1.17 em."""


def lost_sign(glyphs: Glyphs) -> bool:
    """Whether a page is set letter by letter and reads as if letters were missing."""
    # The words are looked at first, as counting rectangles takes pdfium longer.
    return _reads_as_if_lost(glyphs.raw) and _is_set_by_letters(glyphs)


def _reads_as_if_lost(raw: str) -> bool:
    """Whether words or figures of a text lack a letter or a digit."""
    for match in _F_ENDS.finditer(raw):
        end = match.start() + 1
        begin = max(raw.rfind(" ", 0, end), raw.rfind("\n", 0, end)) + 1
        word = raw[begin:end].lower()
        if word == "of":
            if raw.startswith(_AFTER_OF, end + 1):
                return True
        elif word not in _WORDS_IN_F and word.isalpha() and word[-2:] not in ("f", "ff"):
            return True
    if any(part in raw for part in _WITHOUT_F) or _SPLIT_FIGURE.search(raw):
        return True
    return any(part in raw for part in _OF_AND_HYPHEN) and bool(_OF_FOR_OFF.search(raw))


def _is_set_by_letters(glyphs: Glyphs) -> bool:
    raw = glyphs.raw
    marks = len(raw) - sum(map(raw.count, " \r\n"))
    return glyphs.count_rectangles() >= _LETTER_BY_LETTER * marks


def lost_letters(glyphs: Glyphs) -> tuple[dict[int, str], int]:
    """What stands in the place of characters so that nothing is lost, and how many were.

    The spaces are set anew beside them: pdfium puts one where the letter is missing.
    """
    inked = _inked(glyphs)
    drawn = dict(zip(glyphs.text_objects(inked), inked, strict=True))
    changes: dict[int, str] = {}
    before: int | None = None
    lost = 0
    for handle, kind in glyphs.objects():
        if kind != _TEXT:
            continue
        offset = drawn.get(handle)
        if offset is not None:
            before = offset
            continue
        box = glyphs.bounds(handle)
        if before is not None and _is_second(glyphs, before, box):
            _put_back(glyphs, before, changes)
            lost += 1
        elif before in changes and box and not box.width:
            changes.pop(before + 1, None)  # a space is drawn behind the letter that was lost
    _part_words(glyphs, changes)
    return changes, lost


def _part_words(glyphs: Glyphs, changes: dict[int, str]) -> None:
    """Spaces where pdfium made none, in lines that lost letters: between letters that stand apart
    as letters of a word do not."""
    raw = glyphs.raw
    starts = {raw.rfind("\n", 0, offset) + 1 for offset in changes}
    for start in starts:
        end = raw.find("\n", start)
        right = bottom = top = 0.0
        apart = True
        for at in range(start, end if end >= 0 else len(raw)):
            if raw[at].isspace():
                apart = True
                continue
            left, new_top, new_right, new_bottom = glyphs.edges(at)
            in_line = bottom < new_top and top > new_bottom
            if not apart and in_line and left - right > _WORD_GAP * (top - bottom):
                changes.setdefault(at, " " + raw[at])
            apart = at in changes
            right, bottom, top = new_right, new_bottom, new_top


def letter_changes(glyphs: Glyphs, *, has_letter_lines: bool) -> dict[int, str]:
    """What stands in the place of characters so that words that a page draws apart are apart.

    pdfium sorts a line from left to right and sets spaces by the distance of letters. Where a page
    is set letter by letter, and a line of it too tight, there is no space (`of3.05`), or the first
    letter of a word comes before the last ones of the word before it (`20223,,350`). But the page
    draws words one after the other, with an object without width for each space. Where pdfium took
    a page for vertical writing, two such letters are lines of their own.
    """
    raw = glyphs.raw
    # What asks for positions costs more than these signs do, so pages of few objects are let go.
    by_letters = glyphs.count_objects() >= _LETTER_BY_LETTER * (len(raw) - raw.count(" "))
    is_crossed = by_letters and _is_crossed(raw)
    is_odd = is_crossed or has_letter_lines or bool(_GLUED_FIGURE.search(raw))
    if not (is_odd or (by_letters and _has_glued_words(raw))) or not _is_set_by_letters(glyphs):
        return {}
    drawn = _drawn_letters(glyphs)
    changes = _lost_spaces(glyphs, drawn)
    return changes | _uncrossed(glyphs, drawn) if is_crossed else changes


def _is_crossed(raw: str) -> bool:
    """Whether a text has what no word and no figure has: letters of two that cross."""
    marks = (",,", ", ,", "“ ")
    return any(mark in raw for mark in marks) or bool(_CROSSED.search(raw))


def _has_glued_words(raw: str) -> bool:
    """Whether a name or a number stands at the end of another word.

    Programs that tag figures for machines (inline XBRL) set what they tag by itself, numbers in
    words too, and tighter than the text around it.
    """
    if _GLUED_NAME.search(raw):
        return True
    # Words are sought one by one: an expression for all of them takes ten times as long.
    return any(_ends_a_word(raw, number) for number in _NUMBERS)


def _ends_a_word(raw: str, number: str) -> bool:
    """Whether a number stands at the end of a longer word."""
    at = raw.find(number, 1)
    while at > 0:
        end = at + len(number)
        if raw[at - 1].isalpha() and not raw[end : end + 1].isalpha():
            return True
        at = raw.find(number, end)
    return False


class _Drawn(NamedTuple):
    """A text object that leaves a mark."""

    first: int
    """Offset of its first character in pdfium's text."""
    last: int
    blank: int | None
    """The last object drawn before it if that leaves no mark: a space has no width."""

    def is_behind_space(self, glyphs: Glyphs) -> bool:
        """Whether an object without width was drawn just before it."""
        box = glyphs.bounds(self.blank) if self.blank is not None else None
        return box is not None and not box.width


def _drawn_letters(glyphs: Glyphs) -> list[_Drawn]:
    """The text objects of a page that pdfium's text has, in the order in which they are drawn."""
    inked = _inked(glyphs)
    drawn_by = glyphs.text_objects(inked)
    last = dict(zip(drawn_by, inked, strict=True))
    first = last
    if len(last) < len(inked):
        first = dict(zip(reversed(drawn_by), reversed(inked), strict=True))
    drawn: list[_Drawn] = []
    blank: int | None = None
    for handle, kind in glyphs.objects():
        if kind != _TEXT:
            continue
        start = first.get(handle)
        if start is None:
            blank = handle
            continue
        # Several times as fast as _Drawn(...), which such a page asks for thousands of times.
        drawn.append(tuple.__new__(_Drawn, (start, last[handle], blank)))
        blank = None
    return drawn


def _lost_spaces(glyphs: Glyphs, drawn: Sequence[_Drawn]) -> dict[int, str]:
    """Spaces that a page draws between two letters where pdfium's text has none."""
    raw = glyphs.raw
    return {
        letter.first: " " + raw[letter.first]
        for before, letter in itertools.pairwise(drawn)
        if letter.blank is not None
        and (raw[before.last].isalnum() or raw[before.last] in ",;")
        and raw[letter.first].isalnum()
        and _touch(glyphs, before.last, letter.first)
        and letter.is_behind_space(glyphs)
    }


def _uncrossed(glyphs: Glyphs, drawn: Sequence[_Drawn]) -> dict[int, str]:
    """Letters that stand over one another, in the order in which they are drawn."""
    changes: dict[int, str] = {}
    number = {letter.first: n for n, letter in enumerate(drawn) if letter.first == letter.last}
    inked = sorted(number)
    for left, right in itertools.pairwise(inked):
        if number[left] < number[right] or left in changes or not _overlap(glyphs, left, right):
            continue
        crossed = _crossed(number, inked, left, right)
        order = sorted(crossed, key=number.__getitem__)
        text = ""
        for at in order:
            has_space = not text and glyphs.raw[crossed[0] - 1 : crossed[0]].isspace()
            text += " " * (not has_space and drawn[number[at]].is_behind_space(glyphs))
            text += glyphs.raw[at]
        changes |= dict.fromkeys(range(crossed[0], crossed[-1] + 1), "")
        changes[crossed[0]] = text
        behind = drawn[number[order[-1]] + 1 : number[order[-1]] + 2]
        # The space that pdfium made behind the letter that stood last belongs to the other word.
        space = crossed[-1] + 1
        if behind and behind[0].first == space + 1 and glyphs.raw[space] == " ":
            changes[space] = " " * behind[0].is_behind_space(glyphs)
    return changes


def _crossed(number: Mapping[int, int], inked: Sequence[int], left: int, right: int) -> list[int]:
    """The characters around two that are drawn in the other order, as far as others are too."""
    begin = bisect_left(inked, left)
    end = begin + 2
    low, high = number[right], number[left]
    while begin and end - begin < _MOST_CROSSED and number[inked[begin - 1]] > low:
        begin -= 1
        high = max(high, number[inked[begin]])
    while end < len(inked) and end - begin < _MOST_CROSSED and number[inked[end]] < high:
        low = min(low, number[inked[end]])
        end += 1
    return list(inked[begin:end])


def _overlap(glyphs: Glyphs, left: int, right: int) -> bool:
    """Whether two characters of one line cover each other by a quarter of the narrower one."""
    one, other = glyphs.box(left), glyphs.box(right)
    in_line = abs(one.bottom - other.bottom) < 0.1 * one.height
    shared = one.right - other.left
    return in_line and other.left >= one.left and shared > 0.25 * min(one.width, other.width)


def _inked(glyphs: Glyphs) -> list[int]:
    """The offsets of all characters that leave a mark."""
    return [n for n, mark in enumerate(glyphs.raw) if not mark.isspace()]


def _touch(glyphs: Glyphs, before: int, at: int) -> bool:
    """Whether two characters follow each other in one line, with no space in pdfium's text."""
    if at == before + 1:
        return True
    if at < before or glyphs.raw[before + 1 : at].strip("\r\n"):
        return False
    left, right = glyphs.box(before), glyphs.box(at)
    in_line = abs(left.bottom - right.bottom) < 0.1 * left.height
    return in_line and left.left < right.left < left.right + left.height


def loses_objects(glyphs: Glyphs) -> bool:
    """Whether text in a font that is not in the file was left out."""
    handles = [handle for handle, kind in glyphs.objects() if kind == _TEXT]
    if len(handles) <= glyphs.count_rectangles():
        return False
    drawn = set(glyphs.text_objects(_inked(glyphs)))
    for handle in handles:
        if handle in drawn:
            continue
        box = glyphs.bounds(handle)
        font = native("FPDFTextObj_GetFont")(handle)
        if box and not box.width and font and not native("FPDFFont_GetIsEmbedded")(font):
            return True
    return False


def _is_second(glyphs: Glyphs, before: int, box: Box | None) -> bool:
    """Whether a dropped object stands beside the letter before, rather than on it."""
    if box is None or not box.width:
        return False
    ink = glyphs.ink(before)
    alike = abs(ink.width - box.width) < 0.1 * box.width + 0.1
    step = box.left - ink.left
    in_line = abs(ink.bottom - box.bottom) < 0.2 * box.height + 0.1
    return alike and in_line and _SECOND_LETTER * box.width < step < 1.6 * box.width


def _put_back(glyphs: Glyphs, at: int, changes: dict[int, str]) -> None:
    raw = glyphs.raw
    changes[at] = changes.get(at, raw[at]) + raw[at]
    following = at + 1
    if raw[following : following + 1] != " " or not glyphs.is_made(following):
        return
    if following + 1 < len(raw) and not raw[following + 1].isspace():
        box = glyphs.box(at)
        gap = glyphs.box(following + 1).left - box.right - box.width
        if gap < 0.1 * box.height:
            changes[following] = ""


_FEWEST_LETTERS = 12
"""Of guessed ones that must look like words before guessed digits are believed."""


@dataclass(frozen=True, slots=True)
class Unmapped:
    """The guessed characters of a page that cannot be believed."""

    share: float = 0.0
    """Of the characters that leave a mark."""
    changes: Mapping[int, str] | None = None
    """What stands in the place of guessed digits."""


def unmapped_of(glyphs: Glyphs) -> Unmapped:
    """Look at every character; costs a call for each."""
    raw = glyphs.raw
    inked = _inked(glyphs)
    guessed = [n for n in inked if glyphs.is_unmapped(n)]
    if not guessed:
        return Unmapped()
    unmapped = frozenset(guessed)
    text = "".join(raw[n] if n in unmapped or raw[n].isspace() else " " for n in range(len(raw)))
    letters = sum(mark.isalpha() for mark in text)
    if letters >= _FEWEST_LETTERS and looks_natural(text):
        return Unmapped()
    changes = {n: FALSE_DIGIT for n in guessed if raw[n].isdigit()}
    return Unmapped(len(guessed) / len(inked), changes)
