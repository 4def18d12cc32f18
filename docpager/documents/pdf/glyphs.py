"""What pdfium knows of each character of a page, asked for one by one and only where needed.

A call costs a third of a microsecond and more, a page has thousands of characters, and reading its
text takes a few milliseconds: so whoever asks for every character of a page doubles the time it
takes. What is asked of many characters is asked in one go, by a loop in C (`map`), which takes
half of the time of a loop in Python. Boxes are in the page's own coordinates (points, y upwards,
before /Rotate).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from docpager.documents.pdf.native import address_of, native

if TYPE_CHECKING:
    import pypdfium2

__all__ = ["HAS_RIGHT_TO_LEFT", "Box", "Glyphs", "union"]

HAS_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")

_PALE = 230
"""Red, green and blue, of 255, of text that is white or nearly so."""
_OPAQUE = 40
"""Opacity, of 255: less is as good as not there."""
_DEEPEST_FORM = 3
_FONT_NAME = 96
_MOST_OBJECTS = 200_000


class Box(NamedTuple):
    """A rectangle on the page."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.top - self.bottom

    @property
    def centre(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    def holds(self, x: float, y: float) -> bool:
        return self.left <= x <= self.right and self.bottom <= y <= self.top

    def shared_area(self, other: Box) -> float:
        """How much of it the other box covers, in square points."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(wide, 0.0) * max(high, 0.0)


def union(boxes: list[Box]) -> Box:
    """The smallest box around all of them; there must be one."""
    return Box(
        min(box.left for box in boxes),
        min(box.bottom for box in boxes),
        max(box.right for box in boxes),
        max(box.top for box in boxes),
    )


class _Places:
    """Where pdfium writes its results: read before the next call, so one of each is enough."""

    def __init__(self) -> None:
        from ctypes import addressof, byref, c_double, c_float, c_int, c_uint, create_string_buffer

        # left, top, right, bottom: the fields of FS_RECTF
        self.rectangle = (c_float * 4)()
        self.rectangle_at = addressof(self.rectangle)
        self.edges = [c_double() for _ in range(4)]
        self.edge_places = [byref(edge) for edge in self.edges]
        self.matrix = (c_float * 6)()
        self.matrix_at = addressof(self.matrix)
        self.colour = (c_uint * 4)()
        at = addressof(self.colour)
        self.colour_at = (at, at + 4, at + 8, at + 12)
        self.name = create_string_buffer(_FONT_NAME)
        self.name_at = addressof(self.name)
        self._flags = c_int()
        self.flags_at = addressof(self._flags)
        self.rectangles: Any = ()
        self.rectangles_at = 0
        self.colours: Any = ()
        self.colours_at = 0

    def make_room(self, count: int) -> None:
        """Places for so many rectangles and colours."""
        from ctypes import addressof, c_float, c_uint

        if 4 * count > len(self.rectangles):
            self.rectangles, self.colours = (c_float * (8 * count))(), (c_uint * (8 * count))()
            self.rectangles_at = addressof(self.rectangles)
            self.colours_at = addressof(self.colours)


@cache
def _places_for_results() -> _Places:
    return _Places()


class Glyphs:
    """The characters of one page by their offset in `raw`, pdfium's text of it."""

    def __init__(self, page: pypdfium2.PdfPage, text_page: pypdfium2.PdfTextPage) -> None:
        import pypdfium2.raw as pdfium

        self.page = page
        self.text_page = text_page
        self.raw: str = text_page.get_text_range()
        self._pdfium: Any = pdfium
        self._handle = text_page.raw
        self._address = address_of(text_page.raw)
        places = self._results = _places_for_results()
        self._rectangle, self._rectangle_at = places.rectangle, places.rectangle_at
        self._edges, self._edge_places = places.edges, places.edge_places
        self._matrix, self._matrix_at = places.matrix, places.matrix_at
        self._colour, self._colour_at = places.colour, places.colour_at
        self._name, self._name_at, self._flags_at = places.name, places.name_at, places.flags_at
        self._boxes: dict[int, Box] = {}
        # pdfium counts UTF-16 units, and characters that it leaves out of the text as well.
        self._is_direct = pdfium.FPDFText_CountChars(self._handle) == len(self.raw)
        self._places: list[int] | None = None
        self._objects: list[tuple[int, int]] | None = None
        self._loose_box = native("FPDFText_GetLooseCharBox")
        self._fill_colour = native("FPDFText_GetFillColor")
        self._font_size = native("FPDFText_GetFontSize")
        self._font_info = native("FPDFText_GetFontInfo")
        self._get_matrix = native("FPDFText_GetMatrix")
        self._text_object = native("FPDFText_GetTextObject")
        self._map_error = native("FPDFText_HasUnicodeMapError")

    def __len__(self) -> int:
        return len(self.raw)

    def at(self, offset: int) -> int:
        """pdfium's own number of the character."""
        if self._is_direct:
            return offset
        if self._places is None:
            self._places = list(self._numbers())
        return self._places[offset]

    def _numbers(self) -> list[int]:
        units, numbers = 0, []
        ask = self._pdfium.FPDFText_GetCharIndexFromTextIndex
        for mark in self.raw:
            numbers.append(max(0, ask(self._handle, units)))
            units += 2 if mark > "\uffff" else 1
        return numbers

    def box(self, offset: int) -> Box:
        """As wide as the character's advance and as high as its font; empty where pdfium made it.

        So two characters of one size in one line have the same bottom and top.
        """
        known = self._boxes.get(offset)
        if known is None:
            at = offset if self._is_direct else self.at(offset)
            self._loose_box(self._address, at, self._rectangle_at)
            left, top, right, bottom = self._rectangle[:]
            if left > right:
                left, right = right, left
            if bottom > top:
                bottom, top = top, bottom
            # Twice as fast as Box(...), which a page asks for a hundred times and more.
            known = self._boxes[offset] = tuple.__new__(Box, (left, bottom, right, top))
        return known

    def edges(self, offset: int) -> Sequence[float]:
        """Left, top, right, bottom of the same box, as pdfium says them: not kept, so quicker."""
        self._loose_box(
            self._address, offset if self._is_direct else self.at(offset), self._rectangle_at
        )
        return self._rectangle[:]

    def all_edges(self, offsets: Sequence[int]) -> Iterator[tuple[float, float, float, float]]:
        """The edges of many characters."""
        results, count = self._results, len(offsets)
        results.make_room(count)
        at = results.rectangles_at
        places = range(at, at + 16 * count, 16)  # bytes of four numbers of single precision
        deque(map(self._loose_box, repeat(self._address), self._all_at(offsets), places), maxlen=0)
        edges = iter(results.rectangles[: 4 * count])
        return zip(edges, edges, edges, edges, strict=True)

    def boxes(self, offsets: Sequence[int]) -> list[Box]:
        """The boxes of many characters."""
        found = [
            tuple.__new__(
                Box,
                (left, bottom, right, top)
                if not (left > right or bottom > top)
                else (min(left, right), min(bottom, top), max(left, right), max(bottom, top)),
            )
            for left, top, right, bottom in self.all_edges(offsets)
        ]
        self._boxes.update(zip(offsets, found, strict=True))
        return found

    def _all_at(self, offsets: Sequence[int]) -> Iterable[int]:
        return offsets if self._is_direct else map(self.at, offsets)

    def ink(self, offset: int) -> Box:
        """The box around what is drawn of the character."""
        self._pdfium.FPDFText_GetCharBox(self._handle, self.at(offset), *self._edge_places)
        left, right, bottom, top = (edge.value for edge in self._edges)
        return Box(left, bottom, right, top)

    def origin(self, offset: int) -> tuple[float, float]:
        """Where the pen is set down: on the baseline."""
        x, y = self._edges[:2]
        self._pdfium.FPDFText_GetCharOrigin(self._handle, self.at(offset), *self._edge_places[:2])
        return x.value, y.value

    def size(self, offset: int) -> float:
        """In points as printed: a font may be set at size 1 and enlarged by a matrix."""
        at = self.at(offset)
        size: float = self._font_size(self._address, at)
        if self._get_matrix(self._address, at, self._matrix_at):
            # A slice first: ctypes arrays are slow to unpack.
            _, along, _, upright = self._matrix[:4]
            size *= max(abs(upright), abs(along))
        return round(size, 1)

    def direction(self, offset: int) -> tuple[int, int]:
        """Where the font's own x axis points, by quarter turns: (1, 0) is upright."""
        if not self._get_matrix(self._address, self.at(offset), self._matrix_at):
            return (1, 0)
        along, up = self._matrix[0], self._matrix[1]
        if abs(along) >= abs(up):
            return (1, 0) if along >= 0 else (-1, 0)
        return (0, 1) if up > 0 else (0, -1)

    def is_made(self, offset: int) -> bool:
        """Whether pdfium put the character in, as it does with spaces and line ends."""
        return bool(self._pdfium.FPDFText_IsGenerated(self._handle, self.at(offset)))

    def is_unmapped(self, offset: int) -> bool:
        """Whether the font does not say which character it is, so that pdfium guessed."""
        return bool(self._map_error(self._address, self.at(offset)) == 1)

    def any_unmapped(self, offsets: Sequence[int]) -> bool:
        """Whether the same holds for one of many characters."""
        return 1 in map(self._map_error, repeat(self._address), self._all_at(offsets))

    def text_object(self, offset: int) -> int:
        """Address of the page's object that draws the character; 0 where pdfium made it."""
        return self._text_object(self._address, self.at(offset)) or 0

    def text_objects(self, offsets: Sequence[int]) -> list[int]:
        """The same of many characters."""
        found = map(self._text_object, repeat(self._address), self._all_at(offsets))
        return [drawn_by or 0 for drawn_by in found]

    def font_name(self, offset: int) -> bytes:
        """The font's name in the file, as far as its first 96 bytes."""
        at = self.at(offset)
        self._font_info(self._address, at, self._name_at, _FONT_NAME, self._flags_at)
        return self._name.value

    def render_mode(self, offset: int) -> int:
        """By ISO 32000-1, table 106: 3 and 7 leave no mark."""
        drawn_by = self.text_object(offset)
        return native("FPDFTextObj_GetTextRenderMode")(drawn_by) if drawn_by else 0

    def is_pale(self, offset: int) -> bool:
        """Whether a character is white or nearly so, or hardly there."""
        if not self._fill_colour(self._address, self.at(offset), *self._colour_at):
            return False
        red, green, blue, opacity = self._colour[:]
        return opacity < _OPAQUE or (red >= _PALE <= green and blue >= _PALE)

    def any_pale(self, offsets: Sequence[int]) -> bool:
        """Whether one of many characters is."""
        results, count = self._results, len(offsets)
        results.make_room(count)
        first = results.colours_at
        # Where red, green, blue and opacity are written: four numbers of four bytes each.
        parts_at = (range(first + n, first + n + 16 * count, 16) for n in (0, 4, 8, 12))
        told = map(self._fill_colour, repeat(self._address), self._all_at(offsets), *parts_at)
        has_colour = list(told)
        told_parts = results.colours[: 4 * count]
        if count and max(told_parts[::4]) < _PALE and min(told_parts[3::4]) >= _OPAQUE:
            return False  # as on most pages, and quicker to see
        parts = iter(told_parts)
        return any(
            known and (opacity < _OPAQUE or (red >= _PALE <= green and blue >= _PALE))
            for known, red, green, blue, opacity in zip(
                has_colour, parts, parts, parts, parts, strict=True
            )
        )

    def objects(self) -> Sequence[tuple[int, int]]:
        """(address, kind) of the page's objects in drawing order, those inside of forms too."""
        if self._objects is None:
            self._objects = []
            page = address_of(self.page.raw)
            self._list(page, "FPDFPage_CountObjects", "FPDFPage_GetObject", 0, self._objects)
        return self._objects

    def _list(
        self, holder: int, count: str, get: str, depth: int, found: list[tuple[int, int]]
    ) -> None:
        get_object, kind_of = native(get), native("FPDFPageObj_GetType")
        form = self._pdfium.FPDF_PAGEOBJ_FORM
        handles = list(map(get_object, repeat(holder), range(max(0, native(count)(holder)))))
        kinds = list(map(kind_of, handles))
        if form not in kinds:
            found.extend(zip(handles, kinds, strict=True))
            return
        for handle, kind in zip(handles, kinds, strict=True):
            found.append((handle, kind))
            if kind == form and depth < _DEEPEST_FORM and len(found) < _MOST_OBJECTS:
                of_form = ("FPDFFormObj_CountObjects", "FPDFFormObj_GetObject")
                self._list(handle, *of_form, depth + 1, found)

    def count_objects(self) -> int:
        """How many objects the page has, those inside of forms left out: costs next to nothing."""
        return int(native("FPDFPage_CountObjects")(address_of(self.page.raw)))

    def bounds(self, handle: int) -> Box | None:
        """The box around what an object draws."""
        at = self._rectangle_at
        if not native("FPDFPageObj_GetBounds")(handle, at, at + 4, at + 8, at + 12):
            return None
        return Box(*self._rectangle[:])

    def count_rectangles(self) -> int:
        """How many pieces the text is set in, about one for each text object and line of it."""
        return int(self._pdfium.FPDFText_CountRects(self._handle, 0, -1))

    def has_annotations(self) -> bool:
        return bool(self._pdfium.FPDFPage_GetAnnotCount(self.page.raw) > 0)

    def is_cropped(self) -> bool:
        """Whether the page shows less than its sheet holds."""
        area, sheet = self.visible_area(), Box(*self.page.get_mediabox())
        return any(abs(one - other) > 1 for one, other in zip(area, sheet, strict=True))

    def visible_area(self) -> Box:
        """The page's crop box, as far as it lies in its media box."""
        area = self._pdfium.FS_RECTF()
        if not self._pdfium.FPDF_GetPageBoundingBox(self.page.raw, area):
            width, height = self.page.get_size()
            return Box(0, 0, width, height)
        return Box(area.left, area.bottom, area.right, area.top)
