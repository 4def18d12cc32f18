"""Words and figures of a page as bags, what judges agree on, how near a bag comes to it. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

__all__ = ["agreed", "f1", "figures", "words"]

Bag = Counter[str]

_JOINED_AT_A_HYPHEN = re.compile(
    "(?<=[^\\W\\d_])[-\u00ad\u2010\u2011\ufffe]+[ \t]*(?:\r?\n[ \t]*)?(?=[^\\W\\d_])"
)
"""A hyphen between two letters, at a line end or not. U+FFFE is how pdfium gives one at a line
end; a soft one is often the only hyphen that a font has."""
_NO_WIDTH = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_WITHOUT_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, kana and Han: scripts that put no space between words."""
_WORD = re.compile(f"[{_WITHOUT_SPACES}]|[^\\W_{_WITHOUT_SPACES}]+")


def words(text: str) -> Bag:
    """The words of a page: runs of letters and digits, with case, in no order.

    White space, punctuation, symbols and control characters separate and are dropped, so that
    `$1,234.5` is `1`, `234` and `5`, and neither signs nor separators are judged. Text is compared
    in Unicode's form NFKC (ligatures, wide and raised digits as plain ones); characters without
    width are left out. A hyphen between two letters joins them, at a line end or within one: some
    readers drop the one at a line end, some keep it, and neither is a fault. Of scripts without
    spaces every character is a word.
    """
    joined = _JOINED_AT_A_HYPHEN.sub("", text)
    return Counter(_WORD.findall(unicodedata.normalize("NFKC", _NO_WIDTH.sub("", joined))))


def figures(bag: Bag) -> Bag:
    """The words with a digit."""
    return Counter({word: n for word, n in bag.items() if any(map(str.isdigit, word))})


def agreed(bags: Sequence[Bag]) -> Bag:
    """Each word as often as at least two of the judges have it."""
    everything = set().union(*bags)
    counts = {word: sorted((bag[word] for bag in bags), reverse=True)[1] for word in everything}
    return Counter({word: n for word, n in counts.items() if n})


def f1(found: Bag, wanted: Bag) -> float:
    """Twice what both have over the sizes of both, from 0 to 1; 1 where both are empty."""
    both = found.total() + wanted.total()
    return 2 * (found & wanted).total() / both if both else 1.0
