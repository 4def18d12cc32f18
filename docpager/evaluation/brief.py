"""Gold answers so brief that they stand in many texts: yes, no, and small counts."""

from __future__ import annotations

import re

from docpager.evaluation.numbers import agree, figures, only_figure

__all__ = ["is_brief", "says_brief"]

_SMALL = 100
_VERDICTS = ("yes", "no", "true", "false")
_FIRST_WORD = re.compile(r"\W*(?:(?:the )?answer(?: is)?\W+)?(\w+)", re.IGNORECASE)
_MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_NAMES = (
    r"(?:tables?|fig(?:ures?)?|pages?|pp?|sections?|chapters?|items?|notes?|exhibits?|appendix)"
)
_NUMBERED = re.compile(
    rf"\b(?:{_NAMES}[.\s]*\d[\d.-]*|{_MONTHS}\s+\d{{1,2}}\b|\d{{1,2}}\s+{_MONTHS})", re.IGNORECASE
)
"""Numbers that name something: `Table 2`, `page 14`, `May 3`."""


def is_brief(gold: str) -> bool:
    """Whether a gold answer is a verdict or a whole number below 100 and nothing else."""
    figure = only_figure(gold)
    if figure is not None:
        return figure.bare and abs(figure.number) < _SMALL
    return _verdict(gold) == gold.strip(" .!").lower()


def says_brief(answer: str, gold: str, *, tolerance: float) -> bool:
    """Whether an answer commits itself to a brief gold answer.

    A verdict must be its first word (`The answer is` aside). A small count must be its first small
    figure; one that names a table, a page or a day counts only where there is no other.

    >>> says_brief("Table 2: 5 apples, 7 pears", "2", tolerance=0.01)
    False
    """
    wanted = only_figure(gold)
    if wanted is None:
        return _verdict(answer) == gold.strip(" .!").lower()
    for text in (_NUMBERED.sub(" ", answer), answer):
        small = [each for each in figures(text) if abs(each.number) < _SMALL]
        if small:
            return agree(small[0], wanted, tolerance=tolerance)
    return False


def _verdict(text: str) -> str | None:
    """The yes or no with which a text begins."""
    first = _FIRST_WORD.match(text)
    return first[1].lower() if first and first[1].lower() in _VERDICTS else None
