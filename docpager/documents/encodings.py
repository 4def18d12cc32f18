"""How the characters of a text are written: marked, declared, plain from its bytes, or guessed."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from string import ascii_letters

from docpager.core.errors import DocumentError
from docpager.documents.reasons import Reason

__all__ = ["DecodedText", "codec_of", "decode_text"]

_SAMPLE = 65_536
_MOST_CONTROLS = 0.02
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\v\b\x1b")) + b"\x7f"
_ASCII = bytes(range(128))
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NO_CHARACTER = "\ufffd"
_GOOD_FOR_ONE_BAD = 4
"""Characters written in UTF-8 for each place that is not, where a text counts as UTF-8: texts in
other encodings hold such a character by accident once in some thousand letters."""
_MOST_BAD = 0.02
"""Share of a text's characters that a declared encoding may fail to write."""

_WIDER: Mapping[str, str] = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz": "hz",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "tis-620": "cp874",
    "iso8859-11": "cp874",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "utf-16": "utf-16-le",
    "utf-32": "utf-32-le",
}
"""Codecs that write all that the named one does, and what people call by its name besides, as
browsers read them (https://encoding.spec.whatwg.org/#names-and-labels)."""

_NOT_OF_FILES = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
"""Codecs of Python for host names and its own source; two of them fail on nearly every byte."""

_DECLARATIONS = (
    re.compile(rb"""^\s*<\?xml[^>]{0,200}?\bencoding\s*=\s*["']([\w.:-]{2,40})["']"""),
    re.compile(rb"""^@charset "([\w.:-]{2,40})";"""),
    re.compile(rb"""(?i)<meta\b[^>]{0,300}?\bcharset\s*=\s*["']?\s*([\w.:-]{2,40})"""),
    re.compile(
        rb"^(?:[^\n]*\n)?[ \t\f]*(?:#|//|;|%|/\*|\.\.|<!--)[^\n]*?coding[:=][ \t]*([\w.-]{2,40})"
    ),
    re.compile(rb"(?m)^\s*\\usepackage\[([a-z0-9-]{2,40})\]\{inputenc\}"),
    re.compile(rb"(?mi)^\"Content-Type: [^\n]{1,80}?charset=([\w.:-]{2,40})"),
    re.compile(
        rb"(?:^|\n)[^\n]{0,200}?\b(?:vim?|ex):[^\n]{0,200}?\b(?:fileencoding|fenc)=([\w.-]{2,40})"
    ),
)
"""XML; CSS; HTML; Python and Emacs (PEP 263, in the first two lines); LaTeX; gettext; vim."""
_DECLARED_WITHIN = 4096
"""Bytes at the beginning, and for vim at the end, in which a declaration is looked for."""


@dataclass(frozen=True, slots=True)
class DecodedText:
    """The characters of a file, with `\\n` as line end."""

    text: str
    encoding: str
    """As Python calls it."""
    doubt: Reason | None = None
    """`Reason.GUESSED`, `Reason.BAD_BYTES`, or None where nothing is doubtful."""

    @property
    def guessed(self) -> bool:
        """Whether the encoding was neither marked, nor declared, nor plain from the bytes."""
        return self.doubt is Reason.GUESSED


