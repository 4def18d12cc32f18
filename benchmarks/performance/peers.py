"""What an ingest costs against LangChain and LlamaIndex on the same PDFs, in core-seconds.

    python -m benchmarks.performance.peers pdfs/ --runs 3

The peers are installed with the versions of `peers.txt` into an environment that is removed again,
or taken from one that is there (`--python PEERS/bin/python`). Every ingest is a fresh process, and
all take turns in one run. Core-seconds are those of the whole process, imports included; what
docpager's count has besides is that of its reader processes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PEERS = {"langchain": "LangChain", "llama-index": "LlamaIndex"}
OWN = """
import json, resource, sys
from importlib.metadata import version
from pathlib import Path
from docpager.archive.ingest import ingest
report = ingest([Path(sys.argv[1])], Path(sys.argv[2]))
own, readers = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps({
    "pages": report.pdf_pages, "pieces": report.passages,
    "core_seconds": own.ru_utime + own.ru_stime + readers.ru_utime + readers.ru_stime,
    "bytes": max(own.ru_maxrss, readers.ru_maxrss) * 1024,
    "versions": f"docpager {version('docpager')}",
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--python", type=Path, help="of an environment with the peers")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, _python(arguments.python) as python:
        script = str(HERE / "peer_ingest.py")
        commands = {"docpager": [sys.executable, "-c", OWN]}
        commands |= {shown: [str(python), script, name] for name, shown in PEERS.items()}
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in commands}
        for run in range(arguments.runs):
            for name, command in commands.items():
                target = Path(home, f"{name}-{run}")
                runs[name].append(_run([*command, str(arguments.folder), str(target)]))
    pages = {each[0]["pages"] for each in runs.values()}
    if len(pages) > 1:
        raise SystemExit(f"not all read the same pages ({pages}); links are not followed by each")
    _print(runs)


@contextmanager
def _python(given: Path | None) -> Iterator[Path]:
    """The interpreter that has the peers."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory() as place:
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        python = Path(place, "bin", "python")
        pins = str(HERE / "peers.txt")
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", pins], check=True)
        yield python


def _run(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _print(runs: dict[str, list[dict[str, Any]]]) -> None:
    load = os.getloadavg()[0]
    count = len(runs["docpager"])
    print(f"median of {count} run{'s' * (count > 1)}, load average at the end {load:.1f}\n")
    print("|  | pages | pieces | core-seconds | largest process | against docpager |")
    print("|---|---:|---:|---:|---:|---:|")
    own = statistics.median(run["core_seconds"] for run in runs["docpager"])
    for name, each in runs.items():
        taken = statistics.median(run["core_seconds"] for run in each)
        largest = statistics.median(run["bytes"] for run in each)
        print(
            f"| {name} | {each[0]['pages']:,} | {each[0]['pieces']:,} | {taken:.1f} "
            f"| {largest / 1e6:.0f} MB | {taken / own:.1f} |"
        )
    print("\n" + "; ".join(each[0]["versions"] for each in runs.values()))


if __name__ == "__main__":
    main()
