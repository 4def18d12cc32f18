"""Figures as the page shows them: marks set off, cells apart, no digit that is not there.

pdfium puts characters together that stand close to one another, whatever their size: a footnote
mark after `$320` gives `$3201`, `10` and its exponent 6 give `106`. And it takes cells of a table
for one figure where they are set as one string or where blanks were drawn over them. Only the first
and the last character of each run of digits are looked at; a run that is as wide and as high as
such digits are is right.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from operator import itemgetter
from statistics import median_low

from docpager.documents.pdf.glyphs import Box, Glyphs
from docpager.documents.pdf.page_lines import Line

__all__ = [
    "FALSE_DIGIT",
    "IngestChanges",
    "figure_changes",
    "figures_of",
    "join_broken_lines",
    "join_lines_set_back",
    "sets_off_marks",
]

IngestChanges = dict[int, str]
"""What stands in the place of a character, by its offset; empty where it is left out."""

_RUN = re.compile(r"\d(?:[\d.,]*\d)?")
# The rarest character leads, as `re` passes over all others by itself.
_GLUED_CAPITAL = re.compile(r"[A-Z](?<=[a-z,;:)][A-Z])(?=[a-z])")
_GLUED_LETTER = re.compile(r"[,;](?=[a-z]{2})")
_CAPITALS = re.compile(r"[A-Z]{11,}")
"""May be two words that touch."""
_MARK = re.compile(r"\d{1,2}(?:,\d{1,2})?")
_MARKED = frozenset(")]%’”'\"*.,;:")
"""What a footnote mark may stand after, beside letters and digits."""
_BEFORE_FIGURES = " \r\n$(-–—#/€£"
_BEHIND_FIGURES = " \r\n)%/:;"
_LAST_MARK = re.compile("(?<![^\\s\ufffe])\\d{1,2}(?:,\\d{1,2})?$")
_LONGEST_MARK = 6
_FIRST_MARK = re.compile(r"\d{1,2}(?:,\d{1,2})?(?![\w.])")
_LETTER_MARK = re.compile(r"[a-z*†‡§](?!\w)")
_POWER = re.compile(r"[-−–]\d{1,2}(?!\d)")
_UNITS = frozenset({"m", "km", "cm", "mm", "dm", "ft", "in", "yd", "mi", "µm", "nm", "s", "sec"})
_UNITS |= {"Nm", "ms", "kgm"}
"""Words that carry an exponent: km², not a word with a footnote."""
_GREEK = "".join(map(chr, range(0x370, 0x400))) + "∆∂∇"
_OPERATORS = tuple("=*∗×·⋅+−/")
_FORMULA = re.compile(
    r"\((?:"
    # a quantity, or several: (2cm), (2 m), (2cm/3cm)
    r"\d[\d.,]* ?(?:m|km|cm|mm|dm|ft|in|yd|mi|µm|nm|s|N|J|V|A|K|kg|g|Pa|Hz)\b"
    r"(?: ?[/*∗×·⋅] ?[\w.]+)*"
    # a product: (2 ∗ rearth), (3x/4)
    r"|[\d.]*[^\W_]+(?: ?[*∗×·⋅^] ?[\w.]+)+|\d+[a-z]+ ?/ ?[\w.]+"
    # a sum of numbers and single letters: (1 + r), (x − 1)
    r"|(?=[^)]*[a-z\u0370-\u03ff])[\d.]*[a-z\u0370-\u03ff]?"
    r"(?:(?: ?[+−] ?| [-–] )[\d.]*[a-z\u0370-\u03ff]?(?![^\W_]))+"
    r")\)$"
)
"""What stands in parentheses that carry an exponent, rather than the mark of a footnote."""
_LONGEST_FORMULA = 40
_LATIN_END = re.compile("[A-Za-zµ]+$")
_SMALLER = 0.88
"""A mark's height against that of what it stands by: superscripts are set at 58 to 75 %."""
_RAISED = 0.12
"""How much higher it begins, in heights of what it stands by."""
_CELL_GAP = 0.9
"""In digits' widths: digits of a figure stand closer, whatever their font."""
_WORD_GAP = 0.13
"""In line heights: half a narrow space. Kerning and rounding of positions stay below."""
_CAPITALS_GAP = 0.08
"""In line heights, above the usual gap in words that are set too tight."""
FALSE_DIGIT = "\ufffd"
"""Stands where the page shows a sign that the font does not name."""


def figures_of(raw: str) -> list[re.Match[str]]:
    """The runs of digits in pdfium's text."""
    return list(_RUN.finditer(raw))


