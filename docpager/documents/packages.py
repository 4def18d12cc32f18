"""Files that are made of files (zip packages of office and EPUB), opened within limits, and XML.

What is inside such a file may be made to harm whoever opens it: a megabyte that swells to a
terabyte, a million empty entries, an entity that stands for itself many times over, an address to
be fetched. Every package is looked at before anything of it is read, and nothing is ever written to
disk or fetched. A name inside it is data, never a path.
"""

from __future__ import annotations

import codecs
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from io import BytesIO
from posixpath import dirname, normpath
from typing import cast
from xml.etree.ElementTree import Element, ParseError, XMLParser, XMLPullParser

from docpager.core.errors import DocumentError
from docpager.documents.encodings import codec_of
from docpager.documents.reasons import Reason

__all__ = ["Package", "check_xml", "elements", "local_name", "parse_xml", "streamed_xml"]

_MOST_ENTRIES = 20_000
_MOST_BYTES = 500_000_000
"""Decompressed, all parts together; a reader has 2 GB."""
_MOST_PART_BYTES = 250_000_000
_MOST_RATIO = 250
"""Decompressed to compressed, of a part larger than the next figure: the XML of an empty table
reaches about 100."""
_RATIO_FROM = 4_000_000
_DEEPEST_XML = 400
"""Elements inside one another; office files stay below 60."""

_FED_AT_ONCE = 1_000_000
"""Characters of a streamed part."""

