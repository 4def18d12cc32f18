"""verify, forget and compact on the command line: what was forgotten is gone (promise 11)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from docpager.archive.archive import Archive
from docpager.cli import main
from docpager.run.journal import held_journal, journal_lines

SECRET = "zanzibarite"
TITLE = "Minerals of the Kingdom"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An archive of two documents, and a run that cited one of them."""
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "a.md").write_text(
        f"# {TITLE}\n\nThe price of {SECRET} was 1,577 crowns in 2018.\n\n## Of {SECRET}\n\nEnd"
    )
    (folder / "b.txt").write_text("The price of tin fell to 12 crowns in 2018.")
    assert run(tmp_path, "ingest", str(folder), "--embedder", "hashing").exit_code == 0
    question = "What was the price in 2018?"
    asked = run(tmp_path, "ask", question, "--model", "extractive")
    assert asked.exit_code == 0, asked.output
    return tmp_path


def run(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"DOCPAGER_ARCHIVE": str(home / "archive")})


def holding(home: Path, *texts: str) -> set[str]:
    """Names of the archive's files in which a text stands, however its letters are written."""
    found = set()
    for path in (home / "archive").rglob("*"):
        content = path.read_bytes().lower() if path.is_file() else b""
        found |= {path.name for text in texts if text.lower().encode() in content}
    return found


def journal(home: Path) -> Path:
    (path,) = (home / "archive" / "runs").glob("*.jsonl")
    return path


def test_after_forget_and_compact_no_file_holds_the_text(home):
    assert journal(home).name in holding(home, SECRET)

    forgotten = run(home, "forget", "*.md")
    compacted = run(home, "compact")

    assert forgotten.stdout == "forgotten: D1 a.md\n"
    assert f"journal that still holds its text: {journal(home)}" in forgotten.stderr
    assert "docpager ingest reads it again" in forgotten.stderr
    assert compacted.exit_code == 0
    assert f"redacted: {journal(home)}" in compacted.stderr
    assert holding(home, SECRET, TITLE, "zanzibar") == set()
    assert run(home, "verify").exit_code == 0


def test_a_redacted_journal_is_refused_with_the_reason(home):
    run(home, "forget", "D1")
    run(home, "compact")

    for command in ("replay", "resume", "trace"):
        refused = run(home, command, str(journal(home)))

        assert refused.exit_code == 1
        assert "is redacted: D1 was forgotten and its text taken out" in refused.stderr


def test_a_redacted_journal_keeps_the_rest_and_is_redacted_once(home):
    run(home, "forget", "D1")
    run(home, "compact")
    first = journal(home).read_bytes()
    lines, _, _ = journal_lines(journal(home))

    run(home, "compact")

    assert journal(home).read_bytes() == first
    assert lines[0]["redacted"] == [1]
    assert lines[0]["header"]["plan"]["question"] == "What was the price in 2018?"
    assert b"The price of tin fell" in first
    assert first.count(b"redacted:sha256:") > 3


def test_a_journal_that_is_redacted_twice_names_all_that_was_forgotten(home):
    run(home, "forget", "D1")
    run(home, "compact")
    run(home, "forget", "D2")
    run(home, "compact")

    lines, _, _ = journal_lines(journal(home))

    assert lines[0]["redacted"] == [1, 2]
    assert holding(home, "price of tin") == set()


def test_journals_can_be_kept_and_redacted_later(home):
    run(home, "forget", "D1")

    kept = run(home, "compact", "--keep-runs")

    assert "journals may still hold forgotten text" in kept.stderr
    assert holding(home, SECRET) == {journal(home).name}
    assert run(home, "replay", str(journal(home))).exit_code == 0
    run(home, "compact")
    assert holding(home, SECRET) == set()


def test_a_journal_of_another_archive_or_document_is_left_alone(home):
    before = journal(home).read_bytes()
    (home / "reports" / "c.txt").write_text("Nothing that anybody asked for.")
    run(home, "ingest", str(home / "reports"))
    said = run(home, "forget", "D3")
    run(home, "compact")

    assert "journal that still holds its text" not in said.stderr
    assert journal(home).read_bytes() == before
    assert run(home, "replay", str(journal(home))).exit_code == 0


def test_a_journal_that_cannot_be_read_is_named_and_fails_compact(home):
    journal(home).write_bytes(journal(home).read_bytes().replace(b"price", b"prize", 3))

    said = run(home, "forget", "D1")
    compacted = run(home, "compact")

    assert "may still hold its text; delete it if it does: " in said.stderr
    assert compacted.exit_code == 1
    assert str(journal(home)) in compacted.stderr
    journal(home).unlink()
    assert run(home, "compact").exit_code == 0


def test_a_torn_line_does_not_keep_the_text(home):
    whole = journal(home).read_bytes()
    journal(home).write_bytes(whole[: whole.rfind(b"\n", 0, -1) + 200])

    run(home, "forget", "D1")
    run(home, "compact")

    assert holding(home, SECRET) == set()


