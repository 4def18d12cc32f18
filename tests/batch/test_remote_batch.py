"""Runs and batches whose archive, questions, journals and answers are in object storage."""

from __future__ import annotations

import hashlib
import json

import pytest
from click.testing import CliRunner

import docpager
from docpager.batch.answers_file import open_answers
from docpager.batch.job import Fingerprint
from docpager.batch.questions import parse_question
from docpager.cli import main
from docpager.core.errors import JournalError, UsageError
from docpager.core.locations import ObjectPath
from docpager.core.pictures import Picture
from docpager.run.journal import Entry, Journal, read_journal
from docpager.run.page_pictures import PictureStore
from docpager.run.past_runs import past_runs
from docpager.run.redaction import redact_journals
from docpager.run.tool_results import Viewed
from docpager.storage.entry_log import LogTaken, log_lines, logs_in, open_log, read_log, replace_log
from docpager.storage.object_store import Bucket

ARCHIVE = "s3://bucket/archive"
OUT = ObjectPath("bucket", "out/answers.jsonl")
GIRAFFES = "How many giraffes has the zoo of Basel?"
LOG = ObjectPath("bucket", "runs/one.jsonl")


@pytest.fixture
def archive(s3, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "report.txt").write_text("Revenue of the harbour was 42 million dollars in 2019.\n")
    (folder / "zoo.txt").write_text("The zoo of Basel has nine giraffes.\n")
    docpager.ingest(folder, ARCHIVE)
    return ARCHIVE


def run(*words: str) -> str:
    result = CliRunner().invoke(main, list(words))
    assert result.exit_code == 0, (result.stdout, result.stderr)
    return result.stdout


def test_an_entry_is_an_object_and_the_fence(s3):
    log = open_log(LOG)
    for line in (b"one\n", b"two\n"):
        log.append(line)
    assert s3.keys("bucket") == ["runs/one.jsonl/000001", "runs/one.jsonl/000002"]
    content = read_log(LOG)
    assert content.lines == b"one\ntwo\n"
    mine, other = open_log(LOG, end=content.end), open_log(LOG, end=content.end)
    other.append(b"three\n")
    for _ in range(2):
        with pytest.raises(LogTaken):
            mine.append(b"three\n")
    assert read_log(LOG).lines == b"one\ntwo\nthree\n"
    assert logs_in(LOG.parent) == [LOG]
    assert list(log_lines(LOG)) == [b"one\n", b"two\n", b"three\n"]


def test_an_entry_whose_reply_was_lost_is_ones_own(s3):
    log = open_log(LOG)
    left = ["lost"]
    s3.fault = lambda method, key: left.pop() if method == "PUT" and left else None
    log.append(b"one\n")
    log.append(b"two\n")
    assert read_log(LOG).lines == b"one\ntwo\n"


def test_a_replacement_that_is_interrupted_leaves_no_old_line(s3):
    log = open_log(LOG)
    for line in (b"one\n", b"two\n", b"three\n"):
        log.append(line)
    before = dict(s3.objects["bucket"])
    replace_log(LOG, b"1\n3\n")
    assert s3.keys("bucket") == ["runs/one.jsonl/000001", "runs/one.jsonl/000003"]
    with pytest.raises(LogTaken):
        open_log(LOG, end=3).append(b"of one who has not seen it\n")
    s3.objects["bucket"] |= {key: each for key, each in before.items() if "000001" not in key}
    content = read_log(LOG)
    assert content.lines == b"1\n3\n"
    open_log(LOG, end=content.end).append(b"4\n")
    assert read_log(LOG).lines == b"1\n3\n4\n"


def test_a_question_is_asked_and_its_run_is_there(archive, s3):
    answer = docpager.ask(
        "How many giraffes has the zoo of Basel?", archive=archive, model="extractive"
    )
    assert answer.status == "answered" and "nine" in (answer.answer or "")
    assert answer.journal.startswith("s3://bucket/archive/runs/")
    place = ObjectPath("bucket", answer.journal.removeprefix("s3://bucket/"))
    record = read_journal(place)
    assert record.outcome is not None
    assert json.loads(run("replay", answer.journal, "--against", archive, "--json"))
    assert [each.status for each in past_runs(place.parent)] == ["answered"]
    assert "nine giraffes" in run("open", answer.journal, "--archive", archive)
    run("runs", "--archive", archive)
    with pytest.raises(JournalError, match="would be written over"):
        Journal.create(place, record.header)


def test_of_two_who_go_on_with_a_run_one_is_told(archive):
    answer = docpager.ask("How many giraffes has the zoo?", archive=archive, model="extractive")
    place = ObjectPath("bucket", answer.journal.removeprefix("s3://bucket/"))
    record = read_journal(place)
    one, other = Journal.resume(record), Journal.resume(record)
    one.write(Entry("resumed", 1))
    with pytest.raises(JournalError, match="another process is continuing the run in s3://"):
        other.write(Entry("resumed", 1))


