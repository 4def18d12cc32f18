"""RunPlan: everything that decides what a run asks, fixed before its first request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from math import ceil

from docpager.core.errors import UsageError, WindowTooSmall
from docpager.core.passages import HALF_CHARACTER, DocumentEntry
from docpager.core.settings import PagingSettings, RunLimits
from docpager.core.tokens import TokenCounter
from docpager.models.messages import FunctionSchema
from docpager.paging.conversation import Conversation
from docpager.paging.epoch import PromptSizer
from docpager.paging.policies import POLICIES
from docpager.paging.pressure import SMALLEST_STEP, WindowBudget, smallest_window
from docpager.paging.rebuild import CONVERSATION_TITLE, smallest_step_tokens
from docpager.paging.rendering import one_line
from docpager.run.functions import functions_for
from docpager.run.render import full_map_tokens, render_document_map

__all__ = ["RULES", "RunPlan", "chat_room", "functions_of", "instructions", "plan_run"]


RULES = 4
"""Version of what a run does with a reply: older journals replay as they were written. Since 2 the
last reply that a limit allows may call `answer`, and one that finds nothing is `Stopped`. Since 3
calls written as text are calls, nothing is answered before something was looked up, a call repeated
word for word gets another answer, and an answer that no citation supports is `unsupported`; what a
server says of a prompt's size may make the next one smaller or end the run, and a reply that nobody
counted is too long only where it is so without the safety factor. Since 4 a quote is also looked
for in the passages that the model was shown, and a citation alone is an answer in its words."""

LARGEST_PASSAGE = 330
"""Tokens of the largest passage by the built-in estimator: the archive never cuts a larger one."""

SERVER_TOKENS = 700
"""What a server with its own tokenizer may add to every prompt: its own words on function calls,
286 to 675 tokens on current Claude models. Its first count tells."""


@cache
def instructions(functions: str = "full") -> str:
    """What every model is told first; a shorter text beside fewer functions."""
    name = "instructions.md" if functions == "full" else f"instructions_{functions}.md"
    return (files("docpager.run") / name).read_text("utf-8").strip()


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
    conversation: Conversation | None = None
    """Of a chat's turn: what it has at hand."""

    @property
    def said(self) -> str:
        """The conversation at hand as it stands in the prompt; empty without one."""
        return self.conversation.text if self.conversation else ""

    @property
    def counts_each(self) -> bool:
        """Whether the server counts each prompt before it is sent."""
        return self.fixed > 0

    @property
    def offered(self) -> tuple[FunctionSchema, ...]:
        """The functions that requests name; calls that are written as text need no more than be
        known."""
        return () if self.paging.plain else self.functions

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


def functions_of(
    paging: PagingSettings, *, chat: bool, documents: bool
) -> tuple[FunctionSchema, ...]:
    """The functions of a run with these settings; in a chat also by whether there are documents."""
    return functions_for(
        notes=paging.notes,
        pins=paging.pins,
        small=paging.functions != "full",
        chat=chat,
        documents=documents or not chat,
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
        "", "", instructions("chat"), functions, paging, RunLimits(),
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
    conversation: Conversation | None = None,
) -> RunPlan:
    """Fix what a run will say before the model speaks; of a chat's turn, with the `conversation`
    that it has at hand.

    Raises:
        WindowTooSmall: the window is too small, or the question too long for it.
        UsageError: the question is empty, or there is no such policy.
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
    chat = conversation is not None
    functions = functions_of(paging, chat=chat, documents=bool(documents))
    draft = RunPlan(
        question,
        "",
        instructions("chat" if chat else paging.functions),
        functions,
        paging,
        limits,
        policy,
        counter.name,
        factor,
        fixed=fixed,
        conversation=conversation,
    )
    sizer = PromptSizer.of(counter, factor)
    budget = draft.budget(sizer)
    # Who can name no document needs no list of them.
    listed = () if paging.plain else documents
    document_map = render_document_map(listed, cap=budget.map_cap, count=sizer.count)
    _check_window(budget, sizer, question, documents, factor)
    return replace(draft, document_map=document_map, rules=RULES)


def _framing(documents: Sequence[DocumentEntry], sizer: PromptSizer) -> int:
    """What stands around one passage when it is paged in right after a rebuild."""
    path = one_line(max((entry.path for entry in documents), key=len, default=""))
    pages = ", pdf pages 1000-1001 (printed 1000-1001)"
    has_pages = any(entry.pdf_pages for entry in documents)
    header = f"D1000:c1000 of {path}{pages if has_pages else ''}\n[D1000:c1000 p1000]\n[p1001]"
    return sizer.text(header) + smallest_step_tokens(sizer)


def _check_window(
    budget: WindowBudget,
    sizer: PromptSizer,
    question: str,
    documents: Sequence[DocumentEntry],
    factor: float,
) -> None:
    asked = sizer.count(question)
    passage = ceil(LARGEST_PASSAGE * factor) + _framing(documents, sizer)
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
