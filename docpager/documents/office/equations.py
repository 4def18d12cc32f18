"""Equations on one line: those of Word (OMML) and of OpenDocument (MathML).

`x^2` and `(a + b)/c` keep what stands above or below what; a row of bare letters would not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from xml.etree.ElementTree import Element

from docpager.documents.office.parts import attribute, child, children
from docpager.documents.packages import local_name

__all__ = ["mathml_text", "omml_text"]

_PROPERTIES_END = "Pr"


def omml_text(element: Element) -> str:
    """An equation of Word on one line.

    Its elements are those of ECMA-376, part 1, section 22.1.
    """
    return "".join(map(_omml, element))


def _omml(element: Element) -> str:
    name = local_name(element)
    if name == "t":
        return element.text or ""
    if name.endswith(_PROPERTIES_END):
        return ""
    write = _OMML.get(name)
    return write(element) if write else omml_text(element)


def _part(element: Element, name: str) -> str:
    found = child(element, name)
    return omml_text(found) if found is not None else ""


def _tight(text: str) -> str:
    """The text, in brackets unless it reads as one thing without them."""
    bare = text.strip()
    return bare if len(bare) < 2 or bare.replace(".", "").isalnum() else f"({bare})"


def _property(element: Element, name: str, default: str) -> str:
    properties = child(element, f"{local_name(element)}{_PROPERTIES_END}")
    found = child(properties, name)
    return default if found is None else attribute(found, "val")


def _fraction(element: Element) -> str:
    return f"{_tight(_part(element, 'num'))}/{_tight(_part(element, 'den'))}"


def _scripts(element: Element) -> str:
    below, above = _part(element, "sub"), _part(element, "sup")
    base = _part(element, "e")
    marks = (f"_{_tight(below)}" if below else "") + (f"^{_tight(above)}" if above else "")
    return marks + base if local_name(element) == "sPre" else base + marks


def _radical(element: Element) -> str:
    degree = _part(element, "deg").strip()
    return f"{degree}√{_tight(_part(element, 'e'))}"


def _delimited(element: Element) -> str:
    left, right = _property(element, "begChr", "("), _property(element, "endChr", ")")
    between = _property(element, "sepChr", "|")
    return f"{left}{between.join(map(omml_text, children(element, 'e')))}{right}"


def _n_ary(element: Element) -> str:
    sign = _property(element, "chr", "∫")
    below, above = _part(element, "sub"), _part(element, "sup")
    marks = (f"_{_tight(below)}" if below else "") + (f"^{_tight(above)}" if above else "")
    return f"{sign}{marks} {_part(element, 'e')}"


def _function(element: Element) -> str:
    return f"{_part(element, 'fName')} {_part(element, 'e')}"


def _limit(element: Element) -> str:
    return f"{_part(element, 'e')}_{_tight(_part(element, 'lim'))}"


def _matrix(element: Element) -> str:
    rows = (", ".join(map(omml_text, children(row, "e"))) for row in children(element, "mr"))
    return f"[{'; '.join(rows)}]"


def _array(element: Element) -> str:
    return "; ".join(map(omml_text, children(element, "e")))


_OMML: Mapping[str, Callable[[Element], str]] = {
    "f": _fraction,
    "sSup": _scripts,
    "sSub": _scripts,
    "sSubSup": _scripts,
    "sPre": _scripts,
    "rad": _radical,
    "d": _delimited,
    "nary": _n_ary,
    "func": _function,
    "limLow": _limit,
    "limUpp": _limit,
    "m": _matrix,
    "eqArr": _array,
}


def mathml_text(element: Element) -> str:
    """An equation in MathML (version 3) on one line; the source it was typed in is left out."""
    name = local_name(element)
    if name.startswith("annotation"):
        return ""
    parts = [mathml_text(each) for each in element]
    if not len(element):
        return (element.text or "").strip()
    write = _MATHML.get(name)
    if write and len(parts) >= write[0]:
        return write[1](parts)
    return " ".join(filter(None, parts))


_MATHML: Mapping[str, tuple[int, Callable[[Sequence[str]], str]]] = {
    "mfrac": (2, lambda p: f"{_tight(p[0])}/{_tight(p[1])}"),
    "msup": (2, lambda p: f"{p[0]}^{_tight(p[1])}"),
    "mover": (2, lambda p: f"{p[0]}^{_tight(p[1])}"),
    "msub": (2, lambda p: f"{p[0]}_{_tight(p[1])}"),
    "munder": (2, lambda p: f"{p[0]}_{_tight(p[1])}"),
    "msubsup": (3, lambda p: f"{p[0]}_{_tight(p[1])}^{_tight(p[2])}"),
    "munderover": (3, lambda p: f"{p[0]}_{_tight(p[1])}^{_tight(p[2])}"),
    "msqrt": (1, lambda p: f"√{_tight(' '.join(p))}"),
    "mroot": (2, lambda p: f"{p[1]}√{_tight(p[0])}"),
    "mtd": (1, lambda p: " ".join(p)),
    "mtr": (1, ", ".join),
    "mtable": (1, "; ".join),
}
