"""Channels: a marketplace's image rules, as data, and the eligibility of an image for it.

Inputs: rules (`data/channels.yaml`, or a recipe's own), and the measurements of a finished image. Outputs: for each
channel of a recipe whether the image is eligible, or the reasons why not.

It fails closed, as policies do: an image is not eligible if a required value was not measured. Eligibility never stops
an image from being published; a policy does that. The rules are the marketplaces' own, so each rule names its source
and the date on which the source was read.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any, Literal

from pydantic import Field, model_validator

from catalogs.errors import RuleFileError
from catalogs.keys import digest
from catalogs.policy.prompt_rules import ReasonCode
from catalogs.policy.scanners import ALWAYS_MEASURED, SCORE_SCANNERS
from catalogs.rule_files import StrictModel, parse_yaml_mapping, read_packaged_rules, validate_rules
from catalogs.table_rows import ChannelColumns

_KeptMode = Literal["white", "backdrop", "stage", "scene"]  # as in `catalogs.photos.kept_request`, which lies above
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")

NEEDS_APPROVAL = "needs-a-person"
NO_PROVENANCE_MARK = "no-mark"
WRONG_FORMAT = "wrong-format"
SCORES_NOT_STORED = "not-stored"
"""The reason of an image whose scores have been swept."""

KEPT_FIELDS = frozenset({"kept_marks", "proof"})
"""What a channel says of images that keep a photo's product: it enters no digest of others."""

IMAGE_FACTS: Mapping[str, str] = {
    "picture.width": "width of the published image in pixels",
    "picture.height": "height of the published image in pixels",
    "picture.long_side": "the larger of width and height, in pixels",
    "picture.short_side": "the smaller of width and height, in pixels",
    "picture.megapixels": "width times height, in millions",
    "picture.form": "height divided by width",
    "picture.fill": "long side of the product divided by the image's, on the finished image",
    "picture.enlarged": "factor by which the finish enlarged the generated image; 1 if it did not",
}
"""The values that a rule may judge beside the stored scores, and their meaning."""


class ChannelRule(StrictModel):
    """One requirement of a channel. A value at the limit meets it."""

    score: str = Field(description="One of IMAGE_FACTS, or of the scores that policies judge")
    at_least: float | None = Field(None, allow_inf_nan=False, description="The lowest value that is good enough")
    at_most: float | None = Field(None, allow_inf_nan=False, description="The highest value that is good enough")
    reason: ReasonCode = Field(description="The short code that the manifest gives if the rule is not met")
    source: str = Field(min_length=1, description="The document that states the requirement")
    seen: date = Field(description="The date on which the source was last read")

    @model_validator(mode="after")
    def _useful(self) -> "ChannelRule":
        if self.score not in IMAGE_FACTS and self.score not in SCORE_SCANNERS:
            raise ValueError(f"score: {self.score!r} is none of {', '.join(sorted({*IMAGE_FACTS, *SCORE_SCANNERS}))}")
        if self.at_least is None and self.at_most is None:
            raise ValueError(f"the rule on {self.score!r} has no threshold; give at_least or at_most")
        return self

    def is_met_by(self, value: float) -> bool:
        """Tell whether a value meets the rule."""
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


