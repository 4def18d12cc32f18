"""One list, however little of it is asked for and however its parts are found."""

from __future__ import annotations

import pytest

from docpager.archive.analyzer import Analyzer
from docpager.archive.archive import Archive
from docpager.archive.ingest import ingest
from docpager.archive.search import FEW_DOCUMENTS, Threads, rank
from docpager.testing import HashingEmbedder

WORDS = ("copper", "silver", "lead", "tin", "zinc", "iron")


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """More passages with the same words than are fused."""
    folder = tmp_path_factory.mktemp("metals")
    lines = [f'{{"text": "{" ".join(_some_words(n))}"}}' for n in range(1, 1200)]
    (folder / "metals.jsonl").write_text("\n".join(lines), encoding="utf-8")
    ingest([folder], folder / "archive", embedder=HashingEmbedder())
    return Archive.open(folder / "archive", embedder=HashingEmbedder())


def _some_words(number: int) -> list[str]:
    held = [word for place, word in enumerate(WORDS) if number % (place + 2) == 0]
    return [*held, "metal", *["filler"] * (number % 17), f"lot{number}"]


def test_the_first_page_is_that_of_the_whole_list(many):
    for query in ("copper metal", "zinc and iron metal", "filler metal lead"):
        whole = many.search(query, page_size=2000)
        pages = [many.search(query, page=page) for page in (1, 2, 21, 100, 101, whole.total // 10)]

        assert whole.by_words > 1000
        for page in pages:
            first = (page.page - 1) * 10
            assert page.hits == whole.hits[first : first + 10]
            assert (page.by_words, page.by_meaning) == (whole.by_words, whole.by_meaning)


def test_naming_every_document_is_naming_none(many):
    everything = [entry.id for entry in many.documents()]

    assert many.search("tin metal", documents=everything) == many.search("tin metal")
    assert many.search("tin metal", documents=everything[:40]) != many.search("tin metal")


def test_threads_change_nothing(many):
    threads, embedder = Threads(2), HashingEmbedder()

    def ranked(beside):
        ranking = rank(
            "silver metal",
            many._generation,
            analyzer=Analyzer(),
            embedder=lambda: embedder,
            documents=None,
            first=10,
            threads=beside,
        )
        return ranking.head.tolist(), ranking.by_words, ranking.with_words()

    assert ranked(threads) == ranked(None)
    threads.close()


def test_a_few_documents_are_searched_as_many_are(many):
    """Few are compared by themselves, many with the others left out."""
    few = [entry.id for entry in many.documents()][5:905:3]
    # Numbers that no document has make them many, and change nothing else.
    made_many = [*few, *range(10_000, 10_000 + FEW_DOCUMENTS)]

    for by in ("both", "words", "meaning"):
        found = many.search("tin metal", documents=few, by=by, page_size=400)

        assert found == many.search("tin metal", documents=made_many, by=by, page_size=400)
        assert {hit.passage.document for hit in found.hits} <= set(few)
    assert not many.search("tin metal", documents=[10_000]).hits
