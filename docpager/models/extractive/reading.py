"""Reading: one request seen through the question; what every planner starts from."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from docpager.models.extractive.evidence import Evidence, Scorer
from docpager.models.extractive.notes import flat, noted_evidence
from docpager.models.extractive.questions import Asked, Wants, read_question
from docpager.models.extractive.sources import name_stems, named_documents
from docpager.models.extractive.stretches import running_heads
from docpager.models.extractive.view import Hit, SeenPassage, View
from docpager.models.extractive.words import Glossary

__all__ = ["Reading"]

_SEEN = re.compile(r"D(\d+):c(\d+)")


@dataclass(frozen=True)
class Reading:
    """A view and the question it is about."""

    view: View
    glossary: Glossary

    @cached_property
    def asked(self) -> Asked:
        return read_question(self.view.question, self.glossary)

    @cached_property
    def scorer(self) -> Scorer:
        return Scorer(self.asked, self.statements)

    @cached_property
    def targets(self) -> tuple[int, ...]:
        """The documents that the question names, or that this run has narrowed itself to."""
        named = named_documents(self.asked, self.view.documents)
        if named and (self.view.listed_all or not self._narrowed):
            return named
        return self._narrowed or named

    @cached_property
    def _narrowed(self) -> tuple[int, ...]:
        """The documents that earlier steps settled on: by notes, else by the log's searches."""
        noted = [n.text for n in self.view.notes if n.text.startswith("about D")]
        if noted:
            return tuple(int(text.split(" ")[1][1:]) for text in noted)
        lists = [
            line.arguments.rpartition('["')[2]
            for line in self.view.log
            if line.name == "search" and '["D' in line.arguments
        ]
        numbers = [int(n) for each in lists for n in re.findall(r"D(\d+)", each)]
        return tuple(dict.fromkeys(numbers))[:3]

    @cached_property
    def statements(self) -> tuple[tuple[str, ...], ...]:
        """Headings of the financial statements in which the answer may stand, likeliest first."""
        concepts = self.asked.concepts
        if self.asked.wants is Wants.REASON:
            concepts = tuple(c for c in concepts if c.hint)
        ordered = [c for c in concepts if c.hint] + [c for c in concepts if not c.hint]
        found = {
            titles: None
            for concept in ordered
            for wording in concept.wordings
            for titles in self.glossary.titles_of(wording)
        }
        return tuple(found)

    @cached_property
    def names(self) -> Mapping[int, Collection[str]]:
        return name_stems(self.view.documents)

    @cached_property
    def visible(self) -> list[Evidence]:
        """Evidence in the passages of main context, strongest first."""
        passages = self.view.passages.values()
        titles = (line.title for line in self.view.documents.values())
        return self.scorer.evidence(
            passages, self.names, ranks=self.ranks, furniture=running_heads(passages, titles)
        )

    @cached_property
    def ranks(self) -> Mapping[tuple[int, int], float]:
        """From 0 to 1: how high the first results of searches put each passage."""
        found: dict[tuple[int, int], float] = {}
        for hit in self.hits:
            at = (hit.document, hit.ordinal)
            found[at] = min(1.0, found.get(at, 0.0) + 1.0 / (1.0 + hit.rank))
        return found

    @cached_property
    def evidence(self) -> list[Evidence]:
        """Evidence in passages and in notes, strongest first, each quote once."""
        best: dict[str, Evidence] = {}
        for each in [*self.visible, *noted_evidence(self.view.notes)]:
            key = flat(each.wide or each.quote)[:200]
            if key not in best or best[key].strength < each.strength:
                best[key] = each
        return sorted(best.values(), key=lambda e: (-e.strength, e.document, e.ordinal, e.quote))

    @cached_property
    def fresh(self) -> list[SeenPassage]:
        """Passages that the newest step brought."""
        newest = "\n".join(
            e.result for e in self.view.newest if e.name == "page_in" and not e.is_error
        )
        at = {(int(d), int(c)) for d, c in re.findall(r"^\[D(\d+):c(\d+)", newest, re.MULTILINE)}
        return [p for place, p in self.view.passages.items() if place in at]

    @cached_property
    def unreleased(self) -> list[SeenPassage]:
        return [p for at, p in self.view.passages.items() if at not in self.view.released]

    @cached_property
    def hits(self) -> list[Hit]:
        """Every hit in view, and those whose locator alone is left in the log."""
        found = [
            hit for lookup in self.view.lookups if lookup.name == "search" for hit in lookup.hits
        ]
        for line in self.view.log:
            if line.name == "search" and "seen " in line.outcome:
                places = _SEEN.findall(line.outcome.rpartition("seen ")[2])
                found += [Hit(int(d), int(c), "", "", n) for n, (d, c) in enumerate(places)]
        return found

    def did(self, name: str, arguments: str) -> int:
        """How often this run made a call with these first arguments, as far as can be seen."""
        return sum(
            line.name == name and f"{line.arguments}, ".startswith(f"{arguments}, ")
            for line in self.view.log
        )
