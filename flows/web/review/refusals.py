"""Refusals: the reasons that a person may give, as the pages offer them, and the keys of the console.

Inputs: the codes of `catalogs.answers.refusal_reasons`. Outputs: names for buttons, digits for keys. Pure.
"""

from typing import NamedTuple

from catalogs.answers.refusal_reasons import REASONS_FOR_MANY, REFUSAL_REASONS


class RefusalChoice(NamedTuple):
    """A reason to refuse: its digit, its code, its name, and what it says."""

    digit: int
    code: str
    words: str
    sentence: str


REFUSALS = tuple(
    RefusalChoice(digit, code, code.replace("-", " "), sentence)
    for digit, (code, sentence) in enumerate(REFUSAL_REASONS.items(), 1)
)

REFUSALS_OF_MANY = tuple(refusal for refusal in REFUSALS if refusal.code in REASONS_FOR_MANY)
"""What a grid offers: nobody says in words what is wrong with twelve images."""

ITEM_KEYS = (
    ("a", "accept"),
    ("r, then 1 to 9", "refuse, for the reason with that number"),
    ("t", "another attempt, with the prompt as it is or edited; Ctrl Enter sends it"),
    ("s", "skip: it comes back later"),
    ("u", "take the last answer back, in whichever group it was"),
    ("n", "next group"),
    ("z", "zoom to the worst spot, and back"),
    ("f", "flip between this image, the live one and the one that it resembles"),
    ("o", "boxes on and off"),
    ("b", "blur on and off"),
    ("Esc", "leave a field, close what is open"),
)
GRID_KEYS = (
    ("arrows", "go from image to image"),
    ("x", "mark as bad, or no longer"),
    ("1 to 8", "mark as bad, for the reason with that number"),
    ("a", "refuse the marked ones, accept all others"),
    ("u", "take the last answer back"),
    ("n", "next group"),
    ("b", "blur on and off"),
)