def decode_text(content: bytes, path: str, declared: str | None = None) -> DecodedText:
    """The text of a file whose bytes are `content`.

    Its byte order mark comes first, then `declared` (what a mail or a server says), then what the
    text says of itself; a declaration that the bytes contradict is not followed. A text that is
    UTF-8 but for some bytes, or for a character cut off at its end, is UTF-8.

    Raises:
        DocumentError: `content` is no text; `path` names it.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _decoded(content[len(mark) :], encoding)
    wide = _wide_encoding(content[:_SAMPLE])
    if wide:
        return _decoded(content, wide)
    _check_is_text(content[:_SAMPLE], path)
    if content.isascii():
        japanese = b"\x1b$B" in content or b"\x1b$@" in content
        return _decoded(content, "iso2022_jp_ext" if japanese else "utf-8")
    said = [name for name in (declared, _declared_in(content)) if name]
    return _as_utf8(content, said) or _as_declared(content, said) or _guessed(content)


def _decoded(content: bytes, encoding: str, doubt: Reason | None = None) -> DecodedText:
    text = content.decode(encoding, "replace")
    if doubt is None and _NO_CHARACTER in text and _has_bad_bytes(content, encoding):
        doubt = Reason.BAD_BYTES
    return DecodedText(_clean(text), encoding, doubt)


def _has_bad_bytes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeError:
        return True
    return False


def _clean(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").removeprefix("\ufeff")


def _check_is_text(sample: bytes, path: str) -> None:
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls > _MOST_CONTROLS * len(sample):
        raise DocumentError(
            f"{path!r} is not text but binary data; convert it to PDF or text, or leave it out",
            Reason.NOT_TEXT,
        )


def _wide_encoding(sample: bytes) -> str | None:
    """UTF-16 without a mark: zeros in every other place, and characters that belong together."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    pairs = len(sample) // 2
    if max(even, odd) < max(2, pairs // 200) or min(even, odd) > max(even, odd) // 20:
        return None
    encoding = "utf-16-be" if even > odd else "utf-16-le"
    text = sample[: pairs * 2].decode(encoding, "replace")
    strange = sum(unicodedata.category(each) in ("Cn", "Co", "Cc", "Cs") for each in text)
    strange -= sum(map(text.count, "\n\r\t"))
    return encoding if strange <= _MOST_CONTROLS * len(text) else None


def _declared_in(content: bytes) -> str | None:
    begin, end = content[:_DECLARED_WITHIN], content[-_DECLARED_WITHIN:]
    places = [begin] * (len(_DECLARATIONS) - 1) + [begin + b"\n" + end]
    for pattern, place in zip(_DECLARATIONS, places, strict=True):
        if found := pattern.search(place):
            return found[1].decode("ascii", "replace")
    return None


def codec_of(name: str) -> str | None:
    """What Python calls an encoding; None where it knows no such encoding of files."""
    try:
        found = codecs.lookup(name.strip().removeprefix("x-"))
    except (LookupError, ValueError):
        return None
    is_known = found._is_text_encoding and found.name not in _NOT_OF_FILES
    return _WIDER.get(found.name, found.name) if is_known else None


def _as_utf8(content: bytes, said: Sequence[str]) -> DecodedText | None:
    """The text in UTF-8, if its bytes are that, but for a few."""
    text = content.decode("utf-8", "replace")
    bad = text.count(_NO_CHARACTER) - content.count(_NO_CHARACTER.encode())
    plain = len(content) - len(content.translate(None, _ASCII))
    good = len(text) - plain - bad
    if bad and good < _GOOD_FOR_ONE_BAD * bad:
        return None
    contradicted = said and codec_of(said[0]) not in ("utf-8", "utf-8-sig", None, "cp1252")
    doubt = Reason.BAD_BYTES if bad else Reason.GUESSED if contradicted else None
    return DecodedText(_clean(text), "utf-8", doubt)


def _as_declared(content: bytes, said: Sequence[str]) -> DecodedText | None:
    for name in said:
        codec = codec_of(name)
        # ASCII and UTF-8 are said of everything; these bytes are neither.
        if codec is None or codec.startswith("utf-8") or name.lower() in ("ascii", "us-ascii"):
            continue
        text = content.decode(codec, "replace")
        if text.count(_NO_CHARACTER) <= _MOST_BAD * len(text):
            return _decoded(content, codec)
    return None


def _guessed(content: bytes) -> DecodedText:
    """The text in the encoding in which it reads most like a text in some language."""
    sample = _telling_part(content)
    for codec in _likely(sample):
        text = content.decode(codec, "replace")
        if text.count(_NO_CHARACTER) <= _MOST_BAD * len(text) / 10:
            return DecodedText(_clean(text), codec, Reason.GUESSED)
    return DecodedText(_clean(content.decode("cp1252", "replace")), "cp1252", Reason.GUESSED)


_TELLING_BYTES = 24_000
_TELLING_LINES = re.compile(rb"[^\n]{0,2000}[\x80-\xff\x1b][^\n]{0,2000}(?:\n|$)")


def _telling_part(content: bytes) -> bytes:
    """Lines with bytes that are not ASCII: only these tell the encoding."""
    if len(content) <= _TELLING_BYTES:
        return content
    lines: list[bytes] = []
    length = 0
    for found in _TELLING_LINES.finditer(content):
        lines.append(found[0])
        length += len(found[0])
        if length > _TELLING_BYTES:
            break
    return b"".join(lines)


_CANDIDATES = (
    *("gb18030", "big5hkscs", "cp932", "shift_jis", "euc-jp", "iso-2022-jp", "cp949", "euc-kr"),
    *("cp1251", "koi8-r", "koi8-u", "cp866", "iso-8859-5", "cp1250", "iso-8859-2", "cp852"),
    *("cp1253", "iso-8859-7", "cp1254", "iso-8859-9", "cp1255", "cp1256", "tis-620", "cp874"),
    *("cp1257", "cp1252", "iso-8859-1", "iso-8859-15", "mac-roman", "cp437", "cp850", "utf-8"),
)
"""What texts that people still have are written in. Others that chardet knows (EBCDIC, the code
pages of DOS for Greenland and the like) are found so seldom that they are mostly wrong when it
names them."""
_FEW = 4
_TOO_FEW = 40
"""Bytes outside of ASCII, up to which a reading that mixes scripts within words is not believed;
in longer texts (a handbook of commands) such words stand."""
_HIGH = re.compile(rb"[\x80-\xff]+")
_LETTER_PAIRS = re.compile(r"[A-Za-z][^\W\d_A-Za-z]|[^\W\d_A-Za-z][A-Za-z]")
_MOST_MIXED = 0.3
_MOST_PAIRS = 2_000


def _likely(sample: bytes) -> list[str]:
    """Codecs in which the sample may be written, the likeliest first.

    By how often letters follow each other in each language (chardet). Weighing in whether letters
    stand where such letters do (no capital inside a word) was tried, and was no better.
    """
    import chardet

    ranked = chardet.detect_all(
        sample, ignore_threshold=True, include_encodings=_CANDIDATES, compat_names=False
    )
    named = dict.fromkeys(codec_of(found["encoding"] or "") for found in ranked)
    likely = [codec for codec in named if codec]
    high = _HIGH.findall(sample)
    # A word or two tell no language; then it is the encoding that most such files have.
    if len(high) <= _FEW and all(len(run) == 1 for run in high):
        return ["cp1252", *likely]
    if sum(map(len, high)) <= _TOO_FEW:
        return [codec for codec in likely if not _mixes_scripts(sample, codec)]
    return likely


def _mixes_scripts(sample: bytes, codec: str) -> bool:
    """Whether words would be of two scripts (`Cafй`), which no language has."""
    pairs = islice(_LETTER_PAIRS.finditer(sample.decode(codec, "replace")), _MOST_PAIRS)
    letters = [pair[0].strip(ascii_letters) for pair in pairs]
    mixed = sum(not unicodedata.name(each, "LATIN").startswith("LATIN") for each in letters)
    # Japanese and Chinese set no spaces between their words and others.
    alphabets = sum(unicodedata.category(each) in ("Lu", "Ll") for each in letters)
    return alphabets > len(letters) // 2 and mixed > _MOST_MIXED * len(letters)
