"""A disk that refuses to write is one sentence, and what was committed stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docpager.archive.integrity import verify

ROOT = Path(__file__).parent.parent.parent

SCRIPT = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def hook(event, arguments):
    if event == "docpager.durable" and arguments[0] == "write" and sys.argv[1] in arguments[1]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50))
sys.addaudithook(hook)
from docpager.cli import main
main(sys.argv[2:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
@pytest.mark.parametrize("file", ["passages.arrow", "vectors.faiss", "/lexical/", "manifest.json"])
def test_a_full_disk_is_one_sentence(workshop, file):
    workshop.write(a_txt="one")
    workshop.ingest()
    workshop.write(b_txt="two words " * 300)
    command = [file, "ingest", str(workshop.files), "--archive", str(workshop.directory)]

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "cannot be written: " in done.stderr
    assert "Traceback" not in done.stderr
    assert verify(workshop.directory).damages == ()
    assert workshop.paths() == {"D1": ("a.txt",)}
    assert workshop.ingest().documents == 2
