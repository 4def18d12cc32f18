"""A token counter measured at a server: what its tokenizer makes of each kind of text.

Servers with models of their own cut texts in their own way. One that counts tokens is asked for its
counts of known texts; what it says of each kind of text, at its dearest, is what any text of that
kind is taken to cost. Whoever asks here is handed the way to the server.

CutWatch: notices by its counts that a server drops a part of what it is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from docpager.core.tokens import BuiltInEstimator
from docpager.models.messages import FunctionSchema, ModelRequest, UserTurn

__all__ = [
    "MARGIN",
    "PROOF",
    "SAMPLES",
    "TOO_BUSY",
    "UNCOUNTED_MARGIN",
    "Count",
    "CutWatch",
    "MeasuredCounter",
    "ServerCounts",
    "ServerTokens",
    "measure_server",
    "measured_counter",
]

MARGIN = 1.15
"""Factor on measured counts: texts of one kind differ by so much from the dearest sample of it.
With Qwen2.5's tokenizer the dearest of the 365 passages of `datasets/sample` and `datasets/unseen`
is 1.06 times what is measured for it, all together are 0.85."""

TOO_BUSY = "{} took too long to reply with one token, so sizes of prompts are estimated, too large"
"""What is told where a server could not be measured."""

UNCOUNTED_MARGIN = 1.3
"""The same where the server counts no prompt before it is sent, so that nothing else is a check."""

_UNMEASURED = 225
"""Hundredths of a token for each estimated one, where the server was not asked about a script."""
_LEAST, _MOST = 0.4, 4.0
"""Ratios outside of these are no tokenizer's: the server counts something else."""

SAMPLES: Mapping[str, str] = {
    "english": (
        "The warden of the island keeps a record of every bird that is caught, weighed and let go "
        "again, and in most years she finds that those which were ringed long ago come back to the "
        "same burrow within a few days of the date on which they were first seen there."
    ),
    "german": (
        "Die Jahresberichte der Gesellschaft verzeichnen sämtliche Niederschlagsmessungen, soweit "
        "die Beobachterinnen und Beobachter ihre Aufzeichnungen rechtzeitig eingereicht haben; "
        "Unregelmäßigkeiten werden im Anhang ausführlich begründet."
    ),
    "french": (
        "L'étude a été menée auprès de plusieurs établissements dont les résultats ont été révisés "
        "l'année suivante, après que les responsables eurent reconnu quelques erreurs de mesure."
    ),
    "digits": (
        "1986 2,417.50 38.6 902 77 4410 1,204 63 5 2019 118.25 7,300,912 0.0417 26 31 8 604 12.9 "
        "15,088 443 9 2001 61 330.75 1,999 84 27 56,210 3.14 700"
    ),
    "identifiers": (
        "readBuffer parse_header_v2 MAX_RETRIES getElementById 9f8b2c1e-4d7a-4c3b-9e10-5a6b7c8d9e "
        "aGVsbG8gd29ybGQhIFRoaXMgaXM HTTPServerError3 x86_64-linux-gnu userAccountIDs B00K7QJ2XW"
    ),
    "marks": (
        '{"a": ["b", {"c": [1, 2]}], "d": {"e": "f/g-h"}} | x | -- | (i) [j] <k> ; "l": \'m\', '
        "n = o + p * (q - r) / s; t != u && v || w; § 12 (3) «x» – “y” … • z"
    ),
    "spaces": (
        "a\n\n    b\n        c\n            d\n\n\n    e\t\tf\n        g\n\n    h\n        i\n"
    ),
    "chinese": (
        "本公司董事会及全体董事保证本报告内容不存在任何虚假记载、误导性陈述或者重大遗漏，"
        "并对其内容的真实性、准确性和完整性承担个别及连带责任。"
    ),
    "syllables": (
        "このほうこくしょは、まいとしのけっかをまとめたものです。データのいちらんはページのおわりにあります。"
        "측정 결과는 매년 가을에 공개되며 누구나 열람할 수 있습니다."
    ),
    "russian": (
        "Настоящий отчёт содержит сведения о наблюдениях за последние десять лет и составлен по "
        "материалам, которые были предоставлены участниками исследования."
    ),
    "greek": (
        "Η έκθεση περιλαμβάνει τα αποτελέσματα των μετρήσεων του προηγούμενου έτους. "
        "يتضمن هذا التقرير نتائج القياسات التي أجريت خلال العام الماضي."
    ),
    "rare": "⸮ ꙮ 𐍈 ⟁ ᚠᚢᚦ ⵣ ꧁ ☃ 🦉 🏔 ⣿ ጸሎት ၍ ৪৭ ᠮᠣᠩ",
}
"""Texts of every kind that the estimator tells apart, written for this purpose."""