def figure_changes(glyphs: Glyphs, figures: Sequence[re.Match[str]]) -> IngestChanges:
    """What must be put otherwise for each figure of a page to be the one that it shows."""
    changes: IngestChanges = {}
    raw = glyphs.raw
    length = len(raw)
    plain = _are_plain(glyphs, figures)
    for match, is_plain in zip(figures, plain, strict=True):
        start, end = match.span()
        if not is_plain:
            _divide(glyphs, start, end - 1, changes)
        if start and raw[start - 1] not in _BEFORE_FIGURES:
            _look_before(glyphs, match, raw[start - 1], changes)
        elif end - start < 3 and start > 1 and raw[start - 1] == " ":
            _look_behind_space(glyphs, match, changes)
        if end < length and raw[end] in ")%":
            end += 1
        if end < length and raw[end] not in _BEHIND_FIGURES:
            _look_behind(glyphs, start, end, changes)
    for match in _GLUED_CAPITAL.finditer(raw):
        _part(glyphs, match.start(), changes)
    for match in _GLUED_LETTER.finditer(raw):
        _part(glyphs, match.end(), changes)
    for match in _CAPITALS.finditer(raw):
        _part_capitals(glyphs, *match.span(), changes)
    return changes


def _part_capitals(glyphs: Glyphs, start: int, end: int, changes: IngestChanges) -> None:
    """Words in capitals that touch: parted at a gap that stands out among theirs."""
    boxes = [glyphs.box(at) for at in range(start, end)]
    gaps = [after.left - before.right for before, after in itertools.pairwise(boxes)]
    if max(gaps) - max(0.0, median_low(gaps)) > _CAPITALS_GAP * boxes[0].height:
        at = start + 1 + gaps.index(max(gaps))
        changes.setdefault(at, " " + glyphs.raw[at])


def sets_off_marks(changes: IngestChanges) -> bool:
    """Whether among changes of figures a mark or an exponent is set off."""
    return any("[" in text or text[:1] == "^" for text in changes.values())


def _look_before(glyphs: Glyphs, run: re.Match[str], before: str, changes: IngestChanges) -> None:
    """A run of digits that something stands close before: it may be a mark, or glued to a word."""
    start, end = run.span()
    if start in changes:
        return
    is_mark = before.isalpha() or before in _MARKED
    if is_mark and _MARK.fullmatch(run[0]) and _is_raised(glyphs.box(start - 1), glyphs.box(start)):
        _set_off(glyphs, start - 1, start, end - 1, changes)
    elif before.isalpha() and glyphs.raw[start - 2 : start - 1].isalpha():
        _part(glyphs, start, changes)


def _look_behind_space(glyphs: Glyphs, run: re.Match[str], changes: IngestChanges) -> None:
    """A short run of digits after a space: it may be a mark, set a little apart from its word."""
    start, end = run.span()
    word_end = start - 2
    before = glyphs.raw[word_end]
    if not (before.isalpha() or before in _MARKED) or glyphs.raw[end : end + 1].isalnum():
        return
    if _is_raised(glyphs.box(word_end), glyphs.box(start)):
        _set_off(glyphs, word_end, start, end - 1, changes)
        if changes.get(start, "").startswith("^"):
            changes[start - 1] = ""


def _look_behind(glyphs: Glyphs, start: int, end: int, changes: IngestChanges) -> None:
    """What stands close behind a run of digits: a letter as a mark, an exponent, the next word."""
    raw = glyphs.raw
    found = _LETTER_MARK.match(raw, end) or _POWER.match(raw, end)
    if found and _is_raised(glyphs.box(end - 1), glyphs.box(found.start())):
        _set_off(glyphs, end - 1, end, found.end() - 1, changes)
    elif raw[end : end + 3].isalpha():
        if _is_note_mark(glyphs, start, end):
            changes.setdefault(end, " " + raw[end])
        else:
            _part(glyphs, end, changes)


def _is_note_mark(glyphs: Glyphs, start: int, end: int) -> bool:
    """Whether a run of digits begins a line as the mark of the note that follows it."""
    raw = glyphs.raw
    if end - start > 2 or (start and raw[start - 1] != "\n"):
        return False
    mark, box = glyphs.box(end - 1), glyphs.box(end)
    return _is_smaller_and_higher(mark, box)


def _part(glyphs: Glyphs, at: int, changes: IngestChanges) -> None:
    if at not in changes and _has_gap(glyphs.box(at - 1), glyphs.box(at)):
        changes[at] = " " + glyphs.raw[at]


def _has_gap(before: Box, after: Box) -> bool:
    if not before.width or not after.width or before.top < after.bottom:
        return False
    gap = after.left - before.right
    return _WORD_GAP * max(before.height, after.height) < gap


Edges = tuple[float, float, float, float]


