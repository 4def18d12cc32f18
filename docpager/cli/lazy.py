"""A group of commands that imports each when it is called, and turns errors into exit codes.

It stands alone: how commands are found and how errors end is no command's business.
"""

from __future__ import annotations

import errno
import importlib
import io
import os
import sys
from collections.abc import Mapping
from itertools import takewhile
from typing import Any

import click

from docpager.cli.terminal import note, say
from docpager.core.errors import DocpagerError

__all__ = ["LazyGroup"]

_INTERRUPTED = 130
_HELP = "docpager.help"
"""Whether help is asked for, which a broken configuration file must not keep from anybody."""


class LazyGroup(click.Group):
    """Commands by name, each at `module:function`."""

    def __init__(self, name: str, *, locations: Mapping[str, str], **attributes: Any) -> None:
        attributes.setdefault("context_settings", {"help_option_names": ["-h", "--help"]})
        super().__init__(name, **attributes)
        self._locations = dict(locations)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._locations)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        location = self._locations.get(cmd_name)
        if location is None:
            return None
        module, _, function = location.partition(":")
        command: click.Command = getattr(importlib.import_module(module), function)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what the user must correct becomes one sentence and an exit code."""
        from docpager.cli.config import defaults, read_configuration

        try:
            if not ctx.meta.get(_HELP):
                ctx.obj = read_configuration()
                ctx.default_map = dict.fromkeys(self._locations, defaults(ctx.obj))
            result = super().invoke(ctx)
            if sys.stdout is not None:
                sys.stdout.flush()
            return result
        except DocpagerError as error:
            note(f"docpager: {error}")
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            say("docpager: interrupted", err=True)
            ctx.exit(_INTERRUPTED)
        except BrokenPipeError:
            _close_stdout()
            ctx.exit(0)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            _close_stdout()
            say("docpager: no space is left for the output or the archive", err=True)
            ctx.exit(1)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse arguments that are no text, before anything is done with them."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        for argument in args:
            if any("\ud800" <= character <= "\udfff" for character in argument):
                raise click.UsageError(f"{argument!a} is not valid UTF-8")
        options = takewhile(lambda argument: argument != "--", args)
        ctx.meta[_HELP] = not {"-h", "--help"}.isdisjoint(options)
        return super().parse_args(ctx, args)


def _close_stdout() -> None:
    """Whoever read the output has seen enough, or cannot take it; Python would complain at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
