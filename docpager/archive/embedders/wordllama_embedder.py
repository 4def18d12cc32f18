"""Static embeddings from the weights inside wordllama's wheel: no download, no model to run.

It stands alone as the door to three libraries that nothing else may import.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from docpager.core.errors import ArchiveError

if TYPE_CHECKING:
    from docpager.archive.embedders.base import Vector, Vectors

__all__ = ["WordllamaEmbedder"]

_WEIGHTS = Path("weights", "l2_supercat_256.safetensors")
_TOKENIZER = Path("tokenizers", "l2_supercat_tokenizer_config.json")
_BATCH = 256
_CAPITALS = "[A-ZÀ-ÖØ-ÞΑ-ΩА-ЯЁ]+"
# Headings and clauses of contracts. Single words stay: in small letters, names in capitals are
# other tokens as well, and search for them is worse.
_SHOUTED = re.compile(rf"\b{_CAPITALS}\b(?:\W+{_CAPITALS}\b){{3,}}")


class WordllamaEmbedder:
    """Mean of the tokens' vectors, as wordllama's own inference makes it, scaled to length 1.

    Of wordllama's wheel (33 MB) two files are used: its weights (16 MB: 32,000 tokens x 256
    dimensions, half precision) and its tokenizer (2 MB). The package itself is never imported:
    that costs a quarter of a second, configures the root logger, and its own loader looks for the
    tokenizer in the wrong folder and downloads it.

    To its tokenizer, words in capitals are other words. Four or more in a row are embedded in small
    letters, so that a clause in capitals is near to a question about it.
    """

    name = "wordllama"
    dimension = 256
    version = 2
    """2: rows of words in capitals are embedded in small letters."""

    def __init__(self) -> None:
        import numpy as np
        from safetensors import safe_open
        from tokenizers import Tokenizer

        home = _package_directory()
        self._tokenizer = Tokenizer.from_file(str(home / _TOKENIZER))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        with safe_open(str(home / _WEIGHTS), framework="np") as weights:
            self._weights = weights.get_tensor("embedding.weight").astype(np.float32)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """One unit vector per text, float32, shape (len(texts), 256); zeros where it has no token.

        The mean of all tokens' vectors, unweighted (WordLlama, `l2_supercat` at 256 dimensions).
        """
        import numpy as np

        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for first in range(0, len(texts), _BATCH):
            batch = [_in_small_letters(text) for text in texts[first : first + _BATCH]]
            encoded = self._tokenizer.encode_batch_fast(batch, add_special_tokens=False)
            for row, tokens in enumerate(encoded, start=first):
                if tokens.ids:
                    vectors[row] = self._weights[tokens.ids].mean(axis=0)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, lengths, out=vectors, where=lengths > 0)
        return vectors

    def embed_query(self, text: str) -> Vector:
        vector: Vector = self.embed_passages([text])[0]
        return vector


def _in_small_letters(text: str) -> str:
    return _SHOUTED.sub(lambda shouted: shouted[0].lower(), text)


def _package_directory() -> Path:
    spec = find_spec("wordllama")
    home = Path(spec.origin).parent if spec and spec.origin else None
    if home is None or not (home / _WEIGHTS).is_file() or not (home / _TOKENIZER).is_file():
        raise ArchiveError(
            "the embedder 'wordllama' needs the package wordllama 0.4 with its weights and "
            "tokenizer; run `pip install 'wordllama>=0.4.0.post1,<0.5'`"
        )
    return home
