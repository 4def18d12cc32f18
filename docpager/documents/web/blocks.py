"""What a web page shows, block by block, in reading order.

The tree of a page is walked with a stack of its own, as pages may nest deeper than Python calls.
Inline elements are joined without a separator, so that `<b>inc</b>ome` is one word; what is not
displayed (scripts, hidden elements, the hidden facts of inline XBRL) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docpager.documents.flow import marked
from docpager.documents.web.styles import HiddenBySheet, PageStyles, numbered, set_off
from docpager.documents.web.tables import Block, TableCell, WebTable, check_cells, table_blocks

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

__all__ = ["NavigationEntry", "blocks_of"]

Attributes = Mapping[str, "str | None"]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NOT_SHOWN = _names(
    "script style template noscript head title desc metadata ix:header ix:hidden ix:references "
    "ix:resources iframe audio video canvas datalist rp annotation annotation-xml noframes noembed "
    "progress meter"
)
_BLOCKS = _names(
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset "
    "figcaption figure footer form header hgroup hr html legend main menu nav ol optgroup p search "
    "section summary ul frameset"
)
_AS_IT_IS = frozenset({"pre", "listing", "xmp", "plaintext"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SPACE = re.compile("[ \t\n\r\f]+")
_PERMALINKS = frozenset({"¶", "#", "🔗"})
"""Texts of links at headings that only point at themselves."""
_FOOTNOTES = re.compile(r"(?:^|[\s-])(?:footnote|endnote|rearnote)(?:\s|$)")
_FOOTNOTE_MARK = re.compile(r"\[?\(?(\d{1,3}|[a-z*†‡§])[\])]?(?:\.|\s|$)\s*")
_MOST_NESTED_TABLES = 40
"""Deeper ones are read as plain blocks."""


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """A line of a book's table of contents that leads to an element, or to a page's beginning."""

    title: str
    level: int


def blocks_of(
    root: LexborNode, hidden: HiddenBySheet, contents: Mapping[str, NavigationEntry] | None = None
) -> list[Block]:
    """The blocks of the tree under `root`.

    `contents` names the elements, by their ids, that a table of contents leads to; the empty id is
    the page's beginning.

    Raises:
        DocumentError: its tables have more cells than are read.
    """
    walk = _Walk(hidden, contents or {})
    waiting: list[tuple[LexborNode | None, Callable[[], None] | None]] = [(root, None)]
    while waiting:
        node, close = waiting.pop()
        if node is None:
            if close is not None:
                close()
            continue
        following = node.next
        if following is not None and node is not root:
            waiting.append((following, None))
        tag = node.tag or ""
        if tag == "-text":
            walk.text(node.text_content or "")
        elif tag[:1] != "-":
            closes = walk.open(node, tag)
            if closes is not None:
                waiting.append((None, closes))
                waiting.append((node.first_child, None))
    walk.end_block()
    return walk.out


@dataclass(slots=True)
class _List:
    """A list that is open, and how its items are numbered."""

    sort: str = ""
    """As in the attribute `type` of `ol`; empty where items have no numbers."""
    number: int = 1
    step: int = 1
    marks: bool = True


def _nothing() -> None:
    return None


class _Walk:
    """What is open, and what has been written."""

    def __init__(self, hidden: HiddenBySheet, contents: Mapping[str, NavigationEntry]) -> None:
        self.out: list[Block] = []
        self._hidden = hidden
        self._contents = contents
        self._entry = contents.get("")
        self._styles = PageStyles()
        self._pieces: list[str] = []
        self._heading = 0
        self._captions = 0
        self._as_it_is = 0
        self._bold = 0
        self._linked = 0
        self._letters = self._bold_letters = self._linked_letters = 0
        self._mark = ""
        """Of the list item that has begun, until its first words."""
        self._lists: list[_List] = []
        self._tables: list[WebTable] = []
        self._cells = 0

    def text(self, text: str) -> None:
        """Words, joined to those before them."""
        if not self._as_it_is:
            text = _SPACE.sub(" ", text)
        self._pieces.append(text)
        letters = len(text) - text.count(" ")
        self._letters += letters
        if self._bold:
            self._bold_letters += letters
        if self._linked:
            self._linked_letters += letters

    def end_block(self) -> None:
        """What follows stands on a line of its own."""
        if self._heading:
            self._pieces.append(" ")
            return
        text = "".join(self._pieces)
        self._pieces.clear()
        if text.strip():
            sort = "as it is" if self._as_it_is else "paragraph"
            if self._mark:
                sort, text, self._mark = "item", f"{self._mark} {text.strip()}", ""
            self._add(Block(sort, text, bold=self._most(self._bold_letters)))
            self.out[-1].linked = self._most(self._linked_letters)
        self._letters = self._bold_letters = self._linked_letters = 0

    def _most(self, letters: int) -> bool:
        return letters > 0.9 * self._letters

    def _add(self, block: Block) -> None:
        entry, self._entry = self._entry, None
        if entry is not None:
            # Some books set their titles as paragraphs.
            is_title = block.sort == "heading" and _is_same(block.text, entry.title)
            if is_title or (block.sort == "paragraph" and _is_numbered(block.text, entry.title)):
                block.sort, block.level, block.listed = "heading", entry.level, True
            else:
                self.out.append(Block("heading", entry.title, level=entry.level, listed=True))
        self.out.append(block)

    def open(self, node: LexborNode, tag: str) -> Callable[[], None] | None:
        """Begin an element; what to do at its end, or None where nothing in it is shown."""
        if tag in _NOT_SHOWN:
            return None
        attributes = node.attributes
        style = self._styles.of(attributes)
        footnote = self._is_footnote(attributes)
        if (style.hidden or self._hidden.hides(tag, attributes)) and not footnote:
            return None
        entry = self._contents.get(attributes.get("id") or "", None) if self._contents else None
        if entry is not None and attributes.get("id"):
            if tag in _BLOCKS or tag in _HEADINGS:
                self.end_block()
            self._entry = entry
        if footnote:
            return self._open_footnote()
        special = _OPENERS.get(tag)
        if special is not None:
            closes = special(self, attributes, node)
        elif tag in _BLOCKS or style.block:
            self.end_block()
            closes = self.end_block
        else:
            closes = _nothing
        if closes is None:
            return None
        if tag in ("b", "strong", "th") or style.bold:
            return self._open_bold(closes)
        if style.raised and special is None:
            return self._open_raised(attributes, node)
        return closes

    def _open_bold(self, closes: Callable[[], None]) -> Callable[[], None]:
        self._bold += 1

        def close() -> None:
            closes()
            self._bold -= 1

        return close

    def _is_footnote(self, attributes: Attributes) -> bool:
        kind = attributes.get("epub:type") or attributes.get("role") or ""
        return bool(kind) and bool(_FOOTNOTES.search(kind))

    def _open_footnote(self) -> Callable[[], None]:
        self.end_block()
        outer, self.out = self.out, []

        def close() -> None:
            self.end_block()
            inner, self.out = self.out, outer
            text = " ".join(block.text for block in inner).strip()
            mark = _FOOTNOTE_MARK.match(text)
            if mark and mark.end() < len(text):
                self._add(Block("paragraph", marked(f"footnote {mark[1]}", text[mark.end() :])))
            elif text:
                self._add(Block("paragraph", marked("footnote", text)))

        return close

    def open_heading(self, attributes: Attributes, node: LexborNode) -> Callable[[], None]:
        self.end_block()
        if self._captions:
            # HTML keeps headings of figures out of the page's outline: what follows the figure
            # is not about its caption.
            return self.end_block
        level = _HEADINGS[node.tag or "h6"]
        self._heading += 1

        def close() -> None:
            self._heading -= 1
            if not self._heading:
                text = "".join(self._pieces).strip()
                self._pieces.clear()
                self._letters = self._bold_letters = self._linked_letters = 0
                if text:
                    self._mark = ""
                    self._add(Block("heading", text, level=level))

        return close

    def open_caption(self, attributes: Attributes, node: LexborNode) -> Callable[[], None]:
        self.end_block()
        self._captions += 1

        def close() -> None:
            self.end_block()
            self._captions -= 1

        return close

    def open_as_it_is(self, attributes: Attributes, node: LexborNode) -> Callable[[], None]:
        self.end_block()
        self._as_it_is += 1

        def close() -> None:
            self.end_block()
            self._as_it_is -= 1

        return close

    def open_line_end(self, attributes: Attributes, node: LexborNode) -> None:
        self._pieces.append("\n")

    def open_list(self, attributes: Attributes, node: LexborNode) -> Callable[[], None]:
        self.end_block()
        marks = not self._styles.of(attributes).no_marks
        if node.tag == "ol":
            step = -1 if "reversed" in attributes else 1
            first = _whole_number(attributes.get("start"), 1)
            if step < 0 and "start" not in attributes:
                first = sum(each.tag == "li" for each in node.iter())
            self._lists.append(_List(attributes.get("type") or "1", first, step, marks))
        else:
            self._lists.append(_List(marks=marks))

        def close() -> None:
            self.end_block()
            self._mark = ""
            self._lists.pop()

        return close

    def open_item(self, attributes: Attributes, node: LexborNode) -> Callable[[], None]:
        self.end_block()
        around = self._lists[-1] if self._lists else _List()
        self._mark = "-"
        if around.sort:
            number = _whole_number(attributes.get("value"), around.number)
            around.number = number + around.step
            self._mark = numbered(number, around.sort)
        if not around.marks:
            self._mark = ""

        def close() -> None:
            self.end_block()
            self._mark = ""

        return close

    def open_link(self, attributes: Attributes, node: LexborNode) -> Callable[[], None]:
        self._linked += 1
        begun = len(self._pieces)

        def close() -> None:
            self._linked -= 1
            shown = "".join(self._pieces[begun:]).strip()
            if shown in _PERMALINKS and (attributes.get("href") or "").startswith("#"):
                del self._pieces[begun:]

        return close

    def _open_raised(self, attributes: Attributes, node: LexborNode) -> Callable[[], None]:
        begun = len(self._pieces)
        block = len(self.out)

        def close() -> None:
            if block == len(self.out):
                raised = "".join(self._pieces[begun:])
                before = "".join(self._pieces[max(0, begun - 4) : begun])[-30:]
                self._pieces[begun:] = [set_off(raised, before, self._linked > 0)]

        return close

    def open_quotation(self, attributes: Attributes, node: LexborNode) -> Callable[[], None]:
        self._pieces.append("“")
        return lambda: self._pieces.append("”")

    def open_picture(self, attributes: Attributes, node: LexborNode) -> None:
        text = (attributes.get("alt") or "").strip()
        if text:
            self._pieces.append(f" {marked('image', text)} ")

    def open_ruby(self, attributes: Attributes, node: LexborNode) -> Callable[[], None]:
        """Readings over characters come behind the word that they belong to."""
        readings = "".join(each.text(deep=True) for each in node.css("rt")).strip()
        return lambda: self._pieces.append(f"({readings})" if readings else "")

    def open_reading(self, attributes: Attributes, node: LexborNode) -> None:
        return None

    def open_dialog(self, attributes: Attributes, node: LexborNode) -> Callable[[], None] | None:
        if "open" not in attributes:
            return None
        self.end_block()
        return self.end_block

    def open_input(self, attributes: Attributes, node: LexborNode) -> None:
        sort = (attributes.get("type") or "text").lower()
        value = (attributes.get("value") or "").strip()
        if sort in ("checkbox", "radio"):
            self._pieces.append("[x] " if "checked" in attributes else "[ ] ")
        elif sort == "image":
            self.open_picture(attributes, node)
        elif value and sort not in ("hidden", "password", "color", "range"):
            self.text(f" {value} ")

    def open_text_field(self, attributes: Attributes, node: LexborNode) -> Callable[[], None]:
        return self.open_as_it_is(attributes, node)

    def open_choice(self, attributes: Attributes, node: LexborNode) -> None:
        options = node.css("option")
        chosen = [option for option in options if "selected" in option.attributes]
        if not chosen and "multiple" not in attributes:
            chosen = options[:1]
        shown = (" ".join(option.text(deep=True).split()) for option in chosen)
        self.text(f" {', '.join(filter(None, shown))} ")

    def open_table(self, attributes: Attributes, node: LexborNode) -> Callable[[], None]:
        self.end_block()
        role = (attributes.get("role") or "").lower()
        mark, self._mark = self._mark, ""
        if len(self._tables) >= _MOST_NESTED_TABLES:
            return self.end_block
        table = WebTable(is_layout=role in ("presentation", "none"))
        self._tables.append(table)

        def close() -> None:
            self.end_block()
            self._tables.pop()
            for block in table_blocks(table):
                self._add(block)
            self._mark = mark and self._mark

        return close

    def open_row(self, attributes: Attributes, node: LexborNode) -> Callable[[], None]:
        self.end_block()
        if self._tables:
            self._tables[-1].rows.append([])
        return self.end_block

    def open_head(self, attributes: Attributes, node: LexborNode) -> Callable[[], None]:
        self.end_block()
        table = self._tables[-1] if self._tables else WebTable()
        first = len(table.rows)

        def close() -> None:
            self.end_block()
            if first == 0:
                table.head_rows = len(table.rows)

        return close

    def open_cell(self, attributes: Attributes, node: LexborNode) -> Callable[[], None]:
        self.end_block()
        if not self._tables or not self._tables[-1].rows:
            return self.end_block
        self._cells += 1
        check_cells(self._cells)
        outer, self.out = self.out, []
        lists, self._lists = self._lists, []
        heading, self._heading = self._heading, 0
        cell = TableCell(
            self.out,
            _whole_number(attributes.get("colspan"), 1),
            _whole_number(attributes.get("rowspan"), 1),
            is_head=node.tag == "th",
        )
        self._tables[-1].rows[-1].append(cell)

        def close() -> None:
            self.end_block()
            self.out, self._lists, self._heading = outer, lists, heading

        return close


_OPENERS: Mapping[
    str,
    Callable[[_Walk, Attributes, LexborNode], Callable[[], None] | None],
] = {
    **dict.fromkeys(_HEADINGS, _Walk.open_heading),
    **dict.fromkeys(_AS_IT_IS, _Walk.open_as_it_is),
    **dict.fromkeys(("ol", "ul", "menu", "dir"), _Walk.open_list),
    **dict.fromkeys(("td", "th"), _Walk.open_cell),
    **dict.fromkeys(("rt", "rtc"), _Walk.open_reading),
    "a": _Walk.open_link,
    "br": _Walk.open_line_end,
    "dialog": _Walk.open_dialog,
    "figcaption": _Walk.open_caption,
    "img": _Walk.open_picture,
    "input": _Walk.open_input,
    "li": _Walk.open_item,
    "q": _Walk.open_quotation,
    "ruby": _Walk.open_ruby,
    "select": _Walk.open_choice,
    "sup": _Walk._open_raised,
    "table": _Walk.open_table,
    "textarea": _Walk.open_text_field,
    "thead": _Walk.open_head,
    "tr": _Walk.open_row,
}


def _is_same(shown: str, title: str) -> bool:
    shown, title = ("".join(filter(str.isalnum, text)).lower() for text in (shown, title))
    return bool(title) and (title in shown or shown in title)


def _is_numbered(shown: str, title: str) -> bool:
    """Whether the text is the title, with a number before it or without."""
    shown, title = (" ".join(text.split()) for text in (shown, title))
    return shown.endswith(title) and not re.search(r"[^\W\d_]", shown.removesuffix(title))


def _whole_number(text: str | None, otherwise: int) -> int:
    found = re.match(r"\s*(-?\d{1,9})", text or "")
    return int(found[1]) if found else otherwise
