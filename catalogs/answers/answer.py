"""Answer: what one person said, once, about one thing; the one schema of every decision that people take.

Inputs: a kind, a target, who, when and why. Outputs: a frozen `Answer`, and its JSON document, read back. Pure.
An answer about an image is bound to image key, finish and pixels: it says nothing of another finish, nor of other
pixels under the same name. An answer about a prompt, of which no image was generated, is bound to the request key.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from catalogs.answers.answer_details import require_details


class AnswerKind(StrEnum):
    """What an answer says. Values are on disk, so they never change."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    RETRY = "retry"
    """Another attempt, beyond the budget; with an edited prompt where one is given."""
    UNDO = "undo"
    """Takes an earlier answer of the same person back."""
    CHANNEL = "channel"
    """An image may, or may no longer, be used on a channel."""
    RELEASE = "release"
    """A held batch may go, in whole or in part."""
    READMISSION = "readmission"
    """What a rollback or a fault of ours keeps away may come back."""


IMAGE_KINDS = frozenset({AnswerKind.ACCEPT, AnswerKind.REFUSE, AnswerKind.RETRY, AnswerKind.UNDO})
"""Kinds that are about one image or prompt."""
PLANNED_KINDS = IMAGE_KINDS | {AnswerKind.READMISSION}
"""Kinds that a plan takes; the others are read where a batch is released or committed."""


MAX_INDEX = 2**15
"""One more than the highest number of an image within its view; tables hold it in two bytes."""


class AnswerPurpose(StrEnum):
    """Why a person was asked. Values are on disk, so they never change."""

    QUEUE = "queue"
    SAMPLE = "sample"
    """A published image, of those that passed the gates."""
    DOUBLE = "double"
    """Asked of a second person, to measure agreement."""
    KNOWN = "known"
    """Two people have agreed on it; measures the person, and changes nothing."""
    HELD = "held"
    """An image of a held batch."""


@dataclass(frozen=True)
class ImageTarget:
    """The image, or the prompt, that an answer is about, and where it was shown. Digests are bytes.

    `image_key`, `finish_digest` and `pixel_sha` bind an image; for a prompt image key and pixel sha are empty.
    """

    request_key: bytes
    image_key: bytes = b""
    finish_digest: str = ""
    pixel_sha: bytes = b""
    collides_with: bytes = b""
    """Pixel sha of the picture that it was too similar to; an acceptance is of that likeness and of no other."""
    state: str = ""
    """review, blocked, publish: what the gates had said of it."""
    reasons: tuple[str, ...] = ()
    sku: str = ""
    view: str = ""
    variant: str = ""
    index: int = 0

    @property
    def is_prompt(self) -> bool:
        """Tell whether it is a prompt of which no image was generated."""
        return not self.image_key

    @property
    def key(self) -> tuple[bytes, str, bytes]:
        """Return what an answer is bound to: image key, finish and pixel sha; the request key of a prompt."""
        return (self.request_key, "", b"") if self.is_prompt else (self.image_key, self.finish_digest, self.pixel_sha)


