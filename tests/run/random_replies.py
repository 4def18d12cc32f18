"""Replies that a model might make: sensible, careless and adversarial ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from run_worlds import SENTINEL, WORDS, World

from docpager.core.passages import Passage, PassageRange
from docpager.models.messages import ModelReply, ToolCall
from docpager.run.state import Run

NONSENSE: tuple[Any, ...] = (
    None, 0, -1, 3.5, True, "", " ", [], {}, [1], [None], {"locator": "D1"}, "D0", "D99", "D1:c0",
    "D1:c9-2", "D1:c99999", "N0", "N77", "D1:s9.9", "D1:p999", "*", "\ud800", "x" * 300, "(", [[]],
)  # fmt: skip
"""Values that fit no parameter, or fit one and name nothing."""

PARAMETERS = (
    "query", "pattern", "documents", "page", "locator", "pin", "locators", "text", "sources",
    "replaces", "citations", "found", "other",
)  # fmt: skip
FUNCTIONS = (
    "search", "grep", "contents", "page_in", "page_out", "write_note", "recall", "answer",
    "delete_archive", "",
)  # fmt: skip

HABITS = {
    "ordinary": (3, 2, 1, 5, 4, 5, 2, 2),
    "greedy": (2, 1, 1, 14, 3, 3, 1, 2),
    "hoarding": (2, 1, 1, 9, 1, 9, 1, 3),
}
"""How often each function is called, in the order of `_call`."""


def seeds(count: int, *, always: int) -> list[Any]:
    """Seeds of random runs, in two parts: those tried each time, and the rest, tried with
    `-m slow`."""
    rest = pytest.param(range(always, count), marks=pytest.mark.slow, id="the rest")
    return [pytest.param(range(always), id="always"), rest]


def too_rare(
    happened: Mapping[str, int], least: Mapping[str, float], runs: int
) -> dict[str, float]:
    """What happened in fewer of the runs than its share of them, rounded down."""
    return {name: share for name, share in least.items() if happened[name] < int(share * runs)}


class RandomModel:
    """Makes replies for one run: at least half of its locators name something."""

    def __init__(
        self, random: Random, library: World, *, ends: float, habit: str, writes: bool = False
    ) -> None:
        self._random = random
        self._library = library
        self._ends = ends
        """Chance of trying to answer."""
        self._habit = habit
        """`ordinary`, `greedy` (mostly pages in) or `hoarding` (pins, notes, many calls)."""
        self._writes = writes
        """Whether calls are written as text."""
        self.written: tuple[ToolCall, ...] = ()
        """The calls of the newest reply that are written as text."""
        self._calls = 0

    def reply(self, run: Run) -> ModelReply:
        """What the model says now."""
        said = self._reply(run)
        self.written = ()
        return self._as_text(said) if self._writes and said.calls else said

    def _as_text(self, said: ModelReply) -> ModelReply:
        """The same reply, its calls in tags of their own, in fences, bare or in a list."""
        self.written = tuple(each for each in said.calls if each.name)
        values = [{"name": each.name, "arguments": each.arguments} for each in self.written]
        written = [json.dumps(value) for value in values]
        known = all(each.name in FUNCTIONS[:8] for each in self.written)
        forms = [
            "\n".join(f"<tool_call>\n{each}\n</tool_call>" for each in written),
            "\n".join(["<tools>", *written, "</tools>"]),
            f"[TOOL_CALLS]{json.dumps(values)}",
        ]
        if known:
            forms += ["\n".join(f"```json\n{each}\n```" for each in written), "\n".join(written)]
        text = "\n".join(filter(None, (said.text, self._random.choice(forms))))
        raw = ({"type": "text", "text": text},)
        return ModelReply(text if written else "", (), "end_turn", raw=raw if written else ())

    def _reply(self, run: Run) -> ModelReply:
        random = self._random
        kind = random.random()
        if kind < self._ends:
            return self._ending(run)
        if kind < self._ends + 0.06:
            return self._useless()
        weights = (60, 5, 5, 20, 8, 2) if self._habit == "hoarding" else (60, 25, 10, 3, 2, 1)
        many = random.choices((1, 2, 3, 8, 12, 50), weights=weights)[0]
        calls = tuple(self._call(run, short=many > 8) for _ in range(many))
        text = random.choice(("", "", "Let me see. ", "Thinking about D1:c3 and so on. " * 4))
        raw = ({"type": "text", "text": text},) if text else ()
        return ModelReply(text, calls, "tool_use", raw=raw, cost_usd=0.0)

    def _useless(self) -> ModelReply:
        text, stop = self._random.choice(
            (("", "end_turn"), ("word " * 900, "end_turn"), ("cut off", "max_tokens"), (" ", "odd"))
        )
        return ModelReply(text, (), stop, cost_usd=None)

    def _ending(self, run: Run) -> ModelReply:
        random = self._random
        passage = self._passage(run, resident=0.95)
        quote = _words_of(passage, random)
        places = (str(passage.id), f"D{passage.document}", "D1:c1")
        cited = random.choices(places, weights=(6, 2, 1))[0]
        spoiled = (quote, quote.upper(), quote.replace("a", "o", 1), "never said")
        quote = random.choices(spoiled, weights=(3, 3, 3, 1))[0]
        if random.random() < 0.4:
            lines = (f'[{cited}] "{quote}"', "no citation", f'Not found: "{quote}"')
            line = random.choices(lines, weights=(4, 1, 1))[0]
            return ModelReply(f"Seven million.\n{line}", (), "end_turn")
        citations = [{"locator": cited, "quote": quote}] * random.choice((0, 1, 1, 2))
        if shown := sorted(run.context.shown_pictures):
            seen = {"locator": str(random.choice(shown)), "quote": ""}
            citations = random.choice(([seen], [*citations, seen], citations))
        found = {"found": False} if random.random() < 0.35 else {}
        call = self._named("answer", text="Seven million.", citations=citations, **found)
        return ModelReply("", (call,), "tool_use")

    def _call(self, run: Run, *, short: bool) -> ToolCall:
        random = self._random
        if random.random() < 0.12:
            names = random.sample(PARAMETERS, k=random.randint(0, 3))
            arguments = {name: random.choice(NONSENSE) for name in names}
            name = random.choice((*FUNCTIONS, "drop_" * random.randint(1, 300)))
            return self._named(name, **arguments)
        if short:
            return self._named("page_in", locator=f"D1:c{random.randint(1, 60)}")
        makers = (
            self._search, self._grep, self._contents, self._page_in, self._page_out, self._note,
            self._recall, self._page_in_note,
        )  # fmt: skip
        weights = HABITS[self._habit]
        if run.plan.pictures is not None:
            makers, weights = (*makers, self._view_page), (*weights, 7)
        return random.choices(makers, weights=weights)[0](run)

    def _named(self, name: str, /, **arguments: Any) -> ToolCall:
        self._calls += 1
        return ToolCall(f"call-{self._calls}", name, arguments)

    def _view_page(self, run: Run) -> ToolCall:
        random, shown = self._random, sorted(run.context.table.pictures)
        entry = random.choice(self._library.documents())
        page = f"{entry.name}:p{random.randint(1, min(entry.pdf_pages, 12))}"
        locator = str(random.choice(shown)) if shown and random.random() < 0.2 else page
        odd = random.choice((entry.name, f"{entry.name}:p1-2", "D1:p9999", "N1"))
        pin = {"pin": True} if random.random() < 0.2 else {}
        return self._named("view_page", locator=odd if random.random() < 0.05 else locator, **pin)

    def _search(self, run: Run) -> ToolCall:
        words = " ".join(self._random.choices(WORDS, k=3))
        more = self._random.choice(({}, {"page": 2}, {"documents": ["D1"]}, {"documents": ["*"]}))
        return self._named("search", query=words, **more)

    def _grep(self, run: Run) -> ToolCall:
        return self._named("grep", pattern=self._random.choice(("paid", "§1.*§", "[", "公司")))

    def _contents(self, run: Run) -> ToolCall:
        return self._named("contents", **self._random.choice(({}, {"locator": "D1"})))

    def _page_in(self, run: Run) -> ToolCall:
        pins = 0.7 if self._habit == "hoarding" else 0.15
        pin = {"pin": True} if self._random.random() < pins else {}
        return self._named("page_in", locator=self._locator(run), **pin)

    def _page_in_note(self, run: Run) -> ToolCall:
        return self._named("page_in", locator=f"N{self._random.randint(1, 9)}")

    def _recall(self, run: Run) -> ToolCall:
        return self._named("recall", query=" ".join(self._random.choices(WORDS, k=2)))

    def _page_out(self, run: Run) -> ToolCall:
        everything = [str(passage) for passage in sorted(run.context.table.ids)]
        some = self._random.sample(everything, k=min(len(everything), 2))
        note = f"N{self._random.randint(1, 6)}"
        everything += map(str, sorted(run.context.table.pictures))
        lists = (everything, everything, some, [], [note], [note, *some], ["D1:s1"], ["D1", "D2"])
        return self._named("page_out", locators=self._random.choice(lists))

    def _note(self, run: Run) -> ToolCall:
        random = self._random
        passage = self._passage(run, resident=0.7)
        words = random.choices((8, 30, 90, 170), weights=(4, 4, 2, 1))[0]
        text = f"{_words_of(passage, random)} {' '.join(random.choices(WORDS, k=words))}"
        more = {"replaces": f"N{random.randint(1, 4)}"} if random.random() < 0.2 else {}
        if random.random() < 0.05:
            more = {"replaces": random.choice(("", "nothing", "D2:c1", "N500"))}
        return self._named("write_note", text=text, sources=[str(passage.id)], **more)

    def _locator(self, run: Run) -> str:
        random = self._random
        passage = self._passage(run, resident=0.3)
        document = passage.document
        entry = self._library.document(document)
        first = passage.ordinal
        last = min(entry.passages, first + random.choices((0, 1, 2, 40), weights=(6, 4, 3, 1))[0])
        kind = random.random()
        if kind < 0.7:
            return f"D{document}:c{first}" if last == first else f"D{document}:c{first}-{last}"
        if kind < 0.8 and entry.pdf_pages:
            return f"D{document}:p{random.randint(1, entry.pdf_pages)}"
        if kind < 0.85:
            return random.choice((f"D{document}", f"D{document}:s1.1", f"D{document}:s2"))
        if kind < 0.95:
            return str(passage.id)
        return random.choice(("D99", "D1:c0", "nothing", "D1:c5-2", "D1:c400-9999"))

    def _passage(self, run: Run, *, resident: float) -> Passage:
        random = self._random
        table = run.context.table
        if table.ids and random.random() < resident:
            return table[random.choice(sorted(table.ids))].passage
        entry = random.choice(self._library.documents())
        ordinal = random.randint(1, min(entry.passages, 25))
        return self._library.load_range(PassageRange(entry.id, ordinal, ordinal))[0]


def _words_of(passage: Passage, random: Random) -> str:
    """A quote from a passage between two of its sentinels, which a model never writes."""
    pieces = [piece.strip() for piece in SENTINEL.split(passage.text) if len(piece.strip()) > 20]
    piece = random.choice(pieces or ["nothing to quote here"])
    return piece[: random.randint(12, 80)].strip().replace("#", "")
