"""How near an answer's words come to the gold answers: the measures of the field, as published."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from docpager.evaluation.numbers import agree, figures, only_figure

__all__ = [
    "Overlap",
    "best_phrase",
    "best_subspan",
    "exact_match",
    "is_brief",
    "normalised",
    "rouge_l",
    "says_brief",
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


_SMALL = 100
_VERDICTS = ("yes", "no", "true", "false")
_FIRST_WORD = re.compile(r"\W*(?:(?:the )?answer(?: is)?\W+)?(\w+)", re.IGNORECASE)
_MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_NAMES = (
    r"(?:tables?|fig(?:ures?)?|pages?|pp?|sections?|chapters?|items?|notes?|exhibits?|appendix)"
)
_NUMBERED = re.compile(
    rf"\b(?:{_NAMES}[.\s]*\d[\d.-]*|{_MONTHS}\s+\d{{1,2}}\b|\d{{1,2}}\s+{_MONTHS})", re.IGNORECASE
)
"""Numbers that name something: `Table 2`, `page 14`, `May 3`."""


def is_brief(gold: str) -> bool:
    """Whether a gold answer is a verdict or a whole number below 100 and nothing else."""
    figure = only_figure(gold)
    if figure is not None:
        return figure.bare and abs(figure.number) < _SMALL
    return _verdict(gold) == gold.strip(" .!").lower()


def says_brief(answer: str, gold: str, *, tolerance: float) -> bool:
    """Whether an answer commits itself to a brief gold answer.

    A verdict must be its first word (`The answer is` aside). A small count must be its first small
    figure; one that names a table, a page or a day counts only where there is no other.

    >>> says_brief("Table 2: 5 apples, 7 pears", "2", tolerance=0.01)
    False
    """
    wanted = only_figure(gold)
    if wanted is None:
        return _verdict(answer) == gold.strip(" .!").lower()
    for text in (_NUMBERED.sub(" ", answer), answer):
        small = [each for each in figures(text) if abs(each.number) < _SMALL]
        if small:
            return agree(small[0], wanted, tolerance=tolerance)
    return False


def _verdict(text: str) -> str | None:
    """The yes or no with which a text begins."""
    first = _FIRST_WORD.match(text)
    return first[1].lower() if first and first[1].lower() in _VERDICTS else None
