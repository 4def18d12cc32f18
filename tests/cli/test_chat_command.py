"""`docpager chat` and `docpager sessions`, as a user and as a program meet them."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmarks.fake_api import Asked, FakeApi, call
from docpager.cli import main

NAME = "My name is Ada Quill."
QUESTION = "What did the crane cost?"
AGAIN = "Who am I?"


def newest(asked: Asked) -> str:
    """Everything in the newest turn of a request."""
    return json.dumps(asked.body["messages"][-1])


def brain(asked: Asked) -> object:
    """Plays a model that remembers a name, looks up a crane, and recalls who it talks with."""
    first, step = json.dumps(asked.body["messages"][0]), len(asked.body["messages"]) // 2
    message = max((NAME, QUESTION, AGAIN, "Hello"), key=first.rfind)
    script: dict[str, list[object]] = {
        "Hello": ["Hello! \x1b]owned\x07What shall we look at?"],
        NAME: [
            call("core_append", block="human", text="Called Ada Quill.", sources=["T1"]),
            "Good to meet you.",
        ],
        QUESTION: [
            call("page_in", locator="D1"),
            call(
                "answer",
                text="It cost 4,200 crowns.",
                citations=[{"locator": "D1", "quote": "The crane cost 4,200 crowns"}],
            ),
        ],
        AGAIN: [
            call("page_in", locator="T1"),
            call(
                "answer",
                text="You are Ada Quill.",
                citations=[{"locator": "T1", "quote": "My name is Ada Quill"}],
            ),
        ],
    }
    return script[message][min(step, len(script[message]) - 1)]


@pytest.fixture
def api(tmp_path, monkeypatch) -> Iterator[FakeApi]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "crane.txt").write_text("The crane cost 4,200 crowns in 1975.")
    with FakeApi(brain) as api:
        yield api


def at(api: FakeApi) -> list[str]:
    return ["--base-url", api.url, "--backend", "anthropic", "--model", "claude-haiku-4-5"]


def chat(api: FakeApi, *lines: str, options: tuple[str, ...] = ()) -> Result:
    arguments = ["chat", *options, *at(api), "--embedder", "hashing"]
    return CliRunner().invoke(main, arguments, input="".join(f"{line}\n" for line in lines))


def sessions(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["sessions", *arguments])


def test_a_first_conversation_is_told_and_its_replies_are_cited(api):
    result = chat(api, NAME, QUESTION, AGAIN, options=("docs",))

    assert result.exit_code == 0, result.output
    said = [line for line in result.stdout.splitlines() if line]
    assert said[:3] == [
        "Good to meet you.",
        "It cost 4,200 crowns.",
        '  crane.txt [D1:c1]: "The crane cost 4,200 crowns"',
    ]
    assert said[3] == "You are Ada Quill."
    assert said[4].startswith("  you said on 20") and said[4].endswith(
        ' [T1]: "My name is Ada Quill"'
    )
    assert "session main: new\n" in result.stderr
    assert "documents: crane.txt\n" in result.stderr
    assert "  remembered: + human: Called Ada Quill. [T1]\n" in result.stderr


def test_a_second_session_says_when_it_was_used_and_knows_what_was_said_before(api):
    chat(api, NAME, options=("docs",))

    again = chat(api, AGAIN)
    other = chat(api, AGAIN, options=("--session", "lease"))

    assert "session main: 1 message since 20" in again.stderr
    assert "last used just now" in again.stderr
    assert "session lease: new" in other.stderr
    assert "session main [T1]" in other.stdout and "session main [T1]" not in again.stdout


def test_without_documents_the_conversation_is_about_itself(api):
    result = chat(api, "Hello")

    assert result.exit_code == 0, result.output
    assert "documents: none; name a PATH" in result.stderr
    assert "(nothing cited, 1 step" in result.stderr


def test_control_sequences_in_a_reply_are_shown_and_not_obeyed(api):
    result = chat(api, "Hello")

    assert "\x1b" not in result.output
    assert r"Hello! \x1b]owned\x07What" in result.stdout


def test_a_program_gets_one_line_for_each_line(api):
    lines = [NAME, "", json.dumps({"message": f"Please:\n{QUESTION}"}), json.dumps(AGAIN)]
    result = chat(api, *lines, options=("docs", "--json"))
    replies = [json.loads(line) for line in result.stdout.splitlines()]

    assert [reply["status"] for reply in replies] == ["replied", "failed", "answered", "answered"]
    assert replies[1] == {
        "status": "failed",
        "text": None,
        "error": 'the message is empty; say something, such as "Hello"',
        "kind": "UsageError",
    }
    assert replies[2]["text"] == "It cost 4,200 crowns."
    assert replies[2]["citations"][0]["place"]["document"] == "crane.txt"
    assert replies[0]["change"]["diff"] == ["+ human: Called Ada Quill. [T1]"]
    assert result.exit_code == 1  # one of them came to nothing


def test_bytes_that_are_no_text_are_refused_and_the_next_message_is_answered(api):
    arguments = ["chat", "docs", "--json", *at(api), "--embedder", "hashing"]
    result = CliRunner().invoke(main, arguments, input=b"\xff\xfe?\n" + QUESTION.encode() + b"\n")
    first, second = (json.loads(line) for line in result.stdout.splitlines())

    assert "not valid Unicode" in first["error"]
    assert second["text"] == "It cost 4,200 crowns."


def test_nothing_of_how_it_goes_reaches_a_pipe(api):
    result = chat(api, QUESTION, options=("docs", "--quiet"))

    assert result.stderr.splitlines()[-1].startswith("(2 steps, ")
    assert "step 1" not in result.stderr and "session main" not in result.stderr


def test_with_verbose_each_event_is_a_line_and_the_log_has_them(api):
    result = chat(api, QUESTION, options=("docs", "--verbose", "--log", "chat.log"))

    assert "step 1: page_in(D1)" in result.stderr
    assert "step 1: page_in(D1)" in Path("chat.log").read_text()


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_no_connection_is_left_open(api):
    chat(api, NAME, QUESTION, options=("docs",))
    sessions("maintain", *at(api))
    gc.collect()


def test_the_rule_based_reader_does_not_chat(api):
    result = CliRunner().invoke(main, ["chat", "--model", "extractive"], input="Hello\n")

    assert result.exit_code == 2
    assert "does not chat; name a language model with --model" in result.stderr


@pytest.mark.parametrize("command", [["chat"], ["sessions", "maintain"]], ids=" ".join)
def test_without_any_model_it_says_which_are_needed(api, monkeypatch, command):
    monkeypatch.delenv("ANTHROPIC_API_KEY")

    result = CliRunner().invoke(main, command, input="Hello\n")

    assert result.exit_code == 2
    assert "needs a language model, and none is named; set ANTHROPIC_API_KEY" in result.stderr


def test_a_window_that_is_too_small_names_the_smallest_and_the_message_is_kept(api):
    result = chat(api, NAME, options=("docs", "--window", "1000", "--max-output", "200"))

    assert result.exit_code == 1
    assert "a window of 1000 tokens is too small" in result.stderr
    assert "the smallest is --window " in result.stderr
    assert "You are Ada Quill." in chat(api, AGAIN).stdout  # cited from the message


HOLD = """
import sys, time
from docpager.api.chat import Chat
with Chat.open(archive=".docpager", embedder="hashing"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_session_that_another_process_has_is_refused_with_its_holder(api):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        refused = chat(api, "Hello")
        other = chat(api, "Hello", options=("--session", "other"))
    finally:
        holder.kill()
        holder.wait()

    assert refused.exit_code == 1
    assert str(holder.pid) in refused.stderr
    assert other.exit_code == 0
    assert chat(api, "Hello").exit_code == 0  # a dead holder does not count


def test_sessions_are_listed_the_one_used_last_first(api):
    chat(api, NAME)
    time.sleep(1.1)  # logs keep whole seconds
    chat(api, "Hello", "Hello", options=("--session", "lease"))

    names = [json.loads(line)["name"] for line in sessions("--json").stdout.splitlines()]
    listed = sessions().stdout

    assert names == ["lease", "main"]
    assert listed.splitlines()[0] == "lease"
    assert "  2 messages since 20" in listed
    assert sessions("list").stdout == listed


def test_what_changed_in_memory_is_shown_and_taken_back(api):
    chat(api, NAME)

    log = sessions("log").stdout
    undone = sessions("undo").stdout
    after = sessions("log").stdout
    again = sessions("undo", "1")

    assert log.splitlines()[0].endswith("turn, T1")
    assert "+ human: Called Ada Quill. [T1]" in log
    assert "- human: Called Ada Quill. [T1]" in undone
    assert "turn, T1 (undone)" in after
    assert again.exit_code == 2
    assert "(empty)" in sessions("show").stderr


def test_a_session_that_is_not_there_is_named_with_those_that_are(api):
    chat(api, NAME)

    result = sessions("log", "--session", "maim")

    assert result.exit_code == 2
    assert "no conversation 'maim' in '.docpager'; there are: 'main'" in result.stderr


def test_the_archive_of_a_configuration_file_holds_for_sessions_too(api):
    chat(api, NAME)
    Path(".docpager").rename("elsewhere")
    Path("docpager.toml").write_text('archive = "elsewhere"\n')

    assert sessions().stdout.startswith("main\n")
    assert "Called Ada Quill." in sessions("log").stdout


def test_an_option_of_the_list_before_another_command_is_refused(api):
    result = sessions("--archive", "elsewhere", "log")

    assert result.exit_code == 2
    assert "write --archive behind log" in result.stderr


def test_no_sessions_are_no_error(api):
    result = sessions()

    assert result.exit_code == 0
    assert "docpager chat begins one" in result.stderr


def forgotten(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments])


