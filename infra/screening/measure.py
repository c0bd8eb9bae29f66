"""One order of screening: finish a staged image, measure it, keep both.

Comes in: an order (keys and plain values) and an open store. Goes out: a `Screened`, the finished file under its key
and the raw scores under theirs, in this order: scores never speak of a file that is not there. What was measured
before is read back, so a resumed run, or one with another policy, measures nothing twice.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256

from infra.errors import ObjectMissing
from infra.imaging.codecs import decode, pixel_sha
from infra.imaging.finishing import finish, read_mark
from infra.imaging.metrics.appearance import appearance
from infra.imaging.metrics.background import measure_background
from infra.imaging.metrics.pdq import pdq
from infra.imaging.metrics.pixels import measure_pixels
from infra.interfaces import ObjectStore, Pixels, Screened, ScreeningOrder, Watermark
from infra.provenance.watermarks import open_watermark, payload_of, require_found
from infra.scanners import image_scanners as images

SCANNERS: Mapping[str, str] = {"pixels": "2", "fingerprint": "2"}
"""The scanners that are always run, and their versions. A version moves when the same pixels would get other numbers.

Those of `infra.scanners.image_scanners` are run where an order names them.
"""

AT_WORK: ContextVar[Callable[[str], object]] = ContextVar("AT_WORK", default=lambda _: None)
"""Is told each scanner's name before it looks: whoever kills a measuring can then say what it was stuck in."""


_CODES = ("fingerprint", "crop")
"""Fields that are bytes; JSON holds them in hex."""


@dataclass(frozen=True)
class _Pair:
    raw: Pixels
    finished: Pixels


@dataclass(frozen=True)
class _Found:
    scores: Mapping[str, float] = field(default_factory=dict)
    fingerprint: bytes = b""
    quality: float = 0.0
    crop: bytes = b""
    looks: tuple[float, ...] = ()
    details: Sequence[Mapping[str, object]] = ()
    version: str = ""


Scanner = Callable[[_Pair], _Found]


def measure(order: ScreeningOrder, store: ObjectStore, scanners: Mapping[str, Scanner] | None = None) -> Screened:
    """Finish and measure one staged image, or return what was measured on it before.

    The first finished file under a key wins: where another run left other pixels, those are measured and named.
    A scanner that fails, or that nobody knows, is named in `errors` and missing from `scanners`; such a result is
    stored, but not taken for an answer the next time. Raises `ObjectMissing` or `BadImage` for the image
    itself, and for one whose watermark does not outlive the encoder.
    """
    started = time.perf_counter()
    known = _stored(order, store)
    if known is not None:
        return replace(known, key=order.key, seconds=time.perf_counter() - started)
    raw = decode(store.read(order.raw_key))
    watermark = _watermark(order)
    payload = b"" if watermark is None else payload_of(pixel_sha(raw))
    data = finish(raw, order.finish, partial(watermark.hide, payload=payload) if watermark else None)
    if not store.write_once(order.finished_key, data, content_type="image/jpeg"):
        data = store.read(order.finished_key)
    pair = _Pair(raw, decode(data))
    if watermark is not None:
        require_found(watermark, pair.finished, payload)
    found, answered, errors, details = _scan(order, pair, scanners_for(order) if scanners is None else scanners)
    height, width = pair.finished.shape[:2]
    screened = Screened(
        key=order.key,
        finished_sha=pixel_sha(pair.finished),
        file_sha=sha256(data).hexdigest(),
        file_bytes=len(data),
        width=width,
        height=height,
        scores={"file.bytes": float(len(data)), **found.scores},
        fingerprint=found.fingerprint,
        fingerprint_quality=found.quality,
        crop=found.crop,
        looks=found.looks,
        scanners=answered,
        errors=errors,
        mark=read_mark(data) or "",
        seconds=time.perf_counter() - started,
        details=details,
    )
    store.write(order.scores_key, to_json(screened), content_type="application/json")
    return screened


def _watermark(order: ScreeningOrder) -> Watermark | None:
    name = order.finish.get("watermark")
    return None if name is None else open_watermark(order.watermark, str(name))


def to_json(screened: Screened) -> bytes:
    """Return the stored form of a result; `from_json` gives an equal one back."""
    return json.dumps(
        {**vars(screened), **{name: getattr(screened, name).hex() for name in _CODES}}, sort_keys=True
    ).encode()


def from_json(data: bytes) -> Screened:
    """Read a stored result; raises ValueError, KeyError or TypeError where the bytes are none."""
    values = json.loads(data)
    codes = {name: bytes.fromhex(values[name]) for name in _CODES}
    return Screened(**{**values, **codes, "looks": tuple(values["looks"])})


def _stored(order: ScreeningOrder, store: ObjectStore) -> Screened | None:
    stored = store.find(order.scores_key)
    if stored is None:
        return None
    try:
        known = from_json(stored)
        if store.size(order.finished_key) != known.file_bytes:
            return None
    except (ObjectMissing, ValueError, KeyError, TypeError):
        return None
    here, _ = images.look_for((name for name in order.scanners if name not in SCANNERS), order.settings)
    wanted = {name: {**SCANNERS, **here}.get(name) for name in order.scanners}
    whole = known.mark is not None and not known.errors and known.scanners == wanted
    return known if whole else None


def scanners_for(order: ScreeningOrder) -> dict[str, Scanner]:
    """Return the functions behind an order's scanners."""
    named = {name: _named(name, order.settings.get(name, {})) for name in order.scanners if name in images.KINDS}
    return {**RUN, **named}


def _scan(
    order: ScreeningOrder, pair: _Pair, run: Mapping[str, Scanner]
) -> tuple[_Found, dict[str, str], dict[str, str], dict[str, Sequence[Mapping[str, object]]]]:
    whole = _Found()
    scanners, errors, details = {}, {}, {}
    for name in order.scanners:
        if name not in run:
            errors[name] = f"There is no scanner {name!r}; there are {', '.join([*SCANNERS, *images.KINDS])}."
            continue
        AT_WORK.get()(name)
        try:
            found = run[name](pair)
        except Exception as error:  # one scanner's failure must cost neither the others nor the image
            errors[name] = f"{type(error).__name__}: {error}"
            continue
        whole = _joined(whole, found)
        scanners[name] = found.version or SCANNERS[name]
        if found.details:
            details[name] = found.details
    return whole, scanners, errors, details


def _joined(one: _Found, other: _Found) -> _Found:
    """Return what two scanners found; one of them at most has codes."""
    return replace(other if other.fingerprint else one, scores={**one.scores, **other.scores})


def _pixels(pair: _Pair) -> _Found:
    """Judge what the model made, save for the background: that is the finish's work, so it is read off the file."""
    return _Found({**measure_pixels(pair.raw), **measure_background(pair.finished)})


def _fingerprint(pair: _Pair) -> _Found:
    code, quality = pdq(pair.finished)
    seen = appearance(pair.finished)
    if seen is None:
        return _Found(fingerprint=code, quality=quality)
    return _Found(fingerprint=code, quality=quality, crop=seen.crop, looks=seen.looks)


def _named(name: str, settings: Mapping[str, object]) -> Scanner:
    """Return a scanner of `infra.scanners.image_scanners`; opened at its first image, it sees what the shop will."""

    def run(pair: _Pair) -> _Found:
        scanner = images.opened(name, settings)
        seen = scanner.look(pair.finished)
        return _Found(seen.scores, details=seen.details, version=scanner.version)

    return run


RUN: Mapping[str, Scanner] = {"pixels": _pixels, "fingerprint": _fingerprint}
