"""Small office files, written part by part, and what is read from them."""

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from docpager.documents.carried import Instructions, read_content

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
A = "http://schemas.openxmlformats.org/drawingml/2006/main"
P = "http://schemas.openxmlformats.org/presentationml/2006/main"
C = "http://schemas.openxmlformats.org/drawingml/2006/chart"
DGM = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
M = "http://schemas.openxmlformats.org/officeDocument/2006/math"
WP = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
_NAMES = {"w": W, "r": R, "a": A, "p": P, "c": C, "dgm": DGM, "mc": MC, "m": M, "wp": WP}
NAMESPACES = " ".join(f'xmlns:{short}="{name}"' for short, name in _NAMES.items())
RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"


def zipped(parts, *, first=None):
    """A zip package; `first` is a part that is stored as it is before the others."""
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as package:
        if first:
            package.writestr(first[0], first[1], ZIP_STORED)
        for name, content in parts.items():
            package.writestr(name, content)
    return stream.getvalue()


def relationships(**named):
    """A part of relationships: id=(kind, target), external where a third value says so."""
    rows = "".join(
        f'<Relationship Id="{rid}" Type="{R}/{kind}" Target="{target}"'
        + (' TargetMode="External"/>' if outside else "/>")
        for rid, (kind, target, *outside) in named.items()
    )
    return f'<Relationships xmlns="{RELATIONSHIPS}">{rows}</Relationships>'


def root(name, content):
    return f"<{name} {NAMESPACES}>{content}</{name}>"


def docx(body, *, named=None, **parts):
    """A Word document; `named` are the body's relationships, `parts` other parts by file name."""
    files = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relationships(r1=("officeDocument", "word/document.xml")),
        "word/document.xml": root("w:document", f"<w:body>{body}</w:body>"),
    }
    known = {name: (name, f"{name}.xml") for name in parts}
    files["word/_rels/document.xml.rels"] = relationships(**known, **(named or {}))
    for name, content in parts.items():
        files[f"word/{name}.xml"] = root(f"w:{name}", content)
    return files


def read(content, path="file.docx"):
    """What is read from a file's bytes, or from the parts of a package."""
    content = zipped(content) if isinstance(content, dict) else content
    return read_content(content, path, Instructions())


def text_of(content, path="file.docx"):
    """The text of the only document, without the line end after it."""
    (document,) = read(content, path).documents
    return document.text.rstrip("\n")


def titles(content, path="file.docx"):
    (document,) = read(content, path).documents
    return [(section.number, section.title) for section in document.sections]
