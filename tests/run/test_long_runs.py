"""A large archive and a long run in a small window: no part of the head outgrows its share."""

from __future__ import annotations

from playing import long_library
from run_worlds import QUESTION
from watched_run import WatchedRun

from docpager.core.passages import DocumentEntry
from docpager.core.settings import PagingSettings, RunLimits
from docpager.core.tokens import BuiltInEstimator, TokenCounter
from docpager.models.messages import ModelReply, ToolCall
from docpager.run.plan import plan_run
from docpager.run.state import Run
from docpager.run.tool_results import Listed

STEPS = 200
NOTES = 100


def entries(number: int) -> list[DocumentEntry]:
    return [
        DocumentEntry(n, f"year-{n % 40}/report {n}.pdf", f"Report {n}", "pdf", 90, 27_000, 40)
        for n in range(1, number + 1)
    ]


def test_five_thousand_documents_two_hundred_steps_a_hundred_notes() -> None:
    counter = BuiltInEstimator()
    plan = plan_run(
        QUESTION,
        entries(5_000),
        counter=counter,
        paging=PagingSettings(window=8_000),
        limits=RunLimits(max_steps=STEPS + 1),
    )
    watch = WatchedRun(plan, long_library(), counter)
    for n in range(STEPS):
        watch.request()
        calls = [ToolCall(f"p{n}", "page_in", {"locator": f"D1:c{n % 70 + 1}"})]
        if n % 2 == 0:
            note = {"text": f"finding {n}: item {n} cost {n * 7} dollars", "sources": ["D1:c1"]}
            calls.append(ToolCall(f"n{n}", "write_note", note))
        watch.answer(ModelReply(calls=tuple(calls), cost_usd=0.0))
    watch.request()

    context = watch.run.context
    assert len(context.notes.notes) == NOTES
    assert len(context.notes.paged_out) > 0
    assert context.statistics.rebuilds > 10
    assert "5000 documents" in watch.requests[0].turns[0].text


def test_a_list_of_five_thousand_documents_is_shown_as_far_as_it_fits() -> None:
    plan = plan_run(QUESTION, entries(5_000), counter=BuiltInEstimator())
    counting = Counting(BuiltInEstimator())
    run = Run(plan, counting)
    run.next_request()
    call = ToolCall("1", "contents", {})
    run.receive(ModelReply(calls=(call,)))
    before = counting.characters
    lines = tuple(f"D{n} year/report {n}.pdf | 90 passages" for n in range(5_000))
    run.deliver([Listed(lines)])

    (result,) = run.context.newest_results
    shown = result.text.count("\n")
    assert 300 < shown < 5_000
    assert result.text.endswith(f"({5_000 - shown} more did not fit)")
    # Not one count of the whole list for every line that is left out.
    assert counting.characters - before < 40 * len("\n".join(lines))


class Counting:
    """Another counter, and how many characters it was asked to count."""

    def __init__(self, counter: TokenCounter) -> None:
        self.name = counter.name
        self._counter = counter
        self.characters = 0

    def count(self, text: str) -> int:
        self.characters += len(text)
        return self._counter.count(text)
