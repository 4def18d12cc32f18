"""The documentation says what is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import docpager
from docpager.cli import COMMANDS, main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_public_names_are_sorted_complete_and_there():
    assert docpager.__all__ == sorted(docpager.__all__)
    assert all(getattr(docpager, name) is not None for name in docpager.__all__)
    assert all(getattr(docpager, name).__doc__ for name in docpager.__all__ if name[0] != "_")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme_and_has_help(command):
    assert f"docpager {command}" in README

    result = CliRunner().invoke(main, [command, "--help"])

    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 4


def test_every_option_has_help():
    for command in commands()[1:]:
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert parameter.help, f"{command.name} {parameter.name}"


COMMAND = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?docpager ((?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)


def typed_commands(text: str) -> list[list[str]]:
    return [shlex.split(typed.replace("\\\n", " ")) for typed in COMMAND.findall(text)]


def helps() -> str:
    return "\n".join(
        re.sub(r"^  ", "", help.epilog or "", flags=re.MULTILINE) for help in commands()
    )


def commands() -> list[click.Command]:
    found = [main, *(main.get_command(None, name) for name in COMMANDS)]
    groups = [each for each in found[1:] if isinstance(each, click.Group)]
    return found + [each for group in groups for each in group.commands.values()]


@pytest.mark.parametrize(
    "typed",
    typed_commands("\n".join(re.findall(r"```(?:console|sh)\n(.*?)```", README, re.DOTALL)))
    + typed_commands(helps()),
    ids=" ".join,
)
def test_every_example_is_a_command_with_options_that_it_has(typed):
    command, name, arguments = main.get_command(None, typed[0]), typed[0], typed[1:]
    while isinstance(command, click.Group) and arguments and arguments[0] in command.commands:
        command, name, arguments = command.commands[arguments[0]], arguments[0], arguments[1:]

    with command.make_context(name, arguments) as context:
        assert not context.args


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_of_its_own(command):
    assert f"\n  docpager {command}" in main.get_command(None, command).epilog


def test_the_readme_is_short_enough_for_a_first_visit():
    assert len(README.split()) <= 1600


def test_ci_runs_the_readmes_second_command():
    (commands,) = re.findall(r"## Set up.*?```sh\n(.*?)```.*?```sh\n(.*?)```", README, re.DOTALL)
    ci = (ROOT / ".ci" / "run").read_text("utf-8")

    assert commands[1].strip() in ci


def test_every_link_into_the_project_leads_somewhere():
    for page in [ROOT / "README.md", *ROOT.glob("benchmarks/**/README.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_python_in_the_readme_runs(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "datasets").symlink_to(ROOT / "datasets")

    exec(compile(code, "README.md", "exec"), {})


def test_the_changelog_names_this_version_or_what_is_coming():
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")

    assert f"## {docpager.__version__}" in changelog or "## Unreleased" in changelog
