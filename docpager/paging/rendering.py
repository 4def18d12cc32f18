"""How pages look in main context: passage headers, page marks, fences."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from docpager.core.passages import Note, Passage
from docpager.core.visible import tags_spelled

__all__ = ["fence", "marker_for", "one_line", "render_note", "render_passage", "render_passages"]


def render_passage(passage: Passage) -> str:
    """One passage under its header, with `[p46]` where PDF page 46 begins.

    >>> render_passage(Passage(3, 120, "end. Start", 3, 0, 45, ((5, 46),)))
    '[D3:c120 p45]\\nend. [p46]Start'
    """
    pieces, past = [], 0
    for offset, pdf_page in passage.page_starts:
        if offset:
            pieces += [passage.text[past:offset], f"[p{pdf_page}]"]
            past = offset
    pieces.append(passage.text[past:])
    page = passage.pdf_page_at(0)
    place = f" p{page}" if page is not None else f" {passage.caption}" if passage.caption else ""
    return f"[{passage.id}{place}]\n{tags_spelled(''.join(pieces).rstrip())}"


def render_passages(passages: Iterable[Passage]) -> str:
    """Passages one under the other."""
    return "\n".join(render_passage(passage) for passage in passages)


def render_note(note: Note) -> str:
    """A note as one paragraph: its name, its sources, its text.

    >>> render_note(Note(2, "paid $41 million", ("D2:c88",), ()))
    'N2 [D2:c88] paid $41 million'
    """
    sources = f" [{', '.join(note.sources)}]" if note.sources else ""
    return f"{note.name}{sources} {note.text}"


def page_span(
    passages: Sequence[Passage], labels: Mapping[int, str], word: str = "pdf page"
) -> str:
    """`, pdf pages 45-47 (printed 43-45)`, or nothing where there are no pages; `word` is what the
    document's pages are called."""
    numbers = [page for passage in passages for page in passage.pdf_pages or ()]
    if not numbers:
        return ""
    first, last = min(numbers), max(numbers)
    span = _span(str(first), str(last))
    printed = _span(labels.get(first, str(first)), labels.get(last, str(last)))
    pages = word if first == last else f"{word}s"
    return f", {pages} {span}" + (f" (printed {printed})" if printed != span else "")


def _span(first: str, last: str) -> str:
    return first if first == last else f"{first}-{last}"


def one_line(text: str, *, limit: int = 120) -> str:
    """`text` on one line of at most `limit` characters: the only form in which titles are shown."""
    flat = " ".join(tags_spelled(text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def marker_for(question: str, texts: Iterable[str]) -> str:
    """A fence marker that occurs in none of `texts`: from the question's hash, not from chance."""
    joined = "\n".join(texts)
    salt = 0
    while True:
        marker = hashlib.sha256(f"{salt}:{question}".encode()).hexdigest()[:8]
        if marker not in joined:
            return marker
        salt += 1


def fence(text: str, marker: str) -> str:
    """`text` between two lines that it cannot contain."""
    return f"<<<{marker}\n{text}\n{marker}>>>"
