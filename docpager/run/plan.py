"""RunPlan: everything that decides what a run asks, fixed before its first request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from math import ceil
from typing import Any

from docpager.core.errors import UsageError, WindowTooSmall
from docpager.core.passages import HALF_CHARACTER, DocumentEntry
from docpager.core.pictures import LEAST_PICTURE, PicturePrice
from docpager.core.settings import PagingSettings, RunLimits
from docpager.core.tokens import TokenCounter
from docpager.models.messages import FunctionSchema
from docpager.paging.conversation import Conversation
from docpager.paging.epoch import PromptSizer
from docpager.paging.policies import POLICIES
from docpager.paging.pressure import SMALLEST_STEP, WindowBudget, smallest_window
from docpager.paging.rebuild import CONVERSATION_TITLE, plainly, smallest_step_tokens
from docpager.paging.rendering import one_line
from docpager.run.functions import functions_for, parse_plain_answer
from docpager.run.render import DOUBTED, full_map_tokens, render_document_map

__all__ = [
    "RULES",
    "RunPlan",
    "chat_room",
    "functions_of",
    "instructions",
    "plan_run",
    "told_first",
]


RULES = 5
"""Version of what a run does with a reply: older journals replay as they were written. Since 2 the
last reply that a limit allows may call `answer`, and one that finds nothing is `Stopped`. Since 3
calls written as text are calls, nothing is answered before something was looked up, a call repeated
word for word gets another answer, and an answer that no citation supports is `unsupported`; what a
server says of a prompt's size may make the next one smaller or end the run, and a reply that nobody
counted is too long only where it is so without the safety factor. Since 4 a quote is also looked
for in the passages that the model was shown, and a citation alone is an answer in its words. Since
5 a chat asks a model without functions for a line `Answer:` above the quote and drops locators at
its end, and a reply that quotes nothing but the message is taken as one without a quote."""

LARGEST_PASSAGE = 330
"""Tokens of the largest passage by the built-in estimator: the archive never cuts a larger one."""

SERVER_TOKENS = 700
"""What a server with its own tokenizer may add to every prompt: its own words on function calls,
286 to 675 tokens on current Claude models. Its first count tells."""


PICTURE_SHARE = 0.14
"""Most of `room` that one picture may take: what is left of the share of pins for its label, so
that one can be pinned."""


@cache
def instructions(functions: str = "full", *, pictures: bool = False) -> str:
    """What every model is told first; a shorter text beside fewer functions, a longer one for those
    that may look at pages."""
    name = "instructions.md" if functions == "full" else f"instructions_{functions}.md"
    names = [name, *(["instructions_pictures.md"] if pictures else [])]
    texts = ((files("docpager.run") / each).read_text("utf-8").strip() for each in names)
    return "\n\n".join(texts)


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run needs to know; the header of its journal."""

    question: str
    document_map: str
    """As rendered for this window."""
    instructions: str
    functions: tuple[FunctionSchema, ...]
    paging: PagingSettings
    limits: RunLimits
    policy: str = "recent"
    counter: str = "builtin-1"
    factor: float = 1.0
    """Safety factor on the counter: 1 where the counter is the model's own tokenizer."""
    rules: int = 1
    """See `RULES`; journals of runs under the first rules do not say so."""
    fixed: int = 0
    """Tokens of instructions and functions by the count of the server, whose tokenizer `counter`
    was measured at; 0 where they are estimated."""
    pictures: PicturePrice | None = None
    """How large pictures of pages are drawn, and what each takes; None where none are shown."""
    conversation: Conversation | None = None
    """Of a chat's turn: what it has at hand."""

    @property
    def said(self) -> str:
        """The conversation at hand as it stands in the prompt; empty without one."""
        return self.conversation.text if self.conversation else ""

    @property
    def is_chat(self) -> bool:
        """Whether it is of a turn of a chat."""
        return self.conversation is not None

    @property
    def counts_each(self) -> bool:
        """Whether the server counts each prompt before it is sent."""
        return self.fixed > 0

    @property
    def offered(self) -> tuple[FunctionSchema, ...]:
        """The functions that requests name; calls that are written as text need no more than be
        known."""
        return () if self.paging.plain else self.functions

    @property
    def closing(self) -> str:
        """What each prompt of a model without functions ends with."""
        if not self.paging.plain:
            return ""
        question = one_line(self.question, limit=200)
        return plainly(question, chat=self.is_chat, labelled=self.rules >= 5)

    def answer_of(self, text: str) -> dict[str, Any]:
        """Arguments of `answer` that say the same as a reply without a call."""
        bare = not (self.paging.plain and self.is_chat and self.rules >= 5)
        return parse_plain_answer(text, self.rules >= 4, said=bool(self.said), bare=bare)

    def _fixed(self, sizer: PromptSizer) -> int:
        estimate = sizer.fixed(self.instructions, self.offered)
        return self.fixed or estimate + (SERVER_TOKENS if self.factor > 1 else 0)

    def budget(self, sizer: PromptSizer) -> WindowBudget:
        """The division of the window."""
        return WindowBudget(
            window=self.paging.window,
            fixed=self._fixed(sizer),
            reserved_output=self.paging.max_output,
            step_reserve=ceil(SMALLEST_STEP * self.factor),
            warn_at=self.paging.warn_at,
            rebuild_at=self.paging.rebuild_at,
            rebuild_to=self.paging.rebuild_to,
            reading_log=self.paging.reading_log,
            at_hand=sizer.text(f"{CONVERSATION_TITLE}\n{self.said}") if self.said else 0,
        )


