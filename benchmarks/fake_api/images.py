"""What an image takes, and which ones are refused, as the API documents it (vision, August 2026).

Written from the documentation alone: nothing here is shared with the client that is tested.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.fake_api.api_errors import invalid
from benchmarks.fake_api.models import Model

__all__ = ["check_images", "image_tokens"]

_PATCH = 28
_LONGEST = 8_000
_LONGEST_AMONG_MANY = 2_000
_MANY = 20
_MOST_BYTES = 5 * 1024 * 1024
_MOST = {1_000_000: 600}
_MOST_OF_OTHERS = 100


def image_tokens(source: Mapping[str, Any], model: Model) -> int | None:
    """Tokens of a base64 PNG: the patches of 28 by 28 pixels that it covers, once it has been made
    small enough for the model; None for sources whose size cannot be seen."""
    size = _png_size(source)
    if size is None:
        return None
    width, height = size
    share = 1.0
    while True:
        w, h = max(1, round(width * share)), max(1, round(height * share))
        patches = _covered(w) * _covered(h)
        if max(w, h) <= model.image_edge and patches <= model.image_tokens:
            return patches
        share *= 0.999


def _covered(length: int) -> int:
    whole, rest = divmod(length, _PATCH)
    return whole + (rest > 0)


def _png_size(source: Mapping[str, Any]) -> tuple[int, int] | None:
    if source.get("type") != "base64" or source.get("media_type") != "image/png":
        return None
    head = base64.b64decode(source["data"][:44])
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def check_images(messages: Sequence[Mapping[str, Any]], model: Model) -> None:
    """Refuse images that cannot be read, are too large, or too many.

    Raises:
        ApiError: 400.
    """
    images = list(_images(messages))
    most = _MOST.get(model.context, _MOST_OF_OTHERS)
    if len(images) > most:
        raise invalid(f"messages: at most {most} images are allowed")
    for where, source in images:
        if source.get("type") == "base64":
            _check(where, source, among_many=len(images) > _MANY)


def _check(where: str, source: Mapping[str, Any], *, among_many: bool) -> None:
    where = f"{where}.image.source.base64"
    try:
        size = len(base64.b64decode(source["data"], validate=True))
    except (binascii.Error, ValueError):
        raise invalid(f"{where}.data: Input should be a valid base64 string") from None
    if len(source["data"]) > _MOST_BYTES:
        raise invalid(f"{where}: image exceeds 5 MB maximum: {size} bytes > {_MOST_BYTES} bytes")
    if source["media_type"] != "image/png":
        return
    if not base64.b64decode(source["data"][:12]).startswith(b"\x89PNG"):
        raise invalid(f"{where}.media_type: the image does not match the media type image/png")
    longest = max(_png_size(source) or (0, 0))
    if longest > _LONGEST:
        raise invalid(f"{where}.data: At least one of the image dimensions exceed max allowed size")
    if among_many and longest > _LONGEST_AMONG_MANY:
        raise invalid(
            f"{where}.data: At least one of the image dimensions exceed max allowed size for "
            f"many-image requests: {_LONGEST_AMONG_MANY} pixels"
        )


def _images(messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Where each image stands, and its source."""
    for n, message in enumerate(messages):
        if not isinstance(message["content"], str):
            yield from _below(f"messages.{n}.content", message["content"])


def _below(
    where: str, blocks: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for m, block in enumerate(blocks):
        if block["type"] == "image":
            yield f"{where}.{m}", block["source"]
        elif block["type"] == "tool_result" and isinstance(block.get("content"), list):
            yield from _below(f"{where}.{m}.content", block["content"])
