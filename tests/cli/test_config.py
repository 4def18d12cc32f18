"""Settings from files: which goes first, what is refused, and what a strange folder cannot do."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import docpager as library
from docpager.cli import COMMANDS, main

CORPORATE = "https://models.example"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    here = tmp_path / "here"
    (here / "docs").mkdir(parents=True)
    (here / "docs" / "trust.txt").write_text("Dredging cost 48,200 crowns in 1975.", "utf-8")
    monkeypatch.chdir(here)
    return here


def user(folder: Path, text: str) -> Path:
    path = folder.parent / "home" / "docpager" / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def project(folder: Path, text: str) -> None:
    (folder / "docpager.toml").write_text(text, encoding="utf-8")


def docpager(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def settings():
    result = docpager("config", "--json")
    assert result.exit_code == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return {line["setting"]: (line["value"], line["source"]) for line in lines}


def test_environment_goes_before_project_before_user_before_what_is_built_in(folder, monkeypatch):
    path = user(folder, 'window = 9000\nmodel = "extractive"\narchive = "a"\nembedder = "hashing"')
    project(folder, 'window = 8000\nmodel = "claude-haiku-4-5"')
    monkeypatch.setenv("DOCPAGER_WINDOW", "7000")

    found = settings()

    assert found["window"] == ("7000", "environment (DOCPAGER_WINDOW)")
    assert found["model"] == ("claude-haiku-4-5", "project file (docpager.toml)")
    assert found["embedder"] == ("hashing", f"user file ({path})")
    assert found["archive"] == (str(path.parent / "a"), f"user file ({path})")
    assert found["prices"] == (None, "built in")


@pytest.mark.parametrize(
    ("options", "variable", "window"),
    [((), None, 8_000), ((), "7000", 7_000), (("--window", 6_000), "7000", 6_000)],
)
def test_a_run_uses_what_goes_first(folder, monkeypatch, options, variable, window):
    user(folder, 'model = "extractive"\nwindow = 9000')
    project(folder, "window = 8000")
    if variable:
        monkeypatch.setenv("DOCPAGER_WINDOW", variable)

    line = json.loads(docpager("ask", "Dredging?", "docs", "--json", *options).stdout)

    assert f"window {window:,})" in docpager("trace", line["journal"]).stdout


def test_what_is_built_in_follows_the_model(folder):
    assert settings()["window"] == (32_000, "built in")
    project(folder, 'model = "claude-sonnet-5-5"')
    assert settings()["window"] == (64_000, "built in")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('\nmodle = "x"', "line 2: there is no setting 'modle'; did you mean model? (there are"),
        ("[tool]\nx = 1", "line 1: there is no setting 'tool' (there are archive, base_url,"),
        ('model = "x"\nwindow = "8000"', "line 2: window must be a whole number of tokens"),
        ("window = true", "line 1: window must be a whole number of tokens, 1 or more, not True"),
        ("window = 0", "not 0"),
        ('base_url = "localhost:80"', "line 1: base_url must be an address such as"),
        ("model = 3", "line 1: model must be a name such as"),
        ('archive = ""', "line 1: archive must be a folder in quotes, not ''"),
        ("window", "'docpager.toml' is not TOML: "),
        ("model = 'x'\nmodel = 'y'", "'docpager.toml' is not TOML: "),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_line(folder, text, message):
    project(folder, text)

    for command in ("status", "config"):
        result = docpager(command)
        assert result.exit_code == 2
        assert message in result.stderr


def test_a_file_that_cannot_be_read_is_named(folder):
    (folder / "docpager.toml").write_bytes(b"model = '\xff'")

    assert "'docpager.toml' cannot be read" in docpager("config").stderr


def test_help_is_there_although_a_file_is_broken(folder):
    project(folder, "window")

    assert docpager("--help").exit_code == docpager("ask", "--help").exit_code == 0
    assert docpager("search", "--", "--help").exit_code == 2


ASKING = {
    "ask": ("ask", "Dredging?", "docs"),
    "batch": ("batch", "questions.jsonl", "docs", "-o", "answers.jsonl"),
    "chat": ("chat", "docs"),
    "doctor": ("doctor",),
    "evaluate": ("evaluate", "answers.jsonl", "questions.jsonl", "--judge", "claude-haiku-4-5"),
    "mcp": ("mcp", "--model", "claude-sonnet-5-5"),
    "sessions maintain": ("sessions", "maintain"),
}


def with_address() -> set[str]:
    """Commands that ask a server."""
    commands = {name: main.get_command(None, name) for name in COMMANDS}
    for group in [name for name, command in commands.items() if isinstance(command, click.Group)]:
        for name, command in commands[group].commands.items():
            commands[f"{group} {name}"] = command
    return {
        name
        for name, command in commands.items()
        if "base_url" in [parameter.name for parameter in command.params]
    }


@pytest.mark.parametrize("command", sorted(with_address()))
def test_a_folder_cannot_send_a_key_to_another_host(folder, command, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    project(folder, f'base_url = "{CORPORATE}"')
    asked = {"id": "q1", "question": "Dredging?", "answers": ["48,200"]}
    answered = {"id": "q1", "status": "answered", "answer": "48,200", "citations": []}
    (folder / "questions.jsonl").write_text(json.dumps(asked) + "\n", encoding="utf-8")
    if command == "evaluate":
        (folder / "answers.jsonl").write_text(json.dumps(answered) + "\n", encoding="utf-8")

    result = docpager(*ASKING[command])

    assert result.exit_code == 2, result.output
    assert f"'docpager.toml' sets base_url to '{CORPORATE}'" in result.stderr
    assert "--base-url" in result.stderr
    assert "refused" in settings()["base_url"][1]


@pytest.mark.parametrize(
    "address",
    ["http://localhost.example", "http://127.0.0.1@models.example", "http://10.0.0.1"],
)
def test_what_only_looks_like_this_machine_is_another(folder, address):
    project(folder, f'base_url = "{address}"')

    assert "refused" in settings()["base_url"][1]


def test_an_address_in_a_folder_on_this_machine_is_named_each_time(folder):
    project(folder, 'base_url = "http://127.0.0.1:9"\nprices = "prices.toml"')
    (folder / "prices.toml").write_text("", encoding="utf-8")

    for _ in range(2):
        result = docpager("doctor")
        assert "base_url is http://127.0.0.1:9, as docpager.toml in this folder says" in (
            result.stderr
        )


def test_an_address_in_ones_own_file_may_be_anywhere(folder):
    path = user(folder, f'base_url = "{CORPORATE}"')

    assert settings()["base_url"] == (CORPORATE, f"user file ({path})")


def test_the_environments_address_goes_before_a_files(folder, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    project(folder, f'base_url = "{CORPORATE}"')

    assert settings()["base_url"] == ("http://127.0.0.1:9", "environment (ANTHROPIC_BASE_URL)")
    assert CORPORATE not in docpager("doctor").output


def test_the_reader_is_asked_although_a_file_names_a_server(folder):
    user(folder, f'base_url = "{CORPORATE}"')

    result = docpager("ask", "Dredging?", "docs", "--model", "extractive")

    assert result.exit_code == 0, result.output


def test_an_embedder_in_a_file_is_for_new_archives(folder):
    docpager("ingest", "docs")
    project(folder, 'embedder = "hashing"')

    again = docpager("ingest", "docs")
    new = docpager("ask", "Dredging?", "docs", "--archive", "new", "--model", "extractive")
    typed = docpager("ingest", "docs", "--embedder", "hashing")

    assert again.exit_code == new.exit_code == 0
    assert "hashing" not in again.stderr
    assert "embedder is hashing, as docpager.toml in this folder says" in new.stderr
    assert (
        json.loads((folder / "new" / "manifest.json").read_text("utf-8"))["embedder"] == "hashing"
    )
    assert typed.exit_code == 1 and "built with embedder 'wordllama'" in typed.stderr


def test_the_library_reads_no_file(folder):
    project(folder, "window")
    library.ingest(["docs"], "kept")

    line = library.ask("Dredging?", archive="kept", model="extractive")

    assert line.status == "answered"


def test_an_archive_in_object_storage_is_named_by_the_user_alone(folder):
    user(folder, 'archive = "s3://bucket/archive"')
    assert "s3://bucket/archive" in docpager("config").stdout
    project(folder, 'archive = "s3://theirs/archive"')
    result = docpager("ingest", "docs")
    assert result.exit_code == 2
    assert "with your credentials" in result.stderr
