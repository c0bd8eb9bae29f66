"""A row's overrides win over the recipe, and the request key covers both."""

from typing import Any

import pytest

from catalogs.ingest.rows import BatchRows
from catalogs.keys import request_key
from catalogs.planning.current_state import OutcomeIndex
from catalogs.planning.plan import Request
from catalogs.planning.request_builder import RequestBuilder
from catalogs.recipe.effective_recipe import EffectiveRecipes
from catalogs.recipe.templates import PromptRenderError
from tests.fixtures.sample_recipe import ingest_accepted, recipe_with

MUG = {"sku": "MUG-1", "title": "Blue Mug", "category": "lamps"}


def builder(*rows: dict[str, Any], index: int = 0, **changes: object) -> RequestBuilder:
    recipe = recipe_with(changes)
    part = EffectiveRecipes(recipe).get("", "front", "a", "standard", "stub")
    return RequestBuilder(
        BatchRows(ingest_accepted([{**MUG, **row} for row in rows], recipe)), part, index, OutcomeIndex([])
    )


def key_of(request: Request, made: RequestBuilder, **more: object) -> str:
    parameters = made.effective_recipe.request_key_parameters(request.negative, request.width, request.height)
    return request_key({**parameters, "prompt": request.prompt, **more})


def test_the_recipe_speaks_where_the_row_is_silent() -> None:
    made = builder({})
    request = made.build_request(0)
    assert request.prompt == "Photo of Blue Mug, front view"
    assert (request.negative, request.seed, request.width, request.height) == ("", None, 512, 512)
    assert (request.category, request.priority, request.first_attempt, request.attempts_allowed) == (
        "lamps", "normal", 0, 3,
    )  # fmt: skip
    assert request.key.hex() == key_of(request, made)


def test_the_row_speaks_first() -> None:
    own = {"prompt": "A  mug\tof my own", "negative_prompt": "text", "seed": "7", "width": "640", "priority": "High"}
    made = builder(own, **{"tiers.standard.guidance": 2.0})
    request = made.build_request(0)
    assert (request.prompt, request.negative) == ("A mug of my own", "text")
    assert (request.seed, request.width, request.height, request.priority) == (7, 640, 512, "high")
    assert request.key.hex() == key_of(request, made, seed=7)


def test_another_index_is_another_request() -> None:
    made = builder({}, index=2)
    request = made.build_request(0)
    assert request.key.hex() == key_of(request, made, index=2)
    assert request.key != builder({}).build_request(0).key


def test_neighbours_do_not_leak_into_one_another() -> None:
    rows: tuple[dict[str, Any], ...] = ({}, {"seed": "7"}, {"width": "640"}, {"negative_prompt": "text"}, {})
    guided = {"tiers.standard.guidance": 2.0}
    together = builder(*({**row, "sku": f"MUG-{number}"} for number, row in enumerate(rows)), **guided)
    keys = [together.build_request(position).key for position in range(len(rows))]
    assert keys == [builder(row, **guided).build_request(0).key for row in rows]
    assert len(set(keys)) == 4


def test_a_negative_prompt_that_no_model_reads_is_empty_and_may_be_of_any_length() -> None:
    silent, spoken = builder({}).build_request(0), builder({"negative_prompt": "text " * 1000}).build_request(0)
    assert (spoken.negative, spoken.key) == ("", silent.key)


def test_an_empty_prompt_is_a_fault() -> None:
    made = builder({}, **{"defaults.template": "{{ color }}"})
    with pytest.raises(PromptRenderError, match="it is empty"):
        made.build_request(0)
