"""The first turn of an epoch: document map, question, notes, reading log, pages, newest step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from docpager.core.passages import Passage
from docpager.core.pictures import Picture
from docpager.models.messages import ToolCall, UserTurn
from docpager.paging.epoch import BLOCK_TOKENS, Epoch, PromptSizer, canonical_json
from docpager.paging.page_table import Residency
from docpager.paging.rendering import fence, marker_for, render_passages
from docpager.paging.token_meter import Meter
from docpager.paging.token_sizes import NOTHING, Size

__all__ = [
    "CONVERSATION_TITLE",
    "LAST_REPLY",
    "PLAINLY",
    "QUOTE_PLAINLY",
    "Head",
    "Opening",
    "StepText",
    "fence_tokens",
    "frame_tokens",
    "plainly",
    "quote_plainly",
    "smallest_step_tokens",
    "warning",
]

_MAP_TITLE = "# Documents"
CONVERSATION_TITLE = "# Conversation"


@dataclass(frozen=True, slots=True)
class StepText:
    """One call of the newest step, with its result as the model would have read it."""

    call: ToolCall
    result: str
    arguments_limit: int | None = None
    """Characters of the arguments that are shown; None for all."""

    @property
    def call_line(self) -> str:
        arguments = canonical_json(self.call.arguments)
        limit = self.arguments_limit
        if limit is not None and len(arguments) > limit:
            arguments = f"{arguments[:limit]}… (cut)"
        return f"{self.call.name} {arguments}"


@dataclass(frozen=True, slots=True)
class Head:
    """What an epoch begins with; parts that are empty are left out."""

    document_map: str
    question: str
    notes: str = ""
    reading_log: str = ""
    pages: tuple[Passage, ...] = ()
    newest_step: tuple[StepText, ...] = ()
    remark: str = ""
    """Lines for the model: calls that were skipped, warnings, messages."""
    pictures: tuple[Picture, ...] = ()
    """Behind the text."""
    conversation: str = ""
    """What a chat has at hand; the question is its newest message."""

    def turn(self) -> UserTurn:
        """The head as the first turn, the document map its shared beginning.

        The map comes first and nothing in it or before it depends on the question, so that
        questions about the same documents share these bytes.
        """
        # Up to here the bytes are equal for all questions about the same documents: the place for a
        # cache breakpoint.
        shared = len(f"{_MAP_TITLE}\n{self.document_map}\n") if self.document_map else 0
        return UserTurn(self.render(), shared_length=shared, pictures=self.pictures)

    def render(self) -> str:
        """The head as text; text from documents stands between fences that it cannot contain."""
        pages = render_passages(self.pages)
        # Notes and calls hold words of documents too: nothing in the head may look like a fence.
        steps = (text for step in self.newest_step for text in (step.call_line, step.result))
        own = (self.document_map, self.question, self.notes, self.reading_log, self.remark)
        said = self.conversation
        # The marker must occur in nothing that the head holds, or a document could close its own
        # fence and speak as the user.
        marker = marker_for(self.question, [pages, *steps, *own, said])
        parts = [
            (_MAP_TITLE, self.document_map),
            (CONVERSATION_TITLE, self.conversation),
            ("# Message" if self.conversation else "# Question", self.question),
            ("# Notes", self.notes),
            ("# Reading log", self.reading_log),
            ("# Pages in main context", fence(pages, marker) if pages else ""),
            ("# Newest step", self._step(marker)),
        ]
        text = "\n".join(f"{title}\n{body}" for title, body in parts if body)
        return f"{text}\n{self.remark}" if self.remark else text

    def _step(self, marker: str) -> str:
        return "\n".join(
            f"{step.call_line}\n{fence(step.result, marker)}" for step in self.newest_step
        )


class Opening:
    """Instructions, functions, document map and question, and in a chat the conversation at hand:
    the whole of a run's first request.

    The server's count of the first request holds whatever it adds by itself, so it is exact for
    the beginning of every later prompt too.
    """

    def __init__(
        self, *, fixed: int, document_map: str, question: str, meter: Meter, conversation: str = ""
    ) -> None:
        self._fixed = Size.exact(fixed)
        self._meter = meter
        self._turn = Head(document_map, question, conversation=conversation).turn()
        self._counted: int | None = None
        # Its title is in no frame: runs without one must go on to count as they did.
        said = f"{CONVERSATION_TITLE}\n{conversation}\n" if conversation else ""
        parts = (document_map, question, said)
        self.size = Size.exact(fixed + sum(map(meter.count, parts)))
        """Tokens; until the server has counted them, an estimate that leaves out the titles."""

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
        # The head begins with the very bytes of the first request, whose count the server has
        # given; only what follows them is estimated.
        rest = head.text[len(self._turn.text) :]
        # These pages were sent before: where the server counted more for them than the estimate
        # said, the difference is known and need not be estimated again.
        known = sum(page.tokens - page.size.likely for page in pages)
        shown = sum(map(self._meter.picture_size, head.pictures), NOTHING)
        size = self.size + self._meter.block(rest) + shown
        size = Size(size.most, min(size.most, size.likely + known))
        return Epoch(head, number=number, size=size, counted=self._counted, uncounted=[rest])


def in_reading_order(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """Passages by document, then ordinal."""
    return tuple(sorted(passages, key=lambda passage: passage.id))


LAST_REPLY = "[timer] This is the last reply: answer now in plain text from what you have."

PLAINLY = (
    "Question: {}\n"
    "Write the sentence of the passages that answers the question, with the locator of its "
    "passage, like this:\n"
    '[D1:c88] "exact quote"\n'
    "Above it write the answer in a few words."
)
"""What each prompt of a model without functions ends with. Small models do what stands last, and
quote what they were shown; a way out that stands beside it is what most of them take."""

QUOTE_PLAINLY = (
    "Question: {}\n"
    "Answer: {}\n"
    "Copy the sentence of the passages that says so, with the locator of its passage, like this:\n"
    '[D1:c88] "exact quote"'
)
"""What such a prompt ends with where an answer came without a quote that stands."""

_CHAT_EXAMPLE = ("[D1:c88]", "[T12:c1]")

_CHAT_PLAINLY = (
    "Question: {}\n"
    "Reply with two lines: the answer in a few words, then the sentence of the passages that says "
    "so, with the locator of its passage, like this:\n"
    "Answer: ...\n"
    '[T12:c1] "exact quote"'
)
"""What such a prompt ends with in a chat. Asked as above small models reply with what somebody said
and no answer; a line that begins with a label they fill in."""


def plainly(question: str, *, chat: bool, labelled: bool = True) -> str:
    """How a prompt of a model without functions ends; in a chat turns are quoted too, and the
    answer has a label."""
    if chat and labelled:
        return _CHAT_PLAINLY.format(question)
    return (PLAINLY.replace(*_CHAT_EXAMPLE) if chat else PLAINLY).format(question)


def quote_plainly(question: str, answer: str, *, chat: bool) -> str:
    """How such a prompt ends where an answer came without a quote that stands."""
    asked = QUOTE_PLAINLY.replace(*_CHAT_EXAMPLE) if chat else QUOTE_PLAINLY
    return asked.format(question, answer)


_FRAME = (
    "# Documents\n\n# Question\n\n# Notes\n\n# Reading log\n\n# Pages in main context\n"
    "<<<0a1b2c3d\n\n0a1b2c3d>>>\n# Newest step\n\n"
)


def frame_tokens(sizer: PromptSizer) -> int:
    """Titles and fences of a head that has every part, framed as its two blocks."""
    return sizer.text(_FRAME) + BLOCK_TOKENS


def fence_tokens(sizer: PromptSizer) -> int:
    """The fence around one result in a head."""
    return sizer.count(fence("", "0a1b2c3d") + "\n\n")


def smallest_step_tokens(sizer: PromptSizer) -> int:
    """What a rebuild takes beside map, question, log, notes, pins and one paged-in passage."""
    call = sizer.count('page_in {"locator":"D1000:c1000-1001"}') + fence_tokens(sizer)
    return frame_tokens(sizer) + call + sizer.text(LAST_REPLY)


def warning(pressure: float, *, releases: bool = True) -> str:
    """The line that tells the model of memory pressure; the longest is that of a model which has
    `page_out`."""
    full = f"[memory] Main context is {pressure:.0%} full."
    if not releases:
        return f"{full} Pages leave soon: write_note what you still need, or answer now."
    return (
        f"{full} Write notes of what you need and page_out what you do not: at the next rebuild "
        "all but notes, pins, the log and the newest pages leaves."
    )
