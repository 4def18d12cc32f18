"""Embeddings that were paid for, kept by the hash of what was embedded.

One file per embedder and version: records of one size, only ever appended. It
holds no text: a record is the SHA-256 of the text, its vector in half precision (as segments keep
them) and a checksum. A torn or damaged record is as good as none.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from docpager.archive.embedders.base import version_of
from docpager.storage.atomic_files import announce

if TYPE_CHECKING:
    from docpager.archive.embedders.base import Embedder, Vector, Vectors

__all__ = ["CACHE", "CachedEmbedder", "cached"]

CACHE = "cache"
"""The room of an archive."""
_KEY = 32
_CHECK = 4
_AT_ONCE = 64
"""Texts after whose embedding the cache is on the disk."""


def cached(embedder: Embedder, archive_directory: Path) -> Embedder:
    """`embedder`, remembering in the archive what it embeds, if that is remote; else itself."""
    if not getattr(embedder, "is_remote", False):
        return embedder
    return CachedEmbedder(embedder, archive_directory / CACHE)


class CachedEmbedder:
    """An embedder that never embeds a passage twice. The caller holds the writer's lock."""

    def __init__(self, inner: Embedder, directory: Path) -> None:
        self._inner = inner
        self._directory = directory
        self._known: dict[bytes, bytes] | None = None

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def dimension(self) -> int:
        return self._inner.dimension

    @property
    def version(self) -> int:
        return version_of(self._inner)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        known = self._load()
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        for first in range(0, len(missing), _AT_ONCE):
            chosen = list(missing)[first : first + _AT_ONCE]
            vectors = self._inner.embed_passages([missing[key] for key in chosen])
            self._keep(chosen, vectors)
        stored = b"".join(known[key] for key in keys)
        halves = np.frombuffer(stored, dtype="<f2").reshape(len(keys), -1)
        return halves.astype(np.float32)

    def embed_query(self, text: str) -> Vector:
        return self._inner.embed_query(text)

    @property
    def _path(self) -> Path:
        version = getattr(self._inner, "version", "")
        named = hashlib.sha256(f"{self.name}\n{version}\n{self.dimension}".encode()).hexdigest()
        return self._directory / f"{named[:16]}.embeddings"

    def _load(self) -> dict[bytes, bytes]:
        """What is remembered; whatever follows a torn record is cut off."""
        if self._known is None:
            try:
                content = self._path.read_bytes()
            except FileNotFoundError:
                content = b""
            size = _KEY + 2 * self.dimension + _CHECK
            records = (content[at : at + size] for at in range(0, len(content), size))
            sound = [record for record in records if len(record) == size and _is_sound(record)]
            self._known = {record[:_KEY]: record[_KEY:-_CHECK] for record in sound}
            if len(sound) * size != len(content):
                announce("write", self._path)
                self._path.write_bytes(b"".join(sound))
        return self._known

    def _keep(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        known = self._load()
        stored = [vector.astype("<f2").tobytes() for vector in vectors]
        bodies = [key + vector for key, vector in zip(keys, stored, strict=True)]
        self._directory.mkdir(parents=True, exist_ok=True)
        announce("write", self._path)
        with self._path.open("ab") as file:
            file.write(b"".join(body + _check(body) for body in bodies))
            file.flush()
            announce("fsync", self._path)
            os.fsync(file.fileno())
        known.update(zip(keys, stored, strict=True))


def _check(body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(_CHECK, "little")


def _is_sound(record: bytes) -> bool:
    return _check(record[:-_CHECK]) == record[-_CHECK:]
