"""The models endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.fake_api.api_errors import invalid, not_found
from benchmarks.fake_api.models import MODELS, Model, model_named

__all__ = ["list_models", "page_of", "show_foreign_model", "show_model"]

_DEPRECATED = ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929")


def show_model(model_id: str) -> dict[str, Any]:
    """What the API says of one model.

    Raises:
        ApiError: 404.
    """
    model = model_named(model_id)
    if model is None:
        raise not_found(f"model: {model_id}")
    return _shown(model)


def show_foreign_model(name: str) -> dict[str, Any]:
    """What servers that grew up with another API say: an id, and nothing on limits."""
    model = {"id": name or "local-model", "object": "model", "owned_by": "library"}
    return model if name else {"object": "list", "data": [model]}


def list_models(query: Mapping[str, str]) -> dict[str, Any]:
    """A page of models."""
    ids = [model.id for model in MODELS]
    page, more = page_of(ids, query, most=1_000)
    return {
        "data": [show_model(each) for each in page],
        "has_more": more,
        "first_id": page[0] if page else None,
        "last_id": page[-1] if page else None,
    }


def page_of(ids: Sequence[str], query: Mapping[str, str], *, most: int) -> tuple[list[str], bool]:
    """The ids that `limit`, `after_id` and `before_id` ask for, and whether there are more.

    Raises:
        ApiError: 400, when `limit` is out of range.
    """
    limit = int(query.get("limit", 20))
    if not 1 <= limit <= most:
        raise invalid(f"limit: Input should be between 1 and {most}")
    if "before_id" in query:
        end = ids.index(query["before_id"]) if query["before_id"] in ids else 0
        return list(ids[max(0, end - limit) : end]), end > limit
    start = ids.index(query["after_id"]) + 1 if query.get("after_id") in ids else 0
    return list(ids[start : start + limit]), start + limit < len(ids)


def _shown(model: Model) -> dict[str, Any]:
    deprecated = model.id in _DEPRECATED
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.id.replace("-", " ").title(),
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "deprecated" if deprecated else "active",
        "deprecated_at": "2026-08-01T00:00:00Z" if deprecated else None,
        "retires_at": "2026-11-30T00:00:00Z" if deprecated else None,
        "line": model.line,
        "max_input_tokens": model.context,
        "max_tokens": model.max_output,
        "capabilities": _capabilities(model),
    }


def _capabilities(model: Model) -> dict[str, Any]:
    yes, no = {"supported": True}, {"supported": False}
    kinds = ("adaptive", "between_tools", "disabled", "enabled")
    levels = ("low", "medium", "high", "xhigh", "max")
    return {
        "batch": yes,
        "citations": yes,
        "code_execution": no,
        "context_management": no,
        "effort": {
            "supported": bool(model.efforts),
            **{level: {"supported": level in model.efforts} for level in levels},
        },
        "image_input": yes,
        "pdf_input": yes,
        "server_tools": {"supported": False, "code_execution": no, "web_search": no},
        "structured_outputs": yes,
        "thinking": {
            "supported": True,
            "types": {kind: {"supported": kind in model.thinking} for kind in kinds},
        },
    }