def told_first(paging: PagingSettings, *, chat: bool = False, pictures: bool = False) -> str:
    """The instructions of a run with these settings."""
    chatting = "chat_plain" if paging.plain else "chat"
    return instructions(chatting if chat else paging.functions, pictures=pictures)


def functions_of(
    paging: PagingSettings, *, chat: bool = False, documents: bool = True, pictures: bool = False
) -> tuple[FunctionSchema, ...]:
    """The functions of a run with these settings; in a chat also by whether there are documents."""
    return functions_for(
        notes=paging.notes,
        pins=paging.pins,
        small=paging.functions != "full",
        chat=chat,
        documents=documents or not chat,
        pictures=pictures,
    )


def chat_room(
    paging: PagingSettings,
    *,
    counter: TokenCounter,
    factor: float,
    fixed: int = 0,
    documents: bool = True,
) -> tuple[int, PromptSizer]:
    """What a chat's run divides among the conversation at hand and everything else, in tokens, and
    how they are counted; 0 where the window is too small for any."""
    functions = functions_of(paging, chat=True, documents=documents)
    draft = RunPlan(
        "", "", told_first(paging, chat=True), functions, paging, RunLimits(),
        counter=counter.name, factor=factor, fixed=fixed,
    )  # fmt: skip
    sizer = PromptSizer.of(counter, factor)
    return draft.budget(sizer).room, sizer


def plan_run(
    question: str,
    documents: Sequence[DocumentEntry],
    *,
    counter: TokenCounter,
    factor: float = 1.0,
    paging: PagingSettings | None = None,
    limits: RunLimits | None = None,
    policy: str = "recent",
    fixed: int = 0,
    pictures: PicturePrice | None = None,
    conversation: Conversation | None = None,
) -> RunPlan:
    """Fix what a run will say before the model speaks; with `pictures` the model is shown pages, no
    larger than that and than the window allows; a chat's turn has the `conversation` at hand.

    Raises:
        WindowTooSmall: the window is too small, or the question too long for it.
        UsageError: the question is empty, there is no such policy, or the window is too small for
            the pictures that were asked for.
    """
    paging, limits = paging or PagingSettings(), limits or RunLimits()
    if paging.functions == "auto":  # nobody knows the model's size
        paging = replace(paging, functions="full")
    question = question.strip()
    if not question:
        raise UsageError('the question is empty; ask something, such as "What was revenue?"')
    if HALF_CHARACTER.search(question):
        raise UsageError("the question is not valid Unicode; check the terminal's encoding")
    if policy not in POLICIES:
        raise UsageError(f"no policy {policy!r}; there are {', '.join(sorted(POLICIES))}")
    sizer = PromptSizer.of(counter, factor)
    draft = RunPlan(
        question, "", "", (), paging, limits, policy, counter.name, factor, RULES, fixed,
        conversation=conversation,
    )  # fmt: skip
    draft = _offering(draft, pictures, sizer, documents=bool(documents))
    budget = draft.budget(sizer)
    # Who can name no document needs no list of them.
    listed = () if paging.plain else documents
    document_map = render_document_map(listed, cap=budget.map_cap, count=sizer.count)
    _check_window(draft, sizer, documents)
    return replace(draft, document_map=document_map)


