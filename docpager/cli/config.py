"""Settings from files, and `docpager config`: what holds here, and where it was said.

The command line reads them, the library never does: a program says itself what it wants.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import click

from docpager.cli.options import as_json_option, examples
from docpager.cli.terminal import note, print_json, say
from docpager.core.errors import UsageError
from docpager.core.locations import is_remote

__all__ = ["PROJECT_FILE", "check_project_values", "config", "defaults", "read_configuration"]

PROJECT_FILE = "docpager.toml"
"""In the current folder; those above it are not looked at. It is a file of its own and no table of
pyproject.toml, because most folders of documents are no Python projects, and because a file that
can redirect questions should be seen in a listing."""
USER_FILE = "config.toml"


class Setting(NamedTuple):
    """What a configuration file may set."""

    kind: type
    variable: str
    """Environment variable that goes before the files."""
    parameter: str
    """The option's name in commands."""
    expected: str


SETTINGS = {
    "archive": Setting(str, "DOCPAGER_ARCHIVE", "archive_directory", "a folder in quotes"),
    "base_url": Setting(
        str, "ANTHROPIC_BASE_URL", "base_url", 'an address such as "http://localhost:8080"'
    ),
    "embedder": Setting(str, "DOCPAGER_EMBEDDER", "embedder", 'a name such as "wordllama"'),
    "model": Setting(str, "DOCPAGER_MODEL", "model", 'a name such as "claude-sonnet-5-5"'),
    "prices": Setting(str, "DOCPAGER_PRICES", "prices", "a file in quotes"),
    "window": Setting(int, "DOCPAGER_WINDOW", "window", "a whole number of tokens, 1 or more"),
}
_PATHS = ("archive", "prices")


@dataclass(frozen=True, slots=True)
class Configured:
    """A value, and the file that sets it."""

    name: str
    value: str | int
    file: Path
    in_project: bool

    @property
    def is_refused(self) -> bool:
        """Whether it would take a key to a host that only somebody's folder names."""
        is_address = self.in_project and self.name == "base_url"
        return is_address and not _is_this_machine(str(self.value))


def user_file() -> Path:
    """`~/.config/docpager/config.toml`, or where the system keeps such files."""
    return Path(click.get_app_dir("docpager"), USER_FILE)


def read_configuration() -> dict[str, Configured]:
    """What the user's file and the project's set, by name; the project's goes first.

    Raises:
        UsageError: a file is no TOML, or has a setting that is unknown, or of a wrong type, or the
            project's names an archive in object storage.
    """
    found: dict[str, Configured] = {}
    for file, in_project in ((user_file(), False), (Path(PROJECT_FILE), True)):
        for name, value in _settings_in(file):
            if in_project and name == "archive" and is_remote(str(value)):
                raise UsageError(
                    f"{str(file)!r} sets archive to {value!r}: text would go there with your "
                    "credentials, so a file that comes with a folder may not say so; set it in "
                    f"{str(user_file())!r}, or pass `archive=`"
                )
            found[name] = Configured(name, value, file, in_project)
    return found


def defaults(configuration: dict[str, Configured]) -> dict[str, str | int]:
    """What the files set, by the parameters of commands, as far as the environment does not.

    click asks the environment before these for every option that has a variable; the address is
    the SDK's own variable, which no option has.
    """
    return {
        SETTINGS[name].parameter: configured.value
        for name, configured in configuration.items()
        if not os.environ.get(SETTINGS[name].variable)
    }


def check_project_values(*names: str) -> None:
    """Name those of these settings that the running command takes from the project's file.

    They decide where text and keys go and what a limit in dollars means, and may have come with a
    folder from somebody else.

    Raises:
        UsageError: the project's file names a server on another machine.
    """
    context = click.get_current_context()
    configuration: dict[str, Configured] = context.obj or {}
    for name in names:
        source = context.get_parameter_source(SETTINGS[name].parameter)
        configured = configuration.get(name)
        if source is not click.core.ParameterSource.DEFAULT_MAP or configured is None:
            continue
        if configured.is_refused:
            raise UsageError(
                f"{str(configured.file)!r} sets base_url to {configured.value!r}: requests carry "
                "your key, so a file that comes with a folder may name servers on this machine "
                f"only; set it in {str(user_file())!r}, or pass `base_url=`"
            )
        if configured.in_project:
            note(f"{name} is {configured.value}, as {configured.file} in this folder says")


