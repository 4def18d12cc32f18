"""Many named places, each larger than what fits at once: all read once, all found, all cited."""

import random
from itertools import pairwise

import pytest
from shelf import read

from docpager.models.extractive import ExtractiveModel

FORMS = {"arrow": "{} -> {}", "json": '"{}": "{}"', "colon": "{}: {}"}
WORDS = ["harbour", "committee", "garden", "weather", "tea", "report", "season", "river", "stone"]


def ledger(seed, places, form):
    """Sections of prose with shuffled links and records that lead nowhere; half are asked for."""
    chance = random.Random(seed)

    def key():
        return f"{chance.choice('KQXZ')}{chance.choice('ABCD')}-{chance.randint(1000, 9999)}"

    def sentence():
        return " ".join(chance.choice(WORDS) for _ in range(45)).capitalize() + "."

    text, ends = [], {}
    for section in range(1, 2 * places + 1):
        keys = [key() for _ in range(5)]
        records = [*pairwise(keys), *((key(), key()) for _ in range(5))]
        lines = [FORMS[form].format(*record) for record in records]
        lines += [sentence() for _ in range(24)]
        chance.shuffle(lines)
        text += [f"# Chapter {section}", *lines]
        if section % 2 == 0:
            ends[f"D1:s{section}"] = keys[-1]
    return {"ledger.md": "\n\n".join(text)}, ends


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("places", "window"), [(4, 4_400), (8, 4_500), (12, 6_000)])
def test_finds_the_end_of_the_chain_in_every_named_place(form, places, window):
    texts, ends = ledger(places, places, form)
    question = f"Report the last value that each section leads to: {', '.join(ends)}."

    done = read(question, texts, ExtractiveModel(), window=window, max_steps=200)

    assert all(f"{place}: {end}" in done.answer for place, end in ends.items())
    assert all(any(end in quote for quote in done.quotes) for end in ends.values())
    assert all(citation.match == "exact" for citation in done.outcome.citations)
    assert len(done.replies) < 15 * places


def test_reading_places_without_notes_ends():
    texts, ends = ledger(1, 4, "arrow")
    question = f"Report the last value that each section leads to: {', '.join(ends)}."

    done = read(question, texts, ExtractiveModel(), window=4_500, notes=False)

    assert len(done.replies) <= 60


def test_a_chain_of_the_neighbouring_section_in_a_shared_passage_does_not_count():
    filler = 30 * "The committee met again and spoke at length of weather and tea.\n"
    before = "K-1 -> K-2\nK-2 -> K-3\nK-3 -> K-4\n"
    text = f"# One\n\n{filler}\n{before}\n# Two\n\n{filler}\nA-1 -> A-2\n\n{filler}\n# Three\n"
    after = "Z-1 -> Z-2\nZ-2 -> Z-3\nZ-3 -> Z-4\n"

    done = read("What does D1:s2 lead to?", {"a.md": text + after}, ExtractiveModel())

    assert done.answer == "A-2"
