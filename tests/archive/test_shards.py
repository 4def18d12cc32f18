"""Archives of shards find what one archive of all their documents finds, in the same order."""

from __future__ import annotations

import errno
import random
import shutil
from pathlib import Path

import pytest
from archive.conftest import HereSource

from docpager.archive.archive import Archive
from docpager.archive.ingest import ingest
from docpager.archive.lexical import LexicalWriter, key_of, open_joined
from docpager.archive.shards import NUMBERS_EACH, name_shards, shards_at
from docpager.core.errors import ArchiveError, UsageError
from docpager.core.locations import ObjectPath
from docpager.core.passages import PassageId
from docpager.testing import HashingEmbedder

SYLLABLES = ["ba", "ce", "di", "fo", "gu", "he", "ki", "lo", "mu", "na"]
WORDS = [f"{a}{b}" for a in SYLLABLES for b in ("rst", "lin", "mak", "vex")]
SHARDS = 4
REPEATED = "barst celin dimak fovex guvex helin kimak.\n\n" * 150
"""Passages that many documents begin with: their scores are equal everywhere."""


def take_in(folder: Path, place) -> None:
    ingest([folder], place, embedder=HashingEmbedder(), source=HereSource(place))


def opened(place) -> Archive:
    return Archive.open(place, embedder=HashingEmbedder())


