"""Numbers as a spreadsheet shows them: `0.125` under the format `0.0%` is `12.5%`.

Format codes are those of ECMA-376, part 1, 18.8.30 and 18.8.31: up to four sections for positive
and negative numbers, zero and text. Two things that a program takes from the machine it runs on
have a fixed form here: decimal point and thousands comma, and the short date, which is written
`2023-01-31`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import lru_cache

from docpager.documents.office.serial_dates import Moment, date_token, moment_of

__all__ = ["BUILT_IN", "GENERAL", "displayed", "is_date_format"]

GENERAL = "General"

BUILT_IN: Mapping[int, str] = {
    0: GENERAL,
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    5: "$#,##0;-$#,##0",
    6: "$#,##0;[Red]-$#,##0",
    7: "$#,##0.00;-$#,##0.00",
    8: "$#,##0.00;[Red]-$#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "yyyy-mm-dd",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm",
    37: "#,##0 ;(#,##0)",
    38: "#,##0 ;[Red](#,##0)",
    39: "#,##0.00 ;(#,##0.00)",
    40: "#,##0.00 ;[Red](#,##0.00)",
    41: "#,##0 ;(#,##0);- ;@",
    42: "$#,##0 ;$(#,##0);$- ;@",
    43: "#,##0.00 ;(#,##0.00);- ;@",
    44: "$#,##0.00 ;$(#,##0.00);$- ;@",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
}
"""Formats that a workbook names by number only; 14 and 22 hold the machine's short date."""

_DIGITS = 15
"""Significant digits that a spreadsheet shows of a number; what is beyond them is noise."""
_FIFTEEN = Context(prec=_DIGITS, rounding=ROUND_HALF_UP)
_EXACT = Context(prec=5_000, rounding=ROUND_HALF_UP)
_MOST_DECIMALS = 10
"""Decimals of a number without a format of its own."""
_LONGEST_CODE = 1_000

