"""A stage says where a product stands, takes its categories, and is used only once a person approved it."""

from catalogs.stages.stage import Stage, StageState

VALUES = {"sha256": "0" * 64, "name": "oak", "origin": "photo", "width": 1024, "height": 768}


def test_its_placement_is_what_a_placement_rule_takes() -> None:
    stage = Stage.model_validate({**VALUES, "fill": 0.5, "least_fill": 0.25, "centre": 0.4, "foot": 0.9})
    assert stage.placement == {"fill": 0.5, "least_fill": 0.25, "centre": 0.4, "foot": 0.9}


def test_only_an_approved_one_is_usable() -> None:
    usable = [state for state in StageState if Stage.model_validate({**VALUES, "state": state}).is_usable]
    assert usable == [StageState.APPROVED]


def test_one_without_categories_takes_all_and_one_with_them_no_others() -> None:
    every, mugs = (Stage.model_validate({**VALUES, "categories": names}) for names in ((), ("mugs",)))
    assert every.takes("")
    assert every.takes("lamps")
    assert [mugs.takes(category) for category in ("mugs", "lamps", "")] == [True, False, False]
