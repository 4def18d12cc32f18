"""Words: how a text is taken apart, and which words say little."""

from __future__ import annotations

import re

__all__ = ["STOP_WORDS", "flat", "shortened", "stem", "tokens"]

_WORD = re.compile(r"[^\W_]+(?:[&'’][^\W_]+)*")

_STOP_WORDS = """
a about above after again against all also am an and any are as at be because been before
being below between both but by can cannot could did do does doing down during each either
else few for from further had has have having he her here hers him his how i if in into is it
its itself just let may me might more most must my neither no nor not now of off on once one
only or other our out over own per please same shall she should so some such than that the
their them then there these they this those through to too under until up upon us very via was
we were what whatever when where whether which while who whom whose why will with within
without would yes you your s t d ll ve re aber als am an auch auf aus bei bis da damit das
dass dem den der des die dies diese dieser dieses durch ein eine einem einen einer eines er es
für gegen hat haben hatte ihr ihre im in ist kann man mit nach nicht noch nur oder sein seine
sich sie sind so über um und uns unter vom von vor war waren was wann warum welche welcher
welches wer werden wie wird wo wurde wurden zu zum zur wieviel viele
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""English and German words that select nothing."""


def tokens(text: str) -> list[str]:
    """The words of `text` in lower case, possessive endings dropped."""
    return [re.sub(r"['’]s$", "", match[0].lower()) for match in _WORD.finditer(text)]


def stem(word: str) -> str:
    """A lower-case word without the `s` of a plural.

    >>> stem("sales"), stem("loss")
    ('sale', 'loss')
    """
    is_plural = len(word) > 3 and word.endswith("s") and not word.endswith("ss")
    return word[:-1] if is_plural else word


def flat(text: str) -> str:
    """Text on one line."""
    return " ".join(text.split())


def shortened(text: str, characters: int) -> str:
    """`text` cut at a word, so that it stays an exact quote."""
    if len(text) <= characters:
        return text
    cut = text.rfind(" ", 0, characters + 1)
    return text[: cut if cut > characters // 2 else characters].rstrip()
