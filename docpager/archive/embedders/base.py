"""Embedders: what they must do, and how one is found by its name."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from docpager.core.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector: TypeAlias = NDArray[np.float32]
    Vectors: TypeAlias = NDArray[np.float32]

__all__ = ["DEFAULT_EMBEDDER", "Embedder", "load_embedder", "version_of"]

DEFAULT_EMBEDDER = "wordllama"
ENTRY_POINTS = "docpager.embedders"

# Named as entry points are, so that looking a name up imports nothing else.
_BUILT_IN = {
    "wordllama": "docpager.archive.embedders.wordllama_embedder:WordllamaEmbedder",
    "hashing": "docpager.testing:HashingEmbedder",
}
_OF_A_MODEL = {
    "sentence-transformers": (
        "docpager.archive.embedders.sentence_transformers_embedder:SentenceTransformersEmbedder"
    ),
    "voyage": "docpager.archive.embedders.remote:voyage_embedder",
    "openai": "docpager.archive.embedders.remote:openai_embedder",
}
"""Named with a model: `openai:MODEL`."""


class Embedder(Protocol):
    """Turns text into unit vectors: near in meaning, near in direction.

    Similarity is the inner product, which for vectors of length 1 is their cosine. A text without
    anything to embed may get a vector of zeros, which is near to nothing. Archives keep vectors in
    half precision. An embedder with `is_remote = True` is paid for by the text: what it embedded is
    kept in the archive's cache. It raises `docpager.ModelError` where it cannot embed now.

    An embedder whose vectors of the same text have changed has an attribute `version`, an int
    above 1. The manifest records it beside the name, and vectors made by another version are made
    again from the stored text before they are searched.
    """

    @property
    def name(self) -> str:
        """As recorded in the manifest; `load_embedder` must find it again by this name."""
        ...

    @property
    def dimension(self) -> int: ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """One unit vector per text: float32, shape (len(texts), dimension), in their order.

        The vector of a text does not depend on the texts beside it.
        """
        ...

    def embed_query(self, text: str) -> Vector:
        """A unit vector, float32, shape (dimension,), in the same space as those of passages."""
        ...


def version_of(embedder: Embedder) -> int:
    """The embedder's version; 1 where it names none."""
    version: int = getattr(embedder, "version", 1)
    return version


def load_embedder(name: str) -> Embedder:
    """The embedder of that name: built in, or installed under `docpager.embedders`.

    What follows a colon is the model, handed to the one who makes the embedder.

    Raises:
        UsageError: nobody provides it.
    """
    provider, colon, model = name.partition(":")
    built_in = _OF_A_MODEL if colon else _BUILT_IN
    if provider in built_in:
        module, _, attribute = built_in[provider].partition(":")
        make: Any = getattr(importlib.import_module(module), attribute)
    else:
        # Only now: to look through all that is installed takes a third of a first search.
        from importlib.metadata import entry_points

        installed = entry_points(group=ENTRY_POINTS)
        if provider not in installed.names:
            of_a_model = {f"{known}:MODEL" for known in _OF_A_MODEL}
            known = ", ".join(sorted({*_BUILT_IN, *of_a_model, *installed.names}))
            raise UsageError(f"no embedder {name!r} is installed; choose one of: {known}")
        make = installed[provider].load()
    embedder: Embedder = make(model) if colon else make()
    return embedder
