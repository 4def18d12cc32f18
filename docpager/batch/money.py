"""Whether another question may start: only if it can be paid for to its end."""

from __future__ import annotations

from docpager.llm.ledgers import Books, Cost

__all__ = ["Admission"]


class Admission:
    """Lets fewer questions run at once as the money runs short, so that those that run finish well.

    Each run sets its own finishing call aside; this only decides whether it is worth beginning.
    """

    def __init__(self, books: Books, *, worst_call: Cost) -> None:
        self._books = books
        self._worst_call = worst_call
        self._finished = 0
        self._spent_before = Cost(int(books.tokens.spent), books.usd.spent)

    def may_start(self, *, running: int) -> bool:
        """Whether one more question is likely to get to a good end beside those that run."""
        held, usual = self._worst_call, self._usual
        # Half of what each of them usually takes is still to come.
        coming = running / 2 + 1 if running else 0.0
        return self._fits(
            held.tokens + coming * usual.tokens, (held.usd or 0.0) + coming * (usual.usd or 0.0)
        )

    def finished(self) -> None:
        """A question that was begun has ended."""
        self._finished += 1

    @property
    def _usual(self) -> Cost:
        """What a question takes beside its finishing call: so far, or a guess at first."""
        if not self._finished:
            return self._worst_call
        tokens = self._books.tokens.spent - self._spent_before.tokens
        usd = self._books.usd.spent - (self._spent_before.usd or 0.0)
        return Cost(int(tokens / self._finished), usd / self._finished)

    def _fits(self, tokens: float, usd: float) -> bool:
        return self._books.tokens.fits(tokens) and self._books.usd.fits(usd)
