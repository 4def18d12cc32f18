"""Who calls: agents are known by a token each, kept in a file that nobody else may read."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from pathlib import Path

from docpager.core.errors import UsageError

__all__ = ["AgentTokens", "add_agent", "check_agent_name"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_TOKEN_BYTES = 32
_OWNER_ONLY = stat.S_IRUSR | stat.S_IWUSR


class AgentTokens:
    """The agents of a token file: one a line, its name and its token."""

    def __init__(self, tokens: dict[str, str]) -> None:
        # Hashes have one length, so comparing them tells nothing of a token's, and no error or
        # debugger shows what is kept here.
        self._hashes = {name: _hash(token) for name, token in tokens.items()}

    @classmethod
    def read(cls, path: Path) -> AgentTokens:
        """Read a token file.

        Raises:
            UsageError: it cannot be read, others may read it, or a line is no name and token.
        """
        try:
            mode = path.stat().st_mode
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise UsageError(f"cannot read the token file '{path}': {reason}") from error
        if os.name != "nt" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError(
                f"others may read the token file '{path}' (mode {stat.S_IMODE(mode):o}); "
                f"make it yours alone: chmod 600 {path}"
            )
        tokens = {}
        for number, line in enumerate(text.splitlines(), 1):
            name, _, token = line.strip().partition(" ")
            if not name or name.startswith("#"):
                continue
            # Neither the name nor the token is shown: they may have changed places.
            if not _NAME.fullmatch(name) or len(token) < _TOKEN_BYTES or " " in token:
                raise UsageError(f"line {number} of '{path}' is not an agent's name and its token")
            tokens[name] = token
        if not tokens:
            raise UsageError(f"the token file '{path}' names no agent")
        return cls(tokens)

    def agent_of(self, authorization: str | None) -> str | None:
        """The agent whose token a header `Authorization: Bearer TOKEN` holds; None for others.

        It takes the same time whichever token is right, and whether one is.
        """
        scheme, _, token = (authorization or "").partition(" ")
        given = _hash(token.strip())
        found = None
        for name, known in self._hashes.items():
            if hmac.compare_digest(given, known):
                found = name
        return found if scheme.lower() == "bearer" else None


def add_agent(path: Path, name: str) -> None:
    """Add an agent with a new token to a token file, which is made where there is none.

    Raises:
        UsageError: the name is none, is taken, or the file cannot be written or read.
    """
    check_agent_name(name)
    before = b""
    if path.exists():
        if name in AgentTokens.read(path)._hashes:
            raise UsageError(f"the token file '{path}' has an agent {name!r} already")
        before = path.read_bytes()
        if not before.endswith(b"\n"):
            before += b"\n"
    line = f"{name} {secrets.token_urlsafe(_TOKEN_BYTES)}\n".encode()
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Made with its mode, and not given it afterwards, when somebody may have opened it.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(before + line)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write the token file '{path}': {error.strerror}") from error


def check_agent_name(name: str) -> None:
    """Refuse a name that an agent, or a space, cannot have.

    Raises:
        UsageError: it is none.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise UsageError(
            f"{name[:80]!r} is no name: it takes small letters, digits, `-`, `_` and `.`, at most "
            "64, and begins with a letter or a digit"
        )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
