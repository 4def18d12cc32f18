"""Calibration: how many tokens of a server each script takes, from what the server counted."""

from __future__ import annotations

from math import ceil

from docpager.paging.scripts import Weights

__all__ = ["Calibration"]

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
            lowest, highest = self.overall / 2, self.ceiling
            clipped = (min(max(ratio, lowest), highest) for ratio in solved)
            self._ratios = {s: round(_UNIT * r) for s, r in zip(scripts, clipped, strict=True)}
        return self._ratios

    def _equations(self, scripts: list[str]) -> list[list[float]]:
        """Normal equations of the fit; rare scripts are taken at the ratio of everything."""
        overall, products = self.overall, self._products
        pull = _UNIT * PULL  # weights are hundredths, and their products ten-thousandths
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
    for at, row in enumerate(rows):
        for other in rows:
            if other is not row and other[at]:
                share = other[at] / row[at]
                for column in range(at, len(row)):
                    other[column] -= share * row[column]
    return [row[-1] / row[at] for at, row in enumerate(rows)]
