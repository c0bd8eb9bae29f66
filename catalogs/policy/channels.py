"""Channels: what a marketplace asks of a picture, as data, and whether a picture may be used there.

Comes in: rules (`data/channels.yaml`, or a recipe's own), and what was measured of a finished picture. Goes out: for
each channel that a recipe asks for, usable, or why not. It fails closed, as policies do: what a channel asks for and
nobody measured makes a picture unusable there. Nothing here stops a picture from being published: a policy does that.
Rules are facts of others, so each says where it stands and when somebody looked.
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
from catalogs.policy.scanners import SCORE_SCANNERS
from catalogs.rule_files import StrictModel, parse_yaml_mapping, read_packaged_rules, validate_rules

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")

NEEDS_APPROVAL = "needs-a-person"
NO_PROVENANCE_MARK = "no-mark"
WRONG_FORMAT = "wrong-format"
SCORES_NOT_STORED = "not-stored"
"""Why a picture is usable nowhere whose scores have been swept."""

IMAGE_FACTS: Mapping[str, str] = {
    "picture.width": "pixels of the published picture",
    "picture.height": "pixels of the published picture",
    "picture.long_side": "the larger of the two",
    "picture.short_side": "the smaller of the two",
    "picture.megapixels": "width times height, in millions",
    "picture.form": "height over width",
    "picture.fill": "long side of the product over the picture's, on the finished picture",
    "picture.enlarged": "by how much the finish enlarged what the model made; 1 where it did not",
}
"""What a rule may judge beside the stored scores, and what it means."""


class ChannelRule(StrictModel):
    """One thing that a channel asks for. A value at the limit is good enough."""

    score: str = Field(description="One of FACTS, or of the scores that policies judge")
    at_least: float | None = Field(None, allow_inf_nan=False)
    at_most: float | None = Field(None, allow_inf_nan=False)
    reason: ReasonCode = Field(description="The short code that the manifest gives where it does not hold")
    source: str = Field(min_length=1, description="Who says so")
    seen: date = Field(description="When somebody last looked there")

    @model_validator(mode="after")
    def _useful(self) -> "ChannelRule":
        if self.score not in IMAGE_FACTS and self.score not in SCORE_SCANNERS:
            raise ValueError(f"score: {self.score!r} is none of {', '.join(sorted({*IMAGE_FACTS, *SCORE_SCANNERS}))}")
        if self.at_least is None and self.at_most is None:
            raise ValueError(f"the rule on {self.score!r} has no threshold; give at_least or at_most")
        return self

    def is_met_by(self, value: float) -> bool:
        """Tell whether a value is good enough."""
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


class Channel(StrictModel):
    """One marketplace's rules for a picture."""

    title: str = Field("", description="The marketplace's own name")
    formats: tuple[Literal["jpeg", "png", "webp", "gif", "tiff", "bmp"], ...] = Field(("jpeg",), min_length=1)
    person: str = Field("", description="Why a picture needs a person's word to be used here; empty where it does not")
    mark: bool = Field(False, description="The file must say that a trained model made it (IPTC)")
    rules: tuple[ChannelRule, ...] = ()
    advice: tuple[str, ...] = Field((), description="What the channel recommends; not judged")

    @property
    def rules_digest(self) -> str:
        """Return the sha256 of all that judges: where a rule stands and when somebody looked does not."""
        content = self.model_dump(mode="json", exclude={"title", "advice"}) | {"person": bool(self.person)}
        for rule in content["rules"]:
            del rule["source"], rule["seen"]
        return digest(content)


@dataclass(frozen=True)
class ImageFacts:
    """What is known of a finished picture: pixels, bytes, what was measured, how it came about.

    `scores` are raw numbers by name, `fill` the product's long side over the picture's (None where no product was
    seen), `enlarged` how much larger the finish made it, `mark` whether the file carries the source mark.
    """

    width: int
    height: int
    scores: Mapping[str, float]
    fill: float | None = None
    enlarged: float = 1.0
    format: str = "jpeg"
    has_source_mark: bool = True

    @property
    def rule_inputs(self) -> dict[str, float]:
        """Return every number that a rule may judge, as far as it is known."""
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
    """Where a picture may be used, and why not elsewhere: `reasons` are `channel:reason`, sorted."""

    channels: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "ChannelEligibility":
        """Return what a row of the manifest or of a batch says."""
        return cls(tuple(row["channels"] or ()), tuple(row["channel_reasons"] or ()))

    @property
    def row_columns(self) -> dict[str, list[str]]:
        """Return it as a row has it."""
        return {"channels": list(self.channels), "channel_reasons": list(self.reasons)}


