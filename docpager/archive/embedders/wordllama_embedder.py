"""Static embeddings from the weights inside wordllama's wheel: no download, no model to run.

It stands alone as the door to two libraries that nothing else may import.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from itertools import chain, pairwise
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING

from docpager.core.errors import ArchiveError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
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
_FEW_WORDS = 2_000
"""Words that are taken apart here. To load the tokenizer takes as long as 5,000 of them."""
_SHORT = 40
"""Characters of a word up to which that is fast."""
_FEW_TEXTS = 1_000
"""Texts that are embedded from the file. Reading it whole takes as long as 200 of them, and 32 MB
of memory that a program which only searches does not need."""


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
        home = _package_directory()
        self._tokens = _TokensOf(home / _TOKENIZER)
        self._weights = _mapped(home / _WEIGHTS)
        self._embedded = 0

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """One unit vector per text, float32, shape (len(texts), 256); zeros where it has no token.

        The mean of all tokens' vectors, unweighted (WordLlama, `l2_supercat` at 256 dimensions).
        """
        import numpy as np

        self._embedded += len(texts)
        if self._embedded > _FEW_TEXTS and self._weights.dtype != np.float32:
            self._weights = self._weights.astype(np.float32)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            tokens = self._tokens.of_text(_in_small_letters(text))
            if tokens:
                taken = self._weights.take(tokens, axis=0).astype(np.float32, copy=False)
                # What `mean` does, without what it asks before: a sixth of the time.
                np.add.reduce(taken, axis=0, out=vectors[row])
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

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self._few = _FEW_WORDS

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._file))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    @cached_property
    def _pairs(self) -> _JoinedPairs:
        return _JoinedPairs(self._file)

    def of_text(self, text: str) -> list[int]:
        """What the tokenizer makes of a text, without its special tokens at begin and end."""
        if not text or _UNDIVIDED.search(text):
            return list(self._tokenizer.encode(text, add_special_tokens=False).ids)
        words = _WORD.findall(" " + text)
        return list(chain.from_iterable(map(self.__getitem__, words)))

    def __missing__(self, word: str) -> tuple[int, ...]:
        written = word.replace(" ", _SPACE)
        if self._few and len(word) <= _SHORT:
            self._few -= 1
            tokens = self._pairs.tokens(written)
        else:
            self._few = 0
            self.__dict__.pop("_pairs", None)
            tokens = tuple(token.id for token in self._tokenizer.model.tokenize(written))
        if len(self) >= _KNOWN_WORDS:
            self.clear()
        if len(word) <= _LONGEST_KNOWN:
            self[word] = tokens
        return tokens


class _JoinedPairs:
    """What the tokenizer makes of a word, without loading it: for the first searches of a program.

    Byte pair encoding (Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with
    Subword Units", 2016). Every pair of tokens that makes a third is joined, and of several the
    one that comes first in the file: there they are in the order of what they make, then of their
    halves, and rows of spaces stand at the end.
    """

    def __init__(self, file: Path) -> None:
        text = file.read_text("utf-8")
        # The tokens alone: the list of pairs, as long again, is what they make of each other.
        begin = text.index("{", text.index('"vocab"'))
        self._ids: dict[str, int] = json.JSONDecoder().raw_decode(text, begin)[0]

    def tokens(self, word: str) -> tuple[int, ...]:
        ids, parts = self._ids, []
        for character in word:
            # A character without a token of its own is written as its bytes.
            known = character in ids
            parts += [character] if known else [f"<0x{b:02X}>" for b in character.encode()]
        while pairs := [
            (joined.strip(_SPACE) == "", ids[joined], ids[first], ids[second], at)
            for at, (first, second) in enumerate(pairwise(parts))
            if (joined := first + second) in ids
        ]:
            at = min(pairs)[-1]
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return tuple(ids[part] for part in parts)


def _mapped(file: Path) -> NDArray[np.floating]:
    """The one table of a file of safetensors, as it stands there: the length of the header in eight
    bytes, the header as JSON, the numbers (https://github.com/huggingface/safetensors)."""
    import numpy as np

    with file.open("rb") as opened:
        content = mmap(opened.fileno(), 0, access=ACCESS_READ)
    begin = 8 + int.from_bytes(content[:8], "little")
    ((_, table),) = (
        each for each in json.loads(content[8:begin]).items() if each[0] != "__metadata__"
    )
    begin += table["data_offsets"][0]
    rows, columns = table["shape"]
    numbers = np.frombuffer(content, np.float16, count=rows * columns, offset=begin)
    return numbers.reshape(rows, columns)


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
