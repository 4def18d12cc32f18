"""Size: what a part of a prompt takes, as an upper bound and as an estimate."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NOTHING", "Size"]


@dataclass(frozen=True, slots=True)
class Size:
    """Tokens of a part of a prompt. Equal where the server has counted it, or never counts.

    The guarantee is made of `most` alone: however good the calibration, a request is sent only if
    it fits at its most. When to warn and what to keep is decided by what is `likely`.
    """

    most: int
    """What it takes at most, at the uncalibrated factor where the server has not counted it."""
    likely: int
    """What it takes by what the server has counted so far."""

    @classmethod
    def exact(cls, tokens: int) -> Size:
        """A size that is known."""
        return cls(tokens, tokens)

    def __add__(self, other: Size) -> Size:
        return Size(self.most + other.most, self.likely + other.likely)

    def __sub__(self, other: Size) -> Size:
        return Size(self.most - other.most, self.likely - other.likely)

    @property
    def least(self) -> int:
        """Of what is free: tokens that certainly fit."""
        return min(self.most, self.likely)

    def lacking(self, free: Size) -> int:
        """Tokens by which this is larger than what is free; 0 or less where it fits."""
        return max(self.most - free.most, self.likely - free.likely)


NOTHING = Size(0, 0)
