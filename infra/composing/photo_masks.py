"""Photo masks: the mask of a photo with its scores, cut once and kept in the store for every image that needs it.

Inputs: photos, and the names and versions of cutters. Outputs: `PhotoMask`s. In the store: the mask as a grey PNG, then
its scores with the mask's sha256, tagged where there are keys.
Invariant: the first whole pair counts, so a photo's mask never changes under the images that were made of it. A mask
without scores that name it, of another size, or not believed, is made anew. Cutters are opened once a process.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from infra.composing.kept_terms import KeptOrder, KeptTerms
from infra.compositing.kept_proof import mask_sha
from infra.cutout.cutters import Cutter
from infra.cutout.cutting import cut_photo
from infra.errors import ExternalError, InvalidImage
from infra.imaging.codecs import encode_grey_png, require_readable_size
from infra.integrity.stored_work_trust import StoredWorkTrust
from infra.interfaces import ObjectStore, Photo
from infra.interfaces.cutouts import AlphaMask

PURPOSE = "cutout scores"
_TAG = "tag"
OpenCutter = Callable[[str], Cutter]


class CutterChanged(ExternalError):
    """This machine's cutter is of another version than the one that was planned with."""


@dataclass(frozen=True, eq=False)
class PhotoMask:
    """A photo's mask, what made it, and its scores."""

    alpha: AlphaMask
    cutter: str
    version: str
    scores: Mapping[str, float]


class PhotoMasks:
    """The masks of one store. Used by one thread."""

    def __init__(self, store: ObjectStore, terms: KeptTerms, trust: StoredWorkTrust, open_cutter: OpenCutter) -> None:
        self._store, self._terms, self._trust, self._open_cutter = store, terms, trust, open_cutter
        self._cutters: dict[str, Cutter] = {}

    def find_scores(self, order: KeptOrder, sha256: str) -> Mapping[str, float] | None:
        """Return the scores that are stored for a photo, without reading the photo or its mask."""
        values = self._read_scores(self._terms.scores_key(sha256, order.cutters_digest))
        return None if values is None else values["scores"]

    def of(self, photo: Photo, order: KeptOrder) -> PhotoMask:
        """Return a photo's mask, stored or cut now. Raises `CutterUnusable` and `CutterChanged`."""
        keys = self._terms.mask_key, self._terms.scores_key
        mask_key, scores_key = (key(photo.sha256, order.cutters_digest) for key in keys)
        found = self._find(mask_key, scores_key, photo)
        return found or self._keep(mask_key, scores_key, photo, self._cut(photo, order))

    def _cut(self, photo: Photo, order: KeptOrder) -> PhotoMask:
        cut = cut_photo(photo, self._open_all(order.cutters))
        scores = {name: float(value) for name, value in cut.scores.items() if math.isfinite(value)}
        return PhotoMask(cut.alpha, cut.cutter, cut.version, scores)

    def _open_all(self, wanted: Sequence[tuple[str, str]]) -> list[Cutter]:
        for name, version in wanted:
            if name not in self._cutters:
                self._cutters[name] = self._open_cutter(name)
            found = self._cutters[name].version
            if found != version:
                raise CutterChanged(
                    f"The cutter {name!r} is version {found!r} on this machine, and the run was planned with"
                    f" {version!r}; install one version everywhere and run again."
                )
        return [self._cutters[name] for name, _ in wanted]

    def _find(self, mask_key: str, scores_key: str, photo: Photo) -> PhotoMask | None:
        values = self._read_scores(scores_key)
        alpha = None if values is None else find_mask(self._store, mask_key)
        if values is None or alpha is None or alpha.shape != photo.pixels.shape[:2]:
            return None
        if mask_sha(alpha) != values["mask_sha256"]:
            return None
        return PhotoMask(alpha, values["cutter"], values["version"], values["scores"])

    def _keep(self, mask_key: str, scores_key: str, photo: Photo, made: PhotoMask) -> PhotoMask:
        """Store a mask and then its scores, or return those that another process has stored meanwhile."""
        png = encode_grey_png(made.alpha)
        content = {
            "cutter": made.cutter,
            "version": made.version,
            "mask_sha256": mask_sha(made.alpha),
            "scores": dict(made.scores),
        }
        tag = self._trust.tag(PURPOSE, scores_key, _canonical(content))
        document = _canonical(content if tag is None else {**content, _TAG: tag})
        for key, data, kind in ((mask_key, png, "image/png"), (scores_key, document, "application/json")):
            if not self._store.write_once(key, data, content_type=kind) and self._store.find(key) != data:
                found = self._find(mask_key, scores_key, photo)
                if found is not None:
                    return found
                self._store.write(key, data, content_type=kind)
        return made

    def _read_scores(self, key: str) -> dict[str, Any] | None:
        data = self._store.find(key)
        if data is None:
            return None
        try:
            values = json.loads(data)
            tag = values.pop(_TAG, None)
            scores = {str(name): float(value) for name, value in values["scores"].items()}
            if not all(map(math.isfinite, scores.values())):  # no rule would refuse them
                return None
            whole = {name: str(values[name]) for name in ("cutter", "version", "mask_sha256")}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        believed = self._trust.believes(self._store, key, tag, PURPOSE, key, _canonical(values))
        return {**whole, "scores": scores} if believed else None


def find_mask(store: ObjectStore, key: str) -> AlphaMask | None:
    """Return a stored mask; None where there is none, or where it cannot be read."""
    data = store.find(key)
    if data is None:
        return None
    try:
        if require_readable_size(data) != "PNG":
            return None
        mask = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except (InvalidImage, cv2.error):
        return None
    return np.asarray(mask, np.uint8) if mask is not None and mask.ndim == 2 and mask.dtype == np.uint8 else None


def _canonical(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()
