"""The commands of `python -m benchmarks`: parse, print, decide nothing.

python -m benchmarks: list, run, score, compare, report.

What failed of a run, and why: told at its end, so that nobody takes it for a result.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from benchmarks.profiles import PROFILES
from benchmarks.reporting.blocks import HeadingBlock, as_markdown
from benchmarks.reporting.comparisons import comparisons
from benchmarks.reporting.slices import left_out
from benchmarks.reporting.summary import brief_blocks, summary_blocks
from benchmarks.reporting.tables import run_blocks
from benchmarks.run_files import read_lines
from benchmarks.running import Places, RunConfig, current_commit, start_run
from benchmarks.samples import Axis
from benchmarks.scoring import ScoredRun, score_run
from benchmarks.systems.registry import ABLATIONS, BASELINES, system_named
from benchmarks.tasks.registry import TASKS
from docpager.cli.flags import with_flags
from docpager.core.errors import DocpagerError, UsageError

__all__ = [
    "Failures",
    "compare_runs",
    "failures_of",
    "list_all",
    "main",
    "report_runs",
    "run_task",
    "score_runs",
]

_REASONS = 3
_LONGEST = 200
"""Characters of a reason."""


@dataclass(frozen=True, slots=True)
class Failures:
    """Answers that failed, out of all that were asked for."""

    failed: int
    asked: int
    reasons: Sequence[str]
    """The first few different ones, each with how often it was met."""

    @property
    def everything(self) -> bool:
        """Whether there is no other answer."""
        return 0 < self.failed == self.asked

    def __str__(self) -> str:
        return f"{self.failed} of {self.asked} answers failed: {'; '.join(self.reasons)}"


def failures_of(folder: Path) -> Failures:
    """The failures among a run's lines; systems that were not run do not count."""
    asked = [line.answer for line in read_lines(folder) if line.answer.status != "not run"]
    met = Counter(answer.error[:_LONGEST] for answer in asked if answer.status == "failed")
    reasons = [f"{reason} ({count} times)" for reason, count in list(met.items())[:_REASONS]]
    return Failures(met.total(), len(asked), reasons)


ROOT = Path(__file__).parent.parent
ALL = 1_000_000
"""Questions of a cell where none are left out."""
_DATA = click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=ROOT.parent / "shared" / "data",
    help="Folder of the shared data sets.",
)


@click.command("list")
def list_all() -> None:
    """Tasks with their axes, systems, profiles."""
    click.echo("Tasks")
    for task in TASKS.values():
        axes = "; ".join(f"{axis}={_written(values)}" for axis, values in task.axes.items())
        click.echo(f"  {task.name:<18} {task.summary}\n  {'':<18} {axes}")
    click.echo("Systems")
    for name in ("docpager", *BASELINES, *ABLATIONS):
        click.echo(f"  {name:<30} {system_named(name).remark}")
    click.echo("Profiles")
    for name, wishes in PROFILES.items():
        click.echo(f"  {name:<18} {len(wishes)} runs")


