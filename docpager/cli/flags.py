"""How the command line spells what a message calls by its Python name.

The library says `max_usd=0.5`; a person at a terminal types --max-usd 0.5. Nothing outside this
room names an option.
"""

from __future__ import annotations

import ast
import re
import shlex

__all__ = ["COMMANDS_FOR", "FLAG_OF", "with_flags"]

FLAG_OF = {
    "ReadingSettings.ocr": "--ocr",
    "ReadingSettings.timeout_seconds": "--timeout-per-file",
    "api": "--api",
    "api_key_env": "--api-key-env",
    "archive": "--archive",
    "backend": "--backend",
    "base_url": "--base-url",
    "concurrency": "--concurrency",
    "effort": "--effort",
    "embedder": "--embedder",
    "engine": "--engine",
    "fetch_tokenizer": "--fetch-tokenizer",
    "functions": "--functions",
    "finish_live_after_seconds": "--finish-live-after",
    "journal": "--journal",
    "journals": "--journals",
    "live": "--live",
    "max_output": "--max-output",
    "max_steps": "--max-steps",
    "max_tokens": "--max-tokens",
    "max_usd": "--max-usd",
    "missing_as_failed": "--missing-as-failed",
    "model": "--model",
    "on_new_archive": "--on-new-archive",
    "output": "--output",
    "page_pictures": "--pictures",
    "pictures": "--no-pictures",
    "ocr_language": "--ocr-language",
    "passwords": "--password-file",
    "port": "--port",
    "prefetch": "--prefetch",
    "prices": "--prices",
    "retry_failed": "--retry-failed",
    "skip_invalid": "--skip-invalid",
    "timeout_seconds": "--timeout",
    "verdicts": "--verdicts",
    "window": "--window",
}
"""By the name of the Python argument or field."""
_FLAG_OF_VALUE = {"by_batches=True": "--via batches", "by_batches=False": "--via live",
                  "pictures=False": "--no-pictures"}  # fmt: skip
COMMANDS_FOR = {"docpager.repair(...)": "docpager verify --repair"}
"""What does the same as a function."""

_SETTING = re.compile(r"`([A-Za-z_.]+)=([^`]*)`")


def with_flags(message: str) -> str:
    """A message of the library in the words of the command line.

    >>> with_flags("the smallest is `window=900`; or raise `max_usd=`")
    'the smallest is --window 900; or raise --max-usd'
    """
    for function, command in COMMANDS_FOR.items():
        message = message.replace(f"`{function}`", f"`{command}`")
    return _SETTING.sub(_flag, message)


def _flag(setting: re.Match[str]) -> str:
    name, value = setting.groups()
    if special := _FLAG_OF_VALUE.get(f"{name}={value}"):
        return special
    flag = FLAG_OF.get(name)
    if flag is None:  # of something that is no option, such as a file's own text
        return setting[0]
    return flag if value in ("", "True") else f"{flag} {_typed(value)}"


def _typed(value: str) -> str:
    """A value as it is typed in a shell: 900, extractive, 'two words'."""
    try:
        return shlex.quote(str(ast.literal_eval(value)))
    except (ValueError, SyntaxError):
        return shlex.quote(value)