class Channel(StrictModel):
    """One marketplace's rules for an image."""

    title: str = Field("", description="The marketplace's own name")
    formats: tuple[Literal["jpeg", "png", "webp", "gif", "tiff", "bmp"], ...] = Field(
        ("jpeg",), min_length=1, description="File formats that it takes; Packshot writes JPEG"
    )
    person: str = Field("", description="Why a person must approve an image for this channel; else empty")
    mark: bool = Field(False, description="The file must state what made it: a trained model (IPTC), or its mode")
    kept_marks: Mapping[_KeptMode, tuple[str, ...]] = Field(
        {}, description="With `mark`: by mode of a kept product, the marks of which one will do; else the mode's own"
    )
    proof: tuple[_KeptMode, ...] = Field(
        (), description="Modes whose proof stands for a person's approval, where the photo shows the article sold"
    )
    rules: tuple[ChannelRule, ...] = Field((), description="What must hold of an image")
    advice: tuple[str, ...] = Field((), description="What the channel recommends; not judged")

    @property
    def rules_digest(self) -> str:
        """Return the sha256 of everything that decides; a rule's source and the date of reading it do not."""
        return self._digest(KEPT_FIELDS)

    @property
    def kept_rules_digest(self) -> str:
        """Return the digest for images that keep a photo's product: no other image is judged by these words."""
        return self._digest(frozenset())

    def _digest(self, unused: frozenset[str]) -> str:
        content = self.model_dump(mode="json", exclude={"title", "advice"} | unused) | {"person": bool(self.person)}
        for rule in content["rules"]:
            del rule["source"], rule["seen"]
        return digest(content)


@dataclass(frozen=True)
class ImageFacts:
    """The facts of a finished image that channel rules judge.

    `width` and `height` are in pixels, `scores` are raw numbers by name, `fill` is the product's long side over the
    image's (None if no product was found), `enlarged` is the factor by which the finish enlarged the image, and
    `has_source_mark` tells whether the file carries the mark of what made it, and `source_mark` the name of its mark.
    `kept_mode` is the mode of a kept product, `proven` whether the proof of it was made again and held when the image
    was measured, and `shows_article` whether the recipe says that its photos show the very articles that are sold.
    """

    width: int
    height: int
    scores: Mapping[str, float]
    fill: float | None = None
    enlarged: float = 1.0
    format: str = "jpeg"
    has_source_mark: bool = True
    source_mark: str = ""
    kept_mode: _KeptMode | None = None
    proven: bool = False
    shows_article: bool = False

    @property
    def rule_inputs(self) -> dict[str, float]:
        """Return every value that a rule may judge, as far as it is known."""
        facts = {
            **self.scores,
            "picture.width": self.width,
            "picture.height": self.height,
            "picture.long_side": max(self.width, self.height),
            "picture.short_side": min(self.width, self.height),
            "picture.megapixels": self.width * self.height / 1e6,
            "picture.form": self.height / self.width if self.width else math.nan,
            "picture.enlarged": self.enlarged,
        }
        return facts if self.fill is None else facts | {"picture.fill": self.fill}


@dataclass(frozen=True)
class ChannelEligibility:
    """The channels that an image is eligible for, and the reasons against the others, as sorted `channel:reason`."""

    channels: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @classmethod
    def from_row(cls, row: ChannelColumns) -> "ChannelEligibility":
        """Return the eligibility that a row of the manifest or of a batch holds."""
        return cls(tuple(row["channels"] or ()), tuple(row["channel_reasons"] or ()))

    @property
    def row_columns(self) -> ChannelColumns:
        """Return the eligibility as columns of a row."""
        return {"channels": list(self.channels), "channel_reasons": list(self.reasons)}


NOT_ELIGIBLE = ChannelEligibility()


def evaluate_channels(
    channels: Mapping[str, Channel], image: ImageFacts | None, approved_channels: Sequence[str] = ()
) -> ChannelEligibility:
    """Judge an image for each channel; None stands for an image without stored facts.

    `approved_channels` are those for which a person approved exactly this image.
    """
    eligible, reasons = [], []
    for name, channel in sorted(channels.items()):
        own_reasons = sorted(set(_ineligibility_reasons(channel, image, name in approved_channels)))
        reasons += [f"{name}:{reason}" for reason in own_reasons]
        eligible += [] if own_reasons else [name]
    return ChannelEligibility(tuple(eligible), tuple(reasons))


def is_judged_for(eligibility: ChannelEligibility, channel: str) -> bool:
    """Tell whether an image was judged for a channel at all."""
    return channel in eligibility.channels or any(reason.startswith(f"{channel}:") for reason in eligibility.reasons)


def needs_approval(eligibility: ChannelEligibility, channel: str) -> bool:
    """Tell whether an image waits for a person's approval on a channel."""
    return f"{channel}:{NEEDS_APPROVAL}" in eligibility.reasons


