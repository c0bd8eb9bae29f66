"""A preview is a plan of the first rows: its prompts are the first night's, with the gates' verdicts."""

import pyarrow as pa
import pytest

from catalogs.errors import CatalogueError
from flows.recipe_preview import preview_recipe
from infra.settings import Settings

RECIPE = """
extends: default@1
columns: {sku: Code, title: Name, color: Colour}
defaults: {template: "{{ title }}, {{ color }}, {{ phrase }}", views: [front, side]}
"""


def rows(**columns: list[str]) -> pa.Table:
    return pa.table(columns)


def test_prompts_come_view_by_view_in_the_order_of_the_rows_and_shared_ones_once() -> None:
    table = rows(Code=["B", "A", "C"], Name=["Bowl", "Apron", "Bowl"], Colour=["red", "blue", "red"])
    preview = preview_recipe(RECIPE, table, Settings(), 10)
    assert [(one["sku"], one["view"], one["prompt"], one["slots"]) for one in preview.prompts] == [
        ("B", "front", "Bowl, red, front view", 2),
        ("A", "front", "Apron, blue, front view", 1),
        ("B", "side", "Bowl, red, side view", 2),
        ("A", "side", "Apron, blue, side view", 1),
    ]
    assert (preview.plan.rows.accepted, preview.plan.images) == (3, 4)


def test_no_more_prompts_are_given_than_were_asked_for() -> None:
    table = rows(Code=list("ABCDEFGH"), Name=[f"Thing {n}" for n in range(8)], Colour=["red"] * 8)
    assert len(preview_recipe(RECIPE, table, Settings(), 3).prompts) == 3
    assert preview_recipe(RECIPE, table, Settings(), 0).prompts == []


def test_a_prompt_that_waits_says_why() -> None:
    table = rows(Code=["A"], Name=["Eine Schale aus Holz, auch für den Herd"], Colour=[""])
    (first, *_) = preview_recipe(RECIPE, table, Settings(), 1).prompts
    assert first["verdict"] == "REVIEW"
    assert first["reasons"] == ["language.unexpected"]


def test_rejected_rows_are_counted_with_their_reasons() -> None:
    preview = preview_recipe(RECIPE, rows(Code=["A", "A", ""], Name=["Mug"] * 3, Colour=[""] * 3), Settings(), 10)
    assert (preview.plan.rows.input, preview.plan.rows.accepted, preview.plan.rows.rejected) == (3, 1, 2)
    assert "was given before, in row 1" in preview.plan.rejects[0].reason


def test_a_recipe_that_does_not_fit_the_rows_is_refused_as_a_plan_does() -> None:
    with pytest.raises(CatalogueError, match="'Colour'"):
        preview_recipe(RECIPE, rows(Code=["A"], Name=["Mug"]), Settings(), 10)


def test_rows_with_photos_show_their_mode_and_photo_and_no_prompt_that_nothing_draws() -> None:
    table = rows(
        Code=["A", "B"], Name=["Bowl", "Jug"], Colour=["red", ""], photo=["p/a.jpg", ""], photo_side=["s.jpg", ""]
    )
    preview = preview_recipe(RECIPE, table, Settings(), 10)
    shown = [(one["sku"], one["view"], one["mode"], one["photo"], one["reasons"]) for one in preview.prompts]
    assert sorted(shown) == [
        ("A", "front", "white", "p/a.jpg", []),
        ("A", "side", "white", "s.jpg", []),
        ("B", "front", "", "", []),
        ("B", "side", "", "", []),
    ]
    assert [one["sku"] for one in preview.prompts if one["prompt"]] == ["B", "B"]
