"""Chains whose links do not fit the share of notes are cited whole all the same."""

import json
import random
import uuid
from itertools import pairwise

import pytest
from shelf import read

from docpager.models.extractive import ExtractiveModel


def record_of(seed, length):
    """One JSON line of 140 pairs, `length` of them a chain, and that chain."""
    chance = random.Random(seed)
    keys, values = ([str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(140)] for _ in "kv")
    order = chance.sample(range(140), length)
    for place, following in pairwise(order):
        values[place] = keys[following]
    chain = [(keys[place], values[place]) for place in order]
    return {"record.txt": json.dumps(dict(zip(keys, values, strict=True)))}, chain


@pytest.mark.parametrize("length", [5, 6, 9])
@pytest.mark.parametrize("seed", [3, 4])
def test_cites_every_link_of_a_chain_that_notes_cannot_hold_at_once(length, seed):
    texts, chain = record_of(seed, length)

    done = read(f"Where does key {chain[0][0]} lead?", texts, ExtractiveModel(), window=4_000)

    assert done.answer == chain[-1][1]
    assert len(done.quotes) == length
    assert all(value in quote for (_, value), quote in zip(chain, done.quotes, strict=True))
    assert len(done.replies) < 4 * length + 10


def test_quotes_too_many_for_one_reply_keep_their_values():
    texts, chain = record_of(5, 13)

    done = read(
        f"Where does key {chain[0][0]} lead?", texts, ExtractiveModel(), window=6_000, max_steps=90
    )

    values = {value for _, value in chain}
    assert done.answer == chain[-1][1]
    assert len(done.quotes) > 5
    assert all(any(value in quote for value in values) for quote in done.quotes)
