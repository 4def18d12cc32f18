"""What was written on a page afterwards: form values beside their labels, notes at its end.

pdfium's text of a page is what its content stream draws. What somebody filled into a form or typed
onto the page is an annotation (ISO 32000-1, 12.5) and read apart. Form values stand on the page as
everybody sees it, so they join its text; a note that lies over it is marked as one, so that nobody
takes a reader's comment for the author's word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from docpager.documents.carried import CarriedFile
from docpager.documents.pdf.attachments import pinned_file
from docpager.documents.pdf.glyphs import Box, Glyphs
from docpager.documents.pdf.page_lines import Line
from docpager.documents.reasons import Departure

if TYPE_CHECKING:
    import pypdfium2

__all__ = ["Additions", "annotation_additions"]

_MOST_ANNOTATIONS = 5_000
_LONGEST_TEXT = 100_000
"""Characters of one annotation; what is longer is cut there."""
_TOUCHING = 3.0
"""Points by which a field may overlap its label."""
_NEAR_BOX = 40.0
"""Points between a box to tick and its label."""
_PASSWORD = 1 << 13
"""Field flag by ISO 32000-1, table 228."""


@dataclass(frozen=True, slots=True)
class Additions:
    """What joins the text of a page: beside characters, by their offset, and at its end."""

    before: dict[int, str] = field(default_factory=dict)
    after: dict[int, str] = field(default_factory=dict)
    at_end: list[str] = field(default_factory=list)
    notes: set[Departure] = field(default_factory=set)
    """Of what kinds they are."""
    pinned: list[CarriedFile] = field(default_factory=list)
    """Files that annotations hold: no part of the text."""

    def __bool__(self) -> bool:
        return bool(self.before or self.after or self.at_end)


@dataclass(frozen=True, slots=True)
class _Field:
    box: Box
    name: str
    value: str
    is_box: bool
    """Whether it is one to tick, so that its label may stand behind it."""


def annotation_additions(
    document: pypdfium2.PdfDocument, glyphs: Glyphs, lines: Sequence[Line]
) -> Additions:
    """What the annotations of a page add to its text."""
    import pypdfium2.raw as pdfium

    additions = Additions()
    page = glyphs.page.raw
    count = min(pdfium.FPDFPage_GetAnnotCount(page), _MOST_ANNOTATIONS)
    for n in range(count):
        annotation = pdfium.FPDFPage_GetAnnot(page, n)
        if not annotation:
            continue
        try:
            _add(_Annotation(pdfium, annotation, document), glyphs, lines, additions)
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
    return additions


def _add(
    annotation: _Annotation, glyphs: Glyphs, lines: Sequence[Line], additions: Additions
) -> None:
    pinned = annotation.file()
    if pinned is not None:
        additions.pinned.append(pinned)
    if annotation.is_hidden:
        return
    found = annotation.field()
    if found is not None:
        _put_beside(found, glyphs, lines, additions)
        return
    note = annotation.note()
    if note:
        additions.at_end.append(note)
        additions.notes.add(Departure.ANNOTATIONS)


class _Annotation:
    """One annotation, as long as it is open."""

    def __init__(self, pdfium: Any, handle: Any, document: pypdfium2.PdfDocument) -> None:
        self._pdfium = pdfium
        self._handle = handle
        self._document = document
        self._form = document.formenv.raw if document.formenv else None
        self._kind = pdfium.FPDFAnnot_GetSubtype(handle)

    @property
    def is_hidden(self) -> bool:
        unseen = self._pdfium.FPDF_ANNOT_FLAG_HIDDEN | self._pdfium.FPDF_ANNOT_FLAG_NOVIEW
        return bool(self._pdfium.FPDFAnnot_GetFlags(self._handle) & unseen)

    def file(self) -> CarriedFile | None:
        """The file that it pins to the page; None for one of another kind."""
        if self._kind != self._pdfium.FPDF_ANNOT_FILEATTACHMENT:
            return None
        return pinned_file(self._document, self._handle)

    def note(self) -> str:
        """A text on the page or a comment, marked as such; empty for what says nothing."""
        pdfium = self._pdfium
        silent = (pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP, pdfium.FPDF_ANNOT_WIDGET)
        if self._kind in silent:
            return ""
        said = self._string(b"Contents")
        if not said:
            return ""
        if self._kind in (pdfium.FPDF_ANNOT_FREETEXT, pdfium.FPDF_ANNOT_STAMP):
            return f"[Text added to the page: {said}]"
        author = " ".join(self._string(b"T").split())
        return f"[Comment by {author}: {said}]" if author else f"[Comment: {said}]"

    def field(self) -> _Field | None:
        """A form field with its value; None for what is none, or is empty, or a secret."""
        pdfium = self._pdfium
        if self._kind != pdfium.FPDF_ANNOT_WIDGET:
            return None
        area = pdfium.FS_RECTF()
        pdfium.FPDFAnnot_GetRect(self._handle, area)
        box = Box(area.left, min(area.bottom, area.top), area.right, max(area.bottom, area.top))
        if self._form is None:
            return _Field(box, self._string(b"T"), self._string(b"V"), is_box=False)
        kind = pdfium.FPDFAnnot_GetFormFieldType(self._form, self._handle)
        flags = pdfium.FPDFAnnot_GetFormFieldFlags(self._form, self._handle)
        if kind == pdfium.FPDF_FORMFIELD_TEXTFIELD and flags & _PASSWORD:
            return None
        name = self._of_field(pdfium.FPDFAnnot_GetFormFieldAlternateName) or self._of_field(
            pdfium.FPDFAnnot_GetFormFieldName
        )
        if kind in (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON):
            ticked = pdfium.FPDFAnnot_IsChecked(self._form, self._handle)
            return _Field(box, name, "[x]" if ticked else "[ ]", is_box=True)
        if kind in (pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX):
            value = ", ".join(self._chosen())
            value = value or self._of_field(pdfium.FPDFAnnot_GetFormFieldValue)
            return _Field(box, name, value, is_box=False)
        if kind == pdfium.FPDF_FORMFIELD_TEXTFIELD:
            value = self._of_field(pdfium.FPDFAnnot_GetFormFieldValue)
            return _Field(box, name, value, is_box=False)
        return None

    def _chosen(self) -> Iterator[str]:
        pdfium = self._pdfium
        for n in range(max(0, pdfium.FPDFAnnot_GetOptionCount(self._form, self._handle))):
            if pdfium.FPDFAnnot_IsOptionSelected(self._form, self._handle, n):
                yield self._option(n)

    def _option(self, n: int) -> str:
        return _wide_string(
            lambda buffer, length: self._pdfium.FPDFAnnot_GetOptionLabel(
                self._form, self._handle, n, buffer, length
            )
        )

    def _string(self, key: bytes) -> str:
        return _wide_string(
            lambda buffer, length: self._pdfium.FPDFAnnot_GetStringValue(
                self._handle, key, buffer, length
            )
        )

    def _of_field(self, ask: Callable[..., int]) -> str:
        return _wide_string(lambda buffer, length: ask(self._form, self._handle, buffer, length))


def _wide_string(ask: Callable[[Any, int], int]) -> str:
    """A string that pdfium writes into a buffer, in UTF-16, once its length was asked for."""
    from ctypes import c_ushort

    length = min(int(ask(None, 0)), 2 * _LONGEST_TEXT)
    if length <= 2:
        return ""
    buffer = (c_ushort * (length // 2 + 1))()
    ask(buffer, length)
    text = bytes(buffer)[: length - 2].decode("utf-16-le", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").strip("\0 \n")


def _put_beside(found: _Field, glyphs: Glyphs, lines: Sequence[Line], additions: Additions) -> None:
    """Join a value to the text before its field in one line, else to the end of the page."""
    if not found.value:
        return
    left, right = _neighbours(found.box, glyphs, lines)
    distance = found.box.left - glyphs.box(left).right if left is not None else float("inf")
    behind = glyphs.box(right).left - found.box.right if right is not None else float("inf")
    if found.is_box and right is not None and behind <= min(distance, _NEAR_BOX):
        additions.before[right] = f"{found.value} " + additions.before.get(right, "")
    elif left is not None and (not found.is_box or distance < 20 * _NEAR_BOX):
        additions.after[left] = additions.after.get(left, "") + f" {found.value}"
    elif found.value != "[ ]":
        name = " ".join(found.name.split()) or "Form field"
        additions.at_end.append(f"{name}: {found.value}")
    else:
        return
    additions.notes.add(Departure.FORM_VALUES)


def _neighbours(box: Box, glyphs: Glyphs, lines: Sequence[Line]) -> tuple[int | None, int | None]:
    """The characters nearest to a field in its line, on the left and on the right."""
    left: int | None = None
    right: int | None = None
    for line in lines:
        first = line.first_box
        if not (first.bottom < box.centre[1] < first.top or box.bottom < first.centre[1] < box.top):
            continue
        for offset in range(line.start, line.last + 1):
            if glyphs.raw[offset].isspace():
                continue
            mark = glyphs.box(offset)
            if mark.right <= box.left + _TOUCHING:
                if left is None or mark.right >= glyphs.box(left).right:
                    left = offset
            elif mark.left >= box.right - _TOUCHING and (
                right is None or mark.left < glyphs.box(right).left
            ):
                right = offset
    return left, right
