"""Scanners: one declaration each (name, scores, their meaning), and which of them a policy requests.

Inputs: a policy's lists of scanner names. Outputs: the same names, checked; the tables of scores that policies,
channels and the documentation read. A scanner's code is not known here: `infra.scanners` and `infra.screening` measure.

A misspelt name is an error: a scanner that does not exist would never run, and its absence would never be reported.
Names of scanners and scores stand in policies, digests and stored scores, so they never change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field, field_validator, model_validator

from catalogs.policy.brand_logos import LogoSettings
from catalogs.rule_files import StrictModel

PROMPT_SCANNERS = frozenset({"words", "brands", "languages", "classifier"})
"""Scanners of prompts; every other scanner reads images."""

ALWAYS_MEASURED = ""
"""Stands in place of a scanner for what finishing an image measures: no image is without it."""

CONFIDENCE_SCORE = "mask.confidence"
"""Confidence in the scores that describe the product, 0 to 1."""


@dataclass(frozen=True)
class ImageScanner:
    """A scanner of images: its scores, each with its meaning, and whether it runs without being named in a policy."""

    name: str
    scores: Mapping[str, str]
    always_run: bool = False


IMAGE_SCANNER_DECLARATIONS = (
    ImageScanner(
        "pixels",
        {
            "blank.range": "grey levels between the 1st and the 99th percentile",
            "blank.foreground": "share of the frame that is not background, 0 to 1",
            "black.mean": "mean grey level",
            "black.deviation": "standard deviation of the grey levels",
            "blur.foreground": "sharpness of the denoised product; higher is sharper",
            "noise.foreground": "noise of the product, sigma in grey levels",
            "exposure.mean": "mean grey level of the product",
            "exposure.clipped": "share of the product with two channels at 250 or more, 0 to 1",
            "exposure.crushed": "share of the product at grey level 5 or less, 0 to 1",
            "background.white": "share of the border ring whose channels are all 250 or more, 0 to 1",
            "background.cast": "distance of the border ring's mean colour from grey, in units of CIE Lab",
            "background.deviation": "standard deviation of the border ring's grey levels",
            "fill.side": "longer side of the product's box over the frame's, 0 to 1",
            "centre.off": "offset of the product's centre from the frame's, over the frame, 0 to 0.5",
            "edges.touched": "sides of the frame that the product touches, 0 to 4",
            "parts.count": "pieces of more than 5 % of the frame each",
            "frame.step": "grey levels between a plain border on all four sides and what it frames; 0 without a border",
            "collage.halves": "correlation of the left and right, or top and bottom, halves, -1 to 1",
            "collage.line": "share of the frame's length that the longest straight edge has, 0 to 1",
            CONFIDENCE_SCORE: "confidence in the scores that describe the product, 0 to 1",
            "aspect.off": "relative difference of the aspect ratio from the requested one",
            "size.width": "width in pixels",
            "size.height": "height in pixels",
        },
        always_run=True,
    ),
    ImageScanner("fingerprint", {}, always_run=True),  # a PDQ code and its quality, which duplicate rules read
    ImageScanner("explicit", {"explicit.probability": "probability that the whole picture is pornographic, 0 to 1"}),
    ImageScanner(
        "nudity",
        {
            "nudity.genitals": "highest confidence of exposed genitals, 0 to 1",
            "nudity.breast": "highest confidence of an exposed female breast, 0 to 1",
            "nudity.buttocks": "highest confidence of exposed buttocks, 0 to 1",
            "nudity.face": "highest confidence of a face, 0 to 1",
        },
    ),
    ImageScanner(
        "text",
        {
            "text.area": "share of the frame under words, 0 to 1",
            "text.count": "separate places with words",
            "text.confidence": "highest confidence of a word, 0 to 1",
        },
    ),
    ImageScanner(
        "logos",
        {
            "logos.mark": "matching points of the best logo in the library",
            "logos.name": "similarity of the best brand name among the words in the image, 0 to 100",
        },
    ),
)
"""Every scanner of images. Scanners that are not always run are run where a policy names them."""

IMAGE_SCANNERS = frozenset(scanner.name for scanner in IMAGE_SCANNER_DECLARATIONS)

SCORE_MEANINGS: Mapping[str, str] = {
    **{score: meaning for scanner in IMAGE_SCANNER_DECLARATIONS for score, meaning in scanner.scores.items()},
    "file.bytes": "size of the finished file in bytes",
}
"""Every score that a rule may judge, and what it means."""

SCORE_SCANNERS: Mapping[str, str] = {
    **{score: scanner.name for scanner in IMAGE_SCANNER_DECLARATIONS for score in scanner.scores},
    "file.bytes": ALWAYS_MEASURED,
}
"""Every score that a rule may judge, and the scanner that measures it."""

OPT_IN_SCORES: Mapping[str, str] = {
    score: scanner.name for scanner in IMAGE_SCANNER_DECLARATIONS for score in scanner.scores if not scanner.always_run
}
"""The scores of scanners that a policy has to name. A rule on a scanner that did not run gives no verdict."""


class RequestedScanners(StrictModel):
    """The scanners that a policy requests."""

    required: tuple[str, ...] = Field(
        ("words", "pixels", "fingerprint"), description="Scanners without whose answer nothing passes"
    )
    optional: tuple[str, ...] = Field(
        (), description="Scanners that run beside those where they are installed; their absence holds nothing back"
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
            raise ValueError(
                "logos: the scanner `logos` is requested without `names` or a `library`; give at least one"
            )
        return self

    @property
    def image_scanners(self) -> tuple[str, ...]:
        """Return the scanners of images that the policy names, required or not."""
        return tuple(sorted({*self.required, *self.optional} - PROMPT_SCANNERS))

    @property
    def scanner_settings(self) -> dict[str, dict[str, Any]]:
        """Return each scanner's settings, by scanner."""
        return {"logos": self.logos.model_dump(mode="json")} if "logos" in self.image_scanners else {}
