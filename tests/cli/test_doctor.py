"""`docpager doctor`: what can be used, told without asking anybody who was not named."""

from __future__ import annotations

import json
import re
import socket
import socketserver
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner
from picture_pages import install_fake

from docpager.cli import main
from docpager.models import servers


def doctor(*options):
    return CliRunner().invoke(main, ["doctor", *options])


def findings(*options):
    """By name, as `--json` prints them."""
    result = doctor("--json", *options)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return {(line["part"], line["name"]): line for line in lines}, result


class Handler(BaseHTTPRequestHandler):
    """Lists one model; replies `ready` to whatever is asked."""

    seen: list[tuple[str, str | None]]

    def do_GET(self):
        self.seen.append((self.path, self.headers.get("Authorization")))
        self.answer(json.dumps({"data": [{"id": "local-model"}]}).encode(), "application/json")

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers.get("Authorization")))
        usage = {"input_tokens": 12, "output_tokens": 3}
        block = {"type": "text", "text": ""}
        begun = {"id": "m", "content": [], "role": "assistant", "model": "m", "usage": usage}
        told = (
            {"type": "message_start", "message": begun},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": "ready"},
            },
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage},
            {"type": "message_stop"},
        )
        stream = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in told)
        self.answer(stream.encode(), "text/event-stream")

    def answer(self, content, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


@contextmanager
def server():
    handler = type("Recording", (Handler,), {"seen": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", handler.seen
        running.shutdown()


def test_says_what_is_usable_and_what_is_missing():
    found, result = findings()

    assert result.exit_code == 0
    assert found["model", "extractive"]["state"] == "usable"
    assert found["model", "claude-sonnet-5-5"]["state"] == "missing"
    assert "ANTHROPIC_API_KEY" in found["model", "claude-sonnet-5-5"]["detail"]
    assert found["server", "https://api.anthropic.com"]["state"] == "not asked"
    assert found["embedder", "wordllama"]["state"] == "usable"
    assert found["embedder", "voyage:MODEL"]["state"] == "missing"
    assert found["tokenizer", "builtin-1"]["state"] == "usable"


def test_a_key_is_noticed_and_never_shown(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:1")

    found, result = findings("--model", "claude-haiku-5-5")

    assert found["model", "claude-haiku-5-5"]["state"] == "not asked"
    assert found["embedder", "openai:MODEL"]["detail"] == "OPENAI_BASE_URL set"
    assert "sk-secret" not in result.output


def test_people_read_the_same():
    lines = doctor().stdout.splitlines()

    assert [line for line in lines if not line.startswith(" ")] == [
        "models",
        "servers",
        "embedders",
        "tokenizers",
        "scanned pages",
        "exporters",
        "storage",
        "engines",
    ]


def test_a_named_server_is_asked_for_its_models_without_a_key(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    with server() as (url, seen):
        found, result = findings("--base-url", url)

    said = found["server", url]["detail"]
    assert "serves local-model" in said
    assert "does not say how large its context is" in said
    assert {key for _, key in seen} == {None}
    assert "/v1/messages" not in {path for path, _ in seen}
    assert result.exit_code == 0


def test_a_server_that_does_not_answer_is_named():
    found, _ = findings("--base-url", "http://127.0.0.1:9")

    assert found["server", "http://127.0.0.1:9"]["state"] == "missing"


def test_a_live_request_says_what_it_cost():
    with server() as (url, seen):
        found, result = findings("--base-url", url, "--live")

    assert result.exit_code == 0
    live = found["live request", "claude-sonnet-5-5"]
    assert live["detail"] == "replied 'ready'; 12 tokens in, 3 out, 0.000054 USD"
    assert "at most 0.0009 USD" in result.stderr
    assert [path for path, _ in seen].count("/v1/messages") == 1


def test_a_live_request_that_fails_fails_the_command():
    found, result = findings("--live")

    assert result.exit_code == 1
    assert found["live request", "claude-sonnet-5-5"]["state"] == "failed"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (b"garbage\r\n\r\n", "failed"),
        (b"HTTP/1.1 200 OK\r\n\r\n[1, 2]", "not asked"),
        (b'HTTP/1.1 200 OK\r\n\r\n{"data": 5}', "not asked"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000, "not asked"),
    ],
)
def test_a_server_that_says_something_else_is_named(said, state):
    class Says(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(10_000)
            self.request.sendall(said)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Says) as saying:
        threading.Thread(target=saying.serve_forever, args=(0.01,), daemon=True).start()
        found, result = findings(
            "--base-url", url := f"http://127.0.0.1:{saying.server_address[1]}"
        )
        saying.shutdown()

    assert result.exit_code == 0
    assert found["server", url]["state"] == state


def found_at(answers, *options):
    """What `doctor` says of a server that answers these paths with a status and a body."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            status, body = answers.get(self.path, (404, b"{}"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *args):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as serving:
        threading.Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{serving.server_port}"
        found, _ = findings("--base-url", url, *options)
        serving.shutdown()
    return found["server", url]


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_wants_a_key_says_so(status):
    said = found_at({"/v1/models": (status, b"{}")})

    assert said["state"] == "failed"
    assert "api_key_env" in said["detail"]


def test_a_proxy_that_fails_where_a_key_is_missing_is_not_usable(monkeypatch):
    said = found_at({"/v1/models": (500, b"Internal Server Error")})

    assert (said["state"], "said 500" in said["detail"]) == ("failed", True)
    assert "api_key_env" in said["detail"]

    monkeypatch.setenv("THERE", "sk-none")
    said = found_at({"/v1/models": (400, b"{}")}, "--api-key-env", "THERE")
    assert said["detail"].endswith("look at its log, and at the key")


def test_a_server_without_a_list_of_models_has_to_be_asked():
    said = found_at({})

    assert said["state"] == "not asked"
    assert "lists no models" in said["detail"]


def test_a_server_that_says_nothing_is_busy_or_still_starts(monkeypatch):
    monkeypatch.setattr(servers, "PROBE_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        found, _ = findings("--base-url", url)

    assert found["server", url]["state"] == "not ready"
    assert "still starting" in found["server", url]["detail"]


def test_llama_cpp_answers_to_any_name_and_tells_the_size_of_its_model():
    meta = {"n_ctx": 4_096, "n_params": 1_777_088_000}
    entry = {"id": "m.gguf", "owned_by": "llamacpp", "meta": meta}
    listed = json.dumps({"data": [entry]}).encode()
    counted = json.dumps({"input_tokens": 30}).encode()
    answers = {"/v1/models": (200, listed), "/v1/messages/count_tokens": (200, counted)}

    said = found_at(answers, "--model", "qwen")

    assert said["state"] == "usable"
    assert said["detail"] == (
        "llama.cpp; serves m.gguf; answers to qwen too; 1.8 billion parameters: asked plainly; "
        "context 4,096 tokens: `window=4096` or less; counts tokens"
    )


def test_the_reader_is_found_once_and_a_model_that_is_none_not_at_all():
    _, result = findings("--model", "extractive")
    models = [json.loads(line) for line in result.stdout.splitlines() if '"model"' in line]

    assert [each["name"] for each in models if each["part"] == "model"] == ["extractive"]
    assert doctor("--model", "gpt-9").exit_code == 2


def test_wrong_names_are_wrong_usage():
    assert doctor("--backend", "other", "--base-url", "http://127.0.0.1:9").exit_code == 2
    assert doctor("--base-url", "nowhere").exit_code == 2


def test_a_tokenizer_without_a_place_is_refused(monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")

    assert doctor("--fetch-tokenizer").exit_code == 2


def test_a_tokenizer_that_cannot_be_had_fails_the_command(monkeypatch, tmp_path):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))

    result = doctor("--fetch-tokenizer")  # tests have no network

    assert result.exit_code == 1
    assert "not downloaded" in result.stderr


def test_tesseract_is_named_with_its_version_and_languages_or_how_to_have_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    absent = findings()[0]["scanned page", "tesseract"]
    program = install_fake(tmp_path / "bin").parent / "tesseract"
    present = findings()[0]["scanned page", "tesseract"]
    program.write_text(f"#!{sys.executable}\nraise SystemExit(3)\n")
    broken = findings()[0]["scanned page", "tesseract"]

    assert absent["state"] == "missing"
    assert "install it: apt-get install tesseract-ocr" in absent["detail"]
    assert present["state"] == "usable"
    assert re.match(r"\d\S*; languages .*eng", present["detail"])
    assert broken["state"] == "missing" and "does not work" in broken["detail"]
    assert "scanned pages\n  tesseract" in doctor().stdout


def test_object_storage_is_tried(s3):
    words = ["doctor", "--model", "extractive", "--json", "--storage", "s3://bucket/archive"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.stderr
    found = [json.loads(line) for line in result.stdout.splitlines()]
    place, cache = (each for each in found if each["part"] == "storage")
    assert (place["name"], place["state"]) == ("s3://bucket/archive", "usable")
    assert "conditional puts are kept" in place["detail"]
    assert "AWS_ACCESS_KEY_ID in the environment" in place["detail"]
    assert "secret" not in result.stdout
    assert cache["name"] == "part cache"
    s3.ignores_conditions = True
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert "ignores conditional puts" in result.stdout


def test_engines_are_told_and_only_started_when_named():
    told, result = findings()
    assert result.exit_code == 0
    found = told["engine", "ray"]
    assert found["state"] in ("missing", "not asked")
    assert "docpager[ray]" in found["detail"] or "on all interfaces" in found["detail"]
    refused = doctor("--engine", "spark")
    assert refused.exit_code == 2 and "there is no engine 'spark'" in refused.stderr


@pytest.mark.slow
def test_an_engine_is_tried_with_a_piece_of_work():
    pytest.importorskip("ray", reason="needs docpager[ray]")
    done = subprocess.run(
        [sys.executable, "-m", "docpager", "doctor", "--engine", "ray", "--json"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    (found,) = [each for each in told if each["part"] == "engine"]
    assert found["state"] == "usable" and "token on" in found["detail"]
