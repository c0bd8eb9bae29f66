"""A stage says where a product stands, and only where one fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from catalogs.stages.stage import MAX_FILL, Stage, StageState
from infra.compositing import product_placement
from infra.compositing.product_placement import PlacementRule
from tests.fixtures.stage_scenes import a_stage


@given(fill=st.floats(0.001, 1), least=st.floats(0.001, 1), centre=st.floats(0.001, 1), foot=st.floats(0.001, 1))
def test_what_a_stage_takes_is_a_rule_of_placement_and_nothing_else_is(
    fill: float, least: float, centre: float, foot: float
) -> None:
    try:
        stage: Stage | None = a_stage("oak", fill=fill, least_fill=least, centre=centre, foot=foot)
    except ValidationError:
        stage = None
    try:
        rule: PlacementRule | None = PlacementRule(fill, least, centre, foot)
    except ValueError:
        rule = None
    assert (None if stage is None else PlacementRule(**stage.placement)) == rule  # type: ignore[arg-type]


def test_the_most_that_a_product_fills_is_that_of_placing() -> None:
    assert MAX_FILL == product_placement.MAX_FILL


@pytest.mark.parametrize(("state", "usable"), [(state, state is StageState.APPROVED) for state in StageState])
def test_only_an_approved_stage_is_used(state: StageState, usable: bool) -> None:
    assert a_stage("oak", state=state).is_usable is usable


def test_a_stage_without_categories_takes_all_and_another_takes_its_own() -> None:
    assert a_stage("oak").takes("")
    assert [a_stage("oak", categories=("mugs",)).takes(category) for category in ("mugs", "", "lamps")] == [
        True, False, False
    ]  # fmt: skip


@pytest.mark.parametrize("fields", [{"sha256": "x"}, {"name": "Oak"}, {"origin": "drawn"}, {"width": 0}, {"mood": "x"}])
def test_what_is_no_stage_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(fields))):
        a_stage("oak", **fields)


def test_a_time_without_a_zone_is_no_time_of_an_answer() -> None:
    with pytest.raises(ValidationError, match="answered_at"):
        a_stage("oak", answered_at="2026-12-01T10:00:00")


def test_a_category_is_the_same_however_its_accents_are_written() -> None:
    composed, decomposed = "k\u00fcche", "ku\u0308che"
    assert a_stage("oak", categories=(composed,)).takes(decomposed)
    assert a_stage("oak", categories=(decomposed,)).takes(composed)
