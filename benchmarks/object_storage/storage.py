"""A server of the S3 protocol on the loopback, with a proxy before it that counts, and may lose
replies."""

from __future__ import annotations

import argparse
import http.client
import os
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

BUCKET = "docpager-benchmark"


class Proxy(ThreadingHTTPServer):
    """Passes requests on; now and then the reply to a put of a manifest is lost."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, target: str, *, lose: float = 0.0, busy: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.target = urlsplit(target).netloc
        self.lose = lose
        """Share of puts of manifests that are done and not replied to."""
        self.busy = busy
        """Share of all requests that are refused with 503."""
        self.requests = 0
        self.fetched_bytes = 0
        self.lost = 0
        self.refused = 0
        self.lock = threading.Lock()
        self.chance = random.Random(1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever is killed says nothing; what is really wrong, its client tells."""


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy = self.server
        is_manifest = self.command == "PUT" and "manifest.json" in self.path
        with proxy.lock:
            proxy.requests += 1
            loses = is_manifest and proxy.chance.random() < proxy.lose
            refuses = proxy.chance.random() < proxy.busy
            proxy.lost += loses
            proxy.refused += refuses
        if refuses:
            self._reply(503, [], b"<Error><Code>SlowDown</Code></Error>")
            return
        upstream = http.client.HTTPConnection(proxy.target, timeout=120)
        try:
            upstream.request(self.command, self.path, body=body, headers=dict(self.headers))
            reply = upstream.getresponse()
            content = reply.read()
        finally:
            upstream.close()
        if loses:
            self.close_connection = True
            self.connection.close()
            return
        with proxy.lock:
            proxy.fetched_bytes += len(content) if self.command == "GET" else 0
        self._reply(reply.status, reply.getheaders(), content)

    do_PUT = do_HEAD = do_POST = do_DELETE = do_GET

    def _reply(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        length = str(len(content))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *args: object) -> None: ...


def parser(about: str | None) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    made.add_argument(
        "--server",
        default="moto_server",
        help="moto's server, or the address of one that runs already",
    )
    return made


@contextmanager
def storage(server: str, *, lose: float = 0.0, busy: float = 0.0) -> Iterator[Proxy]:
    """A bucket that this process and its children use, behind a proxy."""
    started = None
    if server.startswith("http"):
        target = server
    else:
        port = free_port()
        target = f"http://127.0.0.1:{port}"
        started = subprocess.Popen(
            [server, "-H", "127.0.0.1", "-p", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "benchmark")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "benchmark")
    os.environ.setdefault("AWS_REGION", "us-east-1")
    proxy = Proxy(target, lose=lose, busy=busy)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    os.environ["AWS_ENDPOINT_URL"] = proxy.url
    try:
        _make_bucket(target)
        yield proxy
    finally:
        proxy.shutdown()
        thread.join()
        if started is not None:
            started.terminate()
            started.wait()


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def _make_bucket(target: str) -> None:
    for _ in range(100):
        try:
            request = urllib.request.Request(f"{target}/{BUCKET}", method="PUT")
            urllib.request.urlopen(request, timeout=5).close()
            return
        except urllib.error.HTTPError as error:
            if error.code in (403, 409):  # it is there, or is made by who runs the server
                return
            raise
        except OSError:
            time.sleep(0.2)
    sys.exit(f"no server at {target}")
