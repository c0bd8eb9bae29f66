"""Brand logos in images: the scanner's settings, and the scores of brands that the product may not show.

Inputs: a prompt and the scores of the brands found in its image. Outputs: the scores without those of the product's own
brands.

An image's own brands are the brands that its prompt names. The prompt states what the image shows, every slot that
shares the image shares the prompt, and the prompt gates judge the prompt before anything is generated. A recipe whose
products show a brand's logo therefore names the brand in its template, and no other brand passes with it.
"""

import unicodedata
from collections.abc import Mapping

from pydantic import Field

from catalogs.rule_files import StrictModel

LOGO_SCORES = ("logos.mark", "logos.name")
"""The highest over all brands; `SCORE:BRAND` is the score of one brand."""


class LogoSettings(StrictModel):
    """The settings of the scanner `logos`."""

    names: tuple[str, ...] = Field((), description="Brand names to look for in the text that is read in an image")
    library: str | None = Field(
        None, min_length=1, description="A folder of logos: BRAND.png, or BRAND/any name.png; relative to this file"
    )


def without_own_brands(scores: Mapping[str, float], prompt: str) -> dict[str, float]:
    """Return the scores without those of the brands that the prompt names; the totals are those of the other brands."""
    prompt_words = f" {_normalized_words(prompt)} "
    own = {name for name in scores if ":" in name and f" {_normalized_words(name.partition(':')[2])} " in prompt_words}
    others = {name: score for name, score in scores.items() if name not in own}
    for total in LOGO_SCORES:
        if total in others and any(name.startswith(f"{total}:") for name in own):
            others[total] = max((score for name, score in others.items() if name.startswith(f"{total}:")), default=0.0)
    return others


def _normalized_words(text: str) -> str:
    """Return a text's words in lower case without accents, separated by single spaces: `L'Oréal` is `l oreal`."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(char if char.isalnum() else "" if unicodedata.combining(char) else " " for char in folded)
    return " ".join(letters.split())
