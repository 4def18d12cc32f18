"""pdfium's functions that are called for single characters and objects, with little around them.

`pypdfium2.raw` checks and converts each argument, and for a handle that pdfium returns it makes an
object; that takes longer than most of these functions do. Here handles are addresses, and the lock
of the interpreter is kept, as none of them takes long (measured: 2 to 5 times as fast).
"""

from __future__ import annotations

from ctypes import PYFUNCTYPE, c_double, c_int, c_ulong, c_void_p, cast
from functools import cache
from typing import Any

__all__ = ["address_of", "native"]

_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "FPDFText_GetLooseCharBox": (c_int, c_void_p, c_int, c_void_p),
    "FPDFText_GetFontSize": (c_double, c_void_p, c_int),
    "FPDFText_GetFontInfo": (c_ulong, c_void_p, c_int, c_void_p, c_ulong, c_void_p),
    "FPDFText_GetFillColor": (c_int, c_void_p, c_int, c_void_p, c_void_p, c_void_p, c_void_p),
    "FPDFText_HasUnicodeMapError": (c_int, c_void_p, c_int),
    "FPDFText_GetTextObject": (c_void_p, c_void_p, c_int),
    "FPDFText_GetMatrix": (c_int, c_void_p, c_int, c_void_p),
    "FPDFText_IsGenerated": (c_int, c_void_p, c_int),
    "FPDFTextObj_GetTextRenderMode": (c_int, c_void_p),
    "FPDFPage_CountObjects": (c_int, c_void_p),
    "FPDFPage_GetObject": (c_void_p, c_void_p, c_int),
    "FPDFFormObj_CountObjects": (c_int, c_void_p),
    "FPDFFormObj_GetObject": (c_void_p, c_void_p, c_int),
    "FPDFPageObj_GetType": (c_int, c_void_p),
    "FPDFPageObj_GetBounds": (c_int, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p),
    "FPDFPageObj_CountMarks": (c_int, c_void_p),
    "FPDFTextObj_GetFont": (c_void_p, c_void_p),
    "FPDFFont_GetIsEmbedded": (c_int, c_void_p),
    "FPDFTextObj_SetTextRenderMode": (c_int, c_void_p, c_int),
}
"""What each returns, then what it takes."""


@cache
def native(name: str) -> Any:
    """The function of that name, which takes and returns handles as numbers (None for none)."""
    import pypdfium2.raw as pdfium

    return PYFUNCTYPE(*_ARGUMENTS[name])(address_of(getattr(pdfium, name)))


def address_of(handle: Any) -> int:
    """The address that a handle or a function of `pypdfium2.raw` stands for."""
    return cast(handle, c_void_p).value or 0
