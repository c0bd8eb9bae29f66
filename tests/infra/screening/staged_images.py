"""Staged pictures and the orders that name them."""

from collections.abc import Mapping, Sequence

import numpy as np

from infra.imaging.codecs import encode_png
from infra.interfaces import FinishParameters, ObjectStore, Pixels, ScreeningRequest

DEFAULT_SCANNERS = ("pixels", "fingerprint")


def block_image(seed: int = 0, size: int = 96) -> Pixels:
    """Return a blocky picture on near-white that differs by seed."""
    rng = np.random.default_rng(seed)
    pixels = np.full((size, size, 3), 252, np.uint8)
    blocks = rng.integers(0, 200, (6, 6, 3), dtype=np.uint8).repeat(size // 12, axis=0).repeat(size // 12, axis=1)
    edge = size // 4
    pixels[edge : edge + blocks.shape[0], edge : edge + blocks.shape[1]] = blocks
    return pixels


def screening_request(
    key: str,
    url: str,
    *,
    finish: FinishParameters | None = None,
    scanners: Sequence[str] = DEFAULT_SCANNERS,
    deadline_seconds: float = 60.0,
    settings: Mapping[str, Mapping[str, object]] | None = None,
) -> ScreeningRequest:
    """Name the objects of the picture `key` in the store at `url`."""
    return ScreeningRequest(
        key=key,
        store_url=url,
        raw_key=f"staging/{key}.png",
        finished_key=f"staging/{key}-finished.jpg",
        scores_key=f"scores/{key}.json",
        finish=finish if finish is not None else FinishParameters(whiten=True),
        scanners=scanners,
        deadline_seconds=deadline_seconds,
        scanner_settings=settings or {},
    )


def stage_image(store: ObjectStore, key: str, pixels: Pixels | None = None, **changes: object) -> ScreeningRequest:
    """Stage a picture and return its order."""
    store.write(f"staging/{key}.png", encode_png(block_image() if pixels is None else pixels))
    return screening_request(key, store.url, **changes)  # type: ignore[arg-type]