def _are_plain(glyphs: Glyphs, figures: Sequence[re.Match[str]]) -> Iterator[bool]:
    """Of each run of digits, whether it looks right at its two ends."""
    spans = [match.span() for match in figures]
    firsts = glyphs.all_edges([start for start, _ in spans])
    lasts = glyphs.all_edges([end - 1 for _, end in spans])
    return map(_is_plain, map(itemgetter(0), figures), firsts, lasts)


def _is_plain(run: str, first: Edges, last: Edges) -> bool:
    """Whether a run of digits is as high at its end as at its beginning, and as wide as it must."""
    if len(run) == 1:
        return True
    left, top, right, bottom = first
    last_left, last_top, last_right, last_bottom = last
    high = top - bottom
    slack = 0.1 * high
    if not -slack < last_top - last_bottom - high < slack:
        return False
    if not -slack < last_bottom - bottom < slack:
        return high < right - left  # turned text, whose boxes are turned as well
    width = max(right - left, last_right - last_left)
    others = 0 if run.isdigit() else run.count(".") + run.count(",")
    expected = (len(run) - others / 2) * width
    return 0.9 * expected < last_right - left < expected + 0.5 * width


def _divide(glyphs: Glyphs, start: int, last: int, changes: IngestChanges) -> None:
    """Look at every character of a run of digits."""
    boxes = [glyphs.box(offset) for offset in range(start, last + 1)]
    mark = next(
        (n for n in range(1, len(boxes)) if _is_raised(boxes[n - 1], boxes[n])),
        None,
    )
    if mark is not None and not _goes_on(boxes, mark):
        end = start + mark - 1
        if glyphs.raw[end] in ".,":
            end -= 1
        _note_unmapped(glyphs, start, last, changes)
        if start + mark not in changes:
            _set_off(glyphs, end, start + mark, last, changes)
        boxes = boxes[:mark]
    elif _note_unmapped(glyphs, start, last, changes):
        return
    gaps = [after.left - before.right for before, after in itertools.pairwise(boxes)]
    if not gaps:
        return
    width = max(box.width for box in boxes)
    usual = median_low(gaps) if len(gaps) > 3 else 0.0
    for n, gap in enumerate(gaps, start=start + 1):
        if gap > max(_CELL_GAP * width, usual + 0.5 * width) and n not in changes:
            changes[n] = " " + glyphs.raw[n]


def _goes_on(boxes: Sequence[Box], mark: int) -> bool:
    """Whether what follows a raised character is as high as what precedes it."""
    return abs(boxes[-1].height - boxes[mark - 1].height) < 0.05 * boxes[-1].height


def _note_unmapped(glyphs: Glyphs, start: int, last: int, changes: IngestChanges) -> bool:
    """Take away digits that the font does not call so; whether there are any among others."""
    unmapped = [n for n in range(start, last + 1) if glyphs.is_unmapped(n)]
    if not unmapped or len(unmapped) == last - start + 1:
        return False
    for offset in unmapped:
        changes[offset] = FALSE_DIGIT
    return True


def _is_raised(base: Box, mark: Box) -> bool:
    """Whether a character is set smaller and higher than the one before, and right beside it."""
    if not base.height or not mark.height:
        return False
    return (
        mark.height < _SMALLER * base.height
        and mark.bottom > base.bottom + _RAISED * base.height
        and mark.bottom < base.top
        and -0.3 * base.height < mark.left - base.right < 0.5 * base.height
    )


def _is_smaller_and_higher(mark: Box, box: Box) -> bool:
    return mark.height < _SMALLER * box.height and mark.bottom > box.bottom + _RAISED * box.height


def _set_off(glyphs: Glyphs, base: int, start: int, last: int, changes: IngestChanges) -> None:
    """Write a mark in brackets, an exponent after `^`; a unit and its exponent stay as they are."""
    raw = glyphs.raw
    mark = raw[start : last + 1]
    before = re.search(r"[^\W\d_]+$|\d[\d.,]*$|.?$", raw[max(0, base - 30) : base + 1])
    word = before[0] if before else ""
    letters = _LATIN_END.search(word)
    if word.isalpha() and letters and letters[0] in _UNITS:
        return
    if _is_exponent(raw, base, word, mark):
        changes[start] = "^" + mark[0].replace("−", "-").replace("–", "-")
    elif mark[0] in "-−–" or (len(word) == 1 and word.isalpha() and not mark.isdigit()):
        return
    else:
        changes[start] = (" [" if not raw[start - 1].isspace() else "[") + mark[0]
        changes[last] = changes.get(last, mark[-1]) + "]"