@dataclass(frozen=True)
class Answer:
    """One answer. `token` names it in the store: tokens sort by time."""

    kind: AnswerKind
    who: str
    when: datetime
    why: str = ""
    """The person's own words."""
    image: ImageTarget | None = None
    """What it is about, for the kinds in `IMAGE_KINDS`."""
    reason: str = ""
    """The code of a refusal: see `catalogs.answers.refusal_reasons`."""
    prompt: str = ""
    """The edited prompt of another attempt; empty where it is the row's own."""
    seconds: float | None = None
    """How long the person looked."""
    purpose: AnswerPurpose = AnswerPurpose.QUEUE
    undoes: str = ""
    """The token of the answer that an UNDO takes back."""
    resolves: bool = False
    """Whether it ends a conflict between people; needs the scope `override`."""
    details: Mapping[str, Any] | None = None
    """What the other kinds are about (`catalogs.answers.answer_details`); with an edited prompt, `skus` may name those
    of all slots that show the image, which keep the answer from being forgotten."""
    token: str = ""

    def named(self, token: str) -> "Answer":
        """Return the answer under its token."""
        return replace(self, token=token)

    def taken_back(self, who: str, when: datetime) -> "Answer":
        """Return the answer that takes this one back."""
        return Answer(AnswerKind.UNDO, who, when, image=self.image, undoes=self.token, purpose=self.purpose)

    def repeats(self, earlier: "Answer") -> bool:
        """Tell whether this answer adds nothing to an earlier one about the same image by the same person."""
        same = all(getattr(self, name) == getattr(earlier, name) for name in ("kind", "who", "reason", "why", "prompt"))
        return same and (earlier.resolves or not self.resolves)

    def document(self) -> dict[str, Any]:
        """Return the answer as JSON; what is empty is left out."""
        fields: dict[str, Any] = {"kind": self.kind.value, "who": self.who, "when": self.when.isoformat()}
        if self.image is not None:
            fields["target"] = _image_document(self.image)
        optional = {"why": self.why, "reason": self.reason, "prompt": self.prompt, "seconds": self.seconds}
        optional |= {"purpose": self.purpose.value, "undoes": self.undoes, "resolves": self.resolves}
        fields |= {name: value for name, value in optional.items() if value is not False and value not in ("", None)}
        return fields | dict(self.details or {})


_DIGESTS = ("request_key", "image_key", "pixel_sha", "collides_with")
_OWN = {"kind", "who", "when", "target", "why", "reason", "prompt", "seconds", "purpose", "undoes", "resolves"}


def parse_answer(document: Mapping[str, Any], token: str) -> Answer:
    """Return the answer in a document. Raises ValueError, KeyError or TypeError for one of a wrong shape."""
    kind = AnswerKind(document["kind"])
    target = document.get("target")
    if (target is None) == (kind in IMAGE_KINDS):
        raise ValueError("answers about images name their image, and no others do")
    details = {name: value for name, value in document.items() if name not in _OWN} or None
    require_details(kind, details)
    return Answer(
        kind,
        _text(document["who"]),
        _time(document["when"]),
        _text(document.get("why", "")),
        None if target is None else _parse_image(target),
        _text(document.get("reason", "")),
        _text(document.get("prompt", "")),
        _seconds(document.get("seconds")),
        AnswerPurpose(document.get("purpose", "queue")),
        _text(document.get("undoes", "")),
        document.get("resolves", False) is True,
        details,
        token,
    )


def _image_document(image: ImageTarget) -> dict[str, Any]:
    fields = {name: value.hex() if name in _DIGESTS else value for name, value in vars(image).items()}
    return {name: list(value) if name == "reasons" else value for name, value in fields.items() if value}


def _parse_image(fields: Mapping[str, Any]) -> ImageTarget:
    values: dict[str, Any] = {name: bytes.fromhex(fields.get(name, "")) for name in _DIGESTS}
    values |= {name: _text(fields.get(name, "")) for name in ("finish_digest", "state", "sku", "view", "variant")}
    values |= {"reasons": tuple(map(_text, fields.get("reasons", ()))), "index": int(fields.get("index", 0))}
    image = ImageTarget(**values)
    if not 0 <= image.index < MAX_INDEX:
        raise ValueError(f"an image's number is from 0 to {MAX_INDEX - 1}")
    if not image.request_key or (image.image_key and not (image.finish_digest and image.pixel_sha)):
        raise ValueError("an image is named by request key, image key, finish and pixels, a prompt by its request key")
    return image


def _text(value: Any) -> str:
    """Return a text of a document, in letters that every table and page can hold: JSON may spell half a letter."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where text is expected")
    return value.encode("utf-8", "replace").decode()


def _seconds(value: Any) -> float | None:
    if value is None:
        return None
    seconds = float(value)
    if not 0 <= seconds < math.inf:
        raise ValueError("a time to look is a number of seconds, and none below 0")
    return seconds


def _time(text: Any) -> datetime:
    when = datetime.fromisoformat(_text(text))
    if when.tzinfo is None:
        raise ValueError("a time without a zone")
    return when.astimezone(UTC)
