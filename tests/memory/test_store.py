"""What is remembered stays, is found, and is gone when it is forgotten."""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docpager.archive.analyzer import Analyzer
from docpager.archive.search import fuse
from docpager.core.errors import (
    MemoryLimitReached,
    MemoryStoreError,
    ModelError,
    UnknownMemory,
    UsageError,
)
from docpager.memory.entries import MemoryLimits
from docpager.memory.index import FAN, LONGEST_TAIL
from docpager.memory.store import MemoryStore
from docpager.testing import HashingEmbedder

DAY = datetime(2026, 5, 1, tzinfo=UTC)


class Failing(HashingEmbedder):
    """A server that does not answer."""

    def embed_passages(self, texts):
        raise ModelError("no answer")


class Other(HashingEmbedder):
    """The same vectors, made by other rules."""

    version = 2


def opened(directory, **settings):
    return MemoryStore.open(directory, **{"embedder": HashingEmbedder(), **settings})


def say(store, *texts, **fields):
    return [store.append(text, **{"kind": "turn", "who": "user", **fields}).id for text in texts]


def ids(hits):
    return [hit.memory.id for hit in hits.hits]


def many(store, count, *, seed=1):
    """Sentences of a small vocabulary, so that every word stands in many of them."""
    draw = random.Random(seed)
    words = [f"word{n}" for n in range(300)]
    return [
        say(store, " ".join(draw.choices(words, k=draw.randint(3, 15))))[0] for _ in range(count)
    ]