def test_forget_says_what_is_not_there(home):
    wrong = run(home, "forget", "D7")

    assert wrong.exit_code == 2
    assert wrong.stderr == "docpager: no document D7; nothing was forgotten\n"
    assert run(home, "forget", "c.txt").exit_code == 2


def test_forget_and_compact_give_json(home):
    forgotten = json.loads(run(home, "forget", "D1", "--json").stdout)
    compacted = json.loads(run(home, "compact", "--json").stdout)

    assert forgotten["documents"] == [[1, "a.md"]]
    assert forgotten["journals"] == compacted["redacted"] == [str(journal(home))]
    assert compacted["documents"] == 1


def test_verify_names_the_damaged_part_and_repair_mends_it(home):
    assert run(home, "verify").stderr.startswith("no damage: generation 1, 2 documents, ")
    passages = next((home / "archive").glob("segments/*/passages.arrow"))
    content = bytearray(passages.read_bytes())
    content[300] ^= 1
    passages.write_bytes(content)

    found = run(home, "verify")
    as_json = json.loads(run(home, "verify", "--json").stdout)
    repaired = run(home, "verify", "--repair")

    assert found.exit_code == 1
    assert found.stdout == "damaged: segments/000001/passages.arrow: its bytes have changed\n"
    assert "docpager verify --repair rebuilds" in found.stderr
    assert as_json["damages"][0]["part"] == "segments/000001"
    assert repaired.exit_code == 0
    assert "read again: D1 a.md" in repaired.stderr
    assert run(home, "verify").exit_code == 0
    assert "price of tin" in run(home, "show", "D2").stdout


def test_repair_says_what_is_lost(home):
    passages = next((home / "archive").glob("segments/*/passages.arrow"))
    passages.unlink()
    (home / "reports" / "a.md").unlink()

    repaired = run(home, "verify", "--repair")

    assert repaired.exit_code == 1
    assert "lost: D1 a.md (its file is gone, has changed or" in repaired.stderr
    assert run(home, "verify").exit_code == 0


def test_no_stretch_of_a_forgotten_report_is_left_after_several_runs(tmp_path):
    """Hits, passages, notes, replies, quotes and titles: of a real document, after real runs."""
    documents = Path(__file__).parent.parent.parent / "datasets" / "sample" / "documents"
    run(tmp_path, "ingest", str(documents), "--embedder", "hashing")
    for question in ("How many boardings had Line 4 in 2022?", "Who chairs the tramways' board?"):
        run(tmp_path, "ask", question, "--model", "extractive", "--window", "6000")
    library = Archive.open(tmp_path / "archive")
    texts = {entry.path: library.text(entry.id) for entry in library.documents()}
    (name,) = (path for path in texts if "tramways" in path)
    own = stretches(texts.pop(name)) - stretches("\n".join(texts.values()))
    assert len(own & journaled(tmp_path)) > 500

    assert run(tmp_path, "forget", name).exit_code == 0
    assert run(tmp_path, "compact").exit_code == 0

    assert not own & journaled(tmp_path)
    assert name not in {entry.path for entry in Archive.open(tmp_path / "archive").documents()}


def stretches(text: str, *, length: int = 25) -> set[str]:
    flat = " ".join(text.split())
    return {flat[at : at + length] for at in range(len(flat) - length + 1)}


def journaled(home: Path) -> set[str]:
    """Stretches of all that the journals say, with the escapes of JSON undone."""
    lines = [line for path in home.glob("archive/runs/*") for line in journal_lines(path)[0]]
    return stretches("\n".join(_strings(lines)))


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in _strings(part)]


def test_the_journal_of_a_run_that_goes_on_is_left_for_the_next_compact(home):
    run(home, "forget", "*.md")
    with held_journal(journal(home)):
        compacted = run(home, "compact")

        assert compacted.exit_code == 1
        assert (
            "not redacted; compact again once this is solved: another process" in compacted.stderr
        )
        assert journal(home).name in holding(home, SECRET)

    assert run(home, "compact").exit_code == 0
    assert holding(home, SECRET) == set()


def test_shards_are_asked_as_one_archive(home):
    (home / "more").mkdir()
    (home / "more" / "c.txt").write_text("The price of amber rose to 40 crowns in 2019.")
    shard = str(home / "second")
    run(home, "ingest", str(home / "more"), "--embedder", "hashing", "--archive", shard)
    whole = ("--archive", str(home / "whole"))

    named = run(home, "shards", str(home / "archive"), shard, *whole)

    assert named.exit_code == 0
    assert named.stdout.startswith("2 shards, 3 documents, 3 passages -> ")
    assert "D2000001" in run(home, "search", "price of amber", *whole).stdout
    asked = run(
        home, "ask", "What was the price of amber in 2019?", *whole, "--model", "extractive"
    )
    assert "40 crowns" in asked.stdout
    assert asked.exit_code == 0
    for command in (("verify",), ("compact",), ("ingest", str(home / "more"))):
        refused = run(home, *command, *whole)
        assert refused.exit_code == 1
        assert "one of those in its shards.json" in refused.stderr
