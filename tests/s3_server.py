"""A small server of the S3 protocol on the loopback: objects in memory, conditional puts, faults.

It keeps what docpager relies on: whole objects, both conditions, lists by pages, multipart uploads.
`docpager` is also tested with moto's server where that is installed.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

PAGE = 1000
KEY = "a-key"


class S3Server(ThreadingHTTPServer):
    """Buckets, and what goes wrong with them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *buckets: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, dict[str, tuple[bytes, str, float]]] = {b: {} for b in buckets}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.lock = threading.Lock()
        self.ignores_conditions = False
        self.fault: Callable[[str, str], str | None] = lambda method, key: None
        """What happens to a request: `lost` (done, but nobody hears of it), `503`, or None."""
        self.requests: list[tuple[str, str, int]] = []
        """(method, key, bytes of the reply)."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def keys(self, bucket: str) -> list[str]:
        return sorted(self.objects[bucket])


@contextmanager
def serving(*buckets: str) -> Iterator[S3Server]:
    server = S3Server(*buckets)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one piece: sent apart, the second waits 40 ms for the client's word that the
    # first has arrived.
    wbufsize = -1
    server: S3Server

    def do_GET(self) -> None:
        self._answer()

    do_PUT = do_HEAD = do_POST = do_DELETE = do_GET

    def log_message(self, *args: object) -> None: ...

    def _answer(self) -> None:
        split = urlsplit(self.path)
        bucket, _, key = unquote(split.path).lstrip("/").partition("/")
        query = {k: v[0] for k, v in parse_qs(split.query, keep_blank_values=True).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.fault(self.command, key)
        if fault == "503":
            self._error(503, "SlowDown", key)
            return
        if f"Credential={KEY}/" not in (self.headers.get("Authorization") or ""):
            self._error(403, "InvalidAccessKeyId", key)
            return
        if bucket not in self.server.objects:
            self._error(404, "NoSuchBucket", key)
            return
        with self.server.lock:
            status, headers, content = self._done(bucket, key, query, body)
        if fault == "lost":
            self.close_connection = True
            self.connection.close()
            return
        self._reply(status, headers, content, key)

    def _done(
        self, bucket: str, key: str, query: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        objects = self.server.objects[bucket]
        if self.command in ("GET", "HEAD") and not key:
            return 200, {}, _listed(objects, query)
        if self.command in ("GET", "HEAD"):
            return self._read(objects.get(key))
        if self.command == "PUT" and "uploadId" in query:
            self.server.uploads[query["uploadId"]][int(query["partNumber"])] = body
            return 200, {"ETag": _tag(body)}, b""
        if self.command == "PUT":
            return self._written(objects, key, body)
        if self.command == "DELETE":
            objects.pop(key, None)
            return 204, {}, b""
        if "uploads" in query:
            name = f"upload-{len(self.server.uploads)}"
            self.server.uploads[name] = {}
            xml = f"<InitiateMultipartUploadResult><UploadId>{name}</UploadId>"
            return 200, {}, f"{xml}</InitiateMultipartUploadResult>".encode()
        if "uploadId" in query:
            parts = self.server.uploads.pop(query["uploadId"])
            content = b"".join(parts[number] for number in sorted(parts))
            objects[key] = (content, _tag(content), time.time())
            xml = f"<CompleteMultipartUploadResult><ETag>{escape(_tag(content))}</ETag>"
            return 200, {}, f"{xml}</CompleteMultipartUploadResult>".encode()
        gone = [part.partition("</Key>")[0] for part in body.decode().split("<Key>")[1:]]
        for each in gone:  # POST ?delete
            objects.pop(unescape(each), None)
        told = "".join(f"<Deleted><Key>{each}</Key></Deleted>" for each in gone)
        return 200, {}, f"<DeleteResult>{told}</DeleteResult>".encode()

    def _written(
        self, objects: dict[str, tuple[bytes, str, float]], key: str, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        there = objects.get(key)
        if not self.server.ignores_conditions:
            absent, tag = self.headers.get("If-None-Match"), self.headers.get("If-Match")
            if (absent == "*" and there) or (tag and (not there or there[1] != tag)):
                return 412, {}, b"<Error><Code>PreconditionFailed</Code></Error>"
        objects[key] = (body, _tag(body), time.time())
        return 200, {"ETag": _tag(body)}, b""

    def _read(self, there: tuple[bytes, str, float] | None) -> tuple[int, dict[str, str], bytes]:
        if there is None:
            return 404, {}, b"<Error><Code>NoSuchKey</Code></Error>"
        content, tag, modified = there
        stamp = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(modified))
        headers = {"ETag": tag, "Last-Modified": stamp}
        if wanted := self.headers.get("Range"):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            end = min(int(last), len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{end}/{len(content)}"
            return 206, headers, content[int(first) : end + 1]
        return 200, headers, content

    def _error(self, status: int, code: str, key: str) -> None:
        self._reply(status, {}, f"<Error><Code>{code}</Code></Error>".encode(), key)

    def _reply(self, status: int, headers: dict[str, str], content: bytes, key: str) -> None:
        sent = 0 if self.command == "HEAD" else len(content)
        self.server.requests.append((self.command, key, sent))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _tag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


def _listed(objects: dict[str, tuple[bytes, str, float]], query: dict[str, str]) -> bytes:
    prefix, after = query.get("prefix", ""), query.get("continuation-token", "")
    keys = [key for key in sorted(objects) if key.startswith(prefix) and key > after]
    page, rest = keys[:PAGE], keys[PAGE:]
    parts = ["<ListBucketResult>", f"<IsTruncated>{str(bool(rest)).lower()}</IsTruncated>"]
    if rest:
        parts.append(f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>")
    for key in page:
        content, tag, modified = objects[key]
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(modified))
        parts.append(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(content)}</Size><ETag>{tag}</ETag>"
            f"<LastModified>{stamp}</LastModified></Contents>"
        )
    return "".join([*parts, "</ListBucketResult>"]).encode()