@pytest.fixture
def store(tmp_path):
    with opened(tmp_path / "memory") as store:
        yield store


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Enough for parts, merged parts and a tail; nobody changes it."""
    with opened(tmp_path_factory.mktemp("large") / "memory") as store:
        many(store, LONGEST_TAIL * FAN + LONGEST_TAIL + 100)
        yield store


def test_a_memory_comes_back_as_it_was_said(store, tmp_path):
    said = store.append(
        "We meet on Friday.\n\x1b[2J\u2028",
        kind="turn",
        who="user",
        when=datetime(2026, 5, 1, 14, tzinfo=timezone(timedelta(hours=2))),
        sources=("T1", "D3:p4"),
        session="plans",
    )

    assert said.id == 1
    assert said.when == datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert opened(tmp_path / "memory").get(1) == said


def test_what_is_empty_or_of_another_type_is_refused(store):
    for wrong in (
        {"text": " "},
        {"text": 3},
        {"who": ""},
        {"sources": "T1"},
        {"sources": [1]},
        {"when": datetime(2026, 5, 1)},
    ):
        with pytest.raises(UsageError):
            store.append(**{"text": "a", "kind": "turn", "who": "user", **wrong})
    assert len(store) == 0


def test_words_meaning_and_both_are_told_apart(store):
    say(store, "the ferry leaves at nine", "a cat", "ferry tickets")

    hits = store.search("ferry")

    assert ids(hits) == [3, 1, 2]
    assert [hit.by for hit in hits.hits] == ["both", "both", "meaning"]
    assert (hits.by_words, hits.by_meaning, hits.total, hits.pages) == (2, 1, 3, 1)


def test_a_store_is_narrowed_by_kind_author_session_and_time(store):
    say(store, "tea", when=DAY, session="a")
    say(store, "tea", when=DAY + timedelta(days=1), who="assistant", session="a")
    say(store, "tea", when=DAY + timedelta(days=2), session="b", kind="note")

    for wanted, found in (
        ({"kind": "turn"}, [1, 2]),
        ({"who": "assistant"}, [2]),
        ({"session": "b"}, [3]),
        ({"session": "c"}, []),
        ({"since": DAY + timedelta(days=1)}, [2, 3]),
        ({"until": DAY + timedelta(days=1)}, [1]),
        ({"since": DAY, "until": DAY}, []),
    ):
        assert ids(store.search("tea", **wanted)) == found
        assert [memory.id for memory in store.entries(**wanted)] == found


def test_parts_are_narrowed_as_the_tail_is(large):
    whens = [memory.when for memory in large.entries()]
    until = sorted(whens)[1000]
    expected = [n for n, when in enumerate(whens, 1) if when < until]

    assert list(large.entries(until=until).ids) == expected
    assert large.search("", until=until).total == len(expected)
    assert not large.entries(kind="note")


def test_without_a_query_the_newest_come_first(store):
    say(store, "b", when=DAY + timedelta(days=1))
    say(store, "a", "c", when=DAY)

    assert ids(store.search("")) == [1, 3, 2]
    assert {hit.by for hit in store.search(" ").hits} == {"time"}


def test_a_list_is_read_when_it_is_asked_for(large):
    last = large.entries()[-3:]

    assert [memory.id for memory in last] == list(range(len(large) - 2, len(large) + 1))
    assert last[-1] == large.get(len(large))


def expected_order(texts, query):
    """BM25 over all texts (Robertson and Zaragoza 2009), fused with nearness, without the store."""
    analyzer, embedder = Analyzer(), HashingEmbedder()
    words = [Counter(analyzer.terms(text)) for text in texts]
    average = sum(counts.total() for counts in words) / len(words)
    scores = Counter()
    for term in analyzer.query_terms(query):
        having = sum(term in counts for counts in words)
        for n, counts in enumerate(words, 1):
            if term in counts:
                norm = 1.2 * (0.25 + 0.75 * counts.total() / average)
                rarity = math.log(1 + (len(words) - having + 0.5) / (having + 0.5))
                scores[n] += rarity * counts[term] * 2.2 / (counts[term] + norm)
    by_words = sorted(scores, key=lambda n: (-round(scores[n], 4), n))
    # Vectors are kept in half precision.
    kept = embedder.embed_passages(texts).astype("float16").astype("float32")
    similar = (kept @ embedder.embed_query(query)).astype(float).round(6)
    near = sorted(range(1, len(texts) + 1), key=lambda n: (-similar[n - 1], n))[:200]
    import numpy as np

    return fuse(np.array(by_words, dtype=np.int64), np.array(near, dtype=np.int64)).tolist()


@pytest.mark.parametrize("query", ["word17", "word3 word44 word200", "word5 nowhere", "nowhere"])
def test_the_order_is_that_of_the_formula_whatever_parts_there_are(large, query):
    texts = [memory.text for memory in large.entries()]

    found = []
    for page in range(1, large.search(query).pages + 1):
        found += ids(large.search(query, page=page))

    assert found == expected_order(texts, query)


def test_every_turn_is_found_by_its_words(large):
    for memory in large.entries()[:: len(large) // 60]:
        hits = large.search(memory.text, limit=3)
        assert memory.text in [hit.memory.text for hit in hits.hits]


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=12), st.text())
def test_any_text_is_kept_and_found(tmp_path_factory, texts, query):
    with opened(tmp_path_factory.mktemp("any") / "memory") as store:
        say(store, *texts)
        assert [memory.text for memory in store.entries()] == texts
        hits = store.search(query, limit=20)
        assert len(set(ids(hits))) == len(hits.hits) == hits.total


def test_the_parts_stay_few(large):
    parts = [path.name for path in large.directory.glob("part-*")]

    assert len(parts) == 2  # one of eight merged, and one that came after
    assert large.bytes == (large.directory / "log.jsonl").stat().st_size


@pytest.mark.parametrize(
    "file, content",
    [("part-*/postings.npy", "no array"), ("index.json", "[]"), ("index.json", None)],
)
def test_an_index_that_is_lost_is_made_anew(tmp_path, file, content):
    with opened(tmp_path / "memory") as store:
        many(store, LONGEST_TAIL + 10)
        before = ids(store.search("word7 word9", limit=400))
    (path,) = (tmp_path / "memory").glob(file)
    path.unlink()
    if content:
        path.write_text(content)

    with opened(tmp_path / "memory") as store:
        assert ids(store.search("word7 word9", limit=400)) == before
        assert len(list((tmp_path / "memory").glob("part-*"))) == 1
        assert (tmp_path / "memory" / "index.json").stat().st_size > 100


def test_vectors_of_another_version_are_made_anew(tmp_path):
    with opened(tmp_path / "memory") as store:
        many(store, LONGEST_TAIL)
    with opened(tmp_path / "memory", embedder=Other()) as store:
        assert store.search("word7").total > 0
    said = json.loads((tmp_path / "memory" / "index.json").read_text())
    assert said["embedder_version"] == 2


def test_an_embedder_that_fails_loses_nothing(tmp_path):
    with opened(tmp_path / "memory", embedder=Failing()) as store:
        many(store, LONGEST_TAIL + 1)
        assert store.entries(session="")[-1].id == LONGEST_TAIL + 1
        assert store.forget([3]) == (3,)
        with pytest.raises(ModelError):
            store.search("word7")
    with opened(tmp_path / "memory") as store:
        assert store.search("word7").total > 0
        assert len(store) == LONGEST_TAIL


def test_a_full_store_says_which_limit(tmp_path):
    limits = MemoryLimits(max_entries=2, max_bytes=400, max_text=100)
    with opened(tmp_path / "memory", limits=limits) as store:
        with pytest.raises(MemoryLimitReached, match="at most 100 characters") as caught:
            say(store, "x" * 101)
        assert (caught.value.limit, caught.value.most) == ("max_text", 100)
        say(store, "one", "two")
        with pytest.raises(MemoryLimitReached, match="at most 2 memories"):
            say(store, "three")
        store.forget([1])
        with pytest.raises(MemoryLimitReached, match="at most 400 bytes") as caught:
            say(store, "y" * 100)
        say(store, "three")
        assert [memory.id for memory in store.entries()] == [2, 3]
    with pytest.raises(UsageError, match="max_bytes"):
        MemoryLimits(max_bytes=0)


def test_a_number_that_is_not_there_is_named(store):
    say(store, "one")
    store.forget([1])

    with pytest.raises(UnknownMemory, match=r"memory 1 .* was forgotten") as caught:
        store.get(1)
    assert caught.value.forgotten
    with pytest.raises(UnknownMemory, match=r"memory 2 .* is not there"):
        store.get(2)
    with pytest.raises(UnknownMemory):
        store.forget([1, 2])


@pytest.mark.parametrize("before", [10, LONGEST_TAIL - 1, LONGEST_TAIL + 10])
def test_what_is_forgotten_stands_in_no_file(tmp_path, before):
    secret = "xylophone"
    with opened(tmp_path / "memory") as store, opened(tmp_path / "memory") as other:
        many(store, before)
        gone = say(store, f"my {secret} is blue", who=f"{secret}ist", session=f"{secret}s")
        kept = many(store, 20, seed=2)
        texts = [store.get(id).text for id in kept]
        assert holding(tmp_path, secret)
        assert ids(other.search(secret))[0] == gone[0]

        assert store.forget(gone) == tuple(gone)

        assert not holding(tmp_path, secret)
        for each in (store, other):
            assert gone[0] not in ids(each.search(secret, limit=1000))
            assert each.search(secret).by_words == 0
            assert [each.get(id).text for id in kept] == texts
            assert len(each) == before + 20
        # The number stays taken, and nothing else of it is left.
        lines = [json.loads(x[17:]) for x in (tmp_path / "memory" / "log.jsonl").open("rb")]
        assert {"id": gone[0], "forgotten": True} in lines
        assert say(store, "next")[0] == before + 22
        assert store.forget(gone) == ()
        store.verify()


def holding(directory, secret):
    word = secret.encode()
    found = [path for path in directory.rglob("*") if secret in path.name]
    return found + [p for p in directory.rglob("*") if p.is_file() and word in p.read_bytes()]


def test_vectors_outlive_a_forgetting_and_are_not_made_twice(tmp_path):
    class Counting(HashingEmbedder):
        texts = 0

        def embed_passages(self, texts):
            self.texts += len(texts)
            return super().embed_passages(texts)

    embedder = Counting()
    with opened(tmp_path / "memory", embedder=embedder) as store:
        many(store, LONGEST_TAIL * 2)
        assert embedder.texts == LONGEST_TAIL * 2
        store.forget([5])
        assert embedder.texts == LONGEST_TAIL * 2
        store.search("word7")  # the query is one more
        assert embedder.texts == LONGEST_TAIL * 2 + 1


def test_a_torn_line_is_dropped(tmp_path):
    with opened(tmp_path / "memory") as store:
        say(store, "one", "two")
    log = tmp_path / "memory" / "log.jsonl"
    log.write_bytes(log.read_bytes()[:-5])

    with opened(tmp_path / "memory") as store:
        assert [memory.text for memory in store.entries()] == ["one"]
        assert say(store, "three") == [2]
        store.verify()


def test_a_changed_line_is_named(tmp_path):
    with opened(tmp_path / "memory") as store:
        many(store, LONGEST_TAIL + 5)
        log = tmp_path / "memory" / "log.jsonl"
        content = bytearray(log.read_bytes())
        content[content.index(b"word")] = ord("W")
        log.write_bytes(content)
        with pytest.raises(MemoryStoreError, match=r"damaged: the checksum .* at byte"):
            store.get(1)
        with pytest.raises(MemoryStoreError, match="damaged"):
            store.verify()


def test_a_damaged_part_is_made_anew_by_verify(tmp_path):
    with opened(tmp_path / "memory") as store:
        many(store, LONGEST_TAIL + 5)
        before = ids(store.search("word7 word9", limit=400))
        (part,) = (tmp_path / "memory").glob("part-*")
        content = bytearray((part / "counts.npy").read_bytes())
        content[-4] ^= 7
        (part / "counts.npy").write_bytes(content)
        store.verify()
        assert ids(store.search("word7 word9", limit=400)) == before


def test_a_store_that_is_not_there_is_not_made_by_reading(tmp_path):
    with pytest.raises(MemoryStoreError, match="there is no memory in"):
        opened(tmp_path / "memory", create=False)
    assert not (tmp_path / "memory").exists()
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "log.jsonl").write_text('{"format": 1}\n')
    with pytest.raises(MemoryStoreError, match="damaged"):
        opened(tmp_path / "memory")
