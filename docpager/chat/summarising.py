"""What is kept in main context of turns that leave it: MemGPT's recursive summary
(arXiv:2310.08560, section 2.2), written by the model from the summary before and the turns that
leave.

A summary is no source: it cannot be cited, and names the turns that it was made from.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.resources import files

from docpager.chat.at_hand import Shares, render_turn
from docpager.chat.library import document_numbers
from docpager.chat.session_log import Summary
from docpager.core.errors import ModelError
from docpager.core.passages import number_ranges
from docpager.memory.entries import Memory
from docpager.models.budget import Budget
from docpager.models.messages import ModelReply, ModelRequest, UserTurn
from docpager.models.metered_model import MeteredModel
from docpager.run.preparation import PreparedModel

__all__ = ["SummaryWriter", "batches_of", "sources_of", "turns_named"]

_WORDS_FOR_TOKENS = 0.6
"""Words to ask for where so many tokens may be taken: few models write more than 1.6 a word."""


@dataclass(frozen=True, slots=True)
class SummaryWriter:
    """Asks the model for summaries, each within the limits of one turn."""

    prepared: PreparedModel
    shares: Shares

    async def write(
        self, before: Summary | None, turns: Sequence[Memory]
    ) -> tuple[Summary, ModelReply]:
        """The summary after these turns have left, and what the model replied.

        Raises:
            ModelError: the model failed, wrote nothing, or may not be paid for.
        """
        limits, output = self.prepared.settings.limits, self.prepared.settings.paging.max_output
        asked, count = self._asked(before, turns), self.shares.count
        request = ModelRequest(_instructions(), (), (UserTurn(asked),), output)
        spending = Budget(max_tokens=limits.max_tokens, max_usd=limits.max_usd)
        metered = MeteredModel(self.prepared.model, price=self.prepared.price, spending=spending)
        reply = await metered.complete(
            request,
            prompt_tokens=count(request.instructions) + count(asked),
            seconds_left=limits.timeout_seconds,
        )
        if not reply.text.strip():
            raise ModelError("the model wrote no summary")
        named = turns_named(before.sources if before else ()) | {turn.id for turn in turns}
        came = [source for turn in turns for source in turn.sources if source.startswith("D")]
        documents = document_numbers(came) | _documents(before)
        return Summary(self._cut(reply.text), sources_of(named, documents)), reply

    def _asked(self, before: Summary | None, turns: Sequence[Memory]) -> str:
        words = max(20, int(_WORDS_FOR_TOKENS * self.shares.summary))
        parts = []
        if before is not None:
            kept = "\n".join(f"  {line}" for line in before.text.splitlines())
            parts.append(f"# Summary so far\n{kept}")
        parts.append("# Turns\n" + "\n".join(self._turn(turn) for turn in turns))
        return "\n".join([*parts, f"# Task\nWrite the new summary in at most {words} words."])

    def _turn(self, turn: Memory) -> str:
        """A turn, cut to what one batch may take."""
        text = render_turn(turn)
        while self.shares.count(text) > self.shares.turns:
            kept = turn.text[: len(text) // 2]
            text = render_turn(turn, f"{kept}… (cut)")
        return text

    def _cut(self, text: str) -> str:
        """A summary within its share, whole lines and sentences first."""
        text = text.strip()
        while text and self.shares.count(text) > self.shares.summary:
            shorter = text[: int(len(text) * 0.9)]
            end = max(shorter.rfind(mark) for mark in ("\n", ". ", "。"))
            text = (shorter[: end + 1] if end > len(shorter) // 2 else shorter).rstrip()
        return text


def batches_of(turns: Sequence[Memory], shares: Shares) -> list[Sequence[Memory]]:
    """Turns in the order in which they leave, as many at once as one request may hold."""
    batches: list[list[Memory]] = []
    used = 0
    for turn in turns:
        size = min(shares.turns, shares.count(render_turn(turn)))
        if not batches or used + size > shares.turns:
            batches.append([])
            used = 0
        batches[-1].append(turn)
        used += size
    return [tuple(batch) for batch in batches]


def sources_of(turns: Collection[int], documents: Collection[int]) -> tuple[str, ...]:
    """Turns as ranges, then documents: `T3-9`, `D2`."""
    return (
        *(f"T{span}" for span in number_ranges(sorted(turns))),
        *(f"D{number}" for number in sorted(documents)),
    )


def turns_named(sources: Sequence[str]) -> set[int]:
    """The numbers of the turns that a summary's sources name."""
    numbers: set[int] = set()
    for source in sources:
        if source.startswith("T"):
            first, _, last = source[1:].partition("-")
            numbers.update(range(int(first), int(last or first) + 1))
    return numbers


def _documents(summary: Summary | None) -> set[int]:
    named = summary.sources if summary else ()
    return {int(source[1:]) for source in named if source.startswith("D")}


def _instructions() -> str:
    return (files("docpager.chat") / "summary.md").read_text("utf-8").strip()
