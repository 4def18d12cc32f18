"""What the API refuses, as the error bodies it sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["ApiError", "invalid", "not_found"]


class ApiError(Exception):
    """A refusal with its status, its type and its text."""

    def __init__(
        self,
        status: int,
        type_: str,
        message: str,
        *,
        error_code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = type_
        self.message = message
        self.error_code = error_code
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> dict[str, Any]:
        """The JSON body of the answer."""
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.error_code is not None:
            error["details"] = {"error_code": self.error_code}
        return {"type": "error", "error": error, "request_id": request_id}


def invalid(message: str) -> ApiError:
    """A request that breaks a rule."""
    return ApiError(400, "invalid_request_error", message)


def not_found(message: str) -> ApiError:
    """Something that is not there."""
    return ApiError(404, "not_found_error", message)
