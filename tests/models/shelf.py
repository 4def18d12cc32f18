"""A dict-backed archive and a driver without journal, to let the reader read."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

from docpager.core.locators import LocatorKind
from docpager.core.passages import DocumentEntry, Hit, PassageRange
from docpager.core.settings import PagingSettings, RunLimits
from docpager.core.tokens import BuiltInEstimator
from docpager.documents.chunking import cut, passages_of
from docpager.documents.text import read_markdown
from docpager.paging.epoch import PromptSizer
from docpager.run.executor import FunctionExecutor
from docpager.run.plan import plan_run
from docpager.run.state import Run


@dataclass
class Found:
    hits: list
    page: int
    pages: int
    by_words: int
    by_meaning: int = 0

    @property
    def total(self):
        return self.by_words


class Shelf:
    """Texts by path, cut like an archive's, searched by counting words."""

    def __init__(self, texts):
        self._documents = {}
        self._passages = {}
        for number, (path, text) in enumerate(texts.items(), start=1):
            document = read_markdown(text.encode(), path)
            self._documents[number] = document
            self._passages[number] = passages_of(document, cut(document.text), number)

    def documents(self):
        return [self.document(number) for number in self._documents]

    def document(self, number):
        document, passages = self._documents[number], self._passages[number]
        tokens = sum(passage.tokens for passage in passages)
        title = document.path.rpartition(".")[0]
        return DocumentEntry(number, document.path, title, "markdown", len(passages), tokens, 0)

    def sections(self, number):
        return self._documents[number].sections

    def row_at(self, number, offset):
        return None

    def page_doubts(self, number):
        return {}

    def page_labels(self, number):
        return []

    def resolve(self, locator):
        passages = self._passages[locator.number]
        if locator.kind is LocatorKind.PASSAGES:
            return PassageRange(locator.number, locator.first, min(locator.last, len(passages)))
        start, end = 0, passages[-1].end
        if locator.kind is LocatorKind.SECTION:
            sections = {section.path: section for section in self.sections(locator.number)}
            start, end = sections[locator.section].start, sections[locator.section].end
        inside = [p.ordinal for p in passages if p.start < end and p.end > start]
        return PassageRange(locator.number, inside[0], inside[-1])

    def load_range(self, passages):
        return self._passages[passages.document][passages.first - 1 : passages.last]

    def search(self, query, *, documents, page, page_size):
        words = set(re.findall(r"\w+", query.lower()))
        scored = []
        for passage in self._all(documents):
            shared = words & set(re.findall(r"\w+", passage.text.lower()))
            if shared:
                at = min(passage.text.lower().find(word) for word in shared)
                scored.append((-len(shared), passage.id, at, passage))
        return self._paged(
            [(p, at) for *_, at, p in sorted(scored, key=lambda s: s[:2])], page, page_size
        )

    def grep(self, pattern, *, documents, page, page_size):
        matches = [(p, re.search(pattern, p.text)) for p in self._all(documents)]
        return self._paged([(p, m.start()) for p, m in matches if m], page, page_size)

    def _all(self, documents):
        wanted = self._passages if documents is None else documents
        return [p for number in sorted(wanted) for p in self._passages[number]]

    def _paged(self, found, page, page_size):
        shown = found[(page - 1) * page_size : page * page_size]
        hits = [
            Hit(p.id, " ".join(p.text[max(0, at - 20) : at + 200].split()), None, "words")
            for p, at in shown
        ]
        return Found(hits, page, max(1, -(-len(found) // page_size)), len(found))


@dataclass
class Read:
    """What came of a question: the outcome, and everything that was said."""

    outcome: object
    requests: list = field(default_factory=list)
    replies: list = field(default_factory=list)

    @property
    def calls(self):
        return [call for reply in self.replies for call in reply.calls]

    @property
    def answer(self):
        return self.outcome.text

    @property
    def quotes(self):
        return [citation.quote for citation in self.outcome.citations]


def read(question, texts, model, *, window=8_000, interrupt=None, max_steps=60, **paging):
    """Let `model` answer `question` from `texts`; every reply must fit its limit."""
    shelf, counter = Shelf(texts), BuiltInEstimator()
    settings = PagingSettings(window=window, **paging)
    plan = plan_run(
        question, shelf.documents(), counter=counter, paging=settings, limits=RunLimits(max_steps)
    )
    run, sizer = Run(plan, counter), PromptSizer(counter.count)
    executor = FunctionExecutor(shelf, functions=plan.functions, sizer=sizer, hits_per_page=5)
    done = Read(None)
    while run.outcome is None:
        if interrupt and len(done.replies) == 2:
            run.interrupt(interrupt)
        request = run.next_request()
        reply = asyncio.run(model.complete(request))
        assert sizer.reply(reply.text, reply.calls) <= request.max_output_tokens
        done.requests.append(request)
        done.replies.append(reply)
        run.deliver(executor.execute_all(run.receive(reply)))
    done.outcome = run.outcome
    return done
