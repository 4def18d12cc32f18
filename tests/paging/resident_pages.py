"""Passages and page tables for tests of paging."""

from __future__ import annotations

from docpager.core.passages import Passage, PassageId
from docpager.paging.page_table import PageTable
from docpager.paging.token_sizes import Size


def passage(ordinal: int, text: str = "text", document: int = 1) -> Passage:
    return Passage(document, ordinal, text, 1, 0)


def pid(ordinal: int, document: int = 1) -> PassageId:
    return PassageId(document, ordinal)


def table_of(sizes: dict[int, int]) -> PageTable:
    """Passages of document 1 by ordinal and size, paged in one after the other."""
    table = PageTable()
    for step, (ordinal, tokens) in enumerate(sizes.items(), 1):
        table.page_in(passage(ordinal), size=Size.exact(tokens), step=step)
    return table
