"""The built-in reader without a language model: deterministic, offline, sees only the request."""

from docpager.models.extractive.reader import ExtractiveModel

__all__ = ["ExtractiveModel"]
