"""How a page sets its text: hidden, bold, raised, numbered, on lines of its own.

Style sheets outside of the page are never fetched. Of those inside it only rules are obeyed that
hide a class or an id as such; what a script or a wider window might show again stays text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

__all__ = ["HiddenBySheet", "PageStyles", "Style", "numbered", "replace_spans", "set_off"]

_HIDES = re.compile(r"(?:^|;)(?:display:none|visibility:(?:hidden|collapse))")
_BOLD = re.compile(r"(?:^|;)font(?:-weight)?:(?:[^;]*\s)?(?:bold(?:er)?|[6-9]00)(?:\s|;|!|$)")
_RAISED = re.compile(r"(?:^|;)vertical-align:(?:super|text-top)|(?:^|;)position:relative;top:-")
_BLOCK = re.compile(r"(?:^|;)display:(?:block|flex|grid|table|list-item)(?:;|!|$)")
_NO_MARKS = re.compile(r"(?:^|;)list-style(?:-type)?:[^;]*none")
_SPACES = re.compile(r" ?([:;]) ?|^ | $")
_MOST_STYLES = 50_000
"""Remembered; programs write the same few hundred again and again."""
_BRACE = re.compile(r"([{}])")
_SIMPLE = re.compile(r"([a-z][a-z0-9]*)?([.#])((?:[\w-]|[^\x00-\x7f])+)", re.IGNORECASE)
_DISPLAY = re.compile(r"(?:^|;)(?:display|visibility):")
_LONGEST_SHEET = 2_000_000
_MARK = re.compile(r"\d{1,3}(?:\s?[,;–-]\s?\d{1,3})*|[a-z*†‡§]")
_ORDINALS = frozenset({"st", "nd", "rd", "th"})
_POWER_OF = re.compile(r"(?:^|[^\d.,])10$|(?:^|[^\W\d_]*[^\w])[A-Za-z]$|^[A-Za-z]$|\)$")
_UNIT = re.compile(r"(?:^|[\s\d(/·])(?:[kcmdµn]?m|ft|in|yd|mi|ms|s|sec)$")
_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc")),
    *((50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)


class Style(NamedTuple):
    """What an element's own attributes say."""

    hidden: bool = False
    bold: bool = False
    raised: bool = False
    block: bool = False
    no_marks: bool = False


_PLAIN = Style()
_HIDDEN = Style(hidden=True)


class PageStyles:
    """PageStyles by the text of the attribute that holds them."""

    def __init__(self) -> None:
        self._known: dict[str, Style] = {}

    def of(self, attributes: Mapping[str, str | None]) -> Style:
        """What the attributes `hidden` and `style` say."""
        if "hidden" in attributes or "popover" in attributes:
            return _HIDDEN
        text = attributes.get("style")
        if not text:
            return _PLAIN
        known = self._known.get(text)
        if known is None:
            known = _style(text)
            if len(self._known) < _MOST_STYLES:
                self._known[text] = known
        return known


def _style(text: str) -> Style:
    text = _without_spaces(text)
    return Style(
        hidden=bool(_HIDES.search(text)),
        bold=bool(_BOLD.search(text)),
        raised=bool(_RAISED.search(text)),
        block=bool(_BLOCK.search(text)),
        no_marks=bool(_NO_MARKS.search(text)),
    )


class HiddenBySheet:
    """Classes and ids that the page's own style sheets hide."""

    def __init__(self, sheets: Iterable[str] = ()) -> None:
        hidden: set[tuple[str, str, str]] = set()
        shown: set[tuple[str, str]] = set()
        for sheet in sheets:
            for selector, declarations, at_top in _rules(sheet):
                if not _DISPLAY.search(declarations):
                    continue
                hides = bool(_HIDES.search(declarations))
                for name in selector.split(","):
                    simple = _SIMPLE.fullmatch(name.strip())
                    if hides and at_top and simple:
                        hidden.add(((simple[1] or "").lower(), simple[2], simple[3]))
                    elif not hides:
                        shown.update((sign, word) for _, sign, word in _SIMPLE.findall(name))
        self._hidden = {key for key in hidden if key[1:] not in shown}

    def hides(self, tag: str, attributes: Mapping[str, str | None]) -> bool:
        """Whether an element with these attributes is hidden."""
        if not self._hidden:
            return False
        names = [("#", attributes.get("id") or "")]
        names += [(".", name) for name in (attributes.get("class") or "").split()]
        return any(
            (whose, sign, name) in self._hidden for sign, name in names for whose in ("", tag)
        )


def _rules(sheet: str) -> Iterator[tuple[str, str, bool]]:
    """Selector, declarations and whether the rule holds everywhere, outside of `@media`."""
    selectors: list[str] = []
    sheet = replace_spans(sheet[:_LONGEST_SHEET], "/*", "*/", lambda comment: " ")
    parts = _BRACE.split(sheet.replace("<!--", " ").replace("-->", " "))
    for text, brace in zip(parts[::2], parts[1::2], strict=False):
        if brace == "{":
            selectors.append(text.rpartition(";")[2].strip())
        elif selectors:
            selector = selectors.pop()
            if text.strip() and not selector.startswith("@"):
                yield selector, _without_spaces(text), not selectors


def _without_spaces(declarations: str) -> str:
    return _SPACES.sub(r"\1", " ".join(declarations.lower().split()))


def replace_spans(text: str, begin: str, end: str, made: Callable[[str], str]) -> str:
    """The text with what `made` makes of all that stands between the two signs.

    An expression would look for the end anew from each beginning; this looks once.
    """
    pieces: list[str] = []
    place = 0
    while (start := text.find(begin, place)) >= 0:
        stop = text.find(end, start + len(begin))
        if stop < 0:
            break
        pieces += text[place:start], made(text[start + len(begin) : stop])
        place = stop + len(end)
    return "".join([*pieces, text[place:]])


def set_off(raised: str, before: str, linked: bool) -> str:
    """A footnote mark in brackets and an exponent after `^`, apart from the figure before them.

    >>> set_off("2", "$320", False), set_off("6", "4.2 x 10", False), set_off("th", "5", False)
    ('[2]', '^6', 'th')
    """
    text = raised.strip()
    if not text or text in _ORDINALS:
        return raised
    if re.fullmatch(r"[-−–+]\d{1,3}", text):
        return f"^{text.replace('−', '-').replace('–', '-')}"
    if not _MARK.fullmatch(text):
        simple = re.fullmatch(r"[\w+−-]{1,5}", text) and re.search(r"(?:^|\W)\w$", before)
        return f"^{text}" if simple and not text.isalpha() else raised
    if not text[0].isalnum():
        return raised
    if not linked and text.isdigit() and _UNIT.search(before):
        return raised
    if not linked and (_POWER_OF.search(before) and before[-1:] != ")") and len(text) < 3:
        return f"^{text}"
    gap = " " if not before.strip() else ""
    return f"[{text}]{gap}"


def numbered(number: int, sort: str) -> str:
    """How a list of that sort shows the number.

    >>> numbered(3, "1"), numbered(28, "a"), numbered(4, "I")
    ('3.', 'ab.', 'IV.')
    """
    text = str(number)
    if sort in ("a", "A") and number > 0:
        text = ""
        while number:
            number, letter = divmod(number - 1, 26)
            text = chr(ord("a") + letter) + text
    elif sort in ("i", "I") and 0 < number < 4000:
        text = ""
        for value, letters in _ROMAN:
            count, number = divmod(number, value)
            text += letters * count
    return f"{text.upper() if sort in ('A', 'I') else text}."
