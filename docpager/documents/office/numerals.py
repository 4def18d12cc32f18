"""Numbers as lists write them: letters, Roman numerals, Chinese characters.

The names of the forms are those of Word (ECMA-376, part 1, 17.18.59); OpenDocument and RTF have
fewer of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

__all__ = ["written_number"]

_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc")),
    *((50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_MOST_ROMAN = 4_999
_MOST_LETTERS = 780
"""30 times the same letter."""
_RUSSIAN = "абвгдежзиклмнопрстуфхцчшщыэюя"
_GANADA = "가나다라마바사아자차카타파하"
_AIUEO = (
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
)
_CHINESE = "〇一二三四五六七八九"
_HEAVENLY = "甲乙丙丁戊己庚辛壬癸"
_ENGLISH_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
_ENGLISH = _ENGLISH_WORDS.split()


def written_number(number: int, form: str) -> str:
    """A number in the form of that name; in digits where the form is not known.

    >>> written_number(4, "upperRoman"), written_number(28, "lowerLetter")
    ('IV', 'bb')
    """
    write = _FORMS.get(form)
    return str(number) if write is None else write(number)


def _letters(number: int, alphabet: str = "abcdefghijklmnopqrstuvwxyz") -> str:
    """After the last letter of the alphabet come double letters, as Word counts."""
    if not 0 < number <= _MOST_LETTERS:
        return str(number)
    times, place = divmod(number - 1, len(alphabet))
    return alphabet[place] * (times + 1)


def _roman(number: int) -> str:
    if not 0 < number <= _MOST_ROMAN:
        return str(number)
    written = ""
    for value, numeral in _ROMAN:
        times, number = divmod(number, value)
        written += numeral * times
    return written


def _ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def _chinese(number: int) -> str:
    """Up to 99 as people write it, digit by digit beyond."""
    if number > 99:
        return "".join(_CHINESE[int(digit)] for digit in str(number))
    tens, ones = divmod(number, 10)
    written = ("" if tens < 2 else _CHINESE[tens]) + ("十" if tens else "")
    return written + (_CHINESE[ones] if ones or not tens else "")


def _circled(number: int) -> str:
    return chr(0x2460 + number - 1) if 0 < number <= 20 else str(number)


def _english(number: int) -> str:
    return _ENGLISH[number].capitalize() if number < len(_ENGLISH) else str(number)


_FORMS: Mapping[str, Callable[[int], str]] = {
    "none": lambda number: "",
    "decimalZero": lambda number: f"{number:02}",
    "lowerLetter": _letters,
    "upperLetter": lambda number: _letters(number).upper(),
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "ordinal": _ordinal,
    "cardinalText": _english,
    "russianLower": lambda number: _letters(number, _RUSSIAN),
    "russianUpper": lambda number: _letters(number, _RUSSIAN).upper(),
    "ganada": lambda number: _letters(number, _GANADA),
    "aiueo": lambda number: _letters(number, _AIUEO),
    "aiueoFullWidth": lambda number: _letters(number, _AIUEO),
    "ideographTraditional": lambda number: _letters(number, _HEAVENLY),
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "chineseCounting": _chinese,
    "chineseCountingThousand": _chinese,
    "japaneseCounting": _chinese,
    "taiwaneseCountingThousand": _chinese,
    "ideographDigital": _chinese,
}
