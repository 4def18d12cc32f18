"""Harbour gossip: prose for puzzles that need much of it, and none of a question's words."""

from __future__ import annotations

import random

__all__ = ["TITLES", "paragraph"]

_QUALITIES = ("Old", "Upper", "Windy", "Narrow", "Quiet", "Salt", "Broken", "Northern")
_SITES = ("Quay", "Chandlery", "Ropewalk", "Lighthouse", "Fish Market", "Slipway", "Tollhouse")
TITLES = [f"The {quality} {site}" for quality in _QUALITIES for site in _SITES]

_WHO = (
    "The harbour master",
    "Old Brannock",
    "A cooper from the upper town",
    "My aunt",
    "The ferryman",
    "Two pilots",
    "The widow Tansley",
    "A clerk with ink on his cuffs",
    "The night watch",
    "Our schoolteacher",
    "The miller's youngest son",
    "A stranger in oilskins",
    "The sexton",
    "Half of the crew",
    "The lamplighter",
    "Nobody but the cook",
    "The baker and his wife",
)
_DID = (
    "mended",
    "carried off",
    "counted",
    "painted",
    "sold",
    "inspected",
    "covered",
    "forgot",
    "argued about",
    "hid",
    "weighed",
    "traded",
    "washed",
    "went looking for",
    "admired",
    "dragged away",
    "repaired",
    "borrowed",
)
_WHAT = (
    "the grey nets",
    "a crate of lamps",
    "the spare rudder",
    "forty yards of rope",
    "the church bell",
    "a barrel of herring",
    "the torn mainsail",
    "somebody's best boots",
    "a ladder with a cracked rung",
    "the brass telescope",
    "some sacks of barley",
    "the ferry's only pump",
    "an unpaid bill",
    "a cage of noisy hens",
    "the tide tables",
    "a wheelbarrow without its wheel",
)
_WHERE = (
    "behind the chandlery",
    "along the breakwater",
    "under the old crane",
    "at the foot of the hill",
    "beside the tollhouse",
    "in the loft above the bakery",
    "across the mud flats",
    "near the slipway",
    "on the far bank",
    "outside the customs shed",
    "by the well",
    "halfway up the lighthouse stairs",
)
_WHEN = (
    "before the fog lifted",
    "on market day",
    "while the rain lasted",
    "long after midnight",
    "as soon as the mail boat had left",
    "during the spring tides",
    "without a word to anybody",
    "in spite of the wind",
    "for the second time that month",
    "until the lamps were lit",
)
_OPENERS = (
    "By then",
    "That winter",
    "According to the sexton",
    "So people say",
    "Twice that year",
    "To everybody's surprise",
    "Once the ice had gone",
    "Years later",
)
_ASIDES = (
    "There was a rule about it: wet timber stays on the quay.",
    "It never came to court.",
    "Nothing more was heard of the matter.",
    "The gulls took the rest.",
    "My aunt put it like this: a boat forgives, a harbour does not.",
    "Whoever was right, the price of herring fell.",
    "People still laugh about it.",
)


def paragraph(source: random.Random) -> str:
    """Three to five sentences."""
    sentences = [_sentence(source) for _ in range(source.randint(3, 5))]
    if source.random() < 0.3:
        sentences.append(source.choice(_ASIDES))
    return " ".join(sentences)


def _sentence(source: random.Random) -> str:
    pick = source.choice
    who, told = pick(_WHO), f"{pick(_DID)} {pick(_WHAT)} {pick(_WHERE)}"
    match source.randrange(4):
        case 0:
            return f"{pick(_OPENERS)}, {_lowered(who)} {told}."
        case 1:
            return f"{who} {told} {pick(_WHEN)}, and {_lowered(pick(_WHO))} {pick(_DID)} the rest."
        case 2:
            return f"{who} {told}."
    return f"{who} {told} {pick(_WHEN)}."


def _lowered(who: str) -> str:
    """The subject as it stands inside a sentence; names keep their capitals."""
    named = who.startswith("Old ")
    return who if named else who[0].lower() + who[1:]