NOT_ELIGIBLE = ChannelEligibility()


def evaluate_channels(
    channels: Mapping[str, Channel], image: ImageFacts | None, approved_channels: Sequence[str] = ()
) -> ChannelEligibility:
    """Judge a picture for each channel; None stands for one of which nothing is stored.

    `approved` names the channels for which a person has said that this very picture may be used.
    """
    good, reasons = [], []
    for name, channel in sorted(channels.items()):
        found = sorted(set(_ineligibility_reasons(channel, image, name in approved_channels)))
        reasons += [f"{name}:{reason}" for reason in found]
        good += [] if found else [name]
    return ChannelEligibility(tuple(good), tuple(reasons))


def is_judged_for(eligibility: ChannelEligibility, channel: str) -> bool:
    """Tell whether a picture was judged for a channel at all."""
    return channel in eligibility.channels or any(reason.startswith(f"{channel}:") for reason in eligibility.reasons)


def needs_approval(eligibility: ChannelEligibility, channel: str) -> bool:
    """Tell whether a picture waits for a person's word on a channel."""
    return f"{channel}:{NEEDS_APPROVAL}" in eligibility.reasons


def with_approval_answer(eligibility: ChannelEligibility, channel: str, approved: bool) -> ChannelEligibility:
    """Return the same with a person's word on a channel, which was asked for; every other rule goes on to stand."""
    asked = f"{channel}:{NEEDS_APPROVAL}"
    reasons = {*eligibility.reasons} - {asked} if approved else {*eligibility.reasons, asked}
    channels = {*eligibility.channels} - {channel}
    found = ChannelEligibility(tuple(sorted(channels)), tuple(sorted(reasons)))
    return found if is_judged_for(found, channel) else replace(found, channels=tuple(sorted({*channels, channel})))


def _ineligibility_reasons(channel: Channel, image: ImageFacts | None, approved: bool) -> Iterator[str]:
    if channel.person and not approved:
        yield NEEDS_APPROVAL
    if image is None:
        yield SCORES_NOT_STORED
        return
    if image.format not in channel.formats:
        yield WRONG_FORMAT
    if channel.mark and not image.has_source_mark:
        yield NO_PROVENANCE_MARK
    facts = image.rule_inputs
    for rule in channel.rules:
        value = facts.get(rule.score, math.nan)
        if not math.isfinite(value):
            yield f"not-measured.{rule.score}"
        elif not rule.is_met_by(value):
            yield rule.reason


def missing_scanners(channels: Mapping[str, Channel], scanners: Sequence[str]) -> dict[str, list[str]]:
    """Return the scanners that channels depend on and nobody runs: name -> the channels."""
    found: dict[str, list[str]] = {}
    for name, channel in sorted(channels.items()):
        asked = {SCORE_SCANNERS[rule.score] for rule in channel.rules if rule.score in SCORE_SCANNERS} - {""}
        for scanner in sorted(asked.difference(scanners)):
            found.setdefault(scanner, []).append(name)
    return found


@cache
def built_in_channels() -> Mapping[str, Channel]:
    """Return the channels that ship with Packshot, by name."""
    where = "the built-in channels"
    content = parse_yaml_mapping(read_packaged_rules("channels"), where)
    return {name: validate_rules(fields, f"{where}: {name}", Channel) for name, fields in content.items()}


def resolve_channels(value: Any) -> Any:
    """Return a recipe's `channels`, names or name -> rules, as name -> rules. Raises `ValueError` for unknown names.

    What is written out stays as it is: a run that froze its recipe is judged by the rules of its time.
    """
    if isinstance(value, str) or not isinstance(value, Sequence | Mapping):
        raise ValueError("give a list of names, or names with rules of your own")
    given = value if isinstance(value, Mapping) else dict.fromkeys(value)
    found: dict[str, Any] = {}
    for name, rules in given.items():
        if not _NAME.fullmatch(str(name)):
            raise ValueError(f"{name!r} must match {_NAME.pattern}")
        if rules is None and name not in built_in_channels():
            raise ValueError(
                f"there is no channel {name!r}; choose from {', '.join(built_in_channels())}, or say its rules"
            )
        found[name] = built_in_channels()[name] if rules is None else rules
    return found


def built_in_channel(name: str) -> Channel:
    """Return one of the channels that ship with Packshot. Raises `RuleFileError` where there is none."""
    try:
        return built_in_channels()[name]
    except KeyError:
        raise RuleFileError(f"There is no channel {name!r}; choose from {', '.join(built_in_channels())}") from None
