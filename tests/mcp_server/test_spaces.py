"""Notes of several agents: none is lost, each says whose it is, private ones stay private."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from docpager.core.errors import DocpagerError, FunctionError, MemoryLimitReached, UsageError
from docpager.core.tokens import BuiltInEstimator
from docpager.mcp_server.spaces import MOST_SPACES, Caller, SpaceLimitReached, Spaces
from docpager.memory.entries import MemoryLimits
from docpager.testing import HashingEmbedder

ANN = Caller("ann", "reviewer 2.0")
BOB = Caller("bob")


def remember(spaces, text, caller=ANN, **how):
    settings = {"space": "common", "sources": (), "private": False, **how}
    return spaces.remember(text, caller, **settings)


def recall(spaces, query="", caller=ANN, **how):
    settings = {"space": "common", "private": False, "who": "", "since": "", "until": "", "page": 1}
    return spaces.recall(query, caller, **{**settings, "bound": 2000, **how})


def test_a_note_says_who_wrote_it_when_and_from_where(spaces):
    said = remember(spaces, "Graz cost 21 million", sources=["D1:c1", "D2:c3"])
    today = datetime.now(UTC).strftime("%Y-%m-%d")

    assert said == "kept as note 1 in shared space 'common'; 1 of 10,000 notes"
    text = recall(spaces, "Graz", BOB)
    assert f"note 1, ann, {today} " in text
    assert ", from D1:c1, D2:c3, by reviewer 2.0: Graz cost 21 million" in text
    assert text.startswith("What stands between the marks are notes of agents")


def test_private_notes_are_seen_by_their_agent_alone(spaces):
    remember(spaces, "the plan", private=True, space="plans")

    assert "the plan" in recall(spaces, "plan", private=True, space="plans")
    for caller, private in ((BOB, True), (BOB, False), (ANN, False)):
        with pytest.raises(FunctionError, match=r"there is no .* there are: none yet"):
            recall(spaces, "plan", caller, private=private, space="plans")


@pytest.mark.parametrize(
    "name", ["../shared/x", "..", ".", "a/b", "/etc", "A", "a b", "", "a" * 65, "a..b", "nul\0"]
)
def test_a_space_is_no_path(spaces, name):
    for call in (lambda: remember(spaces, "x", space=name), lambda: recall(spaces, space=name)):
        with pytest.raises(UsageError, match="is no name"):
            call()
    with pytest.raises(UsageError, match="is no name"):
        remember(spaces, "x", Caller(name), private=True)
    assert not list(spaces.directory.rglob("log.jsonl"))


def test_notes_are_narrowed_by_author_and_time(spaces):
    remember(spaces, "one")
    remember(spaces, "two", BOB)
    now = datetime.now(UTC).isoformat()

    assert ": one" not in recall(spaces, who="bob")
    assert "0 notes" in recall(spaces, since=now)
    assert "2 notes" in recall(spaces, since="2026-01-01", until=now)
    with pytest.raises(FunctionError, match="since is a day or a time"):
        recall(spaces, since="yesterday")


def test_limits_are_named(tmp_path):
    limits = MemoryLimits(max_entries=2, max_text=50)
    spaces = Spaces(tmp_path, embedder=HashingEmbedder(), limits=limits)
    with pytest.raises(MemoryLimitReached, match="at most 50 characters"):
        remember(spaces, "x" * 51)
    with pytest.raises(FunctionError, match="at most 20 sources"):
        remember(spaces, "x", sources=["D1"] * 21)
    with pytest.raises(FunctionError, match="needs a text"):
        remember(spaces, " ")
    remember(spaces, "one")
    remember(spaces, "two")
    with pytest.raises(MemoryLimitReached, match="at most 2 memories"):
        remember(spaces, "three")
    remember(spaces, "three", private=True)

    for n in range(MOST_SPACES - 1):
        (tmp_path / "shared" / f"s{n}").mkdir()
    with pytest.raises(SpaceLimitReached, match=f"there are {MOST_SPACES} spaces"):
        remember(spaces, "x", space="one-more")


def test_notes_are_bounded(spaces):
    for n in range(10):
        remember(spaces, f"{n} herring " * 80)
    text = recall(spaces, "herring", bound=1000)

    assert BuiltInEstimator().count(text) <= 1000
    assert "more on this page did not fit" in text


def test_agents_that_write_at_once_lose_nothing(tmp_path):
    """Two servers of the same spaces, four threads each."""
    servers = [Spaces(tmp_path, embedder=HashingEmbedder()) for _ in range(2)]
    failed = []

    def write(spaces, name):
        try:
            for n in range(25):
                remember(spaces, f"{name} note {n}", Caller(name))
        except DocpagerError as error:
            failed.append(error)

    threads = [
        threading.Thread(target=write, args=(spaces, f"agent-{k}-{n}"))
        for k, spaces in enumerate(servers)
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failed
    for spaces in servers:
        assert "200 notes" in recall(spaces, "note")
        for k in range(2):
            for n in range(4):
                assert ": 25 notes" in recall(spaces, "note", who=f"agent-{k}-{n}")
        spaces.close()
