"""What `ask` and `chat` share: their options, and what those come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from docpager.cli.live_view import watching_options
from docpager.cli.model_options import limit_options, model_options
from docpager.cli.options import (
    archive_option,
    as_json_option,
    embedder_for,
    embedder_option,
    ocr_options,
)
from docpager.core.locations import Location
from docpager.core.settings import DEFAULT_RUN_USD

if TYPE_CHECKING:
    from docpager.archive.ingest_files import ReadingSettings

__all__ = ["AskedWith", "asking_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def asking_options(*, of_each: str = "", of_all: str = "") -> Callable[[_Command], _Command]:
    """The options of a command that asks a model about files: `AskedWith.of` takes their values.
    `of_each` and `of_all` say what limits hold for, as in `limit_options`."""
    options = (
        archive_option,
        embedder_option,
        model_options,
        limit_options(of_each=of_each, of_all=of_all, usd=DEFAULT_RUN_USD),
        watching_options,
        ocr_options,
        as_json_option,
    )

    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@dataclass(frozen=True, slots=True)
class AskedWith:
    """What those options said."""

    archive: Location
    embedder: str | None
    quiet: bool
    verbose: bool
    log: Path | None
    ocr: bool
    ocr_language: str
    as_json: bool
    how: Mapping[str, Any]
    """About the model and its limits, as `prepared_model` takes it."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> AskedWith:
        """Of the values by the names that click gives them."""
        how = dict(given)
        own = ("embedder", "quiet", "verbose", "log", "ocr", "ocr_language", "as_json")
        return cls(how.pop("archive_directory"), **{name: how.pop(name) for name in own}, how=how)

    @property
    def shown(self) -> dict[str, Any]:
        """How it is watched, as `ask_progress` takes it."""
        return {"quiet": self.quiet, "verbose": self.verbose, "log": self.log}

    @property
    def reading(self) -> ReadingSettings:
        """How files are read."""
        from docpager.archive.ingest_files import ReadingSettings

        return ReadingSettings(ocr=self.ocr, ocr_language=self.ocr_language)

    def embedder_of(self, paths: Sequence[object]) -> str | None:
        """The embedder to ask of the ingest of these paths, if there are any."""
        return embedder_for(self.archive, self.embedder) if paths else None