@click.command(epilog=examples("docpager config"))
@as_json_option
def config(as_json: bool) -> None:
    """Show each setting, its value, and where it comes from.

    An option goes before the environment, that before docpager.toml in this folder, that before
    your own file, and that before what is built in.
    """
    for name, value, source in _effective(read_configuration()):
        if as_json:
            print_json({"setting": name, "value": value, "source": source})
        else:
            say(f"{name:<10}{'-' if value is None else value!s:<32}  {source}")
    for whose, file in (("your file", user_file()), ("this folder's file", Path(PROJECT_FILE))):
        note(f"{whose}: {file}" + ("" if file.is_file() else " (there is none)"))


def _effective(
    configuration: dict[str, Configured],
) -> Iterator[tuple[str, str | int | None, str]]:
    """Name, value and source of each setting, options left out."""
    chosen: dict[str, str | int] = {}
    sources: dict[str, str] = {}
    for name, setting in SETTINGS.items():
        if said := os.environ.get(setting.variable):
            chosen[name], sources[name] = said, f"environment ({setting.variable})"
        elif configured := configuration.get(name):
            whose = "project file" if configured.in_project else "user file"
            refused = "; refused: not on this machine" if configured.is_refused else ""
            chosen[name], sources[name] = configured.value, f"{whose} ({configured.file}){refused}"
    built_in = _built_in(str(chosen.get("model", "")), str(chosen.get("base_url", "")))
    for name in SETTINGS:
        yield name, chosen.get(name, built_in[name]), sources.get(name, "built in")


def _built_in(model: str, base_url: str) -> dict[str, str | int | None]:
    from docpager.archive.embedders.base import DEFAULT_EMBEDDER
    from docpager.models.claude.backends import OFFICIAL_URL
    from docpager.models.registry import READER, default_model_name, model_defaults

    usual = default_model_name(os.environ, base_url=base_url) or READER
    return {
        "archive": ".docpager",
        "base_url": OFFICIAL_URL,
        "embedder": DEFAULT_EMBEDDER,
        "model": usual,
        "prices": None,
        "window": model_defaults(model or usual, base_url=base_url or None).window,
    }


def _settings_in(file: Path) -> Iterator[tuple[str, str | int]]:
    """Names and values that a file sets; paths are meant from its folder."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{str(file)!r} cannot be read: {error}") from error
    import tomllib  # only here: most commands find no file

    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{str(file)!r} is not TOML: {error}") from error
    for name, value in content.items():
        yield name, _checked(name, value, f"{str(file)!r}{_line_of(name, text)}", file.parent)


def _checked(name: str, value: Any, where: str, folder: Path) -> str | int:
    setting = SETTINGS.get(name)
    if setting is None:
        import difflib

        near = difflib.get_close_matches(name, SETTINGS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(
            f"{where}: there is no setting {name!r}{hint} (there are {', '.join(SETTINGS)})"
        )
    # bool is an int in Python, not in TOML.
    fits = isinstance(value, setting.kind) and not isinstance(value, bool)
    if name == "base_url":
        fits = fits and re.match(r"https?://[^/]", value) is not None
    if not fits or not value or (isinstance(value, int) and value < 1):
        raise UsageError(f"{where}: {name} must be {setting.expected}, not {value!r:.60}")
    if name in _PATHS and is_remote(value):
        return str(value)
    if name in _PATHS:
        return str(folder / Path(value).expanduser())
    checked: str | int = value
    return checked


def _line_of(name: str, text: str) -> str:
    """`, line 3`: where a name is set; tomllib does not say."""
    said = re.search(rf"^[ \t]*\[*[ \t]*[\"']?{re.escape(name)}\b", text, re.MULTILINE)
    return "" if said is None else f", line {text.count(chr(10), 0, said.start()) + 1}"


def _is_this_machine(url: str) -> bool:
    from ipaddress import ip_address
    from urllib.parse import urlsplit

    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # no address at all, or the name of some other host
        return False
