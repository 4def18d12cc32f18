"""Opening: what every head of a run begins with, counted once by the server."""

from __future__ import annotations

from collections.abc import Sequence

from docpager.models.messages import UserTurn
from docpager.paging.epoch import Epoch
from docpager.paging.meter import Meter
from docpager.paging.page_table import Residency
from docpager.paging.rebuild import Head
from docpager.paging.sizes import Size

__all__ = ["Opening"]


class Opening:
    """Instructions, functions, document map and question: the whole of a run's first request.

    The server's count of the first request holds whatever it adds by itself, so it is exact for
    the beginning of every later prompt too.
    """

    def __init__(self, *, fixed: int, document_map: str, question: str, meter: Meter) -> None:
        self._fixed = Size.exact(fixed)
        self._meter = meter
        self._turn = Head(document_map, question).turn()
        self._counted: int | None = None
        self.size = Size.exact(fixed + meter.count(document_map) + meter.count(question))
        """What it takes, titles not included while it is not counted."""

    def first_epoch(self) -> Epoch:
        """The conversation that a run begins with."""
        size = self._fixed + self._meter.user_turn(self._turn)
        return Epoch(self._turn, number=1, size=size)

    def is_all_of(self, epoch: Epoch) -> bool:
        """Whether an epoch holds nothing else."""
        return epoch.turns == (self._turn,)

    def settle(self, prompt_tokens: int) -> None:
        """Take the server's count of the first request."""
        self._counted = prompt_tokens
        self.size = Size.exact(prompt_tokens)

    def next_epoch(self, head: UserTurn, pages: Sequence[Residency], *, number: int) -> Epoch:
        """The epoch of a new head, in which `pages` stand that the server has counted before."""
        if self._counted is None:
            size = self._fixed + self._meter.user_turn(head)
            return Epoch(head, number=number, size=size)
        rest = head.text[len(self._turn.text) :]
        known = sum(page.tokens - page.size.likely for page in pages)
        size = self.size + self._meter.block(rest)
        size = Size(size.most, min(size.most, size.likely + known))
        return Epoch(head, number=number, size=size, counted=self._counted, uncounted=[rest])
