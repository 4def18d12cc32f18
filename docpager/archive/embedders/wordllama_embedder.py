"""Static embeddings from the weights inside wordllama's wheel: no download, no model to run.

It stands alone as the door to three libraries that nothing else may import.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from docpager.core.errors import ArchiveError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from docpager.archive.embedders.base import Vector, Vectors

__all__ = ["WordllamaEmbedder"]

_WEIGHTS = Path("weights", "l2_supercat_256.safetensors")
_TOKENIZER = Path("tokenizers", "l2_supercat_tokenizer_config.json")
_CAPITAL = "[A-ZÀ-ÖØ-ÞΑ-ΩА-ЯЁ]"
# Headings and clauses of contracts. Single words stay: in small letters, names in capitals are
# other tokens as well, and search for them is worse. The first capital stands before the look
# behind it, as `re` then passes over other characters eight times as fast.
_SHOUTED = re.compile(rf"{_CAPITAL}(?<!\w{_CAPITAL}){_CAPITAL}*\b(?:\W+{_CAPITAL}+\b){{3,}}")
_WORD = re.compile(r" +[^ \n]*|[^ \n]+|\n+")
_SPACE = "\u2581"
"""What the tokenizer writes for a space."""
_UNDIVIDED = re.compile(f"{_SPACE}|<(?:unk|/?s)>")
"""What would be taken for a space, and the names of special tokens."""
_KNOWN_WORDS = 100_000
_LONGEST_KNOWN = 80


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
        tokenizer = Tokenizer.from_file(str(home / _TOKENIZER))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokens = _TokensOf(tokenizer)
        with safe_open(str(home / _WEIGHTS), framework="np") as weights:
            self._weights = weights.get_tensor("embedding.weight").astype(np.float32)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """One unit vector per text, float32, shape (len(texts), 256); zeros where it has no token.

        The mean of all tokens' vectors, unweighted (WordLlama, `l2_supercat` at 256 dimensions).
        """
        import numpy as np

        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            tokens = self._tokens.of_text(_in_small_letters(text))
            if tokens:
                # What `mean` does, without what it asks before: a sixth of the time.
                np.add.reduce(self._weights.take(tokens, axis=0), axis=0, out=vectors[row])
                vectors[row] /= len(tokens)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, lengths, out=vectors, where=lengths > 0)
        return vectors

    def embed_query(self, text: str) -> Vector:
        vector: Vector = self.embed_passages([text])[0]
        return vector


class _TokensOf(dict[str, tuple[int, ...]]):
    """The tokens of words with the space before them, remembered.

    The tokenizer takes a text for one word and joins its characters by pairs. But none of its
    61,249 pairs reaches from a word into a space behind it or over a line end, so it gives the same
    tokens word by word; and words come again. That takes a fifth of the time.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self._tokenizer = tokenizer

    def of_text(self, text: str) -> list[int]:
        """What the tokenizer makes of a text, without its special tokens at begin and end."""
        if not text or _UNDIVIDED.search(text):
            return list(self._tokenizer.encode(text, add_special_tokens=False).ids)
        words = _WORD.findall(" " + text)
        return list(chain.from_iterable(map(self.__getitem__, words)))

    def __missing__(self, word: str) -> tuple[int, ...]:
        found = self._tokenizer.model.tokenize(word.replace(" ", _SPACE))
        tokens = tuple(token.id for token in found)
        if len(self) >= _KNOWN_WORDS:
            self.clear()
        if len(word) <= _LONGEST_KNOWN:
            self[word] = tokens
        return tokens


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
