"""FAISS agrees with brute force."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from docpager.archive.vectors import VectorIndex, VectorWriter
from docpager.archive.wordllama_embedder import WordllamaEmbedder

_CORNERS = st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), min_size=3, max_size=3)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(_CORNERS, st.booleans()), min_size=1, max_size=40),
    _CORNERS,
    st.integers(1, 8),
)
def test_the_nearest_are_those_of_brute_force_with_all_ties(rows, query, count):
    vectors = np.array([vector for vector, _ in rows], dtype=np.float32)
    among = np.array([chosen for _, chosen in rows])
    writer = VectorWriter(3)
    writer.add(vectors)

    found = VectorIndex(writer._index).nearest(
        np.array(query, dtype=np.float32), count=count, among=among
    )

    scores = {row: float(np.dot(vectors[row], np.float32(query))) for row in np.flatnonzero(among)}
    best = sorted(scores.values(), reverse=True)[:count]
    expected = {int(row) for row, score in scores.items() if best and score >= best[-1]}
    assert {row for row, _ in found} == expected


def test_a_file_gives_the_same_vectors(tmp_path):
    import mmap

    writer = VectorWriter(2)
    writer.add(np.array([[1, 0], [0, 1]], dtype=np.float32))
    writer.write(tmp_path / "v")

    with (tmp_path / "v").open("rb") as file:
        index = VectorIndex.load(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    assert index.all().tolist() == [[1, 0], [0, 1]]


def test_wordllama_vectors_are_those_of_its_own_inference():
    from wordllama.inference import WordLlamaInference

    embedder = WordllamaEmbedder()
    texts = ["capital expenditure in 2018", "Straße", "北京 " * 300]
    theirs = WordLlamaInference(embedder._weights, WordllamaEmbedder()._tokenizer)

    assert np.allclose(embedder.embed_passages(texts), theirs.embed(texts, norm=True), atol=1e-5)


def test_wordllama_embeds_an_empty_text_as_zeros():
    assert not WordllamaEmbedder().embed_query("").any()
