"""Photo findings: what was measured of a shop's photo and its mask, in words, with the number beside the limit.

Inputs: the scores of a photo and its mask, and the rules on them. Outputs: findings as those on an image's own scores.
Pure. A rule that does not count for this mask (agreement, where no second cutter has a vote) is not shown.
"""

import math
from collections.abc import Iterator, Mapping

from catalogs.photos.fitness import judge_photo
from catalogs.photos.photo_rules import PhotoRules, ScoreRule, built_in_photo_rules
from catalogs.photos.photo_sentences import PHOTO_SCORE_MEANINGS
from catalogs.reviews.score_sentences import ScoreFinding, explain_limits


def explain_photo(scores: Mapping[str, float], rules: PhotoRules | None = None) -> tuple[ScoreFinding, ...]:
    """Return a finding for each rule on a measured score that counts; none where nothing was measured."""
    if not scores:
        return ()
    chosen = rules or built_in_photo_rules()
    past = {(finding.reason, finding.score) for finding in judge_photo(scores, chosen).findings}
    return tuple(_findings((*chosen.mask, *chosen.photo), scores, past))


def _findings(
    rules: tuple[ScoreRule, ...], scores: Mapping[str, float], past: set[tuple[str, str]]
) -> Iterator[ScoreFinding]:
    for rule in rules:
        value = scores.get(rule.score, math.nan)
        if not math.isfinite(value):
            continue
        if rule.decision_for(value) == "PASS" or (rule.reason, rule.score) in past:
            meaning = PHOTO_SCORE_MEANINGS.get(rule.score, rule.score)
            finding = explain_limits(rule.reason, rule.score, value, rule, meaning)
            if finding is not None:
                yield finding
