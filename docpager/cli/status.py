"""`docpager status`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from docpager.cli.common import archive_option, as_json_option, print_json

__all__ = ["status"]


@click.command()
@archive_option
@as_json_option
def status(archive_directory: Path, as_json: bool) -> None:
    """Show what the archive holds."""
    from docpager.archive.archive import Archive

    found = Archive.open(archive_directory).status()
    if as_json:
        print_json(asdict(found))
        return
    for name, value in asdict(found).items():
        shown = ", ".join(value) if isinstance(value, tuple) else value
        click.echo(f"{name.replace('_', ' '):<22}{shown}")
