"""Financial statements: how their pages are recognised."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from docpager.models.extractive.view import SeenPassage

__all__ = ["headed_pages", "heading_pattern"]


def heading_pattern(titles: Sequence[str]) -> str:
    """A pattern, for RE2 and for `re`, of lines that head a statement.

    >>> bool(re.search(heading_pattern(["balance sheets"]), "Assets\\nConsolidated Balance Sheet"))
    True
    """
    written = dict.fromkeys(t.replace("statements", "statement").rstrip("s") for t in titles)
    either = "|".join(map(_loose, written))
    return rf"(?im)^.{{0,40}}\b(?:{either}) ?s?\s*(?:\(.*)?$"


def _loose(title: str) -> str:
    """A title whose words may be torn apart, as kerning does in PDFs, and in the plural."""
    words = [" ?".join(word) for word in title.split()]
    return r"\s+".join(word + " ?s?" if n == 0 else word for n, word in enumerate(words))


def headed_pages(
    passages: Iterable[SeenPassage], statements: Sequence[Sequence[str]]
) -> frozenset[tuple[int, int]]:
    """(document, PDF page) of the pages in main context that one of the statements heads.

    Where there are no PDF pages, the passage stands for its page, as a negative number.
    """
    patterns = [re.compile(heading_pattern(titles)) for titles in statements]
    found = set()
    for passage in passages:
        for pattern in patterns:
            for match in pattern.finditer(passage.text):
                page = passage.pdf_page_at(match.end())
                found.add((passage.document, -passage.ordinal if page is None else page))
    return frozenset(found)
