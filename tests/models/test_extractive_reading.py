"""The built-in reader in real runs over small archives."""

import dataclasses
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from shelf import read

from docpager.models.extractive import ExtractiveModel
from docpager.run.outcome import Abstention, Answer

FILLER = 12 * "The committee met again and spoke at length of weather, tea and the garden.\n"
REPORT = {
    "harbour-report-2019.md": "# Harbour report 2019\n\n"
    + FILLER
    + "\n## Dredging\n\nThe harbour paid 412,000 crowns for dredging the north basin in 2019.\n\n"
    + FILLER
    + "\n## Staff\n\nThe harbour master is Ada Quist. She was appointed in May 2017.\n\n"
    + FILLER,
    "library-report-2019.md": "# Library report\n\n"
    + FILLER
    + "\nThe library lent 18,200 books.\n",
}


def pairs(*links):
    return "\n".join(f'"{key}": "{value}",' for key, value in links)


def chain_file(length):
    """A chain of random-looking keys, its links in no order, between records that lead nowhere."""
    keys = [f"k{(7919 * n) % 9973:04x}-{(104729 * n) % 99991:05x}" for n in range(1, length + 2)]
    links = list(pairwise(keys))
    noise = [(f"z{n:03x}-{n * n:05x}", f"y{n:03x}-{n + 11:05x}") for n in range(300)]
    mixed = noise[:]
    for n, link in enumerate(links):
        mixed.insert((n * 137) % len(mixed), link)
    return keys, {"records.txt": pairs(*mixed)}


def test_answers_with_a_quote_that_holds_the_figure():
    done = read("How much did the harbour pay for dredging in 2019?", REPORT, ExtractiveModel())

    assert isinstance(done.outcome, Answer)
    assert "412,000" in done.quotes[0]
    assert {"search", "page_in"} <= {call.name for call in done.calls}


def test_pages_in_before_it_answers():
    done = read("Who is the harbour master?", REPORT, ExtractiveModel())

    assert "Ada Quist" in done.answer
    names = [call.name for call in done.calls]
    assert names.index("search") < names.index("page_in") < names.index("answer")


def test_abstains_where_nothing_supports_an_answer():
    question = "How many helicopters did the fire brigade of Portsmouth buy?"

    done = read(question, REPORT, ExtractiveModel())

    assert isinstance(done.outcome, Abstention)


@pytest.mark.parametrize("length", [1, 2, 5, 9, 14])
@pytest.mark.parametrize("window", [4_200, 6_000, 32_000])
def test_follows_keys_until_a_value_is_no_key(length, window):
    keys, texts = chain_file(length)

    done = read(
        f'Follow the key "{keys[0]}" to its last value.', texts, ExtractiveModel(), window=window
    )

    assert done.answer == keys[-1]
    assert all(c.match != "failed" for c in done.outcome.citations)


def test_cites_every_link_that_fits():
    keys, texts = chain_file(5)

    done = read(f'Follow the key "{keys[0]}".', texts, ExtractiveModel(), window=4_200)

    assert [quote.split('"')[1] for quote in done.quotes] == keys[:-1]


@pytest.mark.parametrize("separator", [": ", " = ", " -> "])
def test_reads_records_in_other_forms(separator):
    links = [("K-17", "K-42"), ("K-42", "K-99"), ("K-99", "amber")]
    lines = "\n".join(f"{key}{separator}{value}" for key, value in links)
    text = FILLER + "\n\n" + lines + "\n\nAmber is a colour, and amber is a stone.\n\n" + FILLER

    done = read("What does key K-17 lead to in the end?", {"r.md": text}, ExtractiveModel())

    assert done.answer == "amber"


def test_a_chain_that_comes_round_again_ends():
    texts = {"r.txt": FILLER + "\n" + pairs(("A-1", "B-2"), ("B-2", "C-3"), ("C-3", "A-1"))}

    done = read('Follow the key "A-1".', texts, ExtractiveModel())

    assert isinstance(done.outcome, Answer)
    assert len(done.replies) < 15