def test_forgotten_text_leaves_the_journals_there(archive, s3):
    answer = docpager.ask(
        "How many giraffes has the zoo of Basel?", archive=archive, model="extractive"
    )
    place = ObjectPath("bucket", answer.journal.removeprefix("s3://bucket/"))
    before = read_journal(place)
    live = Journal.resume(before)
    done = redact_journals(place.parent, before.header.archive_id, [2])
    assert done.journals == (place,)
    for key, (content, _, _) in s3.objects["bucket"].items():
        assert "/runs/" not in key or b"nine giraffes" not in content
    with pytest.raises(JournalError, match="redacted"):
        read_journal(place)
    with pytest.raises(JournalError, match="another process"):
        live.write(Entry("resumed", 1))


QUESTIONS = [
    {"id": "a", "question": GIRAFFES},
    {"id": "b", "question": "What was the revenue of the harbour in 2019?"},
    {"id": "c", "question": "Who painted the ceiling?"},
]


@pytest.mark.parametrize("name", ["answers.jsonl", "answers.csv"])
def test_a_batch_from_and_to_object_storage(archive, s3, name):
    lines = "".join(json.dumps(each) + "\n" for each in QUESTIONS)
    Bucket("bucket").put("in/questions.jsonl", lines.encode())
    words = ("batch", "s3://bucket/in/questions.jsonl", "-o", f"s3://bucket/out/{name}")
    run(*words, "--archive", archive, "--journals", "s3://bucket/journals")
    content = Bucket("bucket").get(f"out/{name}").content.decode()
    assert "nine" in content
    if name.endswith("jsonl"):
        assert sorted(json.loads(line)["id"] for line in content.splitlines()) == ["a", "b", "c"]
    journals = logs_in(ObjectPath("bucket", "journals"))
    assert len(journals) == 3
    del s3.requests[:]
    run(*words, "--archive", archive, "--journals", "s3://bucket/journals")
    assert not [key for method, key, _ in s3.requests if method == "PUT" and "journals/" in key]
    assert Bucket("bucket").get(f"out/{name}").content.decode() == content


def test_answers_go_on_where_they_stopped(s3):
    parsed = [parse_question(each) for each in QUESTIONS]
    begun = Fingerprint.of(parsed, model="extractive", window=8000)

    def line(id, status="answered"):
        return {"id": id, "question": "?", "answer": None, "status": status, "citations": []}

    def ids():
        content = Bucket("bucket").get(OUT.key).content.decode()
        return [json.loads(each)["id"] for each in content.splitlines()]

    with pytest.raises(KeyError), open_answers(OUT, fingerprint=begun) as answers:
        answers.append(line("b", "failed"))
        raise KeyError
    assert ids() == ["b"]
    with open_answers(OUT, fingerprint=begun) as answers:
        assert answers.stored == {"b": "failed"}
        answers.append(line("a"))
        answers.drop(["b"])
        answers.append(line("c"))
    assert ids() == ["a", "c"]
    with open_answers(OUT, fingerprint=begun) as answers:
        assert list(answers.stored) == ["a", "c"]
        answers.append(line("b"))
        answers.finish(order=["a", "b", "c"])
    assert ids() == ["a", "b", "c"]
    with pytest.raises(UsageError, match="window"):
        other = Fingerprint.of(parsed, model="extractive", window=9000)
        open_answers(OUT, fingerprint=other).__enter__()


def test_of_two_batches_with_one_output_one_is_told(s3):
    parsed = [parse_question(each) for each in QUESTIONS]
    begun = Fingerprint.of(parsed, model="extractive", window=8000)
    with (
        open_answers(OUT, fingerprint=begun) as one,
        open_answers(OUT, fingerprint=begun) as other,
    ):
        one.append({"id": "a", "status": "answered"})
        with pytest.raises(UsageError, match="another process writes it"):
            other.append({"id": "a", "status": "answered"})


def test_message_batches_need_answers_on_this_machine(archive, s3):
    from docpager.batch.session import ROUND_BOOK, _batch_client
    from docpager.batch.settings import BatchSettings

    with pytest.raises(UsageError, match="object storage; name an output on this machine"):
        _batch_client(OUT / ROUND_BOOK, None, BatchSettings(by_batches=True), None)


def test_pictures_of_pages_stand_beside_journals_there(s3):
    png = b"a picture"
    sha256 = hashlib.sha256(png).hexdigest()
    picture = Picture(1, 2, sha256, 10, 10, 100, len(png))
    store = PictureStore.beside(LOG)
    store.keep(Viewed("a.pdf", picture, "", "pdfium", png))
    assert s3.keys("bucket") == [f"runs/pictures/{sha256}.png"]
    assert store._load(picture) == png
    assert store.discard_others(set()) == []  # it may belong to a run that goes on
    content, tag, modified = s3.objects["bucket"][f"runs/pictures/{sha256}.png"]
    s3.objects["bucket"][f"runs/pictures/{sha256}.png"] = (content, tag, modified - 4000)
    assert store.discard_others({sha256}) == []
    assert store.discard_others(set()) == [LOG.parent / "pictures" / f"{sha256}.png"]
    with pytest.raises(JournalError, match="no such object"):
        store._load(picture)
