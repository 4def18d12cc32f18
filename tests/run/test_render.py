from __future__ import annotations

from inline_snapshot import snapshot

from docpager.core.passages import Hit, Passage, PassageId, PassageRange
from docpager.run.render import (
    present_found,
    present_listed,
    present_loaded,
    present_too_large,
)
from docpager.run.tool_results import Found, Listed, Loaded, TooLarge

PASSAGES = (
    Passage(1, 210, "end of sixty. Sixty-one.\n", 9, 0, 60, ((14, 61),)),
    Passage(1, 211, "more\n", 9, 25, 61),
)
HITS = (
    Hit(PassageId(1, 210), "capital expenditure of (1,577)", 60, "both"),
    Hit(PassageId(2, 4), "capital is a city", None, "words"),
)
PATHS = ((1, "3M_2018_10K.pdf"), (2, "notes/a.txt"))


def test_hits_of_a_search() -> None:
    found = Found(HITS, PATHS, 1, 20, 34, 166, 3)

    assert present_found(found, subject='search "capital" in D1, D2') == snapshot("""\
search "capital" in D1, D2: 34 passages by words, 166 more by meaning; page 1 of 20
- D1:c210 p60 3M_2018_10K.pdf: capital expenditure of (1,577)
- D2:c4 notes/a.txt: capital is a city
(3 more on this page did not fit)\
""")


def test_hits_of_a_grep() -> None:
    found = Found(HITS[:1], PATHS, 2, 2, 11, 0)

    assert present_found(found, subject='grep "capital"') == snapshot("""\
grep "capital": 11 passages match; page 2 of 2
- D1:c210 p60 3M_2018_10K.pdf: capital expenditure of (1,577)\
""")


def test_nothing_found() -> None:
    found = Found((), (), 1, 1, 0, 0)

    assert present_found(found, subject='grep "x"') == snapshot('grep "x": nothing found.')


def test_a_list_and_what_of_it_is_missing() -> None:
    assert present_listed(Listed(("D1 a.txt", "D2 b.txt"), 7)) == snapshot("""\
D1 a.txt
D2 b.txt
(7 more did not fit)\
""")
    assert present_listed(Listed(())) == snapshot("nothing to list.")


def test_passages_that_were_paged_in() -> None:
    loaded = Loaded(
        PassageRange(1, 209, 212),
        "3M_2018_10K.pdf",
        PASSAGES,
        (PassageId(1, 209), PassageId(1, 212)),
        ((60, "58"), (61, "59")),
    )

    assert present_loaded(loaded) == snapshot("""\
D1:c210-211 of 3M_2018_10K.pdf, pdf pages 60-61 (printed 58-59); D1:c209, D1:c212 is in main context already
[D1:c210 p60]
end of sixty. [p61]Sixty-one.
[D1:c211 p61]
more\
""")  # fmt: skip  # noqa: E501


def test_passages_that_were_there_already() -> None:
    loaded = Loaded(PassageRange(1, 4, 6), "a.txt", (), tuple(PassageId(1, n) for n in (4, 5, 6)))

    assert present_loaded(loaded) == snapshot("D1:c4-6 is in main context already.")


def test_a_range_that_is_too_large() -> None:
    fits = TooLarge(PassageRange(1, 1, 90), 24_000, PassageRange(1, 1, 12))
    nothing = TooLarge(PassageRange(1, 1, 1), 320, None)

    assert present_too_large(fits) == snapshot(
        "refused: D1:c1-90 takes about 24000 tokens; D1:c1-12 would fit."
    )
    assert present_too_large(nothing) == snapshot(
        "refused: D1:c1 takes about 320 tokens; nothing fits now: page_out first."
    )