@click.command("run")
@click.argument("task", required=False)
@click.option("--profile", type=click.Choice(sorted(PROFILES)), help="A set of runs.")
@click.option("--systems", default="docpager,truncate-head", help="Systems; @all, @ablations.")
@click.option("--window", "windows", multiple=True, help="Tokens, or `minimum`; may be repeated.")
@click.option("--axis", "axes", multiple=True, help="Such as pairs=140,10000; may be repeated.")
@click.option("--per-cell", type=int, help="Questions for each cell.  [default: 20; all of a file]")
@click.option("--seed", default=0, show_default=True, help="Of generators and of choices.")
@click.option("--model", default="extractive", show_default=True, help="Or replay:RUN.")
@click.option("--base-url", help="A server that speaks the Messages API.")
@click.option("--max-output", type=int, help="Tokens reserved for a reply.")
@click.option("--max-usd", type=float, help="Stop before more is spent; needed for paid models.")
@click.option("--docs", type=click.Path(path_type=Path), help="Documents of a questions file.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("benchmark-runs"))
@click.option("--work", type=click.Path(path_type=Path), help="Archives; kept between runs.")
@click.option("--workers", default=2, show_default=True, help="Processes.")
@_DATA
def run_task(
    task: str | None,
    profile: str | None,
    systems: str,
    windows: Sequence[str],
    axes: Sequence[str],
    per_cell: int | None,
    docs: Path | None,
    out: Path,
    work: Path | None,
    workers: int,
    data: Path,
    **settings: object,
) -> None:
    """Ask systems; run again to go on where it was interrupted.

    TASK is a name, or a JSONL file of questions with --docs.
    """
    if (task is None) == (profile is None):
        raise UsageError("name a task or a --profile")
    if profile is not None:
        wishes = dict(PROFILES[profile])
    else:
        assert task is not None
        config = RunConfig(
            **_task_or_file(task, docs),
            systems=_systems(systems),
            windows=tuple(map(_number_or_word, windows)) or (8_000,),
            axes=dict(map(_axis, axes)),
            per_cell=(ALL if docs else 20) if per_cell is None else per_cell,
            **settings,  # type: ignore[arg-type]
        )
        wishes = {Path(task).stem: config}
    archives = work or Path.home() / ".cache" / "docpager-benchmarks"
    places = Places(data, archives, out, workers, current_commit())
    results = [_run_one(name, config, places) for name, config in wishes.items()]
    if any(failures.everything for failures in results):
        click.get_current_context().exit(1)


def _run_one(name: str, config: RunConfig, places: Places) -> Failures:
    click.echo(f"{name}: {config.task}", err=True)
    folder = places.out / name
    complete = start_run(
        config, replace(places, out=folder), lambda said: click.echo(f"  {said}", err=True)
    )
    failures = failures_of(folder)
    if failures.failed:
        click.echo(f"  {failures}", err=True)
    if not complete:
        raise UsageError(f"the run in {folder} is not complete; run it again to go on")
    click.echo(folder)
    return failures


@click.command("score")
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path), required=True)
@click.option("--json", "as_json", is_flag=True, help="One line for each answer.")
@click.option("--brief", is_flag=True, help="One table for each window.")
@click.option("--summary", is_flag=True, help="One table of all runs.")
@_DATA
def score_runs(runs: Sequence[Path], as_json: bool, brief: bool, summary: bool, data: Path) -> None:
    """Mark finished runs; costs nothing."""
    if summary:
        click.echo(as_markdown(summary_blocks(_scored(runs, data))))
        return
    for scored in _scored(runs, data):
        if as_json:
            for each in scored.lines:
                key = dict(zip(("id", "system", "window"), each.line.key, strict=True))
                click.echo(json.dumps({**key, "axes": each.axes, "marks": each.marks}))
        else:
            click.echo(as_markdown(brief_blocks(scored) if brief else run_blocks(scored)))


@click.command("compare")
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path), required=True)
@click.option("--first", default="docpager", show_default=True, help="A system.")
@click.option("--by", help="An axis: one comparison for each of its values.")
@click.option("--metric", help="Instead of the one that counts first.")
@_DATA
def compare_runs(
    runs: Sequence[Path], first: str, by: str | None, metric: str | None, data: Path
) -> None:
    """One system against each other one, paired by question; one table for each window."""
    for scored in _scored(runs, data):
        tables = comparisons(scored, first=first, by=by, metric=metric)
        click.echo(as_markdown([HeadingBlock(scored.folder.name), *left_out(scored), *tables]))


@click.command("report")
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path), required=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("benchmark-report"))
@_DATA
def report_runs(runs: Sequence[Path], out: Path, data: Path) -> None:
    """Write tables (report.md) and one page with plots (report.html)."""
    from benchmarks.reporting.page import write_report

    for path in write_report(_scored(runs, data), out):
        click.echo(path)


def _scored(runs: Sequence[Path], data: Path) -> list[ScoredRun]:
    return [score_run(folder, data) for folder in runs]


def _task_or_file(task: str, docs: Path | None) -> dict[str, object]:
    if not task.endswith(".jsonl"):
        return {"task": task}
    if docs is None:
        raise UsageError("a file of questions needs --docs, the folder of their documents")
    return {"task": "any_jsonl", "options": {"questions": task, "docs": str(docs)}}


def _systems(written: str) -> tuple[str, ...]:
    names: list[str] = []
    for name in written.split(","):
        match name:
            case "@all":
                names += ["docpager", *BASELINES]
            case "@ablations":
                names += ["docpager", *ABLATIONS]
            case _:
                names.append(name)
    return tuple(dict.fromkeys(names))


def _axis(written: str) -> tuple[str, tuple[Axis, ...]]:
    name, equals, values = written.partition("=")
    if not equals:
        raise UsageError(f"--axis {written!r} has no value; write it as pairs=140,10000")
    return name, tuple(map(_number_or_word, values.split(",")))


def _number_or_word(written: str) -> Axis:
    return int(written) if written.isdecimal() else written


def _written(values: Sequence[Axis]) -> str:
    return ",".join(map(str, values))


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
