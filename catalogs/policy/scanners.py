"""Which scanners there are, what they measure, and which of them a policy asks for. What they are is not known here.

Comes in: a policy's lists of names. Goes out: the same, checked: a scanner whose name is misspelt would never be
missed, and never be run.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator, model_validator

from catalogs.policy.brand_logos import LogoSettings
from catalogs.rule_files import StrictModel

PROMPT_SCANNERS = frozenset({"words", "brands", "languages", "classifier"})
"""Scanners of prompts; every other one is of images."""

IMAGE_SCANNERS = frozenset({"pixels", "fingerprint", "nudity", "text", "logos"})
"""The first two are always run; the others where a policy names them."""

OPT_IN_SCORES: Mapping[str, str] = {
    "nudity.genitals": "nudity",
    "nudity.breast": "nudity",
    "nudity.buttocks": "nudity",
    "nudity.face": "nudity",
    "text.area": "text",
    "text.count": "text",
    "text.confidence": "text",
    "logos.mark": "logos",
    "logos.name": "logos",
}
"""The scores of the scanners that a policy has to name. A rule on a silent scanner says nothing."""


class RequestedScanners(StrictModel):
    """Which scanners a policy asks for."""

    required: tuple[str, ...] = Field(
        ("words", "pixels", "fingerprint"), description="Scanners without whose word nothing passes"
    )
    optional: tuple[str, ...] = Field(
        (), description="Scanners that are run beside those where they are installed; nothing waits for their word"
    )
    logos: LogoSettings = Field(LogoSettings(), description="What the scanner `logos` looks for")

    @field_validator("required", "optional")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = PROMPT_SCANNERS | IMAGE_SCANNERS
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(f"there is no scanner {unknown[0]!r}; choose from {', '.join(sorted(known))}")
        return tuple(sorted(set(names)))

    @model_validator(mode="after")
    def _logos_are_given(self) -> "RequestedScanners":
        if "logos" in self.image_scanners and not (self.logos.names or self.logos.library):
            raise ValueError("logos: the scanner `logos` is named, and has neither names nor a library to look for")
        return self

    @property
    def image_scanners(self) -> tuple[str, ...]:
        """Return the scanners of images that the policy names, required or not."""
        return tuple(sorted({*self.required, *self.optional} - PROMPT_SCANNERS))

    @property
    def scanner_settings(self) -> dict[str, dict[str, Any]]:
        """Return what the scanners have to know, by scanner."""
        return {"logos": self.logos.model_dump(mode="json")} if "logos" in self.image_scanners else {}
