"""An embedder without weights: every word goes to a place chosen by its hash."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docpager.archive.embedders.base import Vector, Vectors

__all__ = ["HashingEmbedder"]

_WORD = re.compile(r"\w+")


class HashingEmbedder:
    """Deterministic and fast; texts are near when they share words.

    The hashing trick (Weinberger and others, ICML 2009): CRC-32 of each lower-case word chooses one
    of 64 places and a sign; counts are summed and scaled to length 1. float32, shape
    (len(texts), 64); zeros where a text has no word.
    """

    name = "hashing"
    dimension = 64

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in _WORD.findall(text.lower()):
                place = zlib.crc32(word.encode())
                vectors[row, place % self.dimension] += 1 if place & 1 << 16 else -1
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, lengths, out=vectors, where=lengths > 0)
        return vectors

    def embed_query(self, text: str) -> Vector:
        vector: Vector = self.embed_passages([text])[0]
        return vector
