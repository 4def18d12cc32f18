"""FAISS agrees with brute force."""

from __future__ import annotations

import mmap
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from docpager.archive.embedders.wordllama_embedder import WordllamaEmbedder
from docpager.archive.vectors import (
    FLAT_ROWS,
    PROPOSALS_FILE,
    VECTORS_FILE,
    VectorIndex,
    VectorWriter,
    nearest_of,
)

_CORNERS = st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), min_size=3, max_size=3)


def index_of(vectors: np.ndarray, directory: Path, *, flat_rows: int = FLAT_ROWS) -> VectorIndex:
    writer = VectorWriter(vectors.shape[1], flat_rows=flat_rows)
    for first in range(0, len(vectors), 100):
        writer.add(vectors[first : first + 100])
    writer.write(directory)
    proposals = directory / PROPOSALS_FILE
    return VectorIndex.load(
        mapped(directory / VECTORS_FILE), mapped(proposals) if proposals.exists() else None
    )


def mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def unit_vectors(rows: int, dimension: int = 16) -> np.ndarray:
    made = np.random.default_rng(1).standard_normal((rows, dimension)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(_CORNERS, st.booleans()), min_size=1, max_size=40),
    _CORNERS,
    st.integers(1, 8),
)
def test_the_nearest_are_those_of_brute_force_with_all_ties(rows, query, count):
    vectors = np.array([vector for vector, _ in rows], dtype=np.float32)
    among = np.array([chosen for _, chosen in rows])

    with TemporaryDirectory() as directory:
        index = index_of(vectors, Path(directory))
        found, _ = index.nearest(np.array(query, dtype=np.float32), count=count, among=among)

    scores = {row: float(np.dot(vectors[row], np.float32(query))) for row in np.flatnonzero(among)}
    best = sorted(scores.values(), reverse=True)[:count]
    expected = {int(row) for row, score in scores.items() if best and score >= best[-1]}
    assert set(found.tolist()) == expected


def test_a_file_gives_the_same_vectors(tmp_path):
    index = index_of(np.array([[1, 0], [0, 1]], dtype=np.float32), tmp_path)

    assert index.between(0, 2).tolist() == [[1, 0], [0, 1]]


def test_proposed_rows_have_the_vectors_and_similarities_of_a_flat_index(tmp_path):
    vectors, everything = unit_vectors(9000), np.ones(9000, dtype=np.bool_)
    (tmp_path / "flat").mkdir()
    (tmp_path / "large").mkdir()
    flat = index_of(vectors, tmp_path / "flat")
    large = index_of(vectors, tmp_path / "large", flat_rows=100)

    assert (tmp_path / "large" / PROPOSALS_FILE).exists()
    assert np.array_equal(flat.between(10, 50), large.between(10, 50))
    exact = dict(zip(*flat.nearest(vectors[7], count=200, among=everything), strict=True))
    found = dict(zip(*large.nearest(vectors[7], count=200, among=everything), strict=True))
    assert found == exact


def test_the_nearest_of_all_are_the_same_however_rows_are_divided(tmp_path):
    """Compared with every vector: proposals alone would miss some, other ones in each division."""
    vectors = unit_vectors(12_000, 32)
    vectors[3000:3400] = vectors[11_000]  # more equal ones than are wanted
    for first, last in ((0, 12_000), (0, 2000), (2000, 2050), (2050, 7000), (7000, 12_000)):
        (tmp_path / f"{first}-{last}").mkdir()
    whole = index_of(vectors, tmp_path / "0-12000", flat_rows=100)
    ends = (0, 2000, 2050, 7000, 12_000)
    parts = [
        index_of(vectors[first:last], tmp_path / f"{first}-{last}", flat_rows=100)
        for first, last in pairwise(ends)
    ]
    halves = whole.between(0, 12_000)
    drawn = np.random.default_rng(2)
    for n in range(30):
        among = np.ones(12_000, dtype=np.bool_) if n % 2 else drawn.random(12_000) < 0.8
        query = halves[11_000] if n == 7 else unit_vectors(31, 32)[n]
        scores = halves[among] @ query
        rows = np.flatnonzero(among)[scores >= np.sort(scores)[-150] - 1e-6]
        found = nearest_of(
            [(p, among[a:b]) for p, (a, b) in zip(parts, pairwise(ends), strict=True)],
            query,
            count=150,
        )
        divided = [own + first for (own, _), first in zip(found, ends, strict=False)]
        assert sorted(np.concatenate(divided)) == rows.tolist()
        assert sorted(whole.nearest(query, count=150, among=among)[0]) == rows.tolist()


def test_rows_of_a_choice_are_found_among_many(tmp_path):
    vectors = unit_vectors(9000)
    index = index_of(vectors, tmp_path, flat_rows=100)

    for size in (1, 30, 4000, 6000, 8000):
        among = np.zeros(9000, dtype=np.bool_)
        among[100 : 100 + size] = True
        found, _ = index.nearest(vectors[50], count=25, among=among)

        assert len(found) >= min(25, size)
        assert among[found].all()


def test_an_index_is_the_same_every_time(tmp_path):
    for name in ("once", "again"):
        (tmp_path / name).mkdir()
        index_of(unit_vectors(5000), tmp_path / name, flat_rows=100)

    for name in (VECTORS_FILE, PROPOSALS_FILE):
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_wordllama_vectors_are_those_of_its_own_inference():
    from wordllama.inference import WordLlamaInference

    embedder = WordllamaEmbedder()
    texts = ["capital expenditure in 2018", "Straße", "北京 " * 300]
    theirs = WordLlamaInference(embedder._weights, WordllamaEmbedder()._tokens._tokenizer)

    assert np.allclose(embedder.embed_passages(texts), theirs.embed(texts, norm=True), atol=1e-5)


def test_wordllama_embeds_an_empty_text_as_zeros():
    assert not WordllamaEmbedder().embed_query("").any()
