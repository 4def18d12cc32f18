"""Words too common to search for, a short list per language."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["STOP_WORDS", "without_stop_words"]

_ENGLISH = """
a about an and any are as at be been but by can could did do does for from had has have he her his
how i if in into is it its me my of on or our she should so than that the their them then there
these they this those to was we were what when where which who whom whose why will with would you
your
"""
_GERMAN = """
als am an auch auf aus bei bin bis das dass dem den der des die du durch ein eine einem einen
einer eines er es für hat ich ihr im in ist kann man mit nach nicht oder sie sind so und vom von
vor war waren warum was welche welchen welcher welches wenn wer werden wie wird wo zu zum zur über
"""
_FRENCH = """
a à au aux avec ce ces cette comme comment d dans de des du elle en est et eu il ils je l la le
les leur lui mais ne nous on ou où par pas pour pourquoi qu quand que quel quelle quelles quels
qui s sa se ses son sont sur un une vous était
"""
_SPANISH = """
a al como cómo con cual cuál cuáles cuando cuándo de del donde dónde el ella en era es esta este
fue ha la las le lo los más no o para pero por qué que quien quién se ser si sin sobre son su sus
un una y
"""

STOP_WORDS = {
    "en": frozenset(_ENGLISH.split()),
    "de": frozenset(_GERMAN.split()),
    "fr": frozenset(_FRENCH.split()),
    "es": frozenset(_SPANISH.split()),
}


def without_stop_words(words: Sequence[str]) -> list[str]:
    """The words without the stop words of their likeliest language; all of them if none is left."""
    folded = [word.lower() for word in words]
    # A question has one language: `die` is an article in one and a verb in another.
    listed = max(STOP_WORDS.values(), key=lambda stops: sum(word in stops for word in folded))
    kept = [word for word, low in zip(words, folded, strict=True) if low not in listed]
    return kept or list(words)
