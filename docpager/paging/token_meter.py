"""Meter: sizes of texts in the tokens of a run's model, the same text counted once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil

from docpager.core.pictures import Picture
from docpager.core.tokens import TokenCounter
from docpager.models.messages import Turn, UserTurn
from docpager.paging.epoch import BLOCK_TOKENS, PromptSizer, blocks_of, canonical_json
from docpager.paging.token_calibration import Calibration, ScriptScale, Weights
from docpager.paging.token_sizes import NOTHING, Size

__all__ = ["MOST_REMEMBERED", "MOST_TOGETHER", "SHORT", "Meter"]

MOST_REMEMBERED = 2_048
"""Texts whose counts are remembered: the lines and results of a few steps."""

MOST_TOGETHER = 16
"""Groups of lines (the notes of a step) whose weights are remembered."""

SHORT = 12
"""Counted tokens of a text that is too short to be told apart by script."""


class Meter(PromptSizer):
    """Counts what a prompt takes at most, and once a server has counted, what it likely takes."""

    def __init__(self, counter: TokenCounter, factor: float) -> None:
        self._counted = lru_cache(MOST_REMEMBERED)(counter.count)
        self._weighed = lru_cache(MOST_REMEMBERED)(ScriptScale().weigh)
        self._calibration = Calibration(factor)
        self.is_tokenizer = factor == 1
        """Whether the counter is the model's own tokenizer, so that nothing is to be estimated."""
        self._together = lru_cache(MOST_TOGETHER)(self._weigh_all)
        self._most = lru_cache(MOST_REMEMBERED)(self._at_most)
        """Asked for every line of the reading log and every note, at each step."""
        self._plain: tuple[tuple[Turn, ...], int] = ((), 0)
        super().__init__(self._most)

    @property
    def estimates(self) -> bool:
        """Whether estimates differ from upper bounds: a foreign server has counted something."""
        return self._calibration.begun and not self.is_tokenizer

    @property
    def ceiling(self) -> float:
        """Tokens of the model for each counted one, at most."""
        return self._calibration.ceiling

    def size(self, text: str) -> Size:
        """What a text takes, framing not included."""
        most = self._most(text)
        if not self.estimates:
            return Size.exact(most)
        return Size(most, min(most, self._likely(text)))

    def lines(self, texts: Sequence[str]) -> Size:
        """What many short texts take, framing not included."""
        most = sum(map(self._most, texts))
        if not self.estimates:
            return Size.exact(most)
        return Size(most, min(most, self._calibration.tokens(self._together(tuple(texts)))))

    def block(self, text: str) -> Size:
        """What a text takes as a block of a turn."""
        return self.size(text) + Size.exact(BLOCK_TOKENS)

    def user_turn(self, turn: UserTurn) -> Size:
        """What a turn takes."""
        text = sum(map(self.block, blocks_of(turn)), NOTHING)
        return sum(map(self.picture_size, turn.all_pictures), text)

    def picture_size(self, picture: Picture) -> Size:
        """What a picture takes with its label, framing included; no factor is on its price."""
        label = self.block(picture.label)
        return label + Size.exact(picture.tokens + BLOCK_TOKENS)

    def plain_turn(self, turn: Turn) -> int:
        """What a turn's texts take by the counter alone, without factor and framing: about its
        size. Pictures are left out: this is compared with what a server must have read at least."""
        if isinstance(turn, UserTurn):
            return sum(map(self._counted, blocks_of(turn)))
        calls = (f"{call.name} {canonical_json(call.arguments)}" for call in turn.calls)
        return self._counted(turn.text) + sum(map(self._counted, calls))

    def plain_turns(self, turns: tuple[Turn, ...]) -> int:
        """The same of many turns; those that stood first the last time are not counted again."""
        known, tokens = self._plain
        # Turns of an epoch are the same objects from step to step, so this compares no texts.
        if turns[: len(known)] != known:
            known, tokens = (), 0
        tokens += sum(map(self.plain_turn, turns[len(known) :]))
        self._plain = (turns, tokens)
        return tokens

    def knows(self, texts: Sequence[str]) -> bool:
        """Whether these texts hold only scripts that a server has counted before."""
        return all(
            self._counted(text) <= SHORT or self._calibration.knows(self._weigh(text))
            for text in texts
        )

    def observe(self, texts: Sequence[str], tokens: int) -> float:
        """Learn what blocks of text took; returns how much more than the estimate, as a ratio."""
        # Framing is an allowance, not text: left in, it would be learned as an expensive script.
        own = tokens - BLOCK_TOKENS * len(texts)
        weights, before = self._weigh_all(texts), self.ceiling
        learned = self._calibration.observe(weights, own)
        if self.ceiling != before:
            self._most.cache_clear()
        if not learned or self.is_tokenizer:
            return 1.0
        return own / self._calibration.tokens(weights)

    def _at_most(self, text: str) -> int:
        return ceil(self._counted(text) * self._calibration.ceiling)

    def _likely(self, text: str) -> int:
        if self._counted(text) <= SHORT:
            return ceil(self._counted(text) * self._calibration.overall)
        return self._calibration.tokens(self._weigh(text))

    def _weigh(self, text: str) -> Weights:
        return self._weighed(text, self._counted(text))

    def _weigh_all(self, texts: Sequence[str]) -> Weights:
        weights: dict[str, int] = {}
        for text in texts:
            for script, weight in self._weigh(text).items():
                weights[script] = weights.get(script, 0) + weight
        return weights
