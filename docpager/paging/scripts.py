"""Scripts: what a text is made of, so that each kind of text is calibrated apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from docpager.core.tokens import BuiltInEstimator

__all__ = ["ScriptScale", "Weights"]

Weights = Mapping[str, int]
"""Hundredths of counted tokens by script."""

_LANGUAGES = {
    "english": """the of and to for that with by from was are which be this it at or have not you
        your is as on has its were been""",
    "german": """der die das und den von zu mit sich auf für ist im dem nicht ein eine als auch es
        werden des wird aus einer dass oder sie durch""",
    "french": """le les des et du est que une pour qui dans par sur pas au avec ce vous il la un
        de sont cette""",
    "spanish": """el los las del que en por con una para es se lo como más al su un la de y son
        esta""",
}
"""Words that stand in every few words of a language, and are rare in the others of the list."""

_BACKED = 4
"""Words of a language that each of its common words vouches for: every third or fourth is one."""

_WORD = re.compile(r"[^\W\d_]+")


class ScriptScale:
    """Weighs texts by script. Words in Latin letters are told apart by language.

    A language costs other tokenizers more than English does, and the built-in estimator is blind
    to it. Words of no known language are a script of their own, `latin`.
    """

    def __init__(self) -> None:
        self._estimator = BuiltInEstimator()
        self._common = {name: frozenset(words.split()) for name, words in _LANGUAGES.items()}

    def weigh(self, text: str, tokens: int) -> Weights:
        """How the `tokens` that a counter found in `text` are spread over its scripts."""
        costs = self._estimator.by_script(text)
        total = sum(costs.values())
        words = costs.pop("words", 0)
        costs |= self._by_language(text, words)
        return {script: 100 * tokens * cost // total for script, cost in costs.items() if cost}

    def _by_language(self, text: str, cost: int) -> dict[str, int]:
        """The cost of words, for the likeliest language as far as its common words vouch."""
        if not cost:
            return {}
        words = Counter(_WORD.findall(text.lower()))
        found = {
            language: sum(words[word] for word in common)
            for language, common in self._common.items()
        }
        language = max(found, key=lambda name: found[name])
        vouched = min(cost, 100 * _BACKED * found[language])
        return {language: vouched, "latin": cost - vouched}
