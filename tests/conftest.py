"""No key, no network: every test runs offline."""

from __future__ import annotations

import gc
import os
import socket

import pytest
from hypothesis import HealthCheck, settings
from kept_readers import end_all, started_anew

# No test measures time, and CI tries the same examples each time.
settings.register_profile(
    "docpager",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("docpager")

LOCAL = {"127.0.0.1", "::1", "localhost"}


def pytest_addoption(parser):
    parser.addoption("--live", action="store_true", help="also ask the real API; needs a key")
    parser.addoption(
        "--base-url", help="with --live: ask this server of one's own instead; needs no key"
    )


def pytest_collection(session):
    # Nothing of what collecting makes is garbage; looking for it takes longer the more there is.
    gc.disable()


def pytest_collection_finish(session):
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config, items):
    local = bool(config.getoption("--base-url"))
    for item in items:
        if not item.get_closest_marker("live"):
            continue
        if not config.getoption("--live"):
            why = "asks the real API: pytest --live, with a key"
        elif local != bool(item.get_closest_marker("local")):
            why = "asks the real API" if local else "asks a server of one's own: --base-url URL"
        else:
            continue
        item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(autouse=True)
def no_key(monkeypatch, request, tmp_path_factory):
    # Nor is the file that the developer keeps at home.
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-config"))
    if request.node.get_closest_marker("live"):
        return
    keys = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL")
    own = ("ARCHIVE", "EMBEDDER", "MODEL", "PRICES", "WINDOW")
    for name in (*keys, *(f"DOCPAGER_{each}" for each in own)):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True, scope="session")
def no_network(request):
    """Refuses every address but this machine's own, unless the tests may ask the real API."""
    if request.config.getoption("--live"):
        yield
        return
    connect = socket.socket.connect

    def guarded(self, address):
        host = address[0] if isinstance(address, tuple) else "localhost"
        if host not in LOCAL:
            raise OSError(f"tests must not reach {address!r}")
        return connect(self, address)

    socket.socket.connect = guarded
    yield
    socket.socket.connect = connect


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_the_disk():
    """Leaves out what only a loss of power can show: tests end processes, never the machine.

    A closed descriptor is still an error, programs that tests start wait as they do elsewhere, and
    what is announced before each wait (`atomic_files.announce`) stays what tests go by.
    """
    fsync = os.fsync
    os.fsync = os.fstat
    yield
    os.fsync = fsync


@pytest.fixture(autouse=True, scope="session")
def readers_are_kept():
    """Files are read in processes as ever, but by those that earlier tests have started."""
    with started_anew(always=False):
        yield
    end_all()


@pytest.fixture
def own_readers():
    """Processes that read are started for this test and end with it; no others are there."""
    end_all()
    with started_anew(always=True):
        yield


@pytest.fixture
def s3(monkeypatch, tmp_path):
    """A bucket called `bucket` on the loopback, and a part cache of its own."""
    pytest.importorskip("obstore", reason="needs docpager[s3]")
    from s3_server import KEY, serving

    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("DOCPAGER_CACHE_DIR", str(tmp_path / "part-cache"))
    with serving("bucket") as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server
