"""Styles of OpenDocument files: what is hidden, how lists count, which paragraph is the title.

Attribute and element names are those of OpenDocument 1.3, part 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from docpager.documents.office.numerals import written_number
from docpager.documents.office.parts import attribute, child, whole_number
from docpager.documents.packages import local_name

__all__ = ["ListCounter", "OdfStyles"]

_MOST_PARENTS = 20
_FORMS = {
    "a": "lowerLetter",
    "A": "upperLetter",
    "i": "lowerRoman",
    "I": "upperRoman",
    "": "none",
} | {"01, 02, 03, ...": "decimalZero"}
_TITLES = frozenset({"title", "titel", "titre", "título", "titolo"})


@dataclass(frozen=True, slots=True)
class _Level:
    bullet: bool
    form: str
    before: str
    after: str
    start: int
    shown: int
    """How many levels the number shows, itself included."""
    pattern: str
    """As in `%1%.%2%)`; empty where the parts above say it."""


@dataclass(frozen=True, slots=True)
class _Style:
    parent: str
    hidden: bool | None
    name: str
    list_style: str
    not_shown: bool
    """Of a slide: it is left out when the slides are shown."""


@dataclass(slots=True)
class ListCounter:
    """The numbers that a list has reached, by level from 1."""

    style: str
    numbers: dict[int, int] = field(default_factory=dict)


class OdfStyles:
    """The styles that a file declares, in its content and beside it."""

    def __init__(self, roots: tuple[Element | None, ...]) -> None:
        self._styles: dict[str, _Style] = {}
        self._lists: dict[str, Mapping[int, _Level]] = {}
        self._outline: Mapping[int, _Level] = {}
        self.masters: set[str] = set()
        """Names of the page styles that the text asks for."""
        for root in roots:
            for group in () if root is None else root:
                if local_name(group) in ("styles", "automatic-styles"):
                    self._add(group)

    def hides(self, name: str) -> bool:
        """Whether text in a style is hidden."""
        said = (style.hidden for style in self._chain(name))
        return bool(next((each for each in said if each is not None), False))

    def is_title(self, name: str) -> bool:
        """Whether a paragraph in a style is the title of its document."""
        return any(style.name.lower() in _TITLES for style in self._chain(name))

    def is_left_out(self, name: str) -> bool:
        """Whether a slide in a style is left out when the slides are shown."""
        return any(style.not_shown for style in self._chain(name))

    def list_style(self, name: str) -> str:
        """The list style that a paragraph's style names; empty where none."""
        return next((s.list_style for s in self._chain(name) if s.list_style), "")

    def count(self, counter: ListCounter, level: int, start: int | None = None) -> str:
        """Count the next item at a level, from 1; its number or bullet, empty where it has none."""
        return _counted(self._lists.get(counter.style, {}), counter, level, start)

    def count_heading(self, counter: ListCounter, level: int) -> str:
        """Count the next heading; its number, empty where headings have none."""
        return _counted(self._outline, counter, level, None)

    def _chain(self, name: str) -> Iterator[_Style]:
        for _ in range(_MOST_PARENTS):
            style = self._styles.get(name)
            if style is None:
                return
            yield style
            name = style.parent

    def _add(self, group: Element) -> None:
        for each in group:
            match local_name(each):
                case "style":
                    self._styles[attribute(each, "name")] = _style(each)
                    if master := attribute(each, "master-page-name"):
                        self.masters.add(master)
                case "list-style":
                    self._lists[attribute(each, "name")] = _levels(each)
                case "outline-style":
                    self._outline = _levels(each)


def _style(element: Element) -> _Style:
    text = child(element, "text-properties")
    display = "" if text is None else attribute(text, "display")
    page = child(element, "drawing-page-properties")
    return _Style(
        attribute(element, "parent-style-name"),
        None if not display else display == "none",
        attribute(element, "display-name") or attribute(element, "name"),
        attribute(element, "list-style-name"),
        page is not None and attribute(page, "visibility") == "hidden",
    )


def _levels(element: Element) -> dict[int, _Level]:
    return {whole_number(attribute(each, "level"), 1): _level(each) for each in element}


def _level(element: Element) -> _Level:
    return _Level(
        local_name(element) != "list-level-style-number"
        and local_name(element) != "outline-level-style",
        _FORMS.get(attribute(element, "num-format"), "decimal"),
        attribute(element, "num-prefix"),
        attribute(element, "num-suffix"),
        whole_number(attribute(element, "start-value"), 1),
        whole_number(attribute(element, "display-levels"), 1, least=1, most=10),
        attribute(element, "num-list-format"),
    )


def _counted(
    levels: Mapping[int, _Level], counter: ListCounter, level: int, start: int | None
) -> str:
    own = levels.get(level)
    if own is None:
        return ""
    for deeper in [each for each in counter.numbers if each > level]:
        del counter.numbers[deeper]
    following = counter.numbers.get(level, own.start - 1) + 1
    counter.numbers[level] = following if start is None else start
    if own.bullet:
        return "-"
    if own.form == "none":
        return ""

    def number(place: int) -> str:
        if place not in levels:
            return ""
        reached = counter.numbers.get(place, levels[place].start)
        return written_number(reached, levels[place].form)

    if own.pattern:
        return re.sub(r"%(\d{1,2})%", lambda found: number(int(found[1])), own.pattern).strip()
    shown = (number(place) for place in range(level - own.shown + 1, level + 1))
    return f"{own.before}{'.'.join(filter(None, shown))}{own.after}".strip()
