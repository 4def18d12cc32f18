"""A bucket: conditions, and errors that say what, where and what next."""

import subprocess
import sys

import pytest

from docpager.core.errors import StorageError, UsageError
from docpager.core.locations import ObjectPath
from docpager.storage.object_store import Bucket, ConditionRefused, ObjectMissing


def test_an_object_is_made_once_and_replaced_by_those_who_know_it(s3):
    bucket = Bucket("bucket")
    tag = bucket.create("a/b", b"one")
    with pytest.raises(ConditionRefused, match="s3://bucket/a/b"):
        bucket.create("a/b", b"two")
    newer = bucket.replace("a/b", b"two", tag=tag)
    with pytest.raises(ConditionRefused):
        bucket.replace("a/b", b"three", tag=tag)
    found = bucket.get("a/b")
    assert (found.content, found.tag) == (b"two", newer)


def test_lists_are_whole_and_in_order(s3):
    bucket = Bucket("bucket")
    s3.objects["bucket"] = {f"p/{n:05d}": (b"x", '"t"', 0.0) for n in reversed(range(2500))}
    found = [each.path for each in bucket.list("p")]
    assert found == [ObjectPath("bucket", f"p/{n:05d}") for n in range(2500)]
    bucket.delete([place.key for place in found])
    assert s3.keys("bucket") == []


def test_large_objects_go_and_come_in_ranges(s3, tmp_path):
    (tmp_path / "large").write_bytes(bytes(range(256)) * 300_000)
    bucket = Bucket("bucket")
    bucket.upload(tmp_path / "large", "large")
    size = bucket.look("large").bytes
    bucket.download("large", tmp_path / "back", size=size)
    assert (tmp_path / "back").read_bytes() == (tmp_path / "large").read_bytes()
    assert max(sent for _, _, sent in s3.requests) <= 32 << 20


def test_errors_name_bucket_and_key(s3, monkeypatch):
    with pytest.raises(ObjectMissing, match="there is no 's3://bucket/none'"):
        Bucket("bucket").get("none")
    for attempt in (lambda b: b.get("k"), lambda b: b.put("k", b""), lambda b: list(b.list("k"))):
        with pytest.raises(StorageError, match="s3://other/k': there is no bucket 'other'"):
            attempt(Bucket("other"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone-else")
    with pytest.raises(StorageError, match="s3://bucket/k' cannot be written: access was"):
        Bucket("bucket").put("k", b"")
    with pytest.raises(StorageError, match=r"InvalidAccessKeyId.*AWS_ACCESS_KEY_ID in the envir"):
        Bucket("bucket").get("k")


def test_a_server_that_is_busy_or_gone_is_named_after_retries(s3, monkeypatch):
    monkeypatch.setattr("docpager.storage.object_store._RETRIES", 1)
    s3.fault = lambda method, key: "503"
    with pytest.raises(StorageError, match=r"'s3://bucket/k' cannot be read: 503 .*SlowDown"):
        Bucket("bucket").get("k")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StorageError, match=r"http://127.0.0.1:9 does not answer"):
        Bucket("bucket").get("k")


def test_a_passing_fault_is_not_seen(s3):
    failures = iter(["503", "503"])
    s3.fault = lambda method, key: next(failures, None)
    Bucket("bucket").put("k", b"content")
    assert Bucket("bucket").get("k").content == b"content"


def test_keys_come_from_a_profile(s3, monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    (tmp_path / "keys").write_text("[work]\naws_access_key_id = a-key\naws_secret_access_key = s\n")
    (tmp_path / "config").write_text(f"[profile work]\nendpoint_url = {s3.url}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "keys"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "work")
    Bucket("bucket").put("k", b"content")
    assert s3.keys("bucket") == ["k"]


def test_an_endpoint_without_encryption_must_be_allowed(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://storage.example:9000")
    with pytest.raises(UsageError, match=r"s3://bucket.*not encrypted.*AWS_ALLOW_HTTP"):
        Bucket("bucket")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    Bucket("bucket")


def test_storage_that_ignores_conditions_is_named(s3):
    Bucket("bucket").check_conditions("archive")
    s3.ignores_conditions = True
    with pytest.raises(StorageError, match=r"http://127.* ignores conditional puts"):
        Bucket("bucket").check_conditions("archive")


def test_nothing_of_it_is_imported_without_being_asked_for():
    code = (
        "import sys, docpager.cli, docpager.archive.archive, docpager.archive.ingest, "
        "docpager.batch.session, docpager.run.service\n"
        "assert 'obstore' not in sys.modules, 'obstore'\n"
        "assert 'docpager.archive.stored_archive' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_the_extra_the_way_out_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(UsageError, match=r"pip install 'docpager\[s3\]'"):
        Bucket("bucket")
