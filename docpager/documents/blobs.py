"""Leaves out base64: pictures and certificates written as letters, which no person reads.

What is left out is named with its size. Runs of letters that only look long stay: words, hashes,
paths, addresses, genes and proteins.
"""

from __future__ import annotations

import re

__all__ = ["without_blobs"]

_SHORTEST = 200
"""Characters of a run that may be left out; keys and signatures that somebody may look for are
shorter."""
_FEWEST_KINDS = 40
"""Of the 64 characters, in a run that long; hex has 16, genes 4, proteins 20, one case 26."""
_SHARES = ((r"[A-Z]", 0.15, 0.7), (r"[a-z]", 0.15, 0.7), (r"[0-9]", 0.04, 0.45))
"""Least and largest shares of capitals, small letters and digits; of random bytes they are 0.41,
0.41 and 0.16, of a path or a long name hardly ever."""
_MOST_SLASHES = 0.1

_DATA_ADDRESS = re.compile(
    r"(data:[\w.+-]{0,80}/?[\w.+-]{0,80}(?:;[\w.+=-]{1,80}){0,5};base64,)"
    r"((?:[A-Za-z0-9+/_-]|%2[BbFf]|%3[Dd]|=|\\/|\\?\n[ \t]*){64,})"
)
_PEM = re.compile(
    r"(-----BEGIN ([A-Z0-9 ]{1,60})-----[ \t]*\n)"
    r"((?:[A-Za-z-]{2,40}: [^\n]{0,200}\n){0,10}\n?)((?:[ \t]*[A-Za-z0-9+/=]{1,120}[ \t]*\n){2,})"
    r"(?=[ \t]*-----END \2-----)"
)
_LINES = re.compile(
    r"(?m)^[ \t>]*[A-Za-z0-9+/]{56,100}\n(?:[ \t>]*[A-Za-z0-9+/]{1,100}={0,2}(?:\n|\Z)){3,}"
)
_RUN = re.compile(
    rf"[A-Za-z0-9+/_-]{{{_SHORTEST},}}={{0,2}}|(?:[A-Za-z0-9+/]|\\/){{{_SHORTEST},}}={{0,2}}"
)
_REPEATED = re.compile(r"(.)\1{5,}")


def without_blobs(text: str) -> str:
    """The text, each base64 blob in it as `[4,096 bytes of base64 left out]`."""
    if len(text) < _SHORTEST:
        return text
    text = _DATA_ADDRESS.sub(lambda found: found[1] + _left_out(found[2]), text)
    text = _PEM.sub(lambda found: f"{found[1]}{found[3]}{_left_out(found[4])}\n", text)
    text = _LINES.sub(_lines_or_note, text)
    return _RUN.sub(lambda found: _left_out(found[0]) if _is_blob(found[0]) else found[0], text)


def _lines_or_note(found: re.Match[str]) -> str:
    """Lines of one length, as mail and PEM wrap base64; the last one is shorter."""
    lines = [line.lstrip(" \t>") for line in found[0].splitlines()]
    full = next((n for n, line in enumerate(lines) if len(line) != len(lines[0])), len(lines))
    whole = (
        lines[: full + 1]
        if full < len(lines) and len(lines[full]) < len(lines[0])
        else lines[:full]
    )
    if full < 4 or not _is_blob("".join(whole)):
        return found[0]
    rest = "".join(found[0].splitlines(keepends=True)[len(whole) :])
    return f"{_left_out(''.join(whole))}\n{rest}"


def _left_out(blob: str) -> str:
    """
    >>> _left_out("QUJD" * 1000)
    '[3,000 bytes of base64 left out]'
    """
    characters = len(re.sub(r"[\s=\\]|%3[Dd]", "", blob))
    return f"[{characters * 3 // 4:,} bytes of base64 left out]"


def _is_blob(run: str) -> bool:
    # A picture may begin with hundreds of zeros, which are As.
    run = _REPEATED.sub("", run.rstrip("=").replace("\\/", "/"))
    if len(run) < _SHORTEST // 2 or len(set(run)) < min(_FEWEST_KINDS, len(run) // 4):
        return False
    if sum(map(run.count, "/-_")) > _MOST_SLASHES * len(run):
        return False
    sample = run[:4_000]
    return all(
        least <= len(re.findall(kind, sample)) / len(sample) <= most
        for kind, least, most in _SHARES
    )
