"""From pdfium's text of a page to the text that the page shows.

Signs are looked for first, as most pages show none. What is wrong is mended where it stands: in
pdfium's order, character by character; only where the order itself is wrong are lines put together
anew from positions. Whose text it became, and what remains doubtful, is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docpager.documents.carried import CarriedFile
from docpager.documents.pdf.annotations import Additions, annotation_additions
from docpager.documents.pdf.composing import Composed, composed, unchanged
from docpager.documents.pdf.document_signs import DocumentSigns
from docpager.documents.pdf.figures import (
    FALSE_DIGIT,
    IngestChanges,
    figure_changes,
    figures_of,
    join_broken_lines,
    join_lines_set_back,
    sets_off_marks,
)
from docpager.documents.pdf.glyphs import Glyphs
from docpager.documents.pdf.hidden import hidden_lines, hidden_offsets, outside_offsets
from docpager.documents.pdf.layout import OffsetLine, part_columns, pdfium_lines, rebuilt_lines
from docpager.documents.pdf.lost_text import (
    Unmapped,
    letter_changes,
    loses_objects,
    lost_letters,
    unmapped_of,
)
from docpager.documents.pdf.page_lines import Line, lines_of
from docpager.documents.pdf.page_signs import PageSigns, signs_of_page
from docpager.documents.pdf.right_to_left import in_reading_order
from docpager.documents.pdf.typesetting import typesetting_changes
from docpager.documents.reasons import Departure, Reason

if TYPE_CHECKING:
    import pypdfium2

__all__ = ["PageReading", "read_page_text"]


@dataclass(frozen=True, slots=True)
class PageReading:
    """The text of a page and how it came about."""

    composed: Composed
    reader: str = "pdfium"
    unmapped_share: float = 0.0
    doubt: str | None = None
    notes: tuple[str, ...] = ()
    """Rules that changed the text on purpose."""
    is_incomplete: bool = False
    """Whether text is known to be missing."""
    pinned: tuple[CarriedFile, ...] = ()
    """Files that are pinned to the page."""


def read_page_text(
    document: pypdfium2.PdfDocument, glyphs: Glyphs, file_signs: DocumentSigns
) -> PageReading:
    """Read a page that pdfium has opened."""
    lines = lines_of(glyphs)
    additions = Additions()
    if glyphs.has_annotations():
        additions = annotation_additions(document, glyphs, lines)
    is_incomplete = file_signs.has_foreign_fonts and loses_objects(glyphs)
    if not lines:
        empty = composed(glyphs.raw, order=None, changes={}, without=(), additions=additions)
        return PageReading(
            empty,
            notes=tuple(sorted(additions.notes)),
            is_incomplete=is_incomplete,
            pinned=tuple(additions.pinned),
        )
    figures = figures_of(glyphs.raw)
    signs = signs_of_page(glyphs, lines, figures, file_signs)
    order = _order(glyphs, lines, signs)
    unmapped = unmapped_of(glyphs) if signs.is_unmapped else Unmapped()
    notes = set(additions.notes)
    changes = _changes(glyphs, lines, figures, signs, notes)
    changes |= unmapped.changes or {}
    without = _without(glyphs, lines, signs, notes, is_drawn=file_signs.is_drawn_as_shown)
    # Two texts in one place, both of which show: pdfium may mix their letters.
    doubt = Reason.ORDER if signs.lies_on_text and Departure.HIDDEN not in notes else None
    if any(text == FALSE_DIGIT for text in changes.values()):
        doubt = Reason.UNNAMED
        notes.add(Departure.GUESSED)
    if order is None and not changes and not without and not additions:
        text, reader = unchanged(glyphs.raw), "pdfium"
    else:
        text = composed(
            glyphs.raw, order=order, changes=changes, without=without, additions=additions
        )
        reader = "pdfium, repaired" if order is None else "positions"
    pinned = tuple(additions.pinned)
    noted = tuple(sorted(notes))
    return PageReading(text, reader, unmapped.share, doubt, noted, is_incomplete, pinned)


def _changes(
    glyphs: Glyphs,
    lines: Sequence[Line],
    figures: Sequence[re.Match[str]],
    signs: PageSigns,
    notes: set[Departure],
) -> IngestChanges:
    """What must be put otherwise in pdfium's lines; what is meant to differ joins the notes."""
    changes = join_broken_lines(glyphs, lines)
    if changes:
        notes.add(Departure.MARK_LINES)
    changes |= join_lines_set_back(glyphs, lines)
    changes |= figure_changes(glyphs, figures)
    if sets_off_marks(changes):
        notes.add(Departure.MARKS)
    changes |= letter_changes(glyphs, has_letter_lines=signs.has_letter_lines)
    if signs.loses_letters:
        changes |= lost_letters(glyphs)[0]
    typeset = typesetting_changes(glyphs)
    if "" in typeset.values():
        notes.add(Departure.LETTERS)
    return changes | typeset


def _order(glyphs: Glyphs, lines: Sequence[Line], signs: PageSigns) -> list[OffsetLine] | None:
    """The lines in the order in which they are read; None where that is pdfium's."""
    order: list[OffsetLine] | None = None
    if signs.has_letter_lines or signs.is_in_reverse:
        order = rebuilt_lines(glyphs, lines)
    elif signs.is_written_across:
        order = part_columns(glyphs, pdfium_lines(glyphs.raw))
    if signs.reads_right_to_left:
        lines_now = order if order is not None else pdfium_lines(glyphs.raw)
        order = [in_reading_order(glyphs, line) for line in lines_now]
    return order


def _without(
    glyphs: Glyphs,
    lines: Sequence[Line],
    signs: PageSigns,
    notes: set[Departure],
    *,
    is_drawn: bool,
) -> frozenset[int]:
    """Characters that the page does not show."""
    outside: frozenset[int] = frozenset()
    hidden: frozenset[int] = frozenset()
    if signs.leads_outside:
        outside = outside_offsets(glyphs)
    if is_drawn and (signs.may_hide or signs.has_layers):
        hidden = hidden_offsets(glyphs, on_layers=signs.has_layers)
    if is_drawn and signs.lies_on_text:
        hidden |= hidden_lines(glyphs, lines)
    if outside:
        notes.add(Departure.OUTSIDE)
    if hidden - outside:
        notes.add(Departure.HIDDEN)
    return outside | hidden
