"""Which brands a picture may show, and whose they are.

Comes in: the policy's list and library of brands, a prompt, the scores of the brands that were found. Goes out: the
scores that count: of brands that are none of the product's own.

A picture's own brands are those that its prompt names. The prompt says what the picture is of, every slot that shares
the picture shares the prompt, and what the prompt may name is judged before it is painted. So a recipe that wants a
brand's mark to be seen names the brand in its template, and no other brand is let through with it.
"""

import unicodedata
from collections.abc import Mapping

from pydantic import Field

from catalogs.rule_files import StrictModel

LOGO_SCORES = ("logos.mark", "logos.name")
"""The best over all brands; `SCORE:CATALOGUE` is one brand's own."""


class LogoSettings(StrictModel):
    """What the scanner `logos` looks for."""

    names: tuple[str, ...] = Field((), description="Names that are looked for in what can be read in a picture")
    library: str | None = Field(
        None, min_length=1, description="A folder of marks: BRAND.png, or BRAND/any name.png; relative to this file"
    )


def without_own_brands(scores: Mapping[str, float], prompt: str) -> dict[str, float]:
    """Return the scores with those of the brands that the prompt names left out."""
    said = f" {_normalized_words(prompt)} "
    own = {name for name in scores if ":" in name and f" {_normalized_words(name.partition(':')[2])} " in said}
    kept = {name: score for name, score in scores.items() if name not in own}
    for best in LOGO_SCORES:
        if best in kept and any(name.startswith(f"{best}:") for name in own):
            kept[best] = max((score for name, score in kept.items() if name.startswith(f"{best}:")), default=0.0)
    return kept


def _normalized_words(text: str) -> str:
    """Return a text's words in small letters without accents, with single spaces: `L'Oréal` is `l oreal`."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(each if each.isalnum() else "" if unicodedata.combining(each) else " " for each in folded)
    return " ".join(kept.split())