@dataclass(frozen=True, slots=True)
class ServerTokens:
    """How a server counts."""

    counter: MeasuredCounter
    fixed: int
    """Tokens of instructions and functions, with whatever the server adds to every prompt."""
    margin: float = MARGIN
    """Factor on the counter."""


Count = Callable[[ModelRequest], Awaitable[int | None]]
"""Tokens of a prompt by a server's count; None where it gives none."""

PROOF = ModelRequest("", (), (UserTurn("."),), 1)
"""The smallest prompt: counted beforehand, its reply must say the same of it."""


async def measure_server(
    count: Count,
    framing: int,
    instructions: str,
    functions: tuple[FunctionSchema, ...],
    *,
    at_once: int = 1,
    margin: float = MARGIN,
) -> ServerTokens | None:
    """How a server counts that counted `framing` tokens for `PROOF`; None where it does not say, or
    says what no tokenizer does. It is asked for so many counts `at_once`."""
    few = asyncio.Semaphore(at_once)

    async def counted(
        text: str, instructions: str = "", functions: tuple[FunctionSchema, ...] = ()
    ) -> int | None:
        async with few:  # a proxy that is asked for all at once answers none in time
            return await count(ModelRequest(instructions, functions, (UserTurn(text),), 1))

    whole = counted(".", instructions, functions)
    fixed, *counts = await asyncio.gather(whole, *map(counted, SAMPLES.values()))
    known = {name: n - framing + 1 for name, n in zip(SAMPLES, counts, strict=True) if n}
    counter = measured_counter(known) if len(known) == len(SAMPLES) else None
    if counter is None or fixed is None:
        return None
    return ServerTokens(counter, fixed, margin)


class ServerCounts:
    """What is known of one server's counts: each of a run's beginnings is measured once."""

    def __init__(self) -> None:
        self.proved: bool | None = None
        """Whether they agree with themselves; None while it was not asked."""
        self._known: dict[str, ServerTokens] = {}
        self._was_busy = False
        self._measuring: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    async def measured(
        self,
        instructions: str,
        functions: tuple[FunctionSchema, ...],
        measure: Callable[[], Awaitable[ServerTokens | None]],
    ) -> ServerTokens | None:
        """What `measure` says of these instructions and functions; None where it says nothing, or
        is out of time: a server that was busy is asked once more."""
        key = repr((instructions, functions))
        async with self._lock():  # runs that begin together wait for the first one's
            if key not in self._known and self.proved is not False:
                try:
                    tokens = await measure()
                except TimeoutError:
                    self.proved = False if self._was_busy else None
                    self._was_busy = True
                    return None
                self.proved = tokens is not None
                if tokens is not None:
                    self._known[key] = tokens
        return self._known.get(key)

    def _lock(self) -> asyncio.Lock:
        """One for each event loop: a model may be asked in several, one after the other."""
        loop = asyncio.get_running_loop()
        if self._measuring is None or self._measuring[0] is not loop:
            self._measuring = loop, asyncio.Lock()
        return self._measuring[1]