def _is_exponent(raw: str, base: int, word: str, mark: str) -> bool:
    if not mark[-1].isdigit() or not (mark.isdigit() or mark[0] in "-−–") or mark == "1":
        return False
    if word[-1:].isalpha():
        return _is_variable(raw[max(0, base - 12) : base + 1 - len(word)], word)
    if word == ")":
        return bool(_FORMULA.search(raw[max(0, base - _LONGEST_FORMULA) : base + 1]))
    if not word[-1:].isdigit():
        return False
    if mark[0] in "-−–":
        return True
    factor = raw[max(0, base - 6) : base + 1 - len(word)].rstrip()[-1:]
    # A footnote to the figure 10 is seldom the third or a later one, one to 2 seldom the tenth.
    is_power = (word == "10" and int(mark) > 2) or (word == "2" and int(mark) > 9)
    return is_power or (word == "10" and factor in ("x", "×", "·", "*", "⋅"))


def _is_variable(before: str, word: str) -> bool:
    """Whether a word is one letter, or two in a formula: a footnote has a word before it."""
    letters = word.lstrip(_GREEK) or word[-1]
    return len(letters) == 1 or (
        len(letters) == 2 and letters.islower() and before.rstrip()[-1:] in _OPERATORS
    )


def join_broken_lines(glyphs: Glyphs, lines: Sequence[Line]) -> IngestChanges:
    """Line ends that pdfium made where a mark stands higher than its line, away."""
    changes: IngestChanges = {}
    joined = None
    for before, after in itertools.pairwise(lines):
        if before.last + 1 >= after.start or not _is_one_line(before, after):
            continue
        between = glyphs.raw[before.last + 1 : after.start]
        if "\n" not in between:
            continue
        gap = after.first_box.left - before.last_box.right
        spaced = " " in between or gap > _WORD_GAP * before.last_box.height
        # What a note at the foot of a page begins with belongs to no word.
        spaced |= joined != before.start and _is_mark(glyphs, before, after)
        for n in range(before.last + 1, after.start):
            changes[n] = ""
        changes[before.last + 1] = " " if spaced else ""
        _set_off_first(glyphs, before, after, changes)
        joined = after.start
    return changes


def _is_mark(glyphs: Glyphs, line: Line, after: Line) -> bool:
    """Whether a line ends in a mark by itself, smaller and higher than what follows."""
    last = glyphs.raw[max(line.start, line.last - _LONGEST_MARK) : line.last + 1]
    is_apart = _is_smaller_and_higher(line.last_box, after.first_box)
    return is_apart and bool(_LAST_MARK.search(last))


def _set_off_first(glyphs: Glyphs, before: Line, after: Line, changes: IngestChanges) -> None:
    """Set off a mark that a line begins with which is joined to the one before."""
    found = _FIRST_MARK.match(glyphs.raw, after.start, after.last + 1)
    if not found or not _is_raised(before.last_box, after.first_box):
        return
    last = found.end() - 1
    if abs(glyphs.box(last).bottom - after.first_box.bottom) > 0.1 * after.first_box.height:
        return
    _set_off(glyphs, before.last, after.start, last, changes)
    if "[" in changes.get(after.start, ""):
        changes[before.last + 1] = " "


def _is_one_line(before: Line, after: Line) -> bool:
    """Whether a line goes on to the right of the one before, at the height of the same letters."""
    last, first = before.last_box, after.first_box
    if not last.height or not first.height or not first.width:
        return False
    # Of one size they would be one line already, were they one.
    if 0.92 < last.height / first.height < 1.09:
        return False
    shared = min(last.top, first.top) - max(last.bottom, first.bottom)
    gap = first.left - last.right
    high = max(last.height, first.height)
    return shared > 0.6 * min(last.height, first.height) and -0.2 * high < gap < 0.6 * high


def join_lines_set_back(glyphs: Glyphs, lines: Sequence[Line]) -> IngestChanges:
    """Line ends that pdfium made where the pen is set back a little, away.

    It is set back to draw the second 1 of 11 or the V of Vesting nearer to what precedes it.
    """
    changes: IngestChanges = {}
    for before, after in itertools.pairwise(lines):
        if not _follows_closely(before.last_box, after.first_box):
            continue
        between = glyphs.raw[before.last + 1 : after.start]
        gap = after.first_box.left - before.last_box.right
        if "\n" in between:
            changes |= dict.fromkeys(range(before.last + 1, after.start), "")
            spaced = " " in between or gap > _WORD_GAP * before.last_box.height
            changes[before.last + 1] = " " if spaced else ""
    return changes


def _follows_closely(last: Box, first: Box) -> bool:
    """Whether a character stands right behind another of its size."""
    high = last.top - last.bottom
    return (
        abs(first.bottom - last.bottom) < 0.03 * high
        and abs(first.top - last.top) < 0.03 * high
        and -0.25 * high < first.left - last.right < 0.3 * high
        and last.left < first.left
    )
