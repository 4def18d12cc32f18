"""What docpager does with Ray itself: a cluster of processes on this machine, and how it ends."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import docpager
from docpager.core.errors import UsageError
from docpager.engines.engine import engine_address, engine_at

ROOT = Path(__file__).parent.parent.parent

SCRIPT = """
import asyncio, json, os, signal, sys, time
from pathlib import Path
from docpager.engines.engine import EngineError, engine_at

def own_pid(wait=0.0):
    time.sleep(wait)
    return os.getpid()

def together(folder, name):
    # Only where four of them are at work at once: in which process.
    Path(folder, f"together-{name}").touch()
    for _ in range(600):
        if len(list(Path(folder).glob("together-*"))) == 4:
            return os.getpid()
        time.sleep(0.1)
    raise TimeoutError("alone")

def once_killed(mark):
    if not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"

class Counter:
    def __init__(self, start):
        self.count = start
    def add(self, n):
        self.count += n
        return self.count
    def die(self, mark):
        if not Path(mark).exists():
            Path(mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.count

async def arrived(engine, begun):
    return await engine.arrived(begun)

def leaves():
    sys.exit(3)

def wrong():
    raise ValueError("a bug")

def refuses():
    from docpager.core.errors import ArchiveError
    raise ArchiveError("no archive there")

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    told = {}
    with engine_at("ray", workers=2) as engine:
        print("this must not be seen")
        os.write(1, b"nor this")
        told["workers"] = engine.workers
        told["elsewhere"] = engine.result(engine.begin(own_pid)) != os.getpid()
        told["again"] = engine.result(engine.begin(once_killed, sys.argv[1] + "/one"))
        kept = engine.keep(Counter, 5)
        told["kept"] = [kept.call("add", 1), kept.call("die", sys.argv[1] + "/two")]
        told["kept"].append(kept.call("add", 1))
        crew = engine.crew(4, own_pid)
        begun = [crew.begin(together, sys.argv[1], n) for n in range(4)]
        told["processes"] = len({engine.result(each) for each in begun})
        begun = [crew.begin(once_killed, sys.argv[1] + "/three") for n in range(4)]
        told["crew"] = [asyncio.run(arrived(engine, each)) for each in begun]
        told["errors"] = []
        for work in (leaves, wrong, refuses):
            try:
                engine.result(engine.begin(work))
            except Exception as error:
                told["errors"].append(f"{type(error).__name__}: {error}")
        try:
            asyncio.run(arrived(engine, crew.begin(refuses)))
        except Exception as error:
            told["errors"].append(f"{type(error).__name__}: {error}")
        import ray
        told["token"] = os.environ.get("RAY_AUTH_MODE", "token")
        node = ray._private.worker.global_worker.node
        told["dashboard"] = node.address_info.get("webui_url") or ""
        told["handler"] = signal.getsignal(signal.SIGTERM).__name__
    print(json.dumps(told))
"""


@pytest.fixture
def ray_installed():
    pytest.importorskip("ray", reason="needs docpager[ray]")


def run(script: Path, *arguments: object, **how) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        capture_output=True, text=True, timeout=120, cwd=ROOT, **how,
    )  # fmt: skip


@pytest.mark.slow
def test_work_is_done_elsewhere_and_again_where_its_process_is_lost(tmp_path, ray_installed):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = run(script, tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)  # and nothing else stands there
    assert told["workers"] == 2 and told["elsewhere"] and told["again"] == "done"
    assert told["kept"] == [6, 5, 6]  # made anew when it died
    assert told["token"] == "token" and not told["dashboard"]
    assert told["handler"] == "<lambda>"
    assert told["errors"][0].startswith("EngineError: work on the cluster failed: RuntimeError")
    assert "ValueError('a bug')" in told["errors"][1]
    assert told["errors"][2] == told["errors"][3] == "ArchiveError: no archive there"
    # Two workers, each with two threads; what was lost with one of them was done again.
    assert told["processes"] == 2 and told["crew"] == ["done"] * 4


@pytest.mark.slow
def test_the_command_makes_the_same_archive_and_prints_its_report_alone(tmp_path, ray_installed):
    files = tmp_path / "files"
    files.mkdir()
    for n in range(6):
        (files / f"{n}.txt").write_text(f"Report {n} says that goodwill rose to {n * 7} million.\n")
    archives = [tmp_path / "far", tmp_path / "here"]
    for archive, engine in zip(archives, (["--engine", "ray"], []), strict=True):
        done = subprocess.run(
            [sys.executable, "-m", "docpager", "ingest", str(files), "--archive", str(archive),
             "--json", *engine],
            capture_output=True, text=True, timeout=120, cwd=ROOT,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["documents"] == 6
    found = [
        subprocess.run(
            [sys.executable, "-m", "docpager", "search", "goodwill 14 million", "--json",
             "--archive", str(archive)],
            capture_output=True, text=True, timeout=60, cwd=ROOT,
        ).stdout
        for archive in archives
    ]  # fmt: skip
    assert found[0] == found[1] != ""


@pytest.mark.slow
def test_a_terminated_ingest_takes_its_cluster_along(tmp_path, ray_installed):
    psutil = pytest.importorskip("psutil", reason="looks at processes")
    files = tmp_path / "files"
    files.mkdir()
    for n in range(400):
        (files / f"{n}.txt").write_text(f"Report {n} says that goodwill rose.\n" * 2000)
    arguments = ["ingest", str(files), "--archive", str(tmp_path / "a"), "--engine", "ray"]
    started = subprocess.Popen([sys.executable, "-m", "docpager", *arguments], cwd=ROOT)
    there = psutil.Process(started.pid)
    deadline = time.monotonic() + 60
    while not any("raylet" in each.name() for each in there.children(recursive=True)):
        assert time.monotonic() < deadline and started.poll() is None
        time.sleep(0.2)
    time.sleep(4)  # the handlers are put back once the cluster is there
    below = there.children(recursive=True)
    started.terminate()
    assert started.wait(30) == 128 + 15
    _, left = psutil.wait_procs(below, timeout=10)
    assert not [" ".join(each.cmdline()) for each in left if each.status() != "zombie"]


LIBRARY = """
import json, sys
import docpager

if __name__ == "__main__":
    engine = sys.argv[1]
    report = docpager.ingest("files", "archive", engine=engine)
    answers = docpager.ask_many(
        ["To what did goodwill rise in report 3?", "To what did it rise in report 5?"],
        archive="archive", model="extractive", engine=engine, journals="journals",
    )
    print(json.dumps([report.documents, [line.answer for line in answers.lines]]))
"""


def write_reports(home: Path) -> Path:
    (home / "files").mkdir()
    for n in range(6):
        text = f"Report {n} says that goodwill rose to {n * 7} million.\n"
        (home / "files" / f"{n}.txt").write_text(text)
    (home / "script.py").write_text(LIBRARY)
    return home / "script.py"


def asked_of_the_library(script: Path, engine: str) -> tuple[int, list[str]]:
    own = {name: said for name, said in os.environ.items() if name != "RAY_AUTH_MODE"}
    done = subprocess.run(
        [sys.executable, str(script), engine], capture_output=True, text=True, timeout=300,
        cwd=script.parent, env={**own, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_the_library_works_on_an_engine_by_the_same_name(tmp_path, ray_installed):
    documents, answers = asked_of_the_library(write_reports(tmp_path), "ray")
    assert documents == 6
    assert ["21 million" in answers[0], "35 million" in answers[1]] == [True, True]
    assert list((tmp_path / "journals").iterdir())


@pytest.fixture
def running_cluster(ray_installed, tmp_path_factory):
    """The addresses of the head and of the client server of a cluster that was there before."""
    pytest.importorskip("grpc", reason="needs ray[client]")
    psutil = pytest.importorskip("psutil", reason="ends the cluster")
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    folder = tmp_path_factory.mktemp("ray")
    started = subprocess.Popen(
        [Path(sys.executable).parent / "ray", "start", "--head", "--block", "--num-cpus=2",
         f"--port={ports[0]}", f"--ray-client-server-port={ports[1]}",
         "--min-worker-port=0", "--max-worker-port=0", "--include-dashboard=false",
         "--object-store-memory=100000000", "--node-ip-address=127.0.0.1", "--disable-usage-stats"],
        stdout=(folder / "log").open("w"), stderr=subprocess.STDOUT, cwd=folder,
        env={
            **os.environ,
            "RAY_AUTH_MODE": "token",
            # A process is started for each client, which takes long on a busy machine.
            "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "120",
        },
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while "block forever" not in (folder / "log").read_text():
            assert started.poll() is None and time.monotonic() < deadline, (
                folder / "log"
            ).read_text()
            time.sleep(0.5)
        yield [f"127.0.0.1:{port}" for port in ports]
    finally:
        below = psutil.Process(started.pid).children(recursive=True)
        started.terminate()
        _, left = psutil.wait_procs([psutil.Process(started.pid), *below], timeout=15)
        for each in left:
            each.kill()


@pytest.mark.slow
def test_a_cluster_is_joined_as_a_node_and_through_its_client_server(tmp_path, running_cluster):
    for name, address in zip(("node", "client"), running_cluster, strict=True):
        (tmp_path / name).mkdir()
        script = write_reports(tmp_path / name)
        documents, answers = asked_of_the_library(script, f"ray://{address}")
        assert documents == 6 and "21 million" in answers[0]


def test_where_ray_is_not_installed_the_library_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "docpager.engines.ray_engine", None)
    (tmp_path / "a.txt").write_text("The bridge cost 21 million dollars.")
    for asked in (
        lambda **how: docpager.ingest(tmp_path / "a.txt", tmp_path / "archive", **how),
        lambda **how: docpager.ask_many(
            ["What did it cost?"], archive=tmp_path / "archive", model="extractive", **how
        ),
    ):
        asked()
        with pytest.raises(UsageError, match=r"needs Ray: pip install 'docpager\[ray\]'"):
            asked(engine="ray")
        with pytest.raises(UsageError, match="there is no engine 'spark'"):
            asked(engine="spark")
        with pytest.raises(UsageError, match="engine must be a str, not an int"):
            asked(engine=4)


def test_engines_are_named():
    assert engine_address("ray") == ""
    for name in ("spark", "ray:", "ray://", "local"):
        with pytest.raises(UsageError, match="there is no engine"):
            engine_address(name)


ORDINARY_USE = """
import sys
import docpager, docpager.cli, docpager.doctor, docpager.engines.engine
from docpager.archive.shards import name_shards
from pathlib import Path

docpager.ingest("files", "archive")
name_shards(Path("all"), [Path("archive")])
with docpager.Archive.open("all") as archive:
    assert archive.search("goodwill").hits
docpager.ask_many(["To what did goodwill rise?"], archive="archive", model="extractive")
asked_for = {"ray", "grpc", "obstore", "boto3", "botocore"}
print(sorted(m for m in sys.modules if m.split(".")[0] in asked_for))
print(sorted(m for m in sys.modules if m.startswith("docpager.engines.")))
"""


def test_nothing_of_ray_or_object_storage_is_imported_without_being_asked_for(tmp_path):
    write_reports(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", ORDINARY_USE], capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stdout.splitlines() == ["[]", "['docpager.engines.engine']"], done.stderr


def test_an_engine_without_a_token_is_refused(monkeypatch, ray_installed):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(UsageError, match="executes what anybody sends"), engine_at("ray"):
        pass
