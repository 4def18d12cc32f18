"""Styles and numbering of a Word document: which paragraphs are headings, and how items count."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from docpager.documents.office.numerals import written_number
from docpager.documents.office.parts import attribute, child, children, is_on, whole_number
from docpager.documents.office.symbols import without_private_letters

__all__ = ["Numbering", "WordStyles", "named_heading_level"]

_MOST_BASES = 20
"""How many styles may each be based on the next; a style may be based on itself."""
_BODY_LEVEL = 9
_HEADING = re.compile(
    r"(?:heading|überschrift|titre|título|titulo|titolo|intestazione|kop|rubrik|overskrift|"
    r"otsikko|nagłówek|nadpis|címsor|başlık|заголовок|επικεφαλίδα|titlu|naslov|antraštė|"
    r"virsraksts|pealkiri|tiêu đề|标题|標題|見出し|제목|כותרת|عنوان)\s*([1-9])",
    re.IGNORECASE,
)
"""Names of the heading styles where a program wrote them in its own language."""
_TITLE = frozenset({"title", "titel", "titre", "título", "titolo", "название", "标题", "表題"})


@dataclass(frozen=True, slots=True)
class _Style:
    name: str
    base: str
    outline: int | None
    hidden: bool | None
    numbering: Element | None


def named_heading_level(name: str) -> int | None:
    """The level of headings in a style of that name; None where it is none for headings.

    >>> named_heading_level("heading 2"), named_heading_level("Body Text")
    (2, None)
    """
    named = _HEADING.fullmatch(name.strip())
    return int(named[1]) if named else None


class WordStyles:
    """The styles of a document, each with those that it is based on."""

    def __init__(self, root: Element | None) -> None:
        self._styles = {attribute(s, "styleId"): _style(s) for s in children(root, "style")}
        self._default = next(
            (
                attribute(style, "styleId")
                for style in children(root, "style")
                if attribute(style, "type") == "paragraph" and attribute(style, "default") == "1"
            ),
            "",
        )

    def heading_level(self, properties: Element | None) -> int | None:
        """The level of a heading, from 1, of a paragraph with these properties; else None."""
        direct = child(properties, "outlineLvl")
        if direct is not None:
            level = whole_number(attribute(direct, "val"), _BODY_LEVEL)
            return level + 1 if level < _BODY_LEVEL else None
        for style in self._chain(self.paragraph_style(properties)):
            if style.outline is not None:
                return style.outline + 1 if style.outline < _BODY_LEVEL else None
            named = named_heading_level(style.name)
            if named is not None:
                return named
        return None

    def is_title(self, properties: Element | None) -> bool:
        """Whether a paragraph is the title of its document."""
        chain = self._chain(self.paragraph_style(properties))
        return any(style.name.strip().lower() in _TITLE for style in chain)

    def is_contents_line(self, properties: Element | None) -> bool:
        """Whether a paragraph is a line of a table of contents."""
        style = self._styles.get(self.paragraph_style(properties))
        return style is not None and style.name.lower().startswith("toc ")

    def hides(self, style_id: str) -> bool:
        """Whether a style hides the text that is written in it."""
        said = (style.hidden for style in self._chain(style_id))
        return bool(next((each for each in said if each is not None), False))

    def numbering(self, properties: Element | None) -> Iterator[tuple[Element, str]]:
        """The numbering of a paragraph's own properties, then those of its styles with their ids.

        The id is empty for what the paragraph itself says.
        """
        own = child(properties, "numPr")
        if own is not None:
            yield own, ""
        style_id = self.paragraph_style(properties)
        for _ in range(_MOST_BASES):
            style = self._styles.get(style_id)
            if style is None:
                return
            if style.numbering is not None:
                yield style.numbering, style_id
            style_id = style.base

    def numbering_of_style(self, style_id: str) -> Element | None:
        """The numbering of a style for lists."""
        style = self._styles.get(style_id)
        return style.numbering if style else None

    def paragraph_style(self, properties: Element | None) -> str:
        """The id of the style of a paragraph with these properties."""
        named = child(properties, "pStyle")
        return self._default if named is None else attribute(named, "val")

    def _chain(self, style_id: str) -> Iterator[_Style]:
        for _ in range(_MOST_BASES):
            style = self._styles.get(style_id)
            if style is None:
                return
            yield style
            style_id = style.base


def _style(element: Element) -> _Style:
    name, base = child(element, "name"), child(element, "basedOn")
    outline = child(element, "pPr", "outlineLvl")
    vanish = child(element, "rPr", "vanish")
    return _Style(
        "" if name is None else attribute(name, "val"),
        "" if base is None else attribute(base, "val"),
        None if outline is None else whole_number(attribute(outline, "val"), _BODY_LEVEL),
        None if vanish is None else is_on(vanish),
        child(element, "pPr", "numPr"),
    )


@dataclass(frozen=True, slots=True)
class _Level:
    start: int
    form: str
    text: str
    restart: int | None
    """The level whose next number begins this one anew; None for any above it."""
    decimal: bool
    """Whether the numbers of levels above are in digits here (`isLgl`)."""
    style: str
    font: str


@dataclass(slots=True)
class _List:
    """Counters that several lists with the same look share."""

    levels: Mapping[int, _Level]
    numbers: dict[int, int] = field(default_factory=dict)


class Numbering:
    """Counts the numbered paragraphs of a document in their order (`numbering.xml`)."""

    def __init__(self, root: Element | None, styles: WordStyles) -> None:
        self._styles = styles
        self._abstract = {
            attribute(each, "abstractNumId"): each for each in children(root, "abstractNum")
        }
        self._nums = {attribute(each, "numId"): each for each in children(root, "num")}
        self._lists: dict[str, _List] = {}
        self._levels: dict[str, Mapping[int, _Level]] = {}
        self._begun: set[tuple[str, int]] = set()

    def label(self, properties: Element | None) -> str | None:
        """The number or bullet before the next paragraph with these properties; None for none.

        Each call counts.
        """
        number, level = self._place(properties)
        num = self._nums.get(number)
        if num is None or number == "0":
            return None
        levels = self._levels_of(number, num)
        if level not in levels:
            return None
        abstract = child(num, "abstractNumId")
        key = "" if abstract is None else attribute(abstract, "val")
        counted = self._lists.setdefault(key, _List(levels))
        self._restart(number, num, level, counted)
        for deeper in [each for each in counted.numbers if each > level]:
            restart = levels[deeper].restart if deeper in levels else None
            if restart is None or level < restart:
                del counted.numbers[deeper]
        counted.numbers[level] = counted.numbers.get(level, levels[level].start - 1) + 1
        return _label(levels, level, counted.numbers)

    def _place(self, properties: Element | None) -> tuple[str, int]:
        """Which list a paragraph is in, and at what level."""
        number, level = "0", None
        for element, style in self._styles.numbering(properties):
            found = child(element, "ilvl")
            if found is not None and level is None:
                level = whole_number(attribute(found, "val"), 0, most=8)
            named = child(element, "numId")
            if named is not None:
                number = attribute(named, "val")
                if level is None and style:
                    level = self._level_of_style(number, style)
                break
        return number, level or 0

    def _level_of_style(self, number: str, style: str) -> int:
        num = self._nums.get(number)
        levels = {} if num is None else self._levels_of(number, num)
        return next((n for n, each in levels.items() if each.style == style), 0)

    def _levels_of(self, number: str, num: Element) -> Mapping[int, _Level]:
        if number not in self._levels:
            levels = dict(self._abstract_levels(num, _MOST_BASES))
            for override in children(num, "lvlOverride"):
                place = whole_number(attribute(override, "ilvl"), 0, most=8)
                own = child(override, "lvl")
                if own is not None:
                    levels[place] = _level(own)
            self._levels[number] = levels
        return self._levels[number]

    def _abstract_levels(self, num: Element, bases: int) -> Mapping[int, _Level]:
        named = child(num, "abstractNumId")
        abstract = None if named is None else self._abstract.get(attribute(named, "val"))
        link = child(abstract, "numStyleLink")
        if link is not None and bases:
            numbering = self._styles.numbering_of_style(attribute(link, "val"))
            other = child(numbering, "numId")
            linked = None if other is None else self._nums.get(attribute(other, "val"))
            return {} if linked is None else self._abstract_levels(linked, bases - 1)
        return {
            whole_number(attribute(each, "ilvl"), 0, most=8): _level(each)
            for each in children(abstract, "lvl")
        }

    def _restart(self, number: str, num: Element, level: int, counted: _List) -> None:
        """A list that says where it starts begins there when it is met for the first time."""
        if (number, level) in self._begun:
            return
        self._begun.add((number, level))
        for override in children(num, "lvlOverride"):
            start = child(override, "startOverride")
            if start is not None and attribute(override, "ilvl") == str(level):
                counted.numbers[level] = whole_number(attribute(start, "val"), 1) - 1


def _level(element: Element) -> _Level:
    def value(name: str, default: str) -> str:
        found = child(element, name)
        return default if found is None else attribute(found, "val", default)

    fonts = child(element, "rPr", "rFonts")
    restart = child(element, "lvlRestart")
    return _Level(
        whole_number(value("start", "0"), 0),
        value("numFmt", "decimal"),
        value("lvlText", ""),
        None if restart is None else whole_number(attribute(restart, "val"), 0),
        is_on(child(element, "isLgl")),
        value("pStyle", ""),
        "" if fonts is None else attribute(fonts, "ascii"),
    )


def _label(levels: Mapping[int, _Level], level: int, numbers: Mapping[int, int]) -> str:
    own = levels[level]
    if own.form == "bullet":
        return "-" if without_private_letters(own.text, own.font).strip() else ""

    def number(found: re.Match[str]) -> str:
        place = int(found[1]) - 1
        if place not in levels:
            return ""
        form = levels[place].form
        if own.decimal and form not in ("none", "decimalZero"):
            form = "decimal"
        return written_number(numbers.get(place, levels[place].start), form)

    return re.sub(r"%([1-9])", number, own.text).strip()