class MeasuredCounter:
    """Counts as a server's tokenizer does at its dearest; its name holds all it knows.

    Subadditive as the built-in estimator is: every script's cost is multiplied by a number.
    """

    _PREFIX = "measured-1"

    def __init__(self, ratios: Mapping[str, int]) -> None:
        """`ratios` are hundredths of the server's tokens for each estimated one, by script."""
        self._ratios = dict(ratios)
        self._estimator = BuiltInEstimator()
        written = " ".join(f"{script}={ratio}" for script, ratio in sorted(self._ratios.items()))
        self.name = f"{self._PREFIX} {written}"

    @classmethod
    def named(cls, name: str) -> MeasuredCounter | None:
        """The counter of that name; None where it is another kind's."""
        prefix, _, written = name.partition(" ")
        if prefix != cls._PREFIX:
            return None
        pairs = (pair.partition("=") for pair in written.split())
        return cls({script: int(ratio) for script, _, ratio in pairs})

    def count(self, text: str) -> int:
        """Size of `text` in the server's tokens; 0 only for the empty text."""
        costs = self._estimator.by_script(text)
        units = sum(cost * self._ratios.get(script, _UNMEASURED) for script, cost in costs.items())
        return max(1, -(-units // 10_000)) if text else 0


def measured_counter(counts: Mapping[str, int]) -> MeasuredCounter | None:
    """A counter from a server's counts of `SAMPLES`, framing taken off; None where they cannot be
    a tokenizer's, because they do not grow with the text."""
    estimator = BuiltInEstimator()
    ratios: dict[str, int] = {}
    for name, text in SAMPLES.items():
        tokens, plain = counts[name], estimator.count(text)
        if not _LEAST <= tokens / plain <= _MOST:
            return None
    for name in _in_order(estimator):
        costs = estimator.by_script(SAMPLES[name])
        own = _dominant(costs)
        others = sum(cost * ratios.get(s, 100) for s, cost in costs.items() if s != own)
        needed = -(-(10_000 * counts[name] - others) // costs[own])
        ratios[own] = max(ratios.get(own, round(100 * _LEAST)), needed)
    return MeasuredCounter(ratios)


def _in_order(estimator: BuiltInEstimator) -> Sequence[str]:
    """Samples of pure scripts first: what is known of them is taken off the mixed ones."""

    def purity(name: str) -> float:
        costs = estimator.by_script(SAMPLES[name])
        return -costs[_dominant(costs)] / sum(costs.values())

    return sorted(SAMPLES, key=purity)


def _dominant(costs: Mapping[str, int]) -> str:
    return max(costs, key=lambda script: costs[script])


GROWN = 50
"""Plain tokens by which a prompt must have grown before a server's count has to show it."""

CUTS_IN_A_ROW = 2
"""Counts in a row that do not grow with the prompt, before the server is said to cut prompts."""


class CutWatch:
    """Notices a server that drops the beginning of prompts which are too long for its context.

    Its counts stay where they are while the prompt grows. Servers that count only what their cache
    did not hold are left alone: their counts fall far below the one before.
    """

    def __init__(self) -> None:
        self._before: tuple[int, int, int] | None = None
        self._suspected = 0
        self._counts_parts = False

    @property
    def certain(self) -> bool:
        """Whether it was seen often enough."""
        return self._suspected >= CUTS_IN_A_ROW

    def see(self, counted: int, *, sent: int, epoch: int) -> bool:
        """Take in what was counted of a prompt of about `sent` tokens; whether it looks cut."""
        before, self._before = self._before, (epoch, counted, sent)
        if before is None or before[0] != epoch or sent < before[2] + GROWN:
            return False
        last = before[1]
        self._counts_parts = self._counts_parts or counted < last / 2
        stays = counted == last or (3 * last <= 4 * counted <= 4 * last and 5 * counted < 4 * sent)
        suspected = stays and not self._counts_parts
        self._suspected = self._suspected + 1 if suspected else 0
        return suspected
