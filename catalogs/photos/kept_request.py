"""Kept requests: an image that keeps a product from the shop's own photo, and what was kept in it.

Inputs: what a recipe and a row ask for; later, what composing made of it. Outputs: a `KeptRequest`, whose JSON text is
part of the request key, and a `KeptResult`, whose JSON text goes through the record and the decisions to the manifest.
Invariant: a request holds content alone (digests, versions, rules) and no path, so equal photos give equal images.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from catalogs.keys import canonical_json, digest

KeptMode = Literal["white", "backdrop", "stage", "scene"]
"""`white`: on a ground of 255. `backdrop`: on an approved empty scene that was photographed. `stage`: on one that a
model made. `scene`: in a scene that is generated around it. A recipe's mode `stage` gives `backdrop` or `stage`, by the
scene.
"""

KEPT_MODEL = "@photo"
"""What a request names as its model where no model makes its product; no recipe can name a model so."""

STAGE_MISSING = "stage.missing"
"""The reason of a photo's product for which no approved stage of the recipe's library is there."""

_PHOTO = re.compile(r'"mode":"[a-z]{1,20}","photo":"([0-9a-f]{64})"')
"""In the canonical JSON of a `KeptResult`: found without parsing the documents of a whole batch."""


@dataclass(frozen=True, slots=True)
class KeptRequest:
    """What reaches the request key of an image that keeps a product; its size is the request's own.

    `photos` are sha256 of files, in hex, in the row's order: the fittest is taken. `cutters` are (name, version), best
    first. `placement` holds the fields of `infra.compositing.PlacementRule`. `stage` names a stage's pixels; `light` is
    whence its light comes (see `catalogs.stages.stage`).
    """

    mode: KeptMode
    photos: tuple[str, ...]
    cutters: tuple[tuple[str, str], ...]
    placement: Mapping[str, float | None]
    stage: str = ""
    light: str = ""

    @property
    def text(self) -> str:
        """Return the request as canonical JSON; parts that are not used are left out."""
        # A first night asks for millions, and `asdict` copies every part.
        values = {name: value for name in self.__slots__ if (value := getattr(self, name)) != ""}
        return canonical_json(values).decode()

    @property
    def lacks_stage(self) -> bool:
        """Tell whether a stage is asked for and none is there."""
        return self.mode == "stage" and not self.stage

    @property
    def cutters_digest(self) -> str:
        """Return the digest that names, beside the photo's sha, the mask of these cutters."""
        return digest([list(cutter) for cutter in self.cutters])


def parse_kept_request(text: str) -> KeptRequest:
    """Return the request of its JSON text. Raises KeyError, TypeError or ValueError for another text."""
    values: dict[str, Any] = json.loads(text)
    cutters = tuple((str(name), str(version)) for name, version in values.pop("cutters"))
    return KeptRequest(photos=tuple(values.pop("photos")), cutters=cutters, **values)


@dataclass(frozen=True, slots=True)
class KeptResult:
    """What was kept in one image: everything by which it is shown, judged and proven again from the store alone.

    `photo` is the sha256 of the photo that was taken, `choice` why (see `catalogs.photos.fitness`), and `refused` what
    each other photo was refused for, by its sha256. `cutter` and `cutter_version` made the mask. `scores` are those of
    the photo and its mask. `proof` is the document of `infra.compositing.kept_proof`. `jpeg` bounds what the published
    file lost against the staged pixels (`mean`, `p99`, `max`, in levels); empty until it was finished.
    """

    mode: KeptMode
    photo: str
    choice: str
    cutter: str
    cutter_version: str
    scores: Mapping[str, float]
    proof: Mapping[str, Any]
    cutters_digest: str = ""
    refused: Mapping[str, list[str]] = field(default_factory=dict)
    stage: str = ""
    jpeg: Mapping[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Return the result as canonical JSON."""
        return canonical_json(asdict(self)).decode()


def parse_kept_result(text: str) -> KeptResult:
    """Return the result of its JSON text. Raises KeyError, TypeError or ValueError for another text."""
    return KeptResult(**json.loads(text))


def kept_photo_sha(text: str | None) -> bytes:
    """Return the sha256 of the photo whose product an image keeps, by its `kept`; empty where that names none."""
    found = _PHOTO.search(text or "")
    return bytes.fromhex(found[1]) if found else b""


def kept_result_text(**fields: Any) -> str:
    """Return the JSON text of the result with these fields."""
    return KeptResult(**fields).text


def with_findings(text: str, scores: Mapping[str, float], jpeg: Mapping[str, float]) -> str:
    """Return the JSON text of a result with what screening found: more scores, and what the finished file lost."""
    result = parse_kept_result(text)
    return replace(result, scores={**result.scores, **scores}, jpeg=dict(jpeg)).text


def answers_request(result: str, request: str) -> bool:
    """Tell whether a result is what a request asked for: its mode, one of its photos, by its cutters."""
    try:
        kept, asked = parse_kept_result(result), parse_kept_request(request)
    except (KeyError, TypeError, ValueError):
        return False
    wanted = (asked.mode, asked.cutters_digest, asked.stage)
    return kept.photo in asked.photos and (kept.mode, kept.cutters_digest, kept.stage) == wanted
