"""Embedders: what they must do, and how one is found by its name."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from docpager.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector: TypeAlias = NDArray[np.float32]
    Vectors: TypeAlias = NDArray[np.float32]

__all__ = ["DEFAULT_EMBEDDER", "Embedder", "load_embedder"]

DEFAULT_EMBEDDER = "wordllama"
ENTRY_POINTS = "docpager.embedders"

# Named as entry points are, so that looking a name up imports nothing else.
_BUILT_IN = {
    "wordllama": "docpager.archive.wordllama_embedder:WordllamaEmbedder",
    "hashing": "docpager.testing.hashing_embedder:HashingEmbedder",
}


class Embedder(Protocol):
    """Turns text into unit vectors: near in meaning, near in direction."""

    @property
    def name(self) -> str:
        """As recorded in the manifest."""
        ...

    @property
    def dimension(self) -> int: ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """One unit vector per text: float32, shape (texts, dimension)."""
        ...

    def embed_query(self, text: str) -> Vector:
        """A unit vector, float32, shape (dimension,)."""
        ...


def load_embedder(name: str) -> Embedder:
    """The embedder of that name: built in, or installed under `docpager.embedders`.

    Raises:
        UsageError: nobody provides it.
    """
    installed = entry_points(group=ENTRY_POINTS)
    if name in _BUILT_IN:
        module, _, attribute = _BUILT_IN[name].partition(":")
        make: Any = getattr(importlib.import_module(module), attribute)
    elif name in installed.names:
        make = installed[name].load()
    else:
        known = ", ".join(sorted({*_BUILT_IN, *installed.names}))
        raise UsageError(f"no embedder {name!r} is installed; choose one of: {known}")
    embedder: Embedder = make()
    return embedder
