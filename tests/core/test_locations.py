"""What is written for a path: on this machine, or in object storage."""

from pathlib import Path

import pytest

from docpager.core.errors import UsageError
from docpager.core.inputs import as_path
from docpager.core.locations import ObjectPath, as_location, as_locations, is_remote


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("s3://bucket", ObjectPath("bucket")),
        ("s3://bucket/", ObjectPath("bucket")),
        ("S3://bucket/a//b/", ObjectPath("bucket", "a/b")),
        (Path("s3://bucket/a b/ä"), ObjectPath("bucket", "a b/ä")),
        ("docs", Path("docs")),
        ("C:/docs", Path("C:/docs")),
        ("notes:/today", Path("notes:/today")),
        (ObjectPath("bucket", "a"), ObjectPath("bucket", "a")),
    ],
)
def test_a_location_is_read(written, meant):
    assert as_location(written, "archive") == meant
    assert is_remote(str(written)) == isinstance(meant, ObjectPath)


def test_names_are_taken_apart_and_put_together():
    place = ObjectPath("bucket", "out/answers.v2.jsonl")
    assert (place.name, place.stem, place.suffix) == ("answers.v2.jsonl", "answers.v2", ".jsonl")
    assert place.with_name("x") == place.parent / "x" == ObjectPath("bucket", "out/x")
    assert str(place.parent.parent) == "s3://bucket"
    assert as_locations(["a", str(place)], "paths") == [Path("a"), place]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("s3://", "names no bucket"),
        ("s3://b!/x", "names no bucket"),
        ("gs://bucket/x", "only s3://bucket/prefix is known"),
        ("https://example.org/x.pdf", "copy it to this machine first"),
    ],
)
def test_other_addresses_are_refused(written, said):
    with pytest.raises(UsageError, match=said):
        as_location(written, "paths")


def test_what_must_be_here_cannot_be_there():
    with pytest.raises(UsageError, match="prices must be on this machine"):
        as_path("s3://bucket/prices.toml", "prices")
