"""Why a file or a page of it has no usable text, and which rules changed a page on purpose."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Departure", "Reason"]


class Reason(StrEnum):
    """One word or two for a report; the sentence beside it says what to do."""

    ENCRYPTED = "encrypted"
    DAMAGED = "damaged"
    NOT_A_PDF = "not a PDF"
    NOT_TEXT = "not text"
    TIMED_OUT = "timed out"
    TOO_LARGE = "too large"
    NO_TEXT = "no text layer"
    GARBLED = "garbled text"
    MOSTLY_IMAGE = "mostly image"
    """An image over most of the page and hardly a word: a scan with a stamp on it."""
    UNNAMED = "characters without a name"
    """Some of its characters are unknown: the font does not say which ones it draws."""
    LOST = "text may be missing"
    """Its font is not in the file, and some of its characters could not be read."""
    ORDER = "order uncertain"
    """The order of its lines or columns could not be settled."""
    EMPTY = "empty"
    NOT_OPENED = "not opened"
    LINK = "link"
    """To something outside of the folder that was asked for, or to nothing."""
    FORGOTTEN = "forgotten"
    """It was read, and taken out of the archive again."""
    UNSUPPORTED = "unsupported"
    """Of a kind that is not read, and only met in a folder."""
    HIDDEN = "hidden"
    """Its name, or that of its folder, begins with a dot."""
    NEEDS_READER = "reader not installed"
    """What reads files of its kind is in the extra `formats`."""
    UNSAFE = "not safe to read"
    """Made, it seems, to harm what reads it: it swells, or names what stands outside of it."""
    GUESSED = "encoding guessed"
    """It does not say how its characters are written, and what it says by itself is not sure."""
    BAD_BYTES = "bytes that are no characters"
    """Some of its bytes stand for nothing in its encoding; each has become a question mark."""
    RECOGNISED = "recognised from a picture"
    """Its words were recognised by their shapes (OCR); some may be wrong."""
    NO_WORDS = "no words recognised"
    """Its picture was looked at (OCR), and shows no text."""
    UNCALCULATED = "formulas without a value"
    """It was saved by a program that did not calculate its formulas."""
    NOT_READ = "not read"
    """The process that read it ended for another reason."""


class Departure(StrEnum):
    """Rules by which the text of a PDF page is meant to differ from what other readers give."""

    MARKS = "marks set off"
    """Footnote marks in brackets, exponents after `^`."""
    MARK_LINES = "raised marks joined to their line"
    HIDDEN = "hidden text left out"
    OUTSIDE = "text outside of the page left out"
    FORM_VALUES = "form values added"
    ANNOTATIONS = "annotations added"
    LETTERS = "accents and spaced letters joined"
    GUESSED = "guessed digits taken out"
