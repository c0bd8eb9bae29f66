"""Mask rules: may a mask be used, is it for a person to look at, or is it wrong.

Inputs: the scores of a mask (`infra.cutout.mask_scores`), and rules. Outputs: a `Judgement`: PASS, REVIEW or BLOCK with
reasons and their numbers. Pure, so a changed limit decides stored masks again without looking at one of them.

No cutter is believed alone: each of them loses a part of a product now and then, and neither knows when. Two masks that
agree confirm each other. Where the ground is not plain the plain-ground cutter has no vote, so it confirms nobody.
"""

import math
from collections.abc import Iterator, Mapping

from catalogs.photos.photo_rules import Judgement, PhotoFinding, PhotoRules, ScoreRule, apply_rules, judgement_of

AGREEMENT, PLAINNESS = "mask.agreement", "ground.plainness"
GIVEN, FLOODED = "mask.given", "mask.flooded"

ONE_CUTTER = "mask.one-cutter"
"""The reason of a mask that no second cutter confirms."""


def judge_mask(scores: Mapping[str, float], rules: PhotoRules) -> Judgement:
    """Return the verdict on a mask by its scores."""
    return judgement_of([*_confirmation(scores, rules), *apply_rules(_rules_on(scores, rules), scores)])


def _confirmation(scores: Mapping[str, float], rules: PhotoRules) -> Iterator[PhotoFinding]:
    """Yield what is wrong where no second mask speaks for this one; a mask that came with the photo needs none."""
    if scores.get(GIVEN) == 1 or rules.alone == "PASS":
        return
    if AGREEMENT not in scores:
        yield PhotoFinding(ONE_CUTTER, rules.alone, AGREEMENT)
    elif _is_without_vote(scores, rules):
        plainness = scores.get(PLAINNESS, math.nan)
        known = math.isfinite(plainness)
        yield PhotoFinding(
            ONE_CUTTER, rules.alone, PLAINNESS, plainness if known else None, rules.plain_from if known else None
        )


def _is_without_vote(scores: Mapping[str, float], rules: PhotoRules) -> bool:
    # Not `<`, since a missing or NaN plainness must count as too low; and a missing flag as the flood's mask.
    return scores.get(FLOODED, 1.0) != 0 and not scores.get(PLAINNESS, math.nan) >= rules.plain_from


def _rules_on(scores: Mapping[str, float], rules: PhotoRules) -> list[ScoreRule]:
    """Return the rules that count: without a second mask that has a vote, nothing is said about agreement."""
    unconfirmed = scores.get(GIVEN) == 1 or AGREEMENT not in scores or _is_without_vote(scores, rules)
    return [rule for rule in rules.mask if not (unconfirmed and rule.score == AGREEMENT)]
