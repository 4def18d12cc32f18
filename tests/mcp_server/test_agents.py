"""Tokens: a file that nobody else may read, compared without telling anything."""

from __future__ import annotations

import os
import stat

import pytest

from docpager.core.errors import UsageError
from docpager.mcp_server.agents import AgentTokens, add_agent


def token_of(path, name):
    lines = path.read_text().splitlines()
    return next(line.split()[1] for line in lines if line.split()[0] == name)


def test_each_agent_has_a_token_of_its_own(tmp_path):
    path = tmp_path / "tokens"
    before = os.umask(0)
    try:
        add_agent(path, "ann")
        add_agent(path, "bob")
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["tokens"]
    tokens = AgentTokens.read(path)
    ann, bob = token_of(path, "ann"), token_of(path, "bob")
    assert len(ann) >= 43
    assert ann != bob
    assert tokens.agent_of(f"Bearer {ann}") == "ann"
    assert tokens.agent_of(f"bearer {bob}") == "bob"
    assert ann not in repr(vars(tokens))


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic {}", "{}", "Bearer {}x", "Bearer ann", "Bearer ä"],
)
def test_nothing_else_is_a_token(tmp_path, header):
    add_agent(tmp_path / "tokens", "ann")
    tokens = AgentTokens.read(tmp_path / "tokens")

    given = header and header.format(token_of(tmp_path / "tokens", "ann"))
    assert tokens.agent_of(given) is None


@pytest.mark.skipif(os.name == "nt", reason="there are no modes")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    add_agent(tmp_path / "tokens", "ann")
    (tmp_path / "tokens").chmod(mode)

    with pytest.raises(UsageError, match=f"others may read .*mode {mode:o}.*chmod 600"):
        AgentTokens.read(tmp_path / "tokens")


@pytest.mark.parametrize("line", ["secret-in-the-wrong-place", "ann short", "Ann " + "x" * 40, ""])
def test_a_line_that_is_none_is_named_and_not_shown(tmp_path, line):
    path = tmp_path / "tokens"
    path.write_text(f"{line}\n")
    path.chmod(0o600)

    with pytest.raises(UsageError, match=r"line 1 of|names no agent") as caught:
        AgentTokens.read(path)
    assert not line or line not in str(caught.value)


def test_a_name_is_taken_once(tmp_path):
    add_agent(tmp_path / "tokens", "ann")
    with pytest.raises(UsageError, match="has an agent 'ann' already"):
        add_agent(tmp_path / "tokens", "ann")
    with pytest.raises(UsageError, match="is no name"):
        add_agent(tmp_path / "tokens", "a b")
    with pytest.raises(UsageError, match="cannot read"):
        AgentTokens.read(tmp_path / "nowhere")
