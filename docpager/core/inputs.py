"""What a Python caller passed in, seen to be of the right type; a wrong one gets one sentence."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeAlias

from docpager.core.errors import UsageError

__all__ = [
    "StrPath",
    "as_path",
    "as_paths",
    "check_number",
    "check_settings",
    "check_text",
    "check_whole",
    "kind_of",
]

StrPath: TypeAlias = str | os.PathLike[str]
"""A path in any form that the standard library takes, but for bytes."""


def as_path(given: StrPath, name: str) -> Path:
    """The path that the argument `name` holds.

    Raises:
        UsageError: it is neither text nor a path, or is in object storage.
    """
    path = os.fspath(given) if isinstance(given, os.PathLike) else given
    if not isinstance(path, str):
        raise UsageError(f"{name} must be a path, as a str or a Path, not {kind_of(given)}")
    if path.lower().startswith("s3:/"):
        raise UsageError(f"{name} must be on this machine, and {path!r} is in object storage")
    return Path(path)


def as_paths(given: StrPath | Iterable[StrPath], name: str) -> list[Path]:
    """The paths that the argument `name` holds: several, or a single one.

    Raises:
        UsageError: one is neither text nor a path.
    """
    if isinstance(given, str | bytes | os.PathLike):
        return [as_path(given, name)]
    if not isinstance(given, Iterable):
        raise UsageError(f"{name} must be a list of paths, not {kind_of(given)}")
    return [as_path(each, f"each of {name}") for each in given]


def check_settings(given: object, kind: type[Any], name: str, *, example: str) -> None:
    """Refuse what is neither None nor settings of this kind, such as a dict.

    Raises:
        UsageError: it is not; the message shows how to write it, with the caller's own values
            where they are fields of `kind`, else with `example`.
    """
    if given is None or isinstance(given, kind):
        return
    known = {field.name for field in fields(kind)}
    written = example
    if isinstance(given, Mapping) and given and known.issuperset(given):
        written = ", ".join(f"{field}={value!r}" for field, value in given.items())
    raise UsageError(
        f"{name} must be a docpager.{kind.__name__}, not {kind_of(given)}; "
        f"write {name}=docpager.{kind.__name__}({written})"
    )


def check_text(given: object, name: str) -> None:
    """Refuse what is no text.

    Raises:
        UsageError: it is not.
    """
    if not isinstance(given, str):
        raise UsageError(f"{name} must be a str, not {kind_of(given)}")


def check_whole(given: object, name: str) -> None:
    """Refuse what is neither None nor a whole number; None is for a limit that is left out.

    Raises:
        UsageError: it is not.
    """
    # bool is an int to Python, and a window of True tokens is a mistake.
    if given is not None and (isinstance(given, bool) or not isinstance(given, Integral)):
        raise UsageError(f"{name} must be a whole number, not {given!r}")


def check_number(given: object, name: str) -> None:
    """Refuse what is neither None nor a number.

    Raises:
        UsageError: it is not.
    """
    if given is not None and (isinstance(given, bool) or not isinstance(given, Real)):
        raise UsageError(f"{name} must be a number, not {given!r}")


def kind_of(given: object) -> str:
    """The type of what was given, with its article."""
    name = type(given).__name__
    return "None" if given is None else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
