from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from docpager.core.tokens import BuiltInEstimator
from docpager.models.messages import FunctionSchema
from docpager.paging.epoch import PromptSizer
from docpager.run.functions import functions_for
from docpager.run.plan import instructions

MOST_FIXED = 1_600


def described(schema: Mapping[str, Any], where: str) -> Iterator[tuple[str, str]]:
    """Every parameter of a schema, nested ones too, and its description."""
    for name, parameter in schema.get("properties", {}).items():
        yield f"{where}.{name}", parameter.get("description", "")
        yield from described(parameter.get("items", {}), f"{where}.{name}")


@pytest.mark.parametrize("function", functions_for(), ids=lambda function: function.name)
def test_every_function_and_every_parameter_is_described(function: FunctionSchema) -> None:
    assert function.description.endswith(".")
    missing = [name for name, text in described(function.parameters, function.name) if not text]
    assert missing == []
    assert set(function.parameters["required"]) <= set(function.parameters["properties"])


@pytest.mark.parametrize("notes", [True, False])
@pytest.mark.parametrize("pins", [True, False])
def test_instructions_and_functions_take_no_more_than_they_may(notes: bool, pins: bool) -> None:
    sizer = PromptSizer.of(BuiltInEstimator(), 1)

    assert sizer.fixed(instructions(), functions_for(notes=notes, pins=pins)) <= MOST_FIXED


def test_the_instructions_name_every_function_that_a_model_needs_first() -> None:
    for function in functions_for():
        if function.name not in ("recall", "contents"):
            assert function.name in instructions()


def test_ablations_take_away_notes_and_pins_and_nothing_else() -> None:
    names = [function.name for function in functions_for()]
    without = functions_for(notes=False, pins=False)
    (page_in,) = [function for function in without if function.name == "page_in"]

    assert [function.name for function in without] == [n for n in names if n != "write_note"]
    assert list(page_in.parameters["properties"]) == ["locator"]
