"""What the commands share: options, output, progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from docpager.cli.terminal import note
from docpager.core.locations import Location, as_location
from docpager.core.passages import counted

if TYPE_CHECKING:
    from docpager.archive.archive import Archive

__all__ = [
    "archive_option",
    "as_json_option",
    "chosen_documents",
    "embedder_for",
    "embedder_option",
    "engine_option",
    "examples",
    "in_option",
    "ocr_options",
    "page_option",
    "read_by_older_rules",
    "tell_misspelt",
]


class _LocationType(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """A path, or `s3://bucket/prefix`."""

    name = "path"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Location:
        return as_location(value, "the path")


LOCATION = _LocationType()


_Command = TypeVar("_Command", bound=Callable[..., Any])


def examples(*commands: str) -> str:
    """What `--help` shows below the options: commands as they are typed, one a line."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


def archive_option(command: _Command) -> _Command:
    """`--archive DIR`, as `archive_directory`."""
    return click.option(
        "--archive",
        "archive_directory",
        type=LOCATION,
        envvar="DOCPAGER_ARCHIVE",
        default=".docpager",
        show_default=True,
        show_envvar=True,
        metavar="DIR",
        help="The folder of the archive, or s3://BUCKET/PREFIX.",
    )(command)


def as_json_option(command: _Command) -> _Command:
    """`--json`, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")(
        command
    )


def in_option(command: _Command) -> _Command:
    """`--in NAME`, as `names`."""
    return click.option(
        "--in",
        "names",
        multiple=True,
        metavar="NAME",
        help="Only in these documents: D3, a path, or a glob of paths. May be repeated.",
    )(command)


def embedder_option(command: _Command) -> _Command:
    """`--embedder NAME`, as `embedder`."""
    return click.option(
        "--embedder",
        envvar="DOCPAGER_EMBEDDER",
        show_envvar=True,
        metavar="NAME",
        help="The embedder of a new archive. Default: wordllama. An archive keeps "
        "the one it was made with.",
    )(command)


def engine_option(command: _Command) -> _Command:
    """`--engine NAME`, as `engine`."""
    return click.option(
        "--engine",
        metavar="ray[://HOST:PORT]",
        help="Work in processes of Ray: of a cluster that is started here and ended, or of the one "
        "whose head is at HOST:PORT. Only on machines you trust: Ray listens on all interfaces "
        "and executes what whoever has its token sends.",
    )(command)


def ocr_options(command: _Command) -> _Command:
    """`--ocr` and `--ocr-language LANGUAGES`, as `ocr` and `ocr_language`."""
    language = click.option(
        "--ocr-language",
        default="eng",
        show_default=True,
        metavar="LANGUAGES",
        help="With --ocr: the languages of the pages as tesseract names them, such as eng+deu.",
    )
    ocr = click.option(
        "--ocr",
        is_flag=True,
        help="Recognise text in scanned PDF pages and in pictures, with tesseract.",
    )
    return ocr(language(command))


def page_option(command: _Command) -> _Command:
    """`--page N`, as `page`."""
    return click.option(
        "--page",
        type=click.IntRange(min=1),
        default=1,
        metavar="N",
        help="The page of results.",
    )(command)


def embedder_for(archive_directory: Location, embedder: str | None) -> str | None:
    """The embedder to ask of an ingest.

    One typed as an option must be the archive's own; a default is for archives that do not exist.
    """
    from docpager.archive.manifest import COPY, MANIFEST
    from docpager.cli.config import check_project_values
    from docpager.storage.whole_files import size_of

    typed = click.get_current_context().get_parameter_source("embedder")
    if typed is not click.core.ParameterSource.COMMANDLINE and any(
        size_of(archive_directory / name) is not None for name in (MANIFEST, COPY)
    ):
        return None
    check_project_values("embedder")
    return embedder


def chosen_documents(archive: Archive, names: Sequence[str]) -> list[int] | None:
    """Ids of the documents that `--in` names; None where it was not given.

    Raises:
        UsageError: a name fits no document, or several though it is no glob.
    """
    if not names:
        return None
    # Only now: it brings all that a batch needs, which takes longer than a search.
    from docpager.batch.job import documents_called

    return sorted({id for name in names for id in documents_called(archive, name)})


def tell_misspelt(names: Sequence[str]) -> None:
    """Name fields of questions whose names are near to those of fields that docpager knows."""
    from docpager.batch.questions import did_you_mean

    for name in names:
        if hint := did_you_mean(name):
            note(f"{name!r} is not a field of a question{hint}")


def read_by_older_rules(documents: int) -> str:
    """What to do about documents whose files would be read by other rules now."""
    were = "was" if documents == 1 else "were"
    return (
        f"{counted(documents, 'document')} {were} read by older rules; "
        "`docpager ingest --reread PATH` reads the files again"
    )
