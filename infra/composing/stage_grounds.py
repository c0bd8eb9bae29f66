"""Stage grounds: stages, read from the store by the sha256 of their pixels, and the last grounds made of them.

Inputs: a store, the key and the sha256 of a stage's picture, the image's size. Outputs: a `StageGround`; `StageLost`
where the store holds no such picture, `StageUnfit` where it is too small.
Invariant: a stage is believed by its pixels' digest alone, so no other picture is ever shown under its name. Grounds
are kept by content, up to a number of bytes: many SKUs stand on few stages.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from infra.compositing.product_placement import PixelBox
from infra.compositing.resampler import RESAMPLER
from infra.compositing.stage_ground import GroundRefused, crop_stage, ground_of_stage
from infra.errors import ExternalError, InvalidImage, one_line
from infra.imaging.codecs import decode, pixel_sha
from infra.interfaces import ObjectStore, Pixels

MOST_BYTES = 64 << 20
"""Twenty grounds of 1024 x 1024 pixels."""


class StageLost(ExternalError):
    """The store does not hold a stage's picture any more, or holds another one under its name."""


class StageUnfit(ExternalError):
    """A stage gives no ground of this size; `code` is the reason's."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        return (StageUnfit, (self.code, str(self)))


@dataclass(frozen=True, eq=False)
class StageGround:
    """A ground's pixels, which nobody may change, and the part of the stage that they are."""

    pixels: Pixels
    crop: PixelBox


class StageGrounds:
    """The grounds of one store. Safe to call from several threads."""

    def __init__(self, store: ObjectStore, stage_key: Callable[[str], str], most_bytes: int = MOST_BYTES) -> None:
        self.store, self._stage_key, self._most_bytes = store, stage_key, most_bytes
        self._kept: OrderedDict[Hashable, StageGround] = OrderedDict()
        self._lock = threading.Lock()

    def ground(self, stage: str, canvas: tuple[int, int], centre: float, foot: float) -> StageGround:
        """Return the ground of an image of (width, height). Raises `StageLost`, `StageUnfit` and `StoreError`."""

        def crop(pixels: Pixels) -> PixelBox:
            found = crop_stage((pixels.shape[1], pixels.shape[0]), canvas, centre, foot)
            if isinstance(found, GroundRefused):
                raise StageUnfit(found.reason, found.detail)
            return found

        return self._keep((stage, canvas, centre, foot), stage, canvas, crop, RESAMPLER)

    def again(self, stage: str, crop: PixelBox, canvas: tuple[int, int], resampler: str) -> Pixels:
        """Return the ground of a recorded crop. Raises as `ground` does, and ValueError where the crop does not fit."""
        return self._keep((stage, crop, canvas, resampler), stage, canvas, lambda _: crop, resampler).pixels

    def clear(self) -> None:
        """Forget all grounds."""
        with self._lock:
            self._kept.clear()

    def _keep(
        self, name: Hashable, stage: str, canvas: tuple[int, int], find_crop: Callable[[Pixels], PixelBox], by: str
    ) -> StageGround:
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
            pixels = read_stage(self.store, self._stage_key(stage), stage)
            crop = find_crop(pixels)
            made = StageGround(ground_of_stage(pixels, crop, canvas, by), crop)
            made.pixels.flags.writeable = False
            self._kept[name] = made
            while len(self._kept) > 1 and sum(kept.pixels.nbytes for kept in self._kept.values()) > self._most_bytes:
                self._kept.popitem(last=False)
            return made


_last: list[StageGrounds] = []


def grounds_of(store: ObjectStore, stage_key: Callable[[str], str]) -> StageGrounds:
    """Return the grounds of a store, with those that this process made of it before."""
    if not _last or _last[0].store is not store:
        _last[:] = [StageGrounds(store, stage_key)]
    return _last[0]


def read_stage(store: ObjectStore, key: str, sha256: str) -> Pixels:
    """Return a stage's pixels. Raises `StageLost`, and `StoreError` where the store does not answer."""
    data = store.find(key)
    if data is None:
        raise StageLost(f"The stage {sha256} is not in the store ({key}); add its picture again.")
    try:
        pixels = decode(data)
    except InvalidImage as error:
        raise StageLost(f"{key} is damaged ({one_line(error)}); delete it, and add the picture again.") from None
    if pixel_sha(pixels) != sha256:
        raise StageLost(f"{key} holds other pixels than its name says; delete it, and add the picture again.")
    return pixels
