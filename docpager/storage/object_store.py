"""Object storage that speaks the S3 protocol. The only module that imports obstore, which is
imported when a bucket is opened.

Credentials come from where S3 programs keep them: the environment, a profile in `~/.aws`, or the
machine that this runs on. Every error names the bucket and the key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docpager.core.errors import StorageError, UsageError
from docpager.core.locations import ObjectPath

__all__ = [
    "Bucket",
    "ConditionRefused",
    "ListedObject",
    "ObjectMissing",
    "StoredObject",
    "in_parallel",
    "where_credentials_are",
]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_TIMEOUT_SECONDS = 120
_CONNECT_SECONDS = 10
_RETRIES = 5
_RETRY_SECONDS = 60
_WHOLE_BYTES = 32 << 20
"""Larger objects are read in ranges of this size and written in parts, so that no request takes
long."""
_AT_ONCE = 8
_KEYS_AT_ONCE = 1000
_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d{3} [\w ]+)")
_NO_CREDENTIALS = re.compile(r"169\.254\.|169\.254\.170|/latest/(?:api|meta-data)|imds", re.I)
_PROBE = "conditional-put-check"
_OTHER_TAG = '"00000000000000000000000000000000"'


class ObjectMissing(StorageError):
    """There is no such object."""


class ConditionRefused(StorageError):
    """An object is there already, or is another one than was expected.

    The object that is there may be one's own: a put is repeated when its reply was lost.
    """


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that was read."""

    content: bytes
    tag: str
    """Of its content: for `Bucket.replace`."""
    modified: datetime


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object as a list shows it."""

    path: ObjectPath
    bytes: int
    modified: datetime
    tag: str


class Bucket:
    """One bucket; safe in threads."""

    def __init__(self, name: str) -> None:
        """Open it. Nothing is asked of the server yet.

        Raises:
            UsageError: obstore is not installed, or the endpoint is none that is spoken to.
            StorageError: the profile says where credentials are in a way that needs boto3.
        """
        self.name = name
        self.endpoint, options = _options(name)
        self._store = _imported().store.S3Store(name, **options)

    def get(self, key: str) -> StoredObject:
        """A whole object.

        Raises:
            ObjectMissing: there is none.
            StorageError: it cannot be read.
        """
        with self._errors(key, "read"):
            found = self._obstore.get(self._store, key)
            content = bytes(found.bytes())
            return StoredObject(content, found.meta["e_tag"] or "", found.meta["last_modified"])

    def look(self, key: str) -> ListedObject:
        """What is known of an object without reading it.

        Raises:
            ObjectMissing, StorageError: as `get`.
        """
        with self._errors(key, "read"):
            found = self._obstore.head(self._store, key)
        place = ObjectPath(self.name, key)
        return ListedObject(place, found["size"], found["last_modified"], found["e_tag"] or "")

    def download(self, key: str, path: Path, *, size: int) -> None:
        """Write an object of `size` bytes into a new file, in ranges where it is large.

        Raises:
            ObjectMissing, StorageError: as `get`.
        """
        with path.open("wb") as file:
            for block in self.blocks(key, size=size):
                file.write(block)

    def blocks(self, key: str, *, size: int) -> Iterator[bytes]:
        """The first `size` bytes of an object, in ranges where it is large.

        Raises:
            ObjectMissing, StorageError: as `get`.
        """
        for start in range(0, size, _WHOLE_BYTES):
            with self._errors(key, "read"):
                end = min(size, start + _WHOLE_BYTES)
                block = bytes(self._obstore.get_range(self._store, key, start=start, end=end))
            yield block

    def put(self, key: str, content: bytes) -> None:
        """Write an object, whatever was there.

        Raises:
            StorageError: it cannot be written.
        """
        with self._errors(key, "write"):
            self._obstore.put(self._store, key, content)

    def upload(self, path: Path, key: str) -> None:
        """Write a file as an object, in parts where it is large.

        Raises:
            StorageError: it cannot be written.
        """
        with self._errors(key, "write"), path.open("rb") as file:
            self._obstore.put(self._store, key, file, chunk_size=_WHOLE_BYTES // 4)

    def create(self, key: str, content: bytes) -> str:
        """Write an object that must not be there yet (If-None-Match); its tag.

        Raises:
            ConditionRefused: there is one.
            StorageError: it cannot be written, or nobody knows whether it was.
        """
        with self._errors(key, "write"):
            made = self._obstore.put(self._store, key, content, mode="create")
            return str(made["e_tag"])

    def replace(self, key: str, content: bytes, *, tag: str) -> str:
        """Write an object in the place of the one that has `tag` (If-Match); its own tag.

        Raises:
            ConditionRefused: another one is there, or none.
            StorageError: it cannot be written, or nobody knows whether it was.
        """
        with self._errors(key, "write"):
            made = self._obstore.put(self._store, key, content, mode={"e_tag": tag})
            return str(made["e_tag"])

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """The objects under a prefix, in the order of their keys.

        Raises:
            StorageError: they cannot be listed.
        """
        found = []
        with self._errors(prefix, "list"):
            for page in self._obstore.list(self._store, prefix or None):
                found += [
                    ListedObject(
                        ObjectPath(self.name, each["path"]),
                        each["size"],
                        each["last_modified"],
                        each["e_tag"] or "",
                    )
                    for each in page
                ]
        yield from sorted(found, key=lambda each: each.path.key)

    def delete(self, keys: Collection[str]) -> None:
        """Remove objects; those that are gone already are passed over.

        Raises:
            StorageError: one cannot be removed.
        """
        rest = sorted(keys)
        for first in range(0, len(rest), _KEYS_AT_ONCE):
            some = rest[first : first + _KEYS_AT_ONCE]
            try:
                with self._errors(some[0], "remove"):
                    self._obstore.delete(self._store, some)
            except ObjectMissing:
                continue

    def check_conditions(self, prefix: str) -> None:
        """See that the server refuses a conditional put that must fail.

        Raises:
            StorageError: it ignores conditions: two writers would overwrite each other.
        """
        key = f"{prefix}/{_PROBE}".lstrip("/")
        content = b"docpager tries here whether conditional puts are refused\n"
        with suppress(ConditionRefused):
            self.create(key, content)
        for condition, attempt in (
            ("If-None-Match", lambda: self.create(key, content)),
            ("If-Match", lambda: self.replace(key, content, tag=_OTHER_TAG)),
        ):
            if _succeeds(attempt):
                raise StorageError(
                    f"{self._at(key)} was overwritten against its condition ({condition}): "
                    f"{self.endpoint or 'this storage'} ignores conditional puts, so two writers "
                    "would overwrite each other; nothing is written there. Use storage that "
                    "keeps them, or write the archive on disk and copy its folder there"
                )

    def _at(self, key: str) -> str:
        return f"'{ObjectPath(self.name, key)}'"

    @cached_property
    def _obstore(self) -> Any:
        return _imported()

    @contextmanager
    def _errors(self, key: str, doing: str) -> Iterator[None]:
        """What obstore raises becomes an error that says what, where and what next."""
        refused = self._obstore.exceptions
        try:
            yield
        except (refused.AlreadyExistsError, refused.PreconditionError) as error:
            raise ConditionRefused(f"{self._at(key)} is there, or was changed") from error
        except FileNotFoundError as error:
            # What cannot be found when it is written is its bucket.
            if doing == "write" or "NoSuchBucket" in str(error):
                raise self._no_bucket(key) from error
            raise ObjectMissing(f"there is no {self._at(key)}") from error
        except (refused.BaseError, OSError) as error:
            raise StorageError(self._said(key, doing, error)) from error

    def _no_bucket(self, key: str) -> StorageError:
        at = f" at {self.endpoint}" if self.endpoint else ""
        return StorageError(
            f"{self._at(key)}: there is no bucket {self.name!r}{at}; make it, or name another"
        )

    def _said(self, key: str, doing: str, error: Exception) -> str:
        text = str(error)
        code, status = _CODE.search(text), _STATUS.search(text)
        why = " ".join(found[1].strip() for found in (status, code) if found)
        at = f"{self._at(key)} cannot be {_PAST[doing]}"
        if code and code[1] == "NoSuchBucket":
            return str(self._no_bucket(key))
        if _NO_CREDENTIALS.search(text):
            return (
                f"{at}: no credentials were found; set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE for a profile in ~/.aws"
            )
        exceptions = self._obstore.exceptions
        if isinstance(error, exceptions.PermissionDeniedError | exceptions.UnauthenticatedError):
            return (
                f"{at}: access was refused ({why or 'no reason was given'}); check the "
                f"credentials ({_where_credentials_are()}) and what they may do with this bucket"
            )
        if not why:
            why = re.split(r"\n\n|Debug source", text)[0].rpartition(" - ")[2].strip()[:200]
            why = f"{self.endpoint or 'AWS'} does not answer ({why})"
        return f"{at}: {why}; try again, or check AWS_ENDPOINT_URL and AWS_REGION"


_PAST = {"read": "read", "write": "written", "list": "listed", "remove": "removed"}


def in_parallel(work: Callable[[Any], Any], items: Collection[Any]) -> list[Any]:
    """What `work` returns for each item, a few at once; the first error is raised."""
    if len(items) < 2:
        return [work(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(work, items))


def _succeeds(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except ConditionRefused:
        return False
    return True


def _imported() -> Any:
    try:
        import obstore
        import obstore.exceptions
        import obstore.store
    except ImportError as error:
        raise UsageError(
            "s3:// needs a library that is not installed: pip install 'docpager[s3]'"
        ) from error
    return obstore


def _options(bucket: str) -> tuple[str, dict[str, Any]]:
    """The endpoint, empty for AWS, and what a store is opened with."""
    profile = _profile()
    environment = os.environ.get
    endpoint = (
        environment("AWS_ENDPOINT_URL_S3")
        or environment("AWS_ENDPOINT_URL")
        or profile.get("endpoint_url", "")
    )
    region = environment("AWS_REGION") or environment("AWS_DEFAULT_REGION") or profile.get("region")
    client: dict[str, Any] = {
        "timeout": f"{_TIMEOUT_SECONDS}s",
        "connect_timeout": f"{_CONNECT_SECONDS}s",
    }
    if urlsplit(endpoint).scheme == "http":
        _check_plain(bucket, endpoint)
        client["allow_http"] = True
    options: dict[str, Any] = {
        "region": region or "us-east-1",
        "client_options": client,
        "retry_config": {
            "max_retries": _RETRIES,
            "retry_timeout": timedelta(seconds=_RETRY_SECONDS),
        },
    }
    if endpoint:
        options["endpoint"] = endpoint
    return endpoint, options | _credentials(bucket, profile)


def _check_plain(bucket: str, endpoint: str) -> None:
    allowed = os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true", "yes")
    if urlsplit(endpoint).hostname not in _LOOPBACK and not allowed:
        raise UsageError(
            f"'s3://{bucket}': {endpoint} is not encrypted; use https, or set AWS_ALLOW_HTTP=true"
        )


def _credentials(bucket: str, profile: dict[str, str]) -> dict[str, Any]:
    """Those of a profile; nothing where the environment has them, or the machine may."""
    if os.environ.get("AWS_ACCESS_KEY_ID") or os.environ.get("AWS_SKIP_SIGNATURE"):
        return {}
    if profile.get("aws_access_key_id"):
        found = {
            "access_key_id": profile["aws_access_key_id"],
            "secret_access_key": profile.get("aws_secret_access_key", ""),
        }
        token = profile.get("aws_session_token")
        return found | ({"session_token": token} if token else {})
    elsewhere = [key for key in profile if key.startswith(_ELSEWHERE)]
    if not elsewhere:
        return {}
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError as error:
        raise StorageError(
            f"'s3://{bucket}': the profile {_profile_name()!r} in ~/.aws gets its credentials by "
            f"{elsewhere[0]}, which needs boto3: pip install boto3"
        ) from error
    return {"credential_provider": Boto3CredentialProvider()}


_ELSEWHERE = ("sso_", "role_arn", "credential_process", "source_profile", "web_identity_token_file")


def _profile_name() -> str:
    return os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE") or "default"


def _profile() -> dict[str, str]:
    """What `~/.aws` says of the chosen profile; empty where there is none."""
    import configparser

    name = _profile_name()
    found: dict[str, str] = {}
    for variable, file, section in (
        ("AWS_CONFIG_FILE", "config", name if name == "default" else f"profile {name}"),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials", name),
    ):
        path = Path(os.environ.get(variable) or Path.home() / ".aws" / file)
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise StorageError(f"'{path}' cannot be read: {error}") from error
        if parser.has_section(section):
            found |= dict(parser.items(section))
    return found


def _where_credentials_are() -> str:
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        return "AWS_ACCESS_KEY_ID in the environment"
    if _profile():
        return f"profile {_profile_name()!r} in ~/.aws"
    return "those of this machine"


def where_credentials_are() -> str:
    """Where they are found, in a few words; nothing of them is shown."""
    return _where_credentials_are()