def with_approval_answer(eligibility: ChannelEligibility, channel: str, approved: bool) -> ChannelEligibility:
    """Return the eligibility after a person's answer for a channel that needs approval; other reasons stay."""
    needed = f"{channel}:{NEEDS_APPROVAL}"
    reasons = {*eligibility.reasons} - {needed} if approved else {*eligibility.reasons, needed}
    channels = {*eligibility.channels} - {channel}
    without = ChannelEligibility(tuple(sorted(channels)), tuple(sorted(reasons)))
    if is_judged_for(without, channel):
        return without
    return replace(without, channels=tuple(sorted({*channels, channel})))


def _ineligibility_reasons(channel: Channel, image: ImageFacts | None, approved: bool) -> Iterator[str]:
    if channel.person and not (approved or (image is not None and _is_approved_by_proof(channel, image))):
        yield NEEDS_APPROVAL
    if image is None:
        yield SCORES_NOT_STORED
        return
    if image.format not in channel.formats:
        yield WRONG_FORMAT
    if channel.mark and not _has_demanded_mark(channel, image):
        yield NO_PROVENANCE_MARK
    facts = image.rule_inputs
    for rule in channel.rules:
        value = facts.get(rule.score, math.nan)
        if not math.isfinite(value):
            yield f"not-measured.{rule.score}"
        elif not rule.is_met_by(value):
            yield rule.reason


def _is_approved_by_proof(channel: Channel, image: ImageFacts) -> bool:
    return image.kept_mode in channel.proof and image.proven and image.shows_article


def _has_demanded_mark(channel: Channel, image: ImageFacts) -> bool:
    if image.kept_mode is not None and image.kept_mode in channel.kept_marks:
        return image.source_mark in channel.kept_marks[image.kept_mode]
    return image.has_source_mark


def missing_scanners(channels: Mapping[str, Channel], scanners: Sequence[str]) -> dict[str, list[str]]:
    """Return the scanners that channels depend on and that are not run: name -> the channels."""
    missing: dict[str, list[str]] = {}
    for name, channel in sorted(channels.items()):
        needed = {SCORE_SCANNERS[rule.score] for rule in channel.rules if rule.score in SCORE_SCANNERS}
        for scanner in sorted(needed.difference(scanners, [ALWAYS_MEASURED])):
            missing.setdefault(scanner, []).append(name)
    return missing


@cache
def built_in_channels() -> Mapping[str, Channel]:
    """Return the packaged channels, by name."""
    where = "the built-in channels"
    content = parse_yaml_mapping(read_packaged_rules("channels"), where)
    return {name: validate_rules(fields, f"{where}: {name}", Channel) for name, fields in content.items()}


def resolve_channels(value: Any) -> Any:
    """Return a recipe's `channels`, names or name -> rules, as name -> rules. Raises `ValueError` for unknown names.

    Rules that are written out stay as they are, so a run's frozen recipe keeps the rules of its time.
    """
    if isinstance(value, str) or not isinstance(value, Sequence | Mapping):
        raise ValueError("give a list of names, or a mapping of names to rules")
    given = value if isinstance(value, Mapping) else dict.fromkeys(value)
    resolved: dict[str, Any] = {}
    for name, rules in given.items():
        if not _NAME.fullmatch(str(name)):
            raise ValueError(f"{name!r} must match {_NAME.pattern}")
        if rules is None and name not in built_in_channels():
            raise ValueError(
                f"there is no channel {name!r}; choose from {', '.join(built_in_channels())}, or give its rules"
            )
        resolved[name] = built_in_channels()[name] if rules is None else rules
    return resolved


def built_in_channel(name: str) -> Channel:
    """Return a packaged channel. Raises `RuleFileError` naming those there are."""
    try:
        return built_in_channels()[name]
    except KeyError:
        raise RuleFileError(f"There is no channel {name!r}; choose from {', '.join(built_in_channels())}") from None
