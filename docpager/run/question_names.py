"""Which company, person or year that a question names is missing where its answer is cited.

A right-looking sentence from another company's report, or of another year, is the mistake that a
checked quote does not show. What is missing is told beside the answer; it is a remark, not a
verdict: a page need not repeat whom it is about.

Names are found by their form (capital letters within a sentence), so languages that write every
noun with a capital letter get years only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["missing_names", "names_in"]

_YEAR = re.compile(r"(?<!\d)(?:1[5-9]\d\d|20\d\d)(?!\d)")
_WORD = re.compile(r"[^\W_]+(?:[&'’.-][^\W_]+)*")
_SENTENCE = re.compile(r"(?<=[.?!:])\s+|\n+")

_NO_NAMES = frozenset(
    """
    a an the i if in on at of for from to by with and or yes no english
    what which who whom whose when where why how
    is are was were do does did has have had can could would should
    give name list tell find according based calculate compute answer please assume using round
    state define describe explain
    january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday
    company corp corporation inc ltd plc llc co group holdings limited
    ceo cfo coo cto us usa uk eu usd eur gbp gaap ifrs sec
    ebit ebitda fcf cogs ppe pp&e roa roe roi eps fy yoy r&d sg&a dpo dio dso capex opex
    q1 q2 q3 q4 10-k 10-q 10k 10q 8-k form
    item note table figure page section chapter appendix part annual report id pdf ai it tv
    """.split()  # noqa: SIM905
)
"""Words with a capital letter that name nobody."""

_NOUNS_WITH_CAPITALS = frozenset("der das dem den des wie wer und im ist wurde waren eine".split())  # noqa: SIM905
"""Two of these words: the question is German, where a capital letter tells nothing."""


def names_in(question: str) -> tuple[str, ...]:
    """The names and years in a question, in their order.

    >>> names_in("How much did Harbour Trust, led by Ada Quill, spend in FY1975?")
    ('Harbour Trust', 'Ada Quill', '1975')
    """
    words = {word.lower() for word in _WORD.findall(question)}
    found: list[str] = []
    if len(words & _NOUNS_WITH_CAPITALS) < 2:
        for sentence in _SENTENCE.split(question):
            found += _capitalised(sentence)
    return tuple(dict.fromkeys([*found, *_YEAR.findall(question)]))


def _capitalised(sentence: str) -> Iterator[str]:
    """Runs of words with capital letters; the first word of a sentence has one anyway."""
    run: list[str] = []
    end = 0
    for position, match in enumerate(_WORD.finditer(sentence)):
        word = re.sub(r"['’]s$", "", match[0])
        is_name = word[0].isupper() and word.lower() not in _NO_NAMES and not _YEAR.search(word)
        between = sentence[end : match.start()]
        if run and not (is_name and between in (" ", " & ")):
            yield " ".join(run)
            run = []
        if is_name and not (position == 0 and word[1:].islower()):
            run.append(word)
        end = match.end() if word == match[0] else -1
    if run:
        yield " ".join(run)


def missing_names(question: str, page: str, title: str) -> tuple[str, ...]:
    """Names and years of `question` that stand neither in `page` nor in `title`.

    `title` is the document's title and path: `MGMRESORTS_2018_10K.pdf` names MGM Resorts and 2018.

    >>> missing_names("What did Acme Mills pay Bolt in 2019?", "Acme Mills paid ...", "2018.pdf")
    ('Bolt', '2019')
    """
    names = names_in(question)
    if not names:
        return ()
    text = f"{page}\n{title}"
    words = {word.casefold() for word in re.findall(r"[^\W_]+", text)}
    years, run_together = set(_YEAR.findall(text)), _letters(title)
    return tuple(
        name
        for name in names
        if name not in years
        and not words.issuperset(each.casefold() for each in re.findall(r"[^\W_]+", name))
        and _letters(name) not in run_together
    )


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()
