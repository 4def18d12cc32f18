"""Writes small PDFs for tests: Helvetica text, page labels and an outline, without a library."""

from __future__ import annotations

import io
from collections.abc import Sequence


def make_pdf(
    pages: Sequence[str],
    *,
    labels: Sequence[str] = (),
    outline: Sequence[tuple[int, str, int]] = (),
    title: str = "",
) -> bytes:
    """A PDF with one page per text (`""`: a page with a drawing and no text).

    `outline` holds (depth from 0, title, pdf_page from 1); a page outside the file makes a broken
    destination. Text and titles must be Latin-1.
    """
    texts = list(pages)
    first_page, first_item = 4, 4 + 2 * len(texts)
    kids = " ".join(f"{first_page + 2 * n} 0 R" for n in range(len(texts)))
    catalog = "<< /Type /Catalog /Pages 2 0 R"
    if labels:
        numbers = " ".join(f"{n} << /P {_string(label)} >>" for n, label in enumerate(labels))
        catalog += f" /PageLabels << /Nums [{numbers}] >>"
    if outline:
        catalog += f" /Outlines {first_item} 0 R"
    objects = [
        catalog + " >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(texts)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for n, text in enumerate(texts):
        content = f"{first_page + 2 * n + 1} 0 R"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {content} "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(_stream(text))
    objects += _outline(outline, first_item, first_page)
    objects.append(f"<< /Title {_string(title)} >>" if title else "<< >>")
    return _file(objects)


def _string(text: str) -> str:
    for mark in "\\()":
        text = text.replace(mark, "\\" + mark)
    return f"({text})"


def _stream(text: str) -> str:
    lines = "".join(f"{_string(line)} Tj T*\n" for line in text.split("\n"))
    drawn = f"BT /F1 9 Tf 11 TL 50 760 Td\n{lines}ET" if text else "50 50 99 99 re f"
    return f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream"


def _outline(items: Sequence[tuple[int, str, int]], root: int, first_page: int) -> list[str]:
    if not items:
        return []
    children: dict[int, list[int]] = {n: [] for n in range(len(items) + 1)}
    parents, path = {}, [0]
    for n, (depth, _, _) in enumerate(items, start=1):
        del path[depth + 1 :]
        parents[n] = path[-1]
        children[path[-1]].append(n)
        path.append(n)
    objects = [f"<< /Type /Outlines {_kids(children[0], root)} >>"]
    for n, (_, title, page) in enumerate(items, start=1):
        family = children[parents[n]]
        place = family.index(n)
        following = f" /Next {root + family[place + 1]} 0 R" if family[place + 1 :] else ""
        objects.append(
            f"<< /Title {_string(title)} /Parent {root + parents[n]} 0 R{following} "
            f"/Dest [{first_page + 2 * (page - 1)} 0 R /Fit] {_kids(children[n], root)} >>"
        )
    return objects


def _kids(children: Sequence[int], root: int) -> str:
    if not children:
        return ""
    return f"/First {root + children[0]} 0 R /Last {root + children[-1]} 0 R /Count {len(children)}"


def encrypted_pdf(password: str, algorithm: str = "AES-256", *, owner: str | None = None) -> bytes:
    """A PDF of one page, `secret words`, that needs a password; one of its own for the `owner`."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(make_pdf(["secret words"]))))
    writer.encrypt(password, owner, algorithm=algorithm)
    content = io.BytesIO()
    writer.write(content)
    return content.getvalue()


def make_pdf_of_streams(
    streams: Sequence[bytes], *, compressed: bool = False, resources: Sequence[str] = ()
) -> bytes:
    """A PDF with one page per content stream, as it is; `resources` are objects from number 4.

    They are reached as /X4, /X5, ...
    """
    first_page = 4 + len(resources)
    kids = " ".join(f"{first_page + 2 * n} 0 R" for n in range(len(streams)))
    reached = "".join(f"/X{4 + n} {4 + n} 0 R " for n in range(len(resources)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(streams)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        *resources,
    ]
    how = "/Filter /FlateDecode " if compressed else ""
    for n, stream in enumerate(streams):
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            f"/Contents {first_page + 2 * n + 1} 0 R "
            f"/Resources << /Font << /F1 3 0 R >> /XObject << {reached}>> >> >>"
        )
        drawn = stream.decode("latin-1")
        objects.append(f"<< /Length {len(drawn)} {how}>>\nstream\n{drawn}\nendstream")
    return _file([*objects, "<< >>"])


def _file(objects: Sequence[str]) -> bytes:
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    trailer = f"<< /Size {size} /Root 1 0 R /Info {len(objects)} 0 R >>"
    xref = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n{trailer}\n"
    return body + f"{xref}startxref\n{len(body)}\n%%EOF\n".encode()
