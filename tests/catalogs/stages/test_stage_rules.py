"""Scenes are judged by rules as data; what was not measured is never passed over."""

import math

import pytest

from catalogs.errors import RuleFileError
from catalogs.stages.stage_rules import built_in_stage_rules, judge_scene, load_stage_rules

EMPTY = {
    "zone.object": 0.0,
    "zone.edges": 0.03,
    "scene.width": 1600.0,
    "scene.height": 1200.0,
    "foot.level": 140.0,
    "foot.clipped": 0.0,
}


@pytest.mark.parametrize(
    ("scores", "decision", "reasons"),
    [
        ({}, "PASS", ()),
        ({"zone.object": 0.2}, "BLOCK", ("stage.zone-occupied",)),
        ({"zone.object": 0.01}, "REVIEW", ("stage.zone-occupied",)),
        ({"zone.edges": 0.3}, "REVIEW", ("stage.zone-busy",)),
        ({"scene.height": 511.0}, "BLOCK", ("stage.too-small",)),
        ({"scene.width": 1023.0, "scene.height": 512.0}, "REVIEW", ("stage.too-small",)),
        ({"scene.sharpness": 0.6}, "REVIEW", ("stage.blurred",)),
        ({"foot.level": 20.0}, "REVIEW", ("stage.foot-dark",)),
        ({"foot.clipped": 0.9}, "REVIEW", ("stage.foot-clipped",)),
        ({"text.count": 1.0}, "REVIEW", ("stage.text",)),
        ({"zone.object": math.nan}, "REVIEW", ("stage.zone-occupied",)),
    ],
)
def test_a_scene_is_judged_by_each_score(scores: dict[str, float], decision: str, reasons: tuple[str, ...]) -> None:
    verdict = judge_scene({**EMPTY, **scores}, built_in_stage_rules()).verdict
    assert (verdict.decision, verdict.reasons) == (decision, reasons)


def test_a_score_that_was_not_measured_is_a_doubt() -> None:
    judged = judge_scene({}, built_in_stage_rules())
    assert judged.verdict.decision == "REVIEW"
    assert set(judged.verdict.reasons) == {
        "stage.zone-occupied", "stage.zone-busy", "stage.too-small", "stage.foot-dark", "stage.foot-clipped"
    }  # fmt: skip
    assert judged.findings[0].sentence == "stage.zone-occupied: zone.object was not measured"


def test_a_rule_of_another_reason_names_file_and_field() -> None:
    text = "version: 1\nscene: [{score: zone.edges, reason: photo.blurred, review_above: 1}]\n"
    with pytest.raises(RuleFileError, match=r"mine\.yaml.*scene.*reason"):
        load_stage_rules(text, "mine.yaml")