_DECLARES = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)\b")
_ENCODING = re.compile(rb"""^<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_FAULTS = (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, ValueError, RuntimeError)
"""What zipfile raises for files that are damaged, encrypted or of a strange compression."""


class Package:
    """A zip file whose parts are read within limits."""

    def __init__(self, content: bytes, path: str) -> None:
        """Open it, and look at its table of contents.

        Raises:
            DocumentError: it is damaged, encrypted, or larger inside than is safe to read.
        """
        self.path = path
        try:
            self._zip = zipfile.ZipFile(BytesIO(content))
            entries = self._zip.infolist()
        except _FAULTS as error:
            raise self._damaged(error) from error
        if len(entries) > _MOST_ENTRIES:
            raise self._unsafe(f"holds {len(entries):,} parts; {_MOST_ENTRIES:,} are read at most")
        if any(entry.flag_bits & 1 for entry in entries):
            raise DocumentError(
                f"{path!r} is encrypted; save it without a password", Reason.ENCRYPTED
            )
        for entry in entries:
            self._check_size(entry)
        total = sum(entry.file_size for entry in entries)
        if total > _MOST_BYTES:
            raise self._unsafe(f"swells to {total:,} bytes; {_MOST_BYTES:,} are read at most")
        self._entries: Mapping[str, zipfile.ZipInfo] = {e.filename: e for e in entries}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its parts, in the order of the file."""
        return tuple(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def read(self, name: str) -> bytes:
        """A part's bytes.

        Raises:
            DocumentError: it is not there, or damaged.
        """
        try:
            return self._zip.read(self._entries[name])
        except KeyError as error:
            raise DocumentError(
                f"{self.path!r} lacks its part {name!r}; export it again", Reason.DAMAGED
            ) from error
        except _FAULTS as error:
            raise self._damaged(error) from error

    def xml(self, name: str) -> Element:
        """A part parsed as XML.

        Raises:
            DocumentError: it is not there, damaged, or declares what is not safe to read.
        """
        return parse_xml(self.read(name), f"{self.path} ({name})")

    def streamed(
        self, name: str, *, whole: Collection[str], opened: Collection[str] = ()
    ) -> Iterator[tuple[str, Element]]:
        """The elements of a large part one after the other, see `streamed_xml`.

        Raises:
            DocumentError: it is not there, damaged, or declares what is not safe to read.
        """
        path = f"{self.path} ({name})"
        return streamed_xml(self.read(name), path, whole=whole, opened=opened)

    def check_xml(self) -> None:
        """Look at every XML part before a library is given the package.

        Raises:
            DocumentError: one is damaged, or declares what is not safe to read.
        """
        for name in self.names:
            if name.lower().endswith((".xml", ".rels", ".vml", ".opf", ".ncx")):
                check_xml(self.read(name), f"{self.path} ({name})")

    def related(self, name: str, target: str) -> str:
        """The part that `target` names from within the part `name`; it may not be there.

        >>> # "ppt/slides/slide1.xml", "../notesSlides/notesSlide1.xml"
        """
        if target.startswith("/"):
            return normpath(target).lstrip("/")
        return normpath(f"{dirname(name)}/{target}").lstrip("/")

    def _check_size(self, entry: zipfile.ZipInfo) -> None:
        if entry.file_size > _MOST_PART_BYTES:
            raise self._unsafe(
                f"holds a part of {entry.file_size:,} bytes; {_MOST_PART_BYTES:,} are read at most"
            )
        ratio = entry.file_size / max(1, entry.compress_size)
        if entry.file_size > _RATIO_FROM and ratio > _MOST_RATIO:
            raise self._unsafe(
                f"holds a part that swells to {ratio:,.0f} times its size; "
                f"{_MOST_RATIO} times are read at most"
            )

    def _unsafe(self, what: str) -> DocumentError:
        return DocumentError(f"{self.path!r} {what}; leave it out", Reason.UNSAFE)

    def _damaged(self, error: Exception) -> DocumentError:
        detail = str(error) or type(error).__name__
        return DocumentError(
            f"{self.path!r} is damaged ({detail[:200]}); export it again", Reason.DAMAGED
        )


def parse_xml(content: bytes, path: str) -> Element:
    """The root element of an XML file that declares no document type and no entities.

    Raises:
        DocumentError: it is damaged, declares one, or nests too deep.
    """
    text = check_xml(content, path)
    parser = XMLParser(target=_Builder(path))
    try:
        parser.feed(text)
        root: Element = parser.close()
    except (ParseError, ValueError) as error:
        raise DocumentError(
            f"{path!r} is damaged ({error}); export it again", Reason.DAMAGED
        ) from (error)
    return root


def streamed_xml(
    content: bytes, path: str, *, whole: Collection[str], opened: Collection[str] = ()
) -> Iterator[tuple[str, Element]]:
    """Elements in document order, each let go of before the next: a sheet may hold millions.

    Yields `("end", element)` for each outermost element of a name in `whole`, with all that is in
    it, and `("start", element)` where one of a name in `opened` begins. Names are without their
    namespaces.

    Raises:
        DocumentError: as `parse_xml`, where the fault is met.
    """
    text = check_xml(content, path)
    parser: XMLPullParser[Element] = XMLPullParser(("start", "end"))
    above: list[Element] = []
    inside = 0
    try:
        for offset in range(0, len(text), _FED_AT_ONCE):
            parser.feed(text[offset : offset + _FED_AT_ONCE])
            events = cast("Iterator[tuple[str, Element]]", parser.read_events())
            for event, element in events:
                is_whole = local_name(element) in whole
                if event == "start":
                    above.append(element)
                    inside += is_whole
                    if len(above) > _DEEPEST_XML:
                        raise _nested(path)
                    if not inside and opened and local_name(element) in opened:
                        yield "start", element
                    continue
                above.pop()
                inside -= is_whole
                if not inside:
                    if is_whole:
                        yield "end", element
                    if above:
                        above[-1].remove(element)
        parser.close()
    except (ParseError, ValueError) as error:
        raise DocumentError(
            f"{path!r} is damaged ({error}); export it again", Reason.DAMAGED
        ) from error


def check_xml(content: bytes, path: str) -> str:
    """The XML as text, without its declaration.

    Office files need no document type, and nothing good comes of one: it is where entities are
    declared, which may swell without end or name files and addresses.

    Raises:
        DocumentError: it declares a document type or an entity, or is written in a way unknown.
    """
    text = _decoded(content, path)
    if "\0" in text:
        # XML has no such character. Expat takes it for a sign of UTF-16 though it was given text,
        # and would read what the search beneath did not see.
        raise DocumentError(
            f"{path!r} is damaged (it holds characters that XML does not have); export it again",
            Reason.DAMAGED,
        )
    if _DECLARES.search(text):
        raise DocumentError(
            f"{path!r} declares a document type or entities, which are not read; leave it out",
            Reason.UNSAFE,
        )
    return text


def _decoded(content: bytes, path: str) -> str:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if content.startswith(mark):
            text = content[len(mark) :].decode(encoding, "replace")
            break
    else:
        declared = _ENCODING.match(content)
        name = declared[1].decode("ascii") if declared else "utf-8"
        codec = codec_of(name)
        if codec is None:
            raise DocumentError(
                f"{path!r} is written in the unknown encoding {name!r}; export it again",
                Reason.DAMAGED,
            )
        text = content.decode(codec, "replace")
    # What it declares was obeyed; the parser is given text and must not obey it again.
    return re.sub(r"^\s*<\?xml[^>]*\?>", "", text, count=1)


class _Builder:
    """Builds elements, and stops where they nest too deep for what walks them."""

    def __init__(self, path: str) -> None:
        from xml.etree.ElementTree import TreeBuilder

        self._path = path
        self._tree = TreeBuilder()
        self._depth = 0
        self.data = self._tree.data
        self.close = self._tree.close

    def start(self, tag: str, attributes: dict[str, str]) -> Element:
        self._depth += 1
        if self._depth > _DEEPEST_XML:
            raise _nested(self._path)
        return self._tree.start(tag, attributes)

    def end(self, tag: str) -> Element:
        self._depth -= 1
        return self._tree.end(tag)


def _nested(path: str) -> DocumentError:
    return DocumentError(
        f"{path!r} nests more than {_DEEPEST_XML} elements; leave it out", Reason.UNSAFE
    )


def local_name(element: Element) -> str:
    """The element's name without its namespace.

    >>> local_name(Element("{urn:x}p"))
    'p'
    """
    return element.tag.rpartition("}")[2]


def elements(root: Element, name: str) -> Iterator[Element]:
    """Every element under `root` of that name, whatever its namespace, in document order."""
    return (each for each in root.iter() if local_name(each) == name)