_TOKEN = re.compile(
    r"""
      "(?P<quoted>[^"]*)"?
    | \\(?P<escaped>.)
    | _(?P<space>.) | \*(?P<fill>.)
    | \[(?P<bracket>[^\]]*)\]
    | (?P<general>general)
    | (?P<ampm>am/pm|a/p|上午/下午)
    | (?P<exponent>e[+-])
    | (?P<date>y+|m+|d+|h+|s+(?:\.0+)?|e+|g+|b{2,4})
    | (?P<digit>[0\#?])
    | (?P<point>\.) | (?P<comma>,) | (?P<percent>%) | (?P<slash>/) | (?P<text>@) | (?P<end>;)
    | (?P<literal>.)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)", re.IGNORECASE)
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_COMPARE: Mapping[str, Callable[[Decimal, Decimal], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class _Section:
    tokens: tuple[_Token, ...]
    condition: tuple[str, Decimal] | None = None

    def has(self, *kinds: str) -> bool:
        return any(token.kind in kinds for token in self.tokens)

    @property
    def is_date(self) -> bool:
        return self.has("date", "elapsed")

    def admits(self, number: Decimal) -> bool:
        return self.condition is None or _COMPARE[self.condition[0]](number, self.condition[1])

    @property
    def is_for_negatives(self) -> bool:
        """Whether its condition admits negative numbers only, so that it writes their sign."""
        if self.condition is None:
            return False
        sign, border = self.condition
        return (sign == "<" and border <= 0) or (sign in ("<=", "=") and border < 0)


def displayed(value: float | int | str | bool | Decimal, code: str, *, from_1904: bool) -> str:
    """What a cell with this value and this format code shows.

    `from_1904` is how the workbook counts its days. Numbers that a date format cannot show are
    written as they are.
    """
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    sections = _sections(code)
    if isinstance(value, str):
        return _text(value, sections)
    number = _FIFTEEN.create_decimal(repr(value) if isinstance(value, float) else value)
    if not number.is_finite():
        return str(value)
    section, magnitude = _chosen(number, sections)
    if section is None:
        return _general(number)
    if section.is_date:
        moment = moment_of(number, from_1904=from_1904, elapsed=section.has("elapsed"))
        return _general(number) if moment is None else _dated(moment, section)
    written = _numbered(abs(magnitude), section)
    return f"-{written}" if magnitude < 0 else written


def is_date_format(code: str) -> bool:
    """Whether a number under this format is a date or a time."""
    return any(section.is_date for section in _sections(code)[:1])


@lru_cache(maxsize=4096)
def _sections(code: str) -> tuple[_Section, ...]:
    sections: list[_Section] = []
    tokens: list[_Token] = []
    condition: tuple[str, Decimal] | None = None
    for match in _TOKEN.finditer(code[:_LONGEST_CODE] or GENERAL):
        kind = match.lastgroup or "literal"
        text = match[kind]
        if kind == "end":
            sections.append(_Section(_settled(tokens), condition))
            tokens, condition = [], None
        elif kind == "bracket":
            if found := _CONDITION.fullmatch(text):
                condition = (found[1], Decimal(found[2]))
            elif _ELAPSED.fullmatch(text):
                tokens.append(_Token("elapsed", text.lower()))
            elif text.startswith("$"):
                tokens.append(_Token("literal", text[1:].partition("-")[0]))
        elif kind == "space":
            tokens.append(_Token("literal", " "))
        elif kind in ("quoted", "escaped"):
            tokens.append(_Token("literal", text))
        elif kind != "fill":
            tokens.append(_Token(kind, text.lower() if kind == "date" else text))
    sections.append(_Section(_settled(tokens), condition))
    return tuple(sections[:4])


def _settled(tokens: Sequence[_Token]) -> tuple[_Token, ...]:
    """The tokens, with `m` told apart as month or minute, and what has no meaning as literals."""
    is_date = any(token.kind in ("date", "elapsed") for token in tokens)
    settled: list[_Token] = []
    for token in tokens:
        if is_date and token.kind in ("digit", "point", "comma", "percent", "slash"):
            settled.append(_Token("literal", token.text))
        else:
            settled.append(token)
    times = [n for n, token in enumerate(settled) if token.kind in ("date", "elapsed", "ampm")]
    for place, n in enumerate(times):
        token = settled[n]
        if token.kind != "date" or token.text not in ("m", "mm"):
            continue
        before = settled[times[place - 1]].text if place else ""
        after = settled[times[place + 1]].text if place + 1 < len(times) else ""
        if before.startswith("h") or after.startswith("s"):
            settled[n] = _Token("date", "n" * len(token.text))
    return tuple(settled)


def _text(value: str, sections: Sequence[_Section]) -> str:
    section = sections[3] if len(sections) == 4 else sections[-1]
    if len(sections) < 4 and not section.has("text"):
        return value
    return "".join(value if t.kind == "text" else t.text for t in section.tokens)


def _chosen(number: Decimal, sections: Sequence[_Section]) -> tuple[_Section | None, Decimal]:
    """The section for a number, and the number with the sign that is written before it."""
    own = [s for s in sections[:3] if not s.has("text")] if len(sections) < 4 else sections[:3]
    if not own:
        return None, number
    if any(section.condition for section in own):
        for section in own:
            if section.admits(number):
                return section, abs(number) if section.is_for_negatives else number
        return None, number
    if number < 0 and len(own) > 1:
        return own[1], abs(number)
    if number == 0 and len(own) > 2:
        return own[2], number
    return own[0], number


def _general(number: Decimal) -> str:
    """A number without a format: its significant digits, with an exponent where they are far."""
    if number == 0:
        return "0"
    size = number.adjusted()
    if -5 < size < 20:
        places = max(0, min(_MOST_DECIMALS, _DIGITS - 1 - size))
        fixed = f"{number.quantize(Decimal(1).scaleb(-places), context=_EXACT):f}"
        return _trimmed(fixed) if "." in fixed else fixed
    digits = f"{number.scaleb(-size):f}"
    return f"{_trimmed(digits) if '.' in digits else digits}E{size:+03d}"


def _trimmed(fixed: str) -> str:
    return fixed.rstrip("0").rstrip(".")


def _dated(moment: Moment, section: _Section) -> str:
    seconds = [t.text for t in section.tokens if t.text.startswith("s") and t.kind == "date"]
    if seconds and not any("." in text for text in seconds):
        moment = moment.to_whole_seconds()
    half_days = section.has("ampm")
    return "".join(
        token.text
        if token.kind == "literal"
        else date_token(moment, token.text, elapsed=token.kind == "elapsed", half_days=half_days)
        for token in section.tokens
        if token.kind in ("literal", "date", "elapsed", "ampm")
    )


def _numbered(number: Decimal, section: _Section) -> str:
    """A number, not negative, in a section that is not of a date."""
    if not section.has("digit"):
        return "".join(
            _general(number) if token.kind == "general" else token.text
            for token in section.tokens
            if token.kind != "text"
        )
    tokens = section.tokens
    number = number.scaleb(2 * sum(token.kind == "percent" for token in tokens), context=_EXACT)
    if section.has("exponent"):
        return _scientific(number, tokens)
    digits = [n for n, token in enumerate(tokens) if token.kind == "digit"]
    slashes = [n for n, token in enumerate(tokens) if token.kind == "slash"]
    if slashes and digits[0] < slashes[0]:
        return _fraction(number, tokens, slashes[0])
    return _fixed(number, tokens)


def _fixed(number: Decimal, tokens: Sequence[_Token]) -> str:
    whole, decimals = _around_point(tokens)
    digits = [n for n, token in enumerate(whole) if token.kind == "digit"]
    commas = [n for n, token in enumerate(whole) if token.kind == "comma"]
    grouped = any(digits and digits[0] < n < digits[-1] for n in commas)
    scale = sum(1 for n in commas if not digits or n > digits[-1])
    # Commas after the last digit, before or behind the decimals, each stand for a thousand.
    last = max((n for n, t in enumerate(decimals) if t.kind == "digit"), default=-1)
    scale += sum(1 for n, token in enumerate(decimals) if token.kind == "comma" and n > last)
    number = number.scaleb(-3 * scale, context=_EXACT)
    places = sum(token.kind == "digit" for token in decimals)
    rounded = number.quantize(Decimal(1).scaleb(-places), context=_EXACT)
    before, _, after = f"{rounded:f}".partition(".")
    return _whole(before.lstrip("0"), whole, grouped=grouped) + _decimals(after, decimals)


def _around_point(tokens: Sequence[_Token]) -> tuple[list[_Token], list[_Token]]:
    """The tokens before the decimal point, and those from it on."""
    points = [n for n, token in enumerate(tokens) if token.kind == "point"]
    at = points[0] if points else len(tokens)
    if not points:
        # Without decimals, what follows the last digit is written as it stands.
        return list(tokens), []
    return list(tokens[:at]), list(tokens[at:])


def _whole(digits: str, tokens: Sequence[_Token], *, grouped: bool) -> str:
    """The digits laid into their places from the right; those too many come before the first."""
    places = [n for n, token in enumerate(tokens) if token.kind == "digit"]
    pieces: list[str] = []
    left, written = list(digits), 0
    for n in range(len(tokens) - 1, -1, -1):
        token = tokens[n]
        if token.kind != "digit":
            if token.kind not in ("comma", "text", "fill"):
                pieces.append(token.text)
            continue
        taken = 1 if places and n != places[0] else max(1, len(left))
        for _ in range(taken):
            digit = left.pop() if left else {"0": "0", "?": " "}.get(token.text, "")
            if digit and grouped and written and written % 3 == 0 and digit != " ":
                pieces.append(",")
            written += bool(digit)
            pieces.append(digit)
    if not places:
        pieces.append("".join(left))
    return "".join(reversed(pieces))


def _decimals(digits: str, tokens: Sequence[_Token]) -> str:
    kept = len(digits.rstrip("0"))
    pieces, used = [], 0
    for token in tokens:
        if token.kind == "digit":
            zero = {"0": "0", "?": " "}.get(token.text, "")
            pieces.append(digits[used] if used < kept else zero)
            used += 1
        elif token.kind not in ("comma", "text"):
            pieces.append(token.text)
    return "".join(pieces)


def _scientific(number: Decimal, tokens: Sequence[_Token]) -> str:
    at = next(n for n, token in enumerate(tokens) if token.kind == "exponent")
    mantissa, behind = list(tokens[:at]), list(tokens[at + 1 :])
    whole, decimals = _around_point(mantissa)
    step = max(1, sum(token.kind == "digit" for token in whole))
    places = sum(token.kind == "digit" for token in decimals)
    exponent = 0
    if number:
        exponent = number.adjusted() // step * step
        rounded = number.scaleb(-exponent).quantize(Decimal(1).scaleb(-places), context=_EXACT)
        if rounded.adjusted() >= step:
            exponent += step
    shown = _fixed(number.scaleb(-exponent, context=_EXACT), mantissa)
    sign = "-" if exponent < 0 else "+" if tokens[at].text.endswith("+") else ""
    return f"{shown}{tokens[at].text[0]}{sign}{_whole(str(abs(exponent)), behind, grouped=False)}"


def _fraction(number: Decimal, tokens: Sequence[_Token], slash: int) -> str:
    above = slash
    while above and tokens[above - 1].kind == "digit":
        above -= 1
    below = slash + 1
    while below < len(tokens) and (tokens[below].kind == "digit" or tokens[below].text.isdecimal()):
        below += 1
    written = "".join(token.text for token in tokens[slash + 1 : below])
    exact = Fraction(number)
    has_whole = any(token.kind == "digit" for token in tokens[:above])
    whole = int(exact) if has_whole else 0
    part = exact - whole
    if written.strip("0#?"):
        bottom = max(1, int(re.sub(r"[#?]", "", written) or 1))
        top = int(part * bottom + Fraction(1, 2))
    else:
        part = part.limit_denominator(10 ** min(max(1, len(written)), 7) - 1)
        top, bottom = part.numerator, part.denominator
    if has_whole and top == bottom:
        whole, top = whole + 1, 0
    before = _whole(str(whole) if whole or not top else "", tokens[:above], grouped=False)
    after = "".join(token.text for token in tokens[below:])
    if has_whole and not top:
        return f"{before.rstrip()}{after}"
    return f"{before}{top}/{bottom}{after}"
