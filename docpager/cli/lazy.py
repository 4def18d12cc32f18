"""A group of commands that imports each when it is called, and turns errors into exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any

import click

from docpager.errors import DocpagerError

__all__ = ["LazyGroup"]

_INTERRUPTED = 130


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
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except DocpagerError as error:
            click.echo(f"docpager: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("docpager: interrupted", err=True)
            ctx.exit(_INTERRUPTED)
        except BrokenPipeError:
            # Whoever read the output has seen enough; Python would complain again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