def everything_on_disk() -> bytes:
    return b"".join(path.read_bytes() for path in Path(".docpager").rglob("*") if path.is_file())


def test_forgetting_shows_what_holds_it_and_removes_nothing_unless_told_to(api):
    chat(api, NAME, AGAIN)
    before = everything_on_disk()

    for arguments in (("chat", "forget", "ada", "quill"), ("sessions", "forget", "ada quill")):
        result = forgotten(*arguments)
        assert result.exit_code == 2
        assert f"T1 (holds it): {NAME}" in result.stderr
        assert "core memory of main" in result.stderr
        assert "nobody can be asked here; add --yes" in result.stderr
    assert everything_on_disk() == before
    assert b"Ada Quill" in before


def test_what_is_forgotten_is_gone_from_every_file(api):
    chat(api, NAME, AGAIN)
    chat(api, AGAIN, options=("--session", "lease"))

    result = forgotten("sessions", "forget", "Ada Quill", "--yes", "--json")

    assert result.exit_code == 0, result.output
    removed = json.loads(result.stdout)
    assert removed["removed"] is True
    assert {"T1", "core memory of main"} <= {each["where"] for each in removed["holdings"]}
    assert b"Ada Quill" not in everything_on_disk()
    assert "nothing that was said or remembered holds" in (
        forgotten("sessions", "forget", "Ada Quill", "--yes").stderr
    )
    assert chat(api, "Hello").exit_code == 0  # the conversation goes on


def test_forget_as_a_path_is_not_mistaken(api):
    Path("forget").mkdir()

    result = forgotten("chat", "forget", "me")

    assert result.exit_code == 2
    assert "write ./forget to talk about it" in result.stderr


def test_maintenance_without_a_model_or_anything_to_tidy_says_so(api):
    chat(api, "Hello")

    nothing = sessions("maintain", *at(api))
    reader = sessions("maintain", "--model", "extractive")

    assert nothing.exit_code == 0, nothing.output
    assert "there was nothing to tidy" in nothing.stderr
    assert reader.exit_code == 2
    assert "does not chat" in reader.stderr
