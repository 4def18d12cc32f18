"""What the packages of Word and PowerPoint have in common: parts, and how they name each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element

from docpager.core.errors import DocumentError
from docpager.documents.carried import CarriedFile, FileContents, Instructions
from docpager.documents.document import Document
from docpager.documents.flow import Flow, on_one_line
from docpager.documents.packages import Package, local_name
from docpager.documents.reasons import Reason

__all__ = [
    "OfficeParts",
    "Relationship",
    "attribute",
    "child",
    "children",
    "chosen",
    "descendant",
    "is_on",
    "nesting_is_bounded",
    "whole_number",
]

_NO_TITLE = re.compile(
    r"(?:microsoft )?(?:power\s?point|word|office)\b.*|.*\b(?:power\s?point|word)$"
    r"|slide \d+|(?:document|presentation|untitled)\s?\d*|.*\.(?:docx?|pptx?|dotx?|potx?)",
    re.IGNORECASE,
)
"""Titles that programs give by themselves."""


def attribute(element: Element, name: str, default: str = "") -> str:
    """The attribute of that name, whatever its namespace."""
    found = element.get(name)
    if found is not None:
        return found
    return next((v for key, v in element.items() if key.rpartition("}")[2] == name), default)


def child(element: Element | None, *names: str) -> Element | None:
    """The first child of that name, its first child of the next name, and so on."""
    for name in names:
        if element is None:
            return None
        element = next((each for each in element if local_name(each) == name), None)
    return element


def children(element: Element | None, name: str) -> Iterator[Element]:
    """The children of that name."""
    return (each for each in (() if element is None else element) if local_name(each) == name)


def descendant(element: Element | None, name: str) -> Element | None:
    """The first element of that name beneath another."""
    if element is None:
        return None
    return next((each for each in element.iter() if local_name(each) == name), None)


def chosen(alternatives: Element) -> Element | None:
    """Of content that is there in several forms (`mc:AlternateContent`), the one that is shown."""
    forms = list(children(alternatives, "Choice")) or list(children(alternatives, "Fallback"))
    return forms[0] if forms else None


def is_on(switch: Element | None) -> bool:
    """Whether a property that is either on or off is there and on."""
    return switch is not None and attribute(switch, "val", "1") not in ("0", "false", "off", "none")


def whole_number(text: str, default: int, *, least: int = 0, most: int = 1_000_000) -> int:
    """The number that an attribute holds, within bounds."""
    try:
        return min(most, max(least, int(text)))
    except ValueError:
        return default


def nesting_is_bounded(
    read: Callable[[bytes, str, Instructions], FileContents],
) -> Callable[[bytes, str, Instructions], FileContents]:
    """What is nested so deep that walking it would end Python's stack is a named error."""

    @wraps(read)
    def bounded(content: bytes, path: str, instructions: Instructions) -> FileContents:
        try:
            return read(content, path, instructions)
        except RecursionError as error:
            raise DocumentError(
                f"{path!r} is nested deeper than is safe to read; leave it out", Reason.UNSAFE
            ) from error

    return bounded


@dataclass(frozen=True, slots=True)
class Relationship:
    """How one part names another."""

    kind: str
    """The last word of its type, such as `image` or `footnotes`."""
    target: str
    """Name of a part; an address where it is external."""
    external: bool = False


