"""Files are read in processes of their own: in order, within limits, each alone with its faults."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from make_pdf import make_pdf

from docpager.core.errors import DocumentError
from docpager.documents.ocr.recognition import ScannedPage
from docpager.documents.reader_pool import (
    KeptReaders,
    ReadingJob,
    ReadingLimits,
    available_cores,
    read_files,
)

pytestmark = pytest.mark.usefixtures("own_readers")

ROOT = Path(__file__).parents[2]


def jobs_for(tmp_path, files):
    jobs = []
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        jobs.append(ReadingJob(tmp_path / name, name))
    return jobs


def slow_text():
    """A line that takes seconds to cut."""
    return b"a " * 8_000_000


def test_results_come_in_the_order_of_the_jobs(tmp_path):
    files = {f"{n}.txt": b"word " * (40_000 if n == 0 else 10) for n in range(12)}

    results = list(read_files(jobs_for(tmp_path, files), ReadingLimits(processes=2)))

    assert [job.relative_path for job, _ in results] == list(files)
    assert [result.documents[0].document.path for _, result in results] == list(files)


def test_documents_arrive_with_their_cuts(tmp_path):
    ((_, result),) = read_files(jobs_for(tmp_path, {"a.pdf": make_pdf(["One page.\n" * 40] * 30)}))
    (read,) = result.documents

    assert len(read.cuts) > 3
    assert read.cuts[-1].end == len(read.document.text)


def test_a_bad_file_harms_only_itself(tmp_path):
    files = {"a.txt": b"fine", "b.pdf": b"%PDF-1.7 nothing", "c.txt": b"fine too"}

    results = [result for _, result in read_files(jobs_for(tmp_path, files))]

    assert isinstance(results[1], DocumentError)
    assert "'b.pdf' is damaged" in str(results[1])
    assert [results[n].documents[0].document.text for n in (0, 2)] == ["fine", "fine too"]


def test_a_file_that_takes_too_long_is_given_up_alone(tmp_path):
    files = {"a.txt": slow_text(), "b.txt": b"fine"}
    limits = ReadingLimits(processes=1, timeout_seconds=1)

    (_, slow), (_, fine) = read_files(jobs_for(tmp_path, files), limits)

    assert "'a.txt' took longer than 1 seconds" in str(slow)
    assert fine.documents[0].document.text == "fine"


@pytest.mark.skipif(sys.platform != "linux", reason="memory limits are kept by the Linux kernel")
def test_a_file_that_needs_too_much_memory_is_given_up_alone(tmp_path):
    files = {"a.txt": b"fine", "b.txt": b"a\n" * 50_000_000, "c.txt": b"fine"}
    limits = ReadingLimits(processes=1, memory_bytes=200_000_000)

    (_, before), (_, large), (_, after) = read_files(jobs_for(tmp_path, files), limits)

    assert isinstance(large, DocumentError)
    assert large.reason == "too large"
    assert "'b.txt' needs more than the 0.2 GB that reading a file may use" in str(large)
    assert before.documents and after.documents


def test_no_jobs_start_no_process():
    assert list(read_files([])) == []


def test_leaving_early_stops_the_processes_at_once(tmp_path):
    files = {"a.txt": b"fine"} | {f"{n}.txt": slow_text() for n in range(3)}
    results = read_files(jobs_for(tmp_path, files), ReadingLimits(processes=2))
    next(results)
    started = time.perf_counter()

    results.close()

    assert time.perf_counter() - started < 2


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is sent otherwise on Windows")
def test_an_interrupt_stops_everything_at_once(tmp_path):
    (tmp_path / "a.txt").write_bytes(slow_text())
    script = subprocess.Popen(
        [sys.executable, "-P", "-c", SCRIPT, str(tmp_path / "a.txt")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    assert script.stdout.readline() == b"started\n"
    time.sleep(0.5)
    interrupted = time.perf_counter()

    os.killpg(script.pid, signal.SIGINT)
    _, errors = script.communicate(timeout=30)

    assert time.perf_counter() - interrupted < 2
    assert b"KeyboardInterrupt" in errors
    with pytest.raises(ProcessLookupError):
        os.killpg(script.pid, 0)


def children():
    """Of every thread: whichever started a process has it, and when it ends another one."""
    found = []
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it ended
            found += (thread / "children").read_text().split()
    return sorted(found)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_kept_process_reads_the_next_files_too(tmp_path):
    before, kept = set(children()), KeptReaders()
    jobs, limits = jobs_for(tmp_path, {"a.txt": b"fine", "b.pdf": b"junk"}), ReadingLimits(1)

    first = [str(result) for _, result in read_files(jobs, limits, kept=kept)]
    (pid,) = set(children()) - before
    assert [str(result) for _, result in read_files(jobs, limits, kept=kept)] == first
    assert set(children()) - before == {pid}

    os.kill(int(pid), signal.SIGKILL)  # it is replaced, and nothing is lost
    assert [str(result) for _, result in read_files(jobs, limits, kept=kept)] == first

    other = ReadingLimits(1, memory_bytes=1_900_000_000)  # its limits are another process's
    assert [str(result) for _, result in read_files(jobs, other, kept=kept)] == first
    assert len(set(children()) - before) == 2

    for one in (limits, other):  # who leaves half-way may leave it busy
        begun = read_files(jobs, one, kept=kept)
        next(begun)
        begun.close()
    assert set(children()) == before


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_process_is_left_behind(tmp_path):
    before = children()

    list(read_files(jobs_for(tmp_path, {"a.txt": b"fine", "b.pdf": b"junk"})))

    assert children() == before


def test_the_default_is_a_process_for_each_core():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


SCRIPT = """
import sys
from pathlib import Path
from docpager.documents.ocr.recognition import ScannedPage
from docpager.documents.reader_pool import ReadingJob, read_files
print("started", flush=True)
for job, result in read_files([ReadingJob(Path(sys.argv[1]), "a.txt")]):
    print(result.documents[0].document.text)
"""


@pytest.mark.parametrize("way", ["script", "stdin"])
def test_a_script_needs_no_main_guard(tmp_path, way):
    (tmp_path / "a.txt").write_text("words")
    # A module of the user's with a name from the standard library must not reach the readers.
    (tmp_path / "struct.py").write_text("raise SystemExit('imported the wrong module')")
    script = tmp_path / "my_script.py"
    script.write_text(SCRIPT)
    source = str(script) if way == "script" else "-"

    ended = subprocess.run(
        [sys.executable, "-P", source, str(tmp_path / "a.txt")],
        input=SCRIPT if way == "stdin" else None,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=60,
    )

    assert (ended.stdout, ended.returncode) == ("started\nwords\n", 0), ended.stderr


def test_a_process_that_ends_over_a_fault_did_not_run_out_of_memory(tmp_path):
    (job,) = jobs_for(tmp_path, {"a.txt": b"fine"})
    faulty = replace(job, only=ScannedPage("0" * 64, 1))  # a page, and nothing to recognise it

    ((_, result),) = read_files([faulty])

    assert isinstance(result, DocumentError)
    assert result.reason == "not read"
    assert "AssertionError" in str(result)