@pytest.mark.parametrize(
    "ablation", [{"notes": False}, {"pins": False}, {"notes": False, "pins": False}]
)
def test_goes_on_without_notes_and_pins(ablation):
    done = read("How much did the harbour pay for dredging?", REPORT, ExtractiveModel(), **ablation)

    assert "412,000" in done.quotes[0]
    offered = {function.name for request in done.requests for function in request.functions}
    assert {call.name for call in done.calls} <= offered


def test_answers_in_plain_text_when_functions_are_withdrawn():
    done = read("Who is the harbour master?", REPORT, ExtractiveModel(), max_steps=3)

    assert not done.replies[-1].calls
    assert not done.requests[-1].calls_allowed
    assert "Ada Quist" in done.answer


def test_reads_on_after_a_message_from_the_user():
    done = read("Who is the harbour master?", REPORT, ExtractiveModel(), interrupt="please hurry")

    assert "Ada Quist" in done.answer


def test_replies_the_same_in_a_fresh_process():
    keys, texts = chain_file(4)
    done = read(f'Follow the key "{keys[0]}".', texts, ExtractiveModel(), window=4_200)
    requests = json.dumps([dataclasses.asdict(request) for request in done.requests])
    replies = [json.dumps(dataclasses.asdict(reply), sort_keys=True) for reply in done.replies]

    again = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("reply_again.py"))],
        input=requests, capture_output=True, text=True, check=True, encoding="utf-8",
    )  # fmt: skip

    assert again.stdout.splitlines() == replies


def test_ends_an_ordinary_question_within_twelve_steps():
    done = read("What colour are the curtains of the reading room?", REPORT, ExtractiveModel())

    assert len(done.replies) <= 12


PLACES = {
    "log.md": "\n\n".join(
        [
            *(
                "# One",
                FILLER * 4,
                "B-2 -> C-3",
                FILLER * 6,
                "A-1 -> B-2",
                FILLER * 5,
                "C-3 -> D-4",
            ),
            *("# Two", FILLER),
            *("# Three", FILLER * 3, "X-1 -> X-2", FILLER * 3, "X-2 -> X-3"),
        ]
    )
}


@pytest.mark.parametrize("window", [4_200, 8_000, 32_000])
def test_reads_named_places_in_full_and_follows_what_it_finds(window):
    question = "Report what you find in each of these sections: D1:s1, D1:s3."

    done = read(question, PLACES, ExtractiveModel(), window=window)

    assert "D-4" in done.answer and "X-3" in done.answer
    assert any("C-3 -> D-4" in quote for quote in done.quotes)


def test_findings_of_earlier_places_outlive_the_notes_of_later_ones():
    parts, ends = [], []
    for part in "ABCDE":
        links = [f"{part}-{n} : {part}-{n + 1}" for n in (3, 1, 4, 2)]
        noise = [f"{part}x{n}-q : {part}y{n}-w" for n in range(9)]
        mixed = [text for pair in zip(noise, links, strict=False) for text in pair]
        parts.append(f"# {part}\n\n" + f"\n\n{FILLER}\n\n".join([*mixed, *noise[4:]]))
        ends.append(f"{part}-5")
    question = "Collect the records of D1:s1, D1:s2, D1:s3, D1:s4 and D1:s5."

    done = read(question, {"log.md": "\n\n".join(parts)}, ExtractiveModel(), window=5_000)

    assert [end for end in ends if end not in done.answer] == []
    assert len(done.outcome.citations) == 5


def test_a_place_that_is_not_there_ends_in_an_abstention():
    done = read("What does D1:c900 say?", {"a.md": FILLER}, ExtractiveModel())

    assert isinstance(done.outcome, Abstention | Answer)
    assert len(done.replies) < 15