class OfficeParts:
    """The parts of an office package, by name and by relationship; nothing external is followed."""

    def __init__(self, content: bytes, path: str) -> None:
        """Open the package.

        Raises:
            DocumentError: it is damaged, encrypted, or larger inside than is safe to read.
        """
        self._package = Package(content, path)
        self.path = path
        self.problems: list[str] = []
        self.carried: list[CarriedFile] = []
        self._real_names: Mapping[str, str] = {
            name.replace("\\", "/").lower(): name for name in self._package.names
        }
        self._relationships: dict[str, Mapping[str, Relationship]] = {}
        self._taken: set[str] = set()

    def main_part(self, usual: str) -> str:
        """The name of the part with the document itself."""
        declared = self.related("", "officeDocument")
        return declared if declared in self else usual

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._real_names

    def needed_xml(self, name: str) -> Element:
        """A part without which there is no document.

        Raises:
            DocumentError: it is not there, damaged, or declares what is not safe to read.
        """
        return self._package.xml(self._real_names.get(name.lower(), name))

    def xml(self, name: str) -> Element | None:
        """A part, or None where it is not there or damaged, which is noted as a problem.

        Raises:
            DocumentError: it declares what is not safe to read.
        """
        if not name or name not in self:
            return None
        try:
            return self.needed_xml(name)
        except DocumentError as error:
            if error.reason == Reason.UNSAFE:
                raise
            self.problems.append(str(error))
            return None

    def relationships(self, name: str) -> Mapping[str, Relationship]:
        """What the part `name` names, by id; the package itself is the part with an empty name."""
        if name not in self._relationships:
            place = PurePosixPath(name)
            root = self.xml(str(place.parent / "_rels" / f"{place.name}.rels"))
            self._relationships[name] = {
                attribute(each, "Id"): self._relationship(name, each)
                for each in children(root, "Relationship")
            }
        return self._relationships[name]

    def related(self, name: str, kind: str) -> str:
        """The name of the first part of that kind that the part `name` names; empty where none."""
        return next((each.target for each in self._of_kind(name, kind)), "")

    def related_xml(self, name: str, kind: str) -> Element | None:
        """That part; see `xml`."""
        return self.xml(self.related(name, kind))

    def take(self, name: str) -> bool:
        """Whether a part is met for the first time: a part that is named twice is read once."""
        if name.lower() in self._taken:
            return False
        self._taken.add(name.lower())
        return True

    def carry(self, name: str) -> None:
        """Note a part as a file to be read by itself."""
        if name in self and self.take(name):
            try:
                content = self._package.read(self._real_names[name.lower()])
            except DocumentError as error:
                self.carried.append(CarriedFile(PurePosixPath(name).name, failure=str(error)))
            else:
                self.carried.append(CarriedFile(PurePosixPath(name).name, content))

    def carry_related(self, name: str) -> None:
        """Note the files that are embedded in a part, those of charts left out."""
        for kind in ("package", "oleObject", "aFChunk"):
            for each in self._of_kind(name, kind):
                self.carry(each.target)

    def title(self) -> str:
        """The title in the file's properties, unless a program gave it by itself."""
        root = self.xml(self.related("", "core-properties") or "docProps/core.xml")
        found = child(root, "title")
        title = on_one_line(found.text or "") if found is not None else ""
        return "" if _NO_TITLE.fullmatch(title) else title

    def contents(self, flow: Flow, kind: str, content: bytes, title: str) -> FileContents:
        """What was written and what the package carries; a file may be only a cover of others.

        Raises:
            DocumentError: there is neither text nor an embedded file.
        """
        try:
            documents: tuple[Document, ...] = (
                flow.document(kind, self.path, content, title=title),
            )
        except DocumentError as error:
            if error.reason != Reason.EMPTY or not self.carried:
                raise
            documents = ()
            self.problems.append(f"{self.path!r} holds no text but that of its embedded files")
        return FileContents(documents, tuple(self.problems), tuple(self.carried))

    def _of_kind(self, name: str, kind: str) -> Iterator[Relationship]:
        found = self.relationships(name).values()
        return (each for each in found if each.kind == kind and not each.external)

    def _relationship(self, name: str, element: Element) -> Relationship:
        kind = attribute(element, "Type").rpartition("/")[2]
        target = attribute(element, "Target")
        external = attribute(element, "TargetMode").lower() == "external"
        if not external:
            target = self._package.related(name, target.replace("\\", "/"))
        return Relationship(kind, target, external)
