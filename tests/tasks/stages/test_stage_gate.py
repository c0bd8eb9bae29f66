"""The gate joins the drop zone's rules with what a policy says of pictures, and fails closed."""

from collections.abc import Mapping

import pytest

from catalogs.policy.scanners import SCORE_SCANNERS
from catalogs.policy.schema import Policy, built_in_policy
from infra.compositing.product_placement import PlacementRule
from infra.scanners import image_scanners
from infra.screening.measure import PixelScan
from tasks.stages import stage_gate
from tasks.stages.stage_gate import StageGate, policy_of_scenes
from tests.fixtures.stage_scenes import default_gate, empty_scene, occupied_scene

RULE = PlacementRule(0.6, 0.3, 0.5, 0.82)


def test_an_empty_scene_passes_and_an_occupied_one_is_blocked_with_its_number() -> None:
    passed = default_gate().judge(empty_scene(), RULE)
    assert (passed.verdict.decision, passed.sentences, passed.is_blocked) == ("PASS", (), False)
    assert passed.scores["zone.object"] == 0
    blocked = default_gate().judge(occupied_scene(), RULE)
    assert (blocked.verdict.decision, blocked.verdict.reasons) == ("BLOCK", ("stage.zone-occupied",))
    assert blocked.is_blocked
    assert blocked.sentences[0].startswith("stage.zone-occupied: zone.object 0.")


def test_only_what_judges_a_picture_of_anything_is_left_of_a_policy() -> None:
    policy = policy_of_scenes(built_in_policy("default@2"))
    assert {SCORE_SCANNERS[rule.score] for rule in policy.image} <= stage_gate.SCENE_SCANNERS
    assert "explicit.probability" in {rule.score for rule in policy.image}
    assert policy.required == ()


def a_policy(**fields: object) -> Policy:
    return built_in_policy("default@2").model_copy(update=fields)


def test_a_required_scanner_that_is_not_installed_is_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_available(names: object, settings: object) -> tuple[dict[str, str], dict[str, str]]:
        return {}, {}

    monkeypatch.setattr(stage_gate, "find_available", none_available)
    judged = StageGate(a_policy(required=("explicit", "pixels", "words"))).judge(empty_scene(), RULE)
    assert (judged.verdict.decision, judged.verdict.reasons) == ("REVIEW", ("scanner-missing.explicit",))
    assert judged.sentences == ("scanner-missing.explicit",)


@pytest.mark.parametrize(
    ("scores", "errors", "decision", "reasons"),
    [
        ({"explicit.probability": 0.99}, {}, "BLOCK", ("explicit",)),
        ({"text.count": 2.0, "text.area": 0.01, "text.confidence": 0.9}, {}, "REVIEW", ("stage.text",)),
        ({}, {"explicit": "it died"}, "PASS", ()),
    ],
)
def test_what_scanners_find_is_judged_as_of_any_image(
    monkeypatch: pytest.MonkeyPatch,
    scores: Mapping[str, float],
    errors: Mapping[str, str],
    decision: str,
    reasons: tuple[str, ...],
) -> None:
    def found(*_: object) -> PixelScan:
        return PixelScan(scores, {SCORE_SCANNERS[name]: "1" for name in scores}, errors)

    monkeypatch.setattr(stage_gate, "scan_pixels", found)
    verdict = default_gate().judge(empty_scene(), RULE).verdict
    assert verdict.decision == decision
    assert set(reasons) <= set(verdict.reasons)


def test_every_scanner_of_scenes_exists() -> None:
    assert set(image_scanners.SCANNER_SPECS) >= stage_gate.SCENE_SCANNERS
