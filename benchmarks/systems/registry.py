"""Systems by name: `docpager`, `retrieve-once:k=5`, `docpager:without=notes`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.systems.files import FilesWithGrep
from benchmarks.systems.many_requests import MapReduce, Refine, SlidingNotes
from benchmarks.systems.one_request import EqualShare, RetrieveOnce, Truncation, WholeText
from benchmarks.systems.paging import Paging
from benchmarks.systems.system import System
from docpager.core.errors import UsageError
from docpager.paging.policies import POLICIES

__all__ = ["ABLATIONS", "BASELINES", "system_named"]

BASELINES = (
    "truncate-head",
    "truncate-tail",
    "truncate-both",
    "equal-share",
    "equal-share-characters",
    "retrieve-once",
    "sliding-notes",
    "map-reduce",
    "refine",
    "files-grep",
    "whole-text",
)
ABLATIONS = (
    "docpager:without=notes",
    "docpager:without=log",
    "docpager:without=pins",
    "docpager:without=page_out",
    "docpager:without=words",
    "docpager:without=meaning",
    "docpager:policy=largest",
    "docpager:policy=notes-only",
)

_Options = Mapping[str, str]
_WITHOUT = ("notes", "log", "pins", "page_out", "words", "meaning")


def system_named(name: str) -> System:
    """The system of that name, with the options behind the colon.

    Raises:
        UsageError: there is none, or it has no such option.
    """
    base, _, written = name.partition(":")
    options = dict(option.split("=", 1) for option in written.split(",") if "=" in option)
    if base not in _MAKERS or (written and not options):
        raise UsageError(f"no system {name!r}; there are docpager, {', '.join(BASELINES)}")
    try:
        made = _MAKERS[base](options)
    except (KeyError, ValueError) as error:
        raise UsageError(f"system {name!r}: {error} cannot be; see `list`") from error
    if options:
        raise UsageError(f"system {base!r} has no option {', '.join(options)}")
    return made


def _paging(options: dict[str, str]) -> System:
    without = options.pop("without", "")
    if without and without not in _WITHOUT:
        raise ValueError(f"without={without}")
    policy = options.pop("policy", "recent")
    if policy not in POLICIES:
        raise ValueError(f"policy={policy}")
    return Paging(policy=policy, without=without)


def _equal_share(unit: str) -> Callable[[dict[str, str]], System]:
    return lambda options: EqualShare(unit, k=_number(options.pop("k", None)))


def _retrieve(options: dict[str, str]) -> System:
    like = options.pop("tokens", "")
    if like not in ("", "docpager"):
        raise ValueError(f"tokens={like}")
    if like and "k" in options:
        raise ValueError("tokens with k")
    return RetrieveOnce(k=_number(options.pop("k", None)), equal_tokens=bool(like))


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


_MAKERS: dict[str, Callable[[dict[str, str]], Any]] = {
    "docpager": _paging,
    "truncate-head": lambda options: Truncation("head"),
    "truncate-tail": lambda options: Truncation("tail"),
    "truncate-both": lambda options: Truncation("both"),
    "equal-share": _equal_share("tokens"),
    "equal-share-characters": _equal_share("characters"),
    "retrieve-once": _retrieve,
    "sliding-notes": lambda options: SlidingNotes(),
    "map-reduce": lambda options: MapReduce(),
    "refine": lambda options: Refine(),
    "files-grep": lambda options: FilesWithGrep(),
    "whole-text": lambda options: WholeText(),
}
