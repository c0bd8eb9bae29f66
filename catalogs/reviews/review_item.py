"""Review item: one image, or one prompt without an image, that people are asked about, with all slots that show it.

Inputs: what the gates recorded of it. Outputs: frozen values, and the target that an answer is bound to. Pure.
An item is named by image key and finish, a prompt by its request key: the same image has the same name in every
process and every night, so a link to it lasts as long as it waits.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from catalogs.answers.answer import AnswerPurpose, ImageTarget
from catalogs.answers.answered_scores import score_details
from catalogs.keys import SHORT_DIGEST_LENGTH
from catalogs.photos.photo_sentences import is_photo_reason, is_proof_reason

_SENSITIVE_REASONS = ("explicit", "nudity")
"""Reasons (and beginnings of dotted ones) whose images are blurred until a person asks to see them."""


class ReviewKind(StrEnum):
    """Why an item is there."""

    REVIEW = "review"
    """The gates leave it to a person."""
    BLOCKED = "blocked"
    """The gates refused it; a person may override them."""
    SAMPLE = "sample"
    """It passed, and is published."""
    HELD = "held"
    """Its batch is held until a person lets it go."""
    PROMPT = "prompt"
    """A prompt that waits; no image of it was generated."""


@dataclass(frozen=True, slots=True)
class ReviewSlot:
    """One place in the shop that would show the image."""

    slot_id: bytes
    sku: str
    view: str
    variant: str
    index: int


class Box(NamedTuple):
    """A place in an image, as shares of its width and height, and what was found there."""

    label: str
    left: float
    top: float
    right: float
    bottom: float
    confidence: float | None = None

    @property
    def is_inside(self) -> bool:
        """Tell whether it is a place of the image at all: scanners and stored values may be wrong."""
        return 0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1


@dataclass(frozen=True)
class ReviewItem:
    """One image or prompt that people are asked about."""

    id: str
    kind: ReviewKind
    slots: tuple[ReviewSlot, ...]
    reasons: tuple[str, ...]
    request_key: bytes
    worst_reason: str = ""
    """The reason that it is grouped by."""
    scores: Mapping[str, float] = field(default_factory=dict)
    scanners: Mapping[str, str] = field(default_factory=dict)
    """Name -> version of the scanners that answered."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """Name -> reason of the scanners that did not."""
    prompt: str = ""
    category: str = ""
    value: float = 1.0
    severity: float = 1.0
    priority: float = 1.0
    asked_at: datetime | None = None
    expires_at: datetime | None = None
    model: str = ""
    model_version: str = ""
    channels: tuple[str, ...] = ()
    """The channels that the slot was asked for."""
    image_key: bytes = b""
    finish_digest: str = ""
    pixel_sha: bytes = b""
    collides_with: bytes = b""
    """Pixel sha of the picture that it is too similar to."""
    purpose: AnswerPurpose = AnswerPurpose.QUEUE
    object: str = ""
    """Key of the picture; empty where there is none."""
    file_sha: bytes = b""
    """Of the finished file; the picture shown may be a published one, with the same pixels."""
    run_id: str = ""
    boxes: tuple[Box, ...] = ()
    sentence: str = ""
    """What a scanner or the engine itself said."""
    width: int = 0
    height: int = 0
    """Of the finished image; 0 where an older version did not index them."""
    kept: str = ""
    """The `KeptResult` as JSON, where it keeps the product of a shop's photo."""

    @property
    def skus(self) -> Sequence[str]:
        """Return its SKUs, each once."""
        return list(dict.fromkeys(slot.sku for slot in self.slots))

    @property
    def can_be_seen(self) -> bool:
        """Tell whether there is what a person would accept: the picture, or the prompt of which none was generated."""
        return self.kind == ReviewKind.PROMPT or bool(self.object)

    @property
    def can_be_accepted(self) -> bool:
        """Tell whether anybody may accept it: not unseen, nor where its product is not proven to be the photo's."""
        return self.can_be_seen and not any(map(is_proof_reason, self.reasons))

    @property
    def is_of_photo(self) -> bool:
        """Tell whether a shop's photo and no model makes it: another attempt would give the same image."""
        return bool(self.kept) or (not self.object and any(map(is_photo_reason, self.reasons)))

    @property
    def is_sensitive(self) -> bool:
        """Tell whether it is shown blurred at first."""
        return is_sensitive(self.reasons)

    @property
    def answer_details(self) -> Mapping[str, Any]:
        """Return what an answer about it keeps beside its target: scores to learn from, and all SKUs that show it."""
        return score_details(self.scores, self.category) | {"skus": list(self.skus)}

    @property
    def target(self) -> ImageTarget:
        """Return what an answer about it is bound to."""
        slot = self.slots[0]
        state = {ReviewKind.SAMPLE: "publish", ReviewKind.HELD: "publish", ReviewKind.PROMPT: "review"}
        return ImageTarget(
            self.request_key,
            self.image_key,
            self.finish_digest if self.image_key else "",
            self.pixel_sha if self.image_key else b"",
            self.collides_with,
            state.get(self.kind, self.kind.value),
            self.reasons,
            slot.sku,
            slot.view,
            slot.variant,
            slot.index,
        )


def is_sensitive(reasons: Iterable[str]) -> bool:
    """Tell whether an image with these reasons may be explicit: every page blurs it until a person asks to see it."""
    return any(reason.split(".")[0] in _SENSITIVE_REASONS for reason in reasons)


def item_id(request_key: bytes, image_key: bytes | None, finish_digest: str | None) -> str:
    """Return an item's name: of its image and finish, or of its request where no image was generated."""
    if not image_key:
        return request_key.hex()
    return f"{image_key.hex()}-{(finish_digest or '')[:SHORT_DIGEST_LENGTH]}"


def answered_item(key: tuple[bytes, str, bytes]) -> str:
    """Return the name of the item that an answer with this key is about: see `ImageTarget.key`."""
    image_or_request, finish, _ = key
    return item_id(image_or_request, image_or_request if finish else None, finish)


def is_item_id(text: str) -> bool:
    """Tell whether a text has the form of an item's name: it may come from a stranger, and becomes part of a key."""
    image, dash, finish = text.partition("-")
    is_hex = all(letter in "0123456789abcdef" for letter in image + finish)
    return is_hex and len(image) == 64 and len(finish) == (SHORT_DIGEST_LENGTH if dash else 0)