def _offering(
    draft: RunPlan, pictures: PicturePrice | None, sizer: PromptSizer, *, documents: bool
) -> RunPlan:
    """The plan with its instructions and functions, and pictures as large as its window allows.

    Raises:
        UsageError: nothing could be read on pictures that were asked for.
    """
    paging, chat, sees = draft.paging, draft.conversation is not None, pictures is not None
    plan = replace(
        draft,
        instructions=told_first(paging, chat=chat, pictures=sees),
        functions=functions_of(paging, chat=chat, documents=documents, pictures=sees),
    )
    if pictures is None:
        return plan
    most = int(PICTURE_SHARE * plan.budget(sizer).room)
    if most >= LEAST_PICTURE:
        smaller = replace(pictures, most_tokens=min(pictures.most_tokens, most))
        return replace(plan, pictures=smaller)
    if paging.page_pictures != "on":
        return _offering(draft, None, sizer, documents=documents)
    raise UsageError(
        f"a window of {paging.window} tokens leaves {most} for a picture of a page, on which "
        "nothing could be read; pass a larger `window=`, or `page_pictures=off`"
    )


def _framing(documents: Sequence[DocumentEntry], sizer: PromptSizer, *, pictures: bool) -> int:
    """What stands around one passage when it is paged in right after a rebuild."""
    path = one_line(max((entry.path for entry in documents), key=len, default=""))
    pages = ", pdf pages 1000-1001 (printed 1000-1001)"
    has_pages = any(entry.pdf_pages for entry in documents)
    remark = f"; {DOUBTED.format('D1000:p1000')}" if pictures else ""
    pages = f"{pages if has_pages else ''}{remark}"
    header = f"D1000:c1000 of {path}{pages}\n[D1000:c1000 p1000]\n[p1001]"
    return sizer.text(header) + smallest_step_tokens(sizer)


def _check_window(plan: RunPlan, sizer: PromptSizer, documents: Sequence[DocumentEntry]) -> None:
    budget, asked = plan.budget(sizer), sizer.count(plan.question)
    framing = _framing(documents, sizer, pictures=plan.pictures is not None)
    passage = ceil(LARGEST_PASSAGE * plan.factor) + framing
    # Where a map of this size is cut to its share, the window is large enough whatever the map.
    listed = full_map_tokens(documents, most=passage + asked, count=sizer.count)
    if budget.holds(question=asked, document_map=listed, passage=passage):
        return
    smallest = smallest_window(
        fixed=budget.fixed + budget.at_hand,
        reserved_output=budget.reserved_output,
        question=asked,
        document_map=listed,
        passage=passage,
        step_reserve=budget.step_reserve,
        warn_at=budget.warn_at,
        reading_log=budget.reading_log,
    )
    if asked > budget.question_cap and budget.holds(
        question=0, document_map=listed, passage=passage
    ):
        message = (
            f"the question takes {asked} tokens, at most {budget.question_cap} of a window of "
            f"{budget.window} may; shorten it or pass `window={smallest}`"
        )
    else:
        message = (
            f"a window of {budget.window} tokens is too small for this question and these "
            f"documents; the smallest is `window={smallest}` "
            f"(with `max_output={budget.reserved_output}`)"
        )
    raise WindowTooSmall(
        message,
        window=budget.window,
        smallest=smallest,
        max_output=budget.reserved_output,
    )
