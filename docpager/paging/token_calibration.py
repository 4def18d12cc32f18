"""How many of a server's tokens each kind of text takes, learned from what the server counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from math import ceil

from docpager.core.tokens import BuiltInEstimator

__all__ = [
    "LARGEST_SURPRISE",
    "LEAST_OBSERVED",
    "LEAST_SEEN",
    "MARGIN",
    "PULL",
    "UNSEEN_SHARE",
    "Calibration",
    "ScriptScale",
    "Weights",
]

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
        self._common: dict[str, list[str]] = {}
        """The languages of each common word."""
        for language, words in _LANGUAGES.items():
            for word in set(words.split()):
                self._common.setdefault(word, []).append(language)

    def weigh(self, text: str, tokens: int) -> Weights:
        """How the `tokens` that a counter found in `text` are spread over its scripts."""
        costs = self._estimator.by_script(text)
        total = sum(costs.values())
        words = costs.pop("words", 0)
        costs |= self._by_language(text, words)
        # Rounded down, in whole hundredths: floats would differ in the last bit between machines,
        # and sizes decide what is sent.
        return {script: 100 * tokens * cost // total for script, cost in costs.items() if cost}

    def _by_language(self, text: str, cost: int) -> dict[str, int]:
        """The cost of words, for the likeliest language as far as its common words vouch."""
        if not cost:
            return {}
        words = Counter(_WORD.findall(text.lower()))
        found = dict.fromkeys(_LANGUAGES, 0)
        for word in self._common.keys() & words.keys():
            for language in self._common[word]:
                found[language] += words[word]
        language = max(found, key=lambda name: found[name])
        # A page of a table holds a few stray words of any language: only as much text as the common
        # words account for is taken to be of it.
        vouched = min(cost, 100 * _BACKED * found[language])
        return {language: vouched, "latin": cost - vouched}


LEAST_OBSERVED = 40
"""Counted tokens of the smallest text that teaches: framing drowns what smaller ones say."""


LEAST_SEEN = 50
"""Counted tokens after which a script is calibrated."""


UNSEEN_SHARE = 0.05
"""Share of scripts that are not calibrated from which a text is taken at its upper bound."""


PULL = 60
"""Counted tokens that the ratio of everything weighs beside a script's own, where it is rare."""


LARGEST_SURPRISE = 200
"""Counted tokens from which a text that costs more than the factor allows raises the factor."""


MARGIN = 1.05
"""What is added to a ratio above the factor."""


_UNIT = 10_000
"""Ratios are whole ten-thousandths, so that every machine computes the same sizes."""


class Calibration:
    """Ratios of a server's tokens to counted ones, by script, within one run.

    Least squares over all that the server has counted, each text weighed by its size, pulled
    towards the ratio of everything. Only an estimate: the guarantee rests on `ceiling`, which no
    calibration lowers, and which rises where the server counts more than it allows.
    """

    def __init__(self, factor: float) -> None:
        self.ceiling = factor
        """Server's tokens for each counted one, at most."""
        self._seen: dict[str, int] = {}
        self._products: dict[tuple[str, str], float] = {}
        self._tokens = 0
        self._ratios: dict[str, int] | None = {}

    @property
    def begun(self) -> bool:
        """Whether anything was observed."""
        return bool(self._tokens)

    def observe(self, weights: Weights, tokens: int) -> bool:
        """Take in that a text of these weights took `tokens`; False where it is too small."""
        counted = sum(weights.values())
        if counted < 100 * LEAST_OBSERVED or tokens <= 0:
            return False
        for script, weight in weights.items():
            self._seen[script] = self._seen.get(script, 0) + weight
            for other, its in weights.items():
                pair = (script, other)
                # Divided by the size: the variance of a count grows with the text, so the residuals
                # are weighed by its inverse (weighted least squares).
                self._products[pair] = self._products.get(pair, 0.0) + weight * its / tokens
        self._tokens += tokens
        self._ratios = None
        # Weights are rounded down: the last token is no surprise.
        if counted >= 100 * LARGEST_SURPRISE and 100 * (tokens - 1) > self.ceiling * counted:
            self.ceiling = MARGIN * 100 * tokens / counted
        return True

    def tokens(self, weights: Weights) -> int:
        """What a text of these weights takes: an upper bound where it holds an unseen script."""
        counted, ratios = sum(weights.values()), self._by_script()
        if not self.knows(weights):
            return self.bound(counted)
        known = sum(weight * ratios.get(script, 0) for script, weight in weights.items())
        unseen = self._unseen(weights)
        return min(self.bound(counted), -(-known // (100 * _UNIT)) + self.bound(unseen))

    def knows(self, weights: Weights) -> bool:
        """Whether a text of these weights holds calibrated scripts alone, or nearly."""
        return self._unseen(weights) <= UNSEEN_SHARE * sum(weights.values())

    def bound(self, counted: int) -> int:
        """The most that so many hundredths of counted tokens take."""
        return ceil(counted * self.ceiling / 100)

    @property
    def overall(self) -> float:
        """The ratio of everything that was observed."""
        counted = sum(self._seen.values())
        return 100 * self._tokens / counted if counted else self.ceiling

    def _unseen(self, weights: Weights) -> int:
        ratios = self._by_script()
        return sum(weight for script, weight in weights.items() if script not in ratios)

    def _by_script(self) -> dict[str, int]:
        """Ratios of the calibrated scripts, in ten-thousandths."""
        if self._ratios is None:
            scripts = [s for s, weight in self._seen.items() if weight >= 100 * LEAST_SEEN]
            solved = _solved(self._equations(scripts)) if scripts else []
            # A fit of few texts may give a script a negative ratio, or one far too high; half the
            # overall ratio and the guaranteed factor are the widest that is believed.
            lowest, highest = self.overall / 2, self.ceiling
            clipped = (min(max(ratio, lowest), highest) for ratio in solved)
            self._ratios = {s: round(_UNIT * r) for s, r in zip(scripts, clipped, strict=True)}
        return self._ratios

    def _equations(self, scripts: list[str]) -> list[list[float]]:
        """Normal equations of the fit; rare scripts are taken at the ratio of everything."""
        overall, products = self.overall, self._products
        pull = _UNIT * PULL  # weights are hundredths, and their products ten-thousandths
        # Scripts too rare to be fitted still took tokens: these are moved to the right side, at the
        # ratio of everything.
        rare = [script for script in self._seen if script not in scripts]
        rows = []
        for script in scripts:
            row = [products.get((script, other), 0.0) for other in scripts]
            row[scripts.index(script)] += pull / overall
            right = 100.0 * self._seen[script] + pull
            for other in rare:
                right -= products.get((script, other), 0.0) * overall
            rows.append([*row, right])
        return rows


def _solved(rows: list[list[float]]) -> list[float]:
    """The solution of linear equations (the last column is the right side), positive definite."""
    # Gauss-Jordan without pivoting: the matrix is positive definite (a Gram matrix with `pull`
    # added to its diagonal), so no pivot is zero. A solver of numpy would differ in the last bit
    # from machine to machine.
    for at, row in enumerate(rows):
        for other in rows:
            if other is not row and other[at]:
                share = other[at] / row[at]
                for column in range(at, len(row)):
                    other[column] -= share * row[column]
    return [row[-1] / row[at] for at, row in enumerate(rows)]