def write_shards(home: Path) -> list[Path]:
    """Folders of unlike sizes, whose words are frequent in one and rare in the others."""
    drawn = random.Random(5)
    folders = []
    for shard in range(SHARDS):
        folder = home / f"files {shard}"
        folder.mkdir()
        for n in range(3 + 5 * shard):
            own = WORDS[shard * 9 : shard * 9 + 14] + WORDS[:3]
            text = "".join(
                " ".join(drawn.choices(own, k=drawn.randint(3, 30))) + ".\n\n"
                for _ in range(drawn.randint(5, 60))
            )
            (folder / f"{n:02}.txt").write_text((REPEATED if n % 3 == 0 else "") + text)
        folders.append(folder)
    return folders


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Shards, an archive of them, and one archive of the same documents in the same order."""
    home = tmp_path_factory.mktemp("shards")
    for shard, folder in enumerate(write_shards(home)):
        take_in(folder, home / f"shard {shard}")
        take_in(folder, home / "one")
    name_shards(home / "all", [home / f"shard {n}" for n in range(SHARDS)])
    return home


@pytest.fixture
def archives(made):
    with opened(made / "all") as shards, opened(made / "one") as one:
        listed = [e.id for e in shards.documents()], [e.id for e in one.documents()]
        yield shards, one, dict(zip(*listed, strict=True))


def questions(count: int, seed: int) -> list[str]:
    drawn = random.Random(seed)
    return [" ".join(drawn.sample(WORDS, drawn.randint(1, 6))) for _ in range(count)]


def seen(page, number=None):
    place = number or {hit.passage.document: hit.passage.document for hit in page.hits}
    hits = [(place[h.passage.document], h.passage.ordinal, h.snippet, h.by) for h in page.hits]
    return hits, page.by_words, page.by_meaning, page.pages


@pytest.mark.parametrize("by", ["both", "words", "meaning"])
def test_hundreds_of_questions_find_the_same_in_the_same_order(archives, by):
    shards, one, number = archives
    for question in questions(110, 1):
        for page in (1, 4):
            asked = {"page": page, "page_size": 20, "by": by}
            assert seen(shards.search(question, **asked), number) == seen(
                one.search(question, **asked)
            )


def test_questions_about_some_documents_find_the_same(archives):
    shards, one, number = archives
    drawn = random.Random(2)
    for question in questions(60, 3):
        chosen = drawn.sample(sorted(number), 9)
        in_shards = shards.search(question, documents=chosen, page_size=40)
        in_one = one.search(question, documents=[number[n] for n in chosen], page_size=40)
        assert seen(in_shards, number) == seen(in_one)


def test_words_are_weighed_over_all_shards_and_not_in_each(made, archives):
    """Were each shard asked by itself, and its scores believed, the order would be another."""
    _, one, number = archives
    differing = 0
    for question in questions(40, 4):
        best = []
        for shard in range(SHARDS):
            with opened(made / f"shard {shard}") as alone:
                hit = alone.search(question, by="words", page_size=1).hits
                best += [(hit[0].passage.document + (shard + 1) * NUMBERS_EACH)] if hit else []
        first = one.search(question, by="words", page_size=1).hits
        differing += bool(first) and first[0].passage.document not in {number[n] for n in best}
    assert differing > 0


def test_an_archive_of_shards_is_read_as_any_other(made, archives):
    shards, one, number = archives
    for mine, other in number.items():
        assert shards.text(mine) == one.text(other)
        assert shards.sha256(mine) == one.sha256(other)
        assert [p.text for p in shards.load(f"D{mine}")] == [p.text for p in one.load(f"D{other}")]
        assert {p.document for p in shards.load(f"D{mine}:c1")} == {mine}
        assert shards.sections(mine) == one.sections(other)
    grepped = [shards.grep("dimak fo", page_size=500), one.grep("dimak fo", page_size=500)]
    assert [(number[h.passage.document], h.snippet) for h in grepped[0].hits] == [
        (h.passage.document, h.snippet) for h in grepped[1].hits
    ]
    assert shards.status().documents == one.status().documents
    assert shards.status().bytes > 10_000
    assert min(number) == NUMBERS_EACH + 1
    with opened(made / "shard 2") as alone:
        assert alone.text(1) == shards.text(3 * NUMBERS_EACH + 1)


def test_shards_that_come_later_change_no_number(made, tmp_path):
    first = [made / "shard 0", made / "shard 1"]
    name_shards(tmp_path / "all", first)
    with opened(tmp_path / "all") as before:
        texts = {e.id: before.text(e.id) for e in before.documents()}
    name_shards(tmp_path / "all", [*first, made / "shard 3"])
    with opened(tmp_path / "all") as after:
        assert {id: after.text(id) for id in texts} == texts
        assert len(after.documents()) > len(texts)
    with pytest.raises(UsageError, match="numbered by their position"):
        name_shards(tmp_path / "all", [made / "shard 1", made / "shard 0"])


def test_shards_stand_in_object_storage_too(made, s3, tmp_path):
    places = [ObjectPath("bucket", f"shards/{n}") for n in range(2)]
    for n, place in enumerate(places):
        take_in(made / f"files {n}", place)
    all_of_them = ObjectPath("bucket", "all")
    name_shards(all_of_them, [*places, made / "shard 2"])
    name_shards(tmp_path / "here", [made / f"shard {n}" for n in range(3)])
    with opened(all_of_them) as stored, opened(tmp_path / "here") as here:
        for question in questions(30, 6):
            assert seen(stored.search(question)) == seen(here.search(question))


def test_what_does_not_fit_is_refused_and_named(made, tmp_path):
    with pytest.raises(UsageError, match="each once"):
        name_shards(tmp_path / "all", [made / "shard 0", made / "shard 0"])
    with pytest.raises(ArchiveError, match="no archive"):
        name_shards(tmp_path / "all", [tmp_path / "nothing"])
    with pytest.raises(UsageError, match="an archive itself"):
        name_shards(made / "one", [made / "shard 0"])
    ingest([made / "files 0"], tmp_path / "other", source=HereSource(tmp_path / "other"))
    with pytest.raises(ArchiveError, match="wordllama"):
        name_shards(tmp_path / "all", [made / "shard 0", tmp_path / "other"])
    name_shards(tmp_path / "all", [made / "shard 0"])
    (tmp_path / "all/shards.json").write_text('{"format": 1')
    with pytest.raises(ArchiveError, match="name the shards again"):
        opened(tmp_path / "all")
    assert shards_at(made / "one") is None


def test_a_lock_file_that_a_reader_makes_late_is_no_error(tmp_path, monkeypatch):
    writer = LexicalWriter(tmp_path / "index", previous=None)
    writer.add(PassageId(1, 1), ["petrel"])
    writer.close()
    remove, removed = shutil.rmtree, []

    def removal(path, ignore_errors=False, **other):
        removed.append(Path(path))
        if len(removed) > 1:
            remove(path, ignore_errors, **other)
        elif not ignore_errors:
            raise OSError(errno.ENOTEMPTY, "Directory not empty", str(path))

    monkeypatch.setattr(shutil, "rmtree", removal)

    index = open_joined([(tmp_path / "index", 0)])

    assert index.keys() == [key_of(PassageId(1, 1))]
    assert removed and not removed[0].exists()
