"""The fake's own tokenizer: deterministic, without any file, near the density of current models."""

from __future__ import annotations

import re
from typing import Protocol

__all__ = ["FakeTokenizer", "Tokenizer"]

_PIECES = re.compile(
    r" ?[A-Za-z]{1,4}"
    r"|[0-9]{1,3}"
    r"|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
    r"|[^\W\d_A-Za-z]{1,2}"
    r"|\s+"
    r"|[\W\d_]"
)


class Tokenizer(Protocol):
    """Anything that counts the tokens of a text, as docpager's own counters do."""

    def count(self, text: str) -> int: ...


class FakeTokenizer:
    """Cuts words into pieces of four letters, numbers into three digits, marks one by one.

    About 3.5 characters of English a token; never more tokens than UTF-8 bytes.
    """

    def count(self, text: str) -> int:
        """Size of `text` in tokens."""
        return len(_PIECES.findall(text))
