"""Kept requests: their keys are of the photo, the size and the rule, and never of a model or a row's texts."""

import pyarrow as pa
import pytest

from catalogs.ingest.rows import BatchRows
from catalogs.keys import request_key
from catalogs.planning.current_state import OutcomeIndex
from catalogs.planning.kept_requests import KeptRequestBuilder, open_request_builder
from catalogs.planning.plan import Request
from catalogs.planning.request_builder import RequestBuilder
from catalogs.recipe.effective_recipe import EffectiveRecipe, EffectiveRecipes, photos_column
from catalogs.verdict import PASS, Verdict
from tests.fixtures.sample_recipe import RECIPE

ONE, TWO = "1" * 64, "2" * 64
ROW = {"row": 1, "sku": "A", "title": "Mug", "priority": "High", "deadline": "2026-11-22T06:30:00Z"}


def effective(model: str = "@photo") -> EffectiveRecipe:
    return EffectiveRecipes(RECIPE, {"plain-ground": "1"}).get("mugs", "front", "a", "standard", model)


def request_for(tokens: str, **cells: str) -> Request:
    rows = BatchRows(pa.table({name: [value] for name, value in {**ROW, **cells}.items()}))
    rows.add_column(photos_column("front"), [tokens])
    return open_request_builder(rows, effective(), 0, OutcomeIndex([])).build_request(0, "a person's prompt")


def test_the_key_is_that_of_the_parameters_which_the_row_states() -> None:
    request = request_for(ONE)
    stated = {
        "prompt": "", "negative": "", "width": 512, "height": 512, "steps": 0, "guidance": 0.0, "render_version": 1,
        "kept": request.kept,
    }  # fmt: skip
    assert request.key.hex() == request_key(stated)
    assert (request.priority, request.deadline is not None, request.prompt) == ("high", True, "")


@pytest.mark.parametrize(
    ("tokens", "cells", "same"),
    [
        (ONE, {"title": "Cup", "seed": "9", "prompt": "A cup", "category": "cups"}, True),
        (f"!photo.unreadable {ONE}", {}, True),
        (f"{ONE} {ONE}", {}, True),
        (TWO, {}, False),
        (f"{ONE} {TWO}", {}, False),
        (ONE, {"width": "256"}, False),
    ],
)
def test_a_key_moves_with_the_photos_and_the_size_alone(tokens: str, cells: dict[str, str], same: bool) -> None:
    assert (request_for(tokens, **cells).key == request_for(ONE).key) is same


def test_a_request_without_a_usable_photo_is_refused_with_the_reasons_of_all_of_them() -> None:
    request = request_for("!photo.unreadable !photo.unreachable !photo.unreadable")
    assert request.verdict == Verdict("BLOCK", ("photo.unreadable", "photo.unreachable"))
    assert request_for(f"!photo.unreadable {ONE}").verdict == PASS


def test_a_recipe_of_a_model_has_the_builder_of_prompts() -> None:
    rows = BatchRows(pa.table({name: [value] for name, value in ROW.items()}))
    builder = open_request_builder(rows, effective("stub"), 0, OutcomeIndex([]))
    assert isinstance(builder, RequestBuilder)
    assert not isinstance(builder, KeptRequestBuilder)
