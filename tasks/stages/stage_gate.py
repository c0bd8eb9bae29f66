"""The gate before a stage: what is measured of an empty scene, and the verdict that a person sees with it.

Inputs: pixels, where a product stands in them, a policy. Outputs: a `JudgedScene`: scores, verdict, sentences. The drop
zone is judged by stage rules; what the picture shows (words, nudity, logos) by the policy's own rules and by the
scanners that are installed here, as every generated image is.
It fails closed: what the policy requires and nobody measured is a doubt, and a BLOCK is never added.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from catalogs.policy.decisions import decide_image
from catalogs.policy.scanners import SCORE_SCANNERS
from catalogs.policy.schema import Policy
from catalogs.stages.stage_rules import StageRules, built_in_stage_rules, judge_scene
from catalogs.verdict import Verdict, combine_verdicts
from infra.compositing.drop_zone import measure_drop_zone
from infra.compositing.product_placement import PlacementRule
from infra.interfaces import Pixels
from infra.scanners.image_scanners import find_available
from infra.screening.measure import scan_pixels

SCENE_SCANNERS = frozenset({"explicit", "nudity", "text", "logos"})
"""Scanners that judge what a picture shows. The others judge a product, and a scene has none."""
_ALWAYS_ASKED = frozenset({"text"})
"""Asked where it is installed, whatever the policy names: a stage rule judges it."""


@dataclass(frozen=True)
class JudgedScene:
    """The verdict on a scene, the scores behind it, and each reason with its numbers, for a person."""

    verdict: Verdict
    scores: Mapping[str, float]
    sentences: tuple[str, ...] = ()

    @property
    def is_blocked(self) -> bool:
        """Tell whether no person is asked."""
        return self.verdict.decision == "BLOCK"


@dataclass(frozen=True)
class StageGate:
    """Judges scenes by stage rules and by a policy."""

    policy: Policy
    rules: StageRules = field(default_factory=built_in_stage_rules)

    def judge(self, pixels: Pixels, rule: PlacementRule) -> JudgedScene:
        """Return what was found of a scene on which products stand by this rule."""
        asked = {*_ALWAYS_ASKED, *self.policy.image_scanners} & SCENE_SCANNERS
        available, _ = find_available(sorted(asked), self.policy.scanner_settings)
        scan = scan_pixels(pixels, sorted(available), self.policy.scanner_settings)
        scores = {**measure_drop_zone(pixels, rule), **scan.scores}
        scene = judge_scene(scores, self.rules)
        shown = decide_image(scan.scores, scan.scanners, scan.errors, policy_of_scenes(self.policy), "")
        sentences = [finding.sentence for finding in scene.findings]
        sentences += [reason for reason in shown.reasons if reason not in scene.verdict.reasons]
        return JudgedScene(combine_verdicts((scene.verdict, shown)), scores, tuple(sentences))


def policy_of_scenes(policy: Policy) -> Policy:
    """Return the part of a policy that judges what a picture shows, whether or not a product is in it."""
    required = tuple(name for name in policy.required if name in SCENE_SCANNERS)
    rules = tuple(rule for rule in policy.image if SCORE_SCANNERS[rule.score] in SCENE_SCANNERS)
    return policy.model_copy(update={"required": required, "image": rules})
