"""How near an answer's words come to the gold answers: the measures of the field, as published."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "Overlap",
    "best_phrase",
    "best_subspan",
    "exact_match",
    "normalised",
    "rouge_l",
    "token_f1",
]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_SEPARATORS = re.compile(r"['’]s\b|[/;:|=()\[\]{}<>\"“”–—]", re.IGNORECASE)
"""What ends a word, though normalising would join it with the next."""
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
)
"""Scripts without blanks between words (Thai to Khmer, kana, Han), and Hangul for its endings."""
_WORD = rf"[^\W{_UNSPACED}]"
_NO_ROUGE_TOKEN = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Overlap:
    """How much two texts share, each from 0 to 1."""

    precision: float
    """Share of the answer that is in the gold answer."""
    recall: float
    """Share of the gold answer that is in the answer."""

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def normalised(text: str) -> str:
    """`text` as SQuAD's script compares it: no case, ASCII punctuation, articles, runs of blanks.

    >>> normalised("The Storm-Petrel,  a bird")
    'stormpetrel bird'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, golds: Sequence[str]) -> float:
    """1.0 if the answer is one of the gold answers once both are normalised (SQuAD)."""
    given = normalised(answer)
    return float(any(normalised(gold) == given for gold in golds))


def token_f1(answer: str, golds: Sequence[str]) -> float:
    """F1 of the words that the answer shares with the best gold answer (SQuAD 2.0).

    Where one of the two has no words, it is 1.0 if the other has none either.
    """
    given = normalised(answer).split()
    return max((_word_f1(given, normalised(gold).split()) for gold in golds), default=0.0)


def best_subspan(answer: str, golds: Sequence[str]) -> float:
    """1.0 if a gold answer stands anywhere in the answer, both normalised (Lost in the Middle).

    A gold answer that normalises to nothing stands nowhere; in the paper's code it matches all.
    """
    given = normalised(answer)
    return float(any(gold and gold in given for gold in map(normalised, golds)))


def best_phrase(answer: str, golds: Sequence[str]) -> float:
    """1.0 if a gold answer stands in the answer as whole words, both normalised.

    A gold answer that normalises to nothing (`A`) must be all that is said.

    >>> best_phrase("He was hired.", ["red"]), best_phrase("Red's the colour", ["red"])
    (0.0, 1.0)
    """
    return float(any(_stands(gold, answer) for gold in golds if gold.strip()))


def rouge_l(answer: str, golds: Sequence[str]) -> tuple[Overlap, ...]:
    """The longest common subsequence of words with each gold answer (ROUGE-L, Lin 2004).

    Words are runs of a-z and 0-9, as in the `rouge-score` package: other scripts count nothing.
    """
    given = _rouge_tokens(answer)
    return tuple(_common_subsequence(given, _rouge_tokens(gold)) for gold in golds)


def _stands(gold: str, answer: str) -> bool:
    if not normalised(gold):
        return gold.strip().lower() == answer.strip().lower()
    for written in (normalised, _separated):
        words = written(gold)
        if words and re.search(rf"(?<!{_WORD}){re.escape(words)}(?!{_WORD})", written(answer)):
            return True
    return False


def _separated(text: str) -> str:
    return normalised(_SEPARATORS.sub(" ", text))


def _word_f1(given: Sequence[str], gold: Sequence[str]) -> float:
    if not given or not gold:
        return float(given == gold)
    shared = (Counter(given) & Counter(gold)).total()
    return Overlap(shared / len(given), shared / len(gold)).f1


def _rouge_tokens(text: str) -> list[str]:
    return _NO_ROUGE_TOKEN.sub(" ", text.lower()).split()


def _common_subsequence(given: Sequence[str], gold: Sequence[str]) -> Overlap:
    from rapidfuzz.distance import LCSseq

    if not given or not gold:
        return Overlap(0.0, 0.0)
    # Numbers for words: rapidfuzz compares hashes, and only those of numbers are never shared.
    number = {word: n for n, word in enumerate(dict.fromkeys([*given, *gold]))}
    length = LCSseq.similarity([number[word] for word in given], [number[word] for word in gold])
    return Overlap(length / len(given), length / len(gold))
