"""A model's fields become a flow's parameters: the form says what it says, and the model still decides."""

from typing import Literal

import pytest
from prefect import flow
from prefect.utilities.callables import get_call_parameters
from pydantic import BaseModel, Field

from catalogs.errors import OptionError
from flows.orchestration.flow_signature import parameters_from_pydantic
from flows.parameters import PartParameters, RefreshParameters, SweepParameters


class FormParameters(BaseModel):
    """What is ordered."""

    size: Literal["small", "large"] = Field("small", title="Size", description="How big")
    count: int = Field(ge=1, le=5, title="How many", description="At most five")
    name: str | None = Field(None, title="Name", description="Whose", json_schema_extra={"pattern": "^[a-z]+$"})


@parameters_from_pydantic(FormParameters, required=("name",))
def order(asked: FormParameters) -> str:
    """Order something."""
    return f"{asked.count} {asked.size} for {asked.name}"


def test_the_function_takes_the_fields_and_gets_the_model() -> None:
    assert order(count=2, name="ada") == "2 small for ada"
    assert order(count=2, name=None) == "2 small for None"
    with pytest.raises(OptionError, match=r"^count: Input should be less than or equal to 5"):
        order(count=6)


def test_what_prefect_passes_for_a_field_that_was_not_given_is_left_to_the_model() -> None:
    assert order(**get_call_parameters(order, (), {"count": 2, "name": "ada"})) == "2 small for ada"
    with pytest.raises(OptionError, match=r"^count: Field required$"):
        order(**get_call_parameters(order, (), {"name": "ada"}))


def test_prefect_reads_titles_ranges_and_what_is_required_from_it() -> None:
    schema = flow(name="order", validate_parameters=False)(order).parameters
    assert schema.required == ["count", "name"]
    count, name, size = (schema.properties[field] for field in ("count", "name", "size"))
    assert (count["minimum"], count["maximum"], count["title"], count["description"]) == (
        1,
        5,
        "How many",
        "At most five",
    )
    assert (name["type"], name["pattern"]) == ("string", "^[a-z]+$")
    assert (size["enum"], size["default"]) == (["small", "large"], "small")


@pytest.mark.parametrize("model", [RefreshParameters, PartParameters, SweepParameters])
def test_every_parameter_has_a_title_and_explains_itself(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not (field.title and field.description)] == []
