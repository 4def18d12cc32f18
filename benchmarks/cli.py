"""python -m benchmarks: list, run, score, compare, report."""

from __future__ import annotations

import click

from benchmarks.commands import compare_runs, list_all, report_runs, run_task, score_runs
from docpager.cli.flags import with_flags
from docpager.core.errors import DocpagerError

__all__ = ["main"]


class _Sentences(click.Group):
    """Errors that the user can mend are one sentence, not a traceback."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except DocpagerError as error:
            click.echo(with_flags(f"benchmarks: {error}"), err=True)
            context.exit(error.exit_code)


@click.group(cls=_Sentences)
def main() -> None:
    """Paging against truncation and others: the same questions, model and window for all."""


main.add_command(list_all)
main.add_command(run_task)
main.add_command(score_runs)
main.add_command(compare_runs)
main.add_command(report_runs)
