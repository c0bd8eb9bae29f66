"""Refusal reasons: why people refuse an image, each with the digit that says so in the review console.

Inputs: none. Outputs: codes and sentences. In outcomes and reports a reason stands behind `person.`, so that it is
told from the gates' own. Codes are on disk, so they never change; new ones are added at the end.
"""

from collections.abc import Iterable

PERSON = "person."
"""Prefix of a person's reasons in outcomes."""

REFUSAL_REASONS = {
    "wrong-product": "it shows another product than the row names",
    "deformed": "the product is deformed, or has parts too many or too few",
    "text-or-logo": "there is text, a logo or a watermark that does not belong there",
    "background": "the background is wrong",
    "colour": "the colour or material is wrong",
    "cropped": "the product is cut off, too small or off centre",
    "duplicate": "it is too similar to another image",
    "offensive": "it is explicit, offensive or not allowed",
    "other": "another reason, said in words",
}
"""Code -> what it says; the digit is its place, counted from 1."""

IN_WORDS = "other"
"""The reason that says nothing without the person's own words."""
REASONS_FOR_MANY = {code: sentence for code, sentence in REFUSAL_REASONS.items() if code != IN_WORDS}
"""The reasons that can be given for many images at once: each says by itself what is wrong."""


def refusal_outcome_reason(code: str) -> str:
    """Return the reason code of an outcome that a person refused. Raises ValueError for an unknown code."""
    if code not in REFUSAL_REASONS:
        raise ValueError(f"{code!r} is none of {', '.join(REFUSAL_REASONS)}")
    return PERSON + code


def lacks_words(code: str, why: str) -> bool:
    """Tell whether a refusal says nothing: its reason needs words, and there are none."""
    return code == IN_WORDS and not why.strip()


def is_person_refusal(reasons: Iterable[str] | None) -> bool:
    """Tell whether these reasons of an outcome are a person's refusal."""
    return any(reason.startswith(PERSON) for reason in reasons or ())
