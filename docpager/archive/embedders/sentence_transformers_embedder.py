"""Any model of sentence-transformers, on this machine. The only module that imports it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from docpager.core.errors import ModelError, UsageError

if TYPE_CHECKING:
    from docpager.archive.embedders.base import Vector, Vectors

__all__ = ["SentenceTransformersEmbedder"]

_BATCH = 32


class SentenceTransformersEmbedder:
    """`sentence-transformers:MODEL`: a name on the Hugging Face hub, or a folder.

    The hub is asked only for what is not on this machine yet. Vectors are float32 of length 1, of
    shape (len(texts), dimension of the model); models that were trained with prompts get them.

    Raises:
        UsageError: no model is named, or the package is not installed.
        ModelError: there is no such model.
    """

    def __init__(self, model: str) -> None:
        if not model:
            raise UsageError('name a model: `embedder="sentence-transformers:MODEL"`')
        self.name = f"sentence-transformers:{model}"
        self._model = _load(model)
        self.dimension = int(self._model.get_embedding_dimension())

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return self._encoded(self._model.encode_document, list(texts))

    def embed_query(self, text: str) -> Vector:
        vector: Vector = self._encoded(self._model.encode_query, [text])[0]
        return vector

    def _encoded(self, encode: Any, texts: list[str]) -> Vectors:
        import numpy as np

        # Models that were trained with prompts get them by the two methods.
        vectors = encode(
            texts, batch_size=_BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)


def _load(model: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise UsageError(
            f"the embedder 'sentence-transformers:{model}' needs a package that is not installed; "
            "run `pip install 'docpager[sentence-transformers]'`"
        ) from error
    try:
        try:
            return SentenceTransformer(model, local_files_only=True)
        except (OSError, ValueError):
            return SentenceTransformer(model)
    except (OSError, ValueError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else "no reason given"
        raise ModelError(f"sentence-transformers cannot load {model!r}: {first_line}") from error
