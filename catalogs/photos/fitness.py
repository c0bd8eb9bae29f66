"""Fitness: may a photo be used, and which of a row's photos is taken.

Inputs: the scores of a row's photos in the row's order, and rules. Outputs: a `PhotoChoice`: the fittest photo, why it
was taken, and what each of the others is refused for. Pure.

The best verdict wins, of mask and photo together. Among equals the shop's own order decides: its first photo is the one
that it means, and a later one that is larger is no reason to take another. A row whose fittest photo does not pass
waits with that photo's reasons.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from catalogs.photos.mask_rules import judge_mask
from catalogs.photos.photo_rules import Judgement, PhotoRules, apply_rules, judgement_of

ChoiceReason = Literal["only-photo", "first-that-passes", "least-doubtful"]


@dataclass(frozen=True, slots=True)
class PhotoChoice:
    """The position of the photo that is taken, why, and the judgement on every photo of the row, in its order."""

    position: int
    reason: ChoiceReason
    judgements: tuple[Judgement, ...]

    @property
    def taken(self) -> Judgement:
        """Return the judgement on the photo that is taken."""
        return self.judgements[self.position]


def judge_photo(scores: Mapping[str, float], rules: PhotoRules) -> Judgement:
    """Return the verdict on a photo with its mask."""
    return judgement_of([*apply_rules(rules.photo, scores), *judge_mask(scores, rules).findings])


def choose_photo(photos: Sequence[Mapping[str, float]], rules: PhotoRules) -> PhotoChoice:
    """Return the choice among the scores of a row's photos, one or more."""
    if not photos:
        raise ValueError("there is no photo to choose from")
    judgements = tuple(judge_photo(scores, rules) for scores in photos)
    position = min(range(len(photos)), key=lambda number: judgements[number].verdict.severity)
    if len(photos) == 1:
        return PhotoChoice(position, "only-photo", judgements)
    passes = judgements[position].verdict.decision == "PASS"
    return PhotoChoice(position, "first-that-passes" if passes else "least-doubtful", judgements)
