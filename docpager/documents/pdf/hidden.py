"""Text that a page holds and does not show: hidden layers, white on white, covered, out of sight.

What is shown is asked of the page's picture, not of each way to hide something: a character whose
box is of one colour leaves no mark. So layers that are off (ISO 32000-1, 8.11), white text, render
mode 3, text under a bar and clipped text are one case; and text that a scanner's software put
invisibly over an image stays, as the image shows there what it says. Where text lies over text, the
picture is drawn once more without the object in question: what makes no difference is not shown.

Drawing a page takes tens of milliseconds, so it is done only for pages with a sign.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from docpager.documents.pdf.glyphs import Box, Glyphs, union
from docpager.documents.pdf.native import address_of, native
from docpager.documents.pdf.page_lines import Line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "INVISIBLE",
    "PaintedPage",
    "faint_sign",
    "has_layers",
    "hidden_lines",
    "hidden_offsets",
    "is_covered",
    "leads_outside",
    "outside_offsets",
]

INVISIBLE = 3
"""Render mode by ISO 32000-1, table 106."""
_SCALE = 2.0
"""Pixels a point of the picture: strokes of 6 point type are half a pixel wide at 1."""
_MOST_PIXELS = 6_000_000
_CONTRAST = 20
"""Of 255, between the darkest and the lightest pixel of something that can be seen."""
_ROUNDING = 1.0


class PaintedPage:
    """A page as it is drawn, in grey, without turning it."""

    def __init__(self, glyphs: Glyphs) -> None:
        self._page = glyphs.page
        self._area = glyphs.visible_area()
        self._turn = (4 - glyphs.page.get_rotation() // 90) % 4 * 90
        pixels = self._area.width * self._area.height * _SCALE**2
        self._scale = _SCALE * min(1.0, (_MOST_PIXELS / pixels) ** 0.5) if pixels else 1.0

    def draw(self) -> NDArray[np.uint8]:
        import numpy as np

        bitmap = self._page.render(
            scale=self._scale, rotation=self._turn, grayscale=True, may_draw_forms=False
        )
        try:
            drawn = bitmap.to_numpy()
            return np.array(drawn.reshape(drawn.shape[:2]), dtype=np.uint8)
        finally:
            bitmap.close()

    def draw_without(self, text_objects: Sequence[int]) -> NDArray[np.uint8]:
        """The picture if these were not there."""
        set_mode = native("FPDFTextObj_SetTextRenderMode")
        modes = [native("FPDFTextObj_GetTextRenderMode")(drawn) for drawn in text_objects]
        for drawn in text_objects:
            set_mode(drawn, INVISIBLE)
        try:
            return self.draw()
        finally:
            for drawn, mode in zip(text_objects, modes, strict=True):
                set_mode(drawn, mode)

    def shows(self, picture: NDArray[np.uint8], box: Box) -> bool:
        """Whether something can be made out within a box."""
        part = self._part(picture, box)
        return bool(part.size) and int(part.max()) - int(part.min()) > _CONTRAST

    def differ(self, picture: NDArray[np.uint8], other: NDArray[np.uint8], box: Box) -> bool:
        import numpy as np

        one, two = self._part(picture, box), self._part(other, box)
        return bool(one.size) and int(np.abs(one.astype(int) - two.astype(int)).max()) > _CONTRAST

    def _part(self, picture: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
        left = (box.left - self._area.left) * self._scale - _ROUNDING
        right = (box.right - self._area.left) * self._scale + _ROUNDING
        top = (self._area.top - box.top) * self._scale - _ROUNDING
        bottom = (self._area.top - box.bottom) * self._scale + _ROUNDING
        rows = slice(max(0, int(top)), max(0, int(bottom) + 1))
        return picture[rows, max(0, int(left)) : max(0, int(right) + 1)]


_TINY = 2.6
"""Height of a line box in points (about 2.2 points of type): nobody reads that on paper."""
_UNDRAWN = frozenset({INVISIBLE, 7})
"""Render modes by ISO 32000-1, table 106, that leave no mark."""
_EVERY = 2
"""Lines of which one is asked for its render mode: text is undrawn by the paragraph."""
_FEW_LINES = 20
_LAST_OBJECTS = 40
"""How many of a page's last objects are looked at for something drawn over text: what is drawn
later covers what was drawn before, and a bar over a word is put there last."""
_LEAST_COVER = 4.0
"""Points: what is lower or narrower is a rule."""
_MOST_PICTURES = 12


def outside_offsets(glyphs: Glyphs) -> frozenset[int]:
    """Characters that lie outside of the page's crop box.

    Where nobody cropped the sheet, a line that begins on it and runs over its edge is kept whole:
    that is a mistake of who wrote it, and no word was meant to be cut.
    """
    area = glyphs.visible_area()
    outside = [
        offset
        for offset, mark in enumerate(glyphs.raw)
        if not mark.isspace() and not area.holds(*glyphs.box(offset).centre)
    ]
    if glyphs.is_cropped():
        return frozenset(outside)
    gone = set(outside)
    on_sheet = {
        glyphs.text_object(offset)
        for offset, mark in enumerate(glyphs.raw)
        if not mark.isspace() and offset not in gone
    }
    return frozenset(offset for offset in outside if glyphs.text_object(offset) not in on_sheet)


def leads_outside(area: Box, lines: Sequence[Line]) -> bool:
    """Whether a line begins or ends outside of an area."""
    left, bottom, right, top = area
    for line in lines:
        for box in (line.first_box, line.last_box):
            # The middle counts; most boxes lie within as a whole, which is quicker to see.
            within = left <= box[0] and box[2] <= right and bottom <= box[1] and box[3] <= top
            if not within and not area.holds(*box.centre):
                return True
    return False


def faint_sign(glyphs: Glyphs, lines: Sequence[Line]) -> bool:
    """Whether a line begins or ends pale, tiny or invisible, so that the page must be drawn."""
    if any(
        top - bottom < _TINY and right - left < _TINY
        for _, _, (left, bottom, right, top), _ in lines
    ):
        return True
    mode_of = native("FPDFTextObj_GetTextRenderMode")
    starts = [line.start for line in lines]
    asked = starts if len(lines) < _FEW_LINES else starts[::_EVERY]
    modes = {mode_of(drawn_by) for drawn_by in glyphs.text_objects(asked) if drawn_by}
    if not modes.isdisjoint(_UNDRAWN):
        return True
    return glyphs.any_pale(starts) or glyphs.any_pale([line.last for line in lines])


class _Cover(NamedTuple):
    """A filled area among the last things drawn, and the text that was drawn after it."""

    area: Box
    later: frozenset[int]

    def hides(self, glyphs: Glyphs, offset: int) -> bool:
        return (
            self.area.holds(*glyphs.box(offset).centre)
            and glyphs.text_object(offset) not in self.later
        )


def is_covered(glyphs: Glyphs, lines: Sequence[Line]) -> bool:
    """Whether one of the last things drawn is a filled area over the begin or end of a line."""
    covers = _covers(glyphs)
    return bool(covers) and any(
        cover.hides(glyphs, offset)
        for line in lines
        for offset in (line.start, line.last)
        for cover in covers
    )


def _covers(glyphs: Glyphs) -> list[_Cover]:
    import pypdfium2.raw as pdfium

    page = address_of(glyphs.page.raw)
    kind_of, get = native("FPDFPageObj_GetType"), native("FPDFPage_GetObject")
    count = native("FPDFPage_CountObjects")(page)
    later: set[int] = set()
    covers = []
    last = list(map(get, repeat(page), range(count - 1, max(-1, count - 1 - _LAST_OBJECTS), -1)))
    for handle, kind in zip(last, map(kind_of, last), strict=True):
        if kind == pdfium.FPDF_PAGEOBJ_TEXT:
            later.add(handle)
        elif kind == pdfium.FPDF_PAGEOBJ_PATH:
            box = glyphs.bounds(handle)
            is_wide = box and box.height > _LEAST_COVER and box.width > _LEAST_COVER
            if box and is_wide and _is_filled(pdfium, handle):
                covers.append(_Cover(box, frozenset(later)))
    return covers


def _is_filled(pdfium: Any, handle: int) -> bool:
    from ctypes import byref, c_int

    fill, stroke = c_int(), c_int()
    pdfium.FPDFPath_GetDrawMode(_as_object(pdfium, handle), byref(fill), byref(stroke))
    return fill.value != 0


def has_layers(glyphs: Glyphs) -> bool:
    """Whether something on the page belongs to a layer, or to a form that may."""
    import pypdfium2.raw as pdfium

    count_marks = native("FPDFPageObj_CountMarks")
    for handle, kind in glyphs.objects():
        if kind == pdfium.FPDF_PAGEOBJ_FORM:
            return True
        for mark in range(max(0, count_marks(handle))):
            if (
                _mark_name(pdfium, pdfium.FPDFPageObj_GetMark(_as_object(pdfium, handle), mark))
                == "OC"
            ):
                return True
    return False


def _as_object(pdfium: Any, handle: int) -> Any:
    from ctypes import c_void_p, cast

    return cast(c_void_p(handle), pdfium.FPDF_PAGEOBJECT)


def _mark_name(pdfium: Any, mark: Any) -> str:
    from ctypes import c_ulong, c_ushort

    name, length = (c_ushort * 16)(), c_ulong()
    pdfium.FPDFPageObjMark_GetName(mark, name, 32, length)
    return bytes(name)[: max(0, length.value - 2)].decode("utf-16-le", "replace")


def hidden_offsets(glyphs: Glyphs, *, on_layers: bool) -> frozenset[int]:
    """Characters that leave no mark on the page's picture.

    Looked at are those that are pale or undrawn, or lie under what was drawn late; all of them
    `on_layers`, which may be off.
    """
    pieces: dict[int, list[int]] = defaultdict(list)
    for offset, mark in enumerate(glyphs.raw):
        if not mark.isspace():
            pieces[glyphs.text_object(offset)].append(offset)
    pieces.pop(0, None)
    covers = _covers(glyphs)
    hidden: set[int] = set()
    suspects: dict[int, list[int]] = {}
    may_lie_over: set[int] = set()
    for key, offsets in pieces.items():
        box = glyphs.box(offsets[0])
        if 0 < max(box.height, box.width) < _TINY:
            hidden.update(offsets)
        elif on_layers or _touches(glyphs, offsets, covers):
            suspects[key] = offsets
            may_lie_over.add(key)
        elif _is_faint(glyphs, offsets[0]):
            suspects[key] = offsets
    if suspects:
        picture = PaintedPage(glyphs)
        whole = picture.draw()
        for word in _words(glyphs.raw, suspects):
            unseen = [n for n in word if not picture.shows(whole, glyphs.ink(n))]
            # A narrow letter may leave hardly a mark, and a rule may touch one that leaves none.
            if 2 * len(unseen) > len(word):
                hidden.update(word)
        suspects = {key: suspects[key] for key in may_lie_over if suspects[key][0] not in hidden}
        hidden.update(_made_no_difference(glyphs, pieces, suspects, picture, whole))
    return frozenset(hidden)


def hidden_lines(glyphs: Glyphs, lines: Sequence[Line]) -> frozenset[int]:
    """Characters of lines without which the page would look the same.

    For pages on which one line lies on another: what shows in its place may be the other one.
    What lies under an image stays, as it may say what the image shows.
    """
    import pypdfium2.raw as pdfium

    images = [
        glyphs.bounds(handle)
        for handle, kind in glyphs.objects()
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE
    ]
    objects: dict[int, list[int]] = {}
    boxes: dict[int, Box] = {}
    for n, line in enumerate(lines):
        box = union([line.first_box, line.last_box])
        under_image = any(image and image.shared_area(box) for image in images)
        if not under_image and glyphs.render_mode(line.start) not in _UNDRAWN:
            boxes[n] = box
            drawn_by = {glyphs.text_object(at) for at in range(line.start, line.last + 1)}
            objects[n] = [each for each in drawn_by if each]
    picture = PaintedPage(glyphs)
    whole = picture.draw()
    alike: list[int] = []
    for batch in _apart(list(objects), boxes)[:_MOST_PICTURES]:
        without = picture.draw_without([each for n in batch for each in objects[n]])
        alike += [n for n in batch if not picture.differ(whole, without, boxes[n])]
    # Of two equal lines in one place either could go, but not both.
    without = picture.draw_without([each for n in alike for each in objects[n]])
    return frozenset(
        at
        for n in alike
        if not picture.differ(whole, without, boxes[n])
        for at in range(lines[n].start, lines[n].last + 1)
    )


def _words(raw: str, pieces: Mapping[int, Sequence[int]]) -> Iterator[list[int]]:
    """The characters of some objects by the words that they stand in."""
    word: list[int] = []
    for offset in sorted(n for offsets in pieces.values() for n in offsets):
        if word and raw[word[-1] : offset].strip() != raw[word[-1] : offset]:
            yield word
            word = []
        word.append(offset)
    if word:
        yield word


def _touches(glyphs: Glyphs, offsets: Sequence[int], covers: Sequence[_Cover]) -> bool:
    return any(cover.hides(glyphs, n) for cover in covers for n in offsets)


def _is_faint(glyphs: Glyphs, offset: int) -> bool:
    if glyphs.render_mode(offset) in _UNDRAWN:
        return True
    return glyphs.is_pale(offset)


def _made_no_difference(
    glyphs: Glyphs,
    pieces: Mapping[int, Sequence[int]],
    suspects: Mapping[int, Sequence[int]],
    picture: PaintedPage,
    whole: NDArray[np.uint8],
) -> Iterator[int]:
    """Characters of suspects that lie over others and change nothing."""
    if not suspects:
        return
    boxes = {key: union([glyphs.box(n) for n in offsets]) for key, offsets in pieces.items()}
    for batch in _apart(_over_others(glyphs, suspects, pieces), boxes)[:_MOST_PICTURES]:
        without = picture.draw_without(batch)
        for key in batch:
            if not picture.differ(whole, without, boxes[key]):
                yield from suspects[key]


def _over_others(
    glyphs: Glyphs, suspects: Mapping[int, Sequence[int]], pieces: Mapping[int, Sequence[int]]
) -> list[int]:
    """Suspects of which most characters lie on other ones, in squares of a point.

    Bold letters are drawn twice in one place, and either could go without a difference: what lies
    on its like alone is none.
    """
    taken: dict[tuple[int, int], list[int]] = defaultdict(list)
    for offsets in pieces.values():
        for n in offsets:
            x, y = glyphs.box(n).centre
            taken[int(x), int(y)].append(n)
    found = []
    for key, offsets in suspects.items():
        under = [_others_at(glyphs, n, taken, key) for n in offsets]
        differ = any(marks - {glyphs.raw[n]} for n, marks in zip(offsets, under, strict=True))
        if differ and 2 * sum(map(bool, under)) > len(offsets):
            found.append(key)
    return found


def _others_at(
    glyphs: Glyphs, offset: int, taken: Mapping[tuple[int, int], Sequence[int]], key: int
) -> set[str]:
    """The characters of other objects whose middle lies within a character's box."""
    box = glyphs.box(offset)
    return {
        glyphs.raw[other]
        for x in range(int(box.left), int(box.right) + 1)
        for y in range(int(box.bottom), int(box.top) + 1)
        for other in taken.get((x, y), ())
        if box.holds(*glyphs.box(other).centre) and glyphs.text_object(other) != key
    }


def _apart(keys: Sequence[int], boxes: Mapping[int, Box]) -> list[list[int]]:
    """The objects in batches within which none touches another."""
    batches: list[list[int]] = []
    for key in keys:
        for batch in batches:
            if not any(boxes[key].shared_area(boxes[other]) for other in batch):
                batch.append(key)
                break
        else:
            batches.append([key])
    return batches
