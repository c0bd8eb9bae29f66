"""One order of screening: finish a staged image, measure it, keep both.

Comes in: an order (keys and plain values) and an open store. Goes out: a `Screened`, the finished file under its key
and the raw scores under theirs, in this order: scores never speak of a file that is not there. What was measured
before is read back, so a resumed run, or one with another policy, measures nothing twice.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

from infra.codecs import decode, pixel_sha
from infra.errors import ObjectMissing
from infra.finishing import finish, read_mark
from infra.interfaces import ObjectStore, Pixels, Screened, ScreeningOrder
from infra.pixel.metrics import background_white, measure_pixels
from infra.pixel.pdq import pdq

SCANNERS: Mapping[str, str] = {"pixels": "1", "fingerprint": "1"}
"""Every scanner there is, and its version. A version moves when the same pixels would get other numbers."""


@dataclass(frozen=True)
class _Pair:
    raw: Pixels
    finished: Pixels


@dataclass(frozen=True)
class _Found:
    scores: Mapping[str, float] = field(default_factory=dict)
    fingerprint: bytes = b""
    quality: float = 0.0


Scanner = Callable[[_Pair], _Found]


def measure(order: ScreeningOrder, store: ObjectStore, scanners: Mapping[str, Scanner] | None = None) -> Screened:
    """Finish and measure one staged image, or return what was measured on it before.

    The first finished file under a key wins: where another run left other pixels, those are measured and named.
    A scanner that fails, or that nobody knows, is named in `errors` and missing from `scanners`; such a result is
    stored, but not taken for an answer the next time. Raises `ObjectMissing` or `BadImage` for the image itself.
    """
    started = time.perf_counter()
    known = _stored(order, store)
    if known is not None:
        return replace(known, key=order.key, seconds=time.perf_counter() - started)
    raw = decode(store.read(order.raw_key))
    data = finish(raw, order.finish)
    if not store.write_once(order.finished_key, data, content_type="image/jpeg"):
        data = store.read(order.finished_key)
    pair = _Pair(raw, decode(data))
    found, answered, errors = _scan(order, pair, RUN if scanners is None else scanners)
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
        scanners=answered,
        errors=errors,
        mark=read_mark(data) or "",
        seconds=time.perf_counter() - started,
    )
    store.write(order.scores_key, to_json(screened), content_type="application/json")
    return screened


def to_json(screened: Screened) -> bytes:
    """Return the stored form of a result; `from_json` gives an equal one back."""
    return json.dumps({**vars(screened), "fingerprint": screened.fingerprint.hex()}, sort_keys=True).encode()


def from_json(data: bytes) -> Screened:
    """Read a stored result; raises ValueError, KeyError or TypeError where the bytes are none."""
    values = json.loads(data)
    return Screened(**{**values, "fingerprint": bytes.fromhex(values["fingerprint"])})


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
    wanted = {name: SCANNERS.get(name) for name in order.scanners}
    whole = known.mark is not None and not known.errors and known.scanners == wanted
    return known if whole else None


def _scan(
    order: ScreeningOrder, pair: _Pair, run: Mapping[str, Scanner]
) -> tuple[_Found, dict[str, str], dict[str, str]]:
    scores: dict[str, float] = {}
    fingerprint, quality = b"", 0.0
    scanners, errors = {}, {}
    for name in order.scanners:
        if name not in run:
            errors[name] = f"There is no scanner {name!r}; there are {', '.join(SCANNERS)}."
            continue
        try:
            found = run[name](pair)
        except Exception as error:  # one scanner's failure must cost neither the others nor the image
            errors[name] = f"{type(error).__name__}: {error}"
            continue
        scores.update(found.scores)
        fingerprint, quality = found.fingerprint or fingerprint, found.quality or quality
        scanners[name] = SCANNERS[name]
    return _Found(scores, fingerprint, quality), scanners, errors


def _pixels(pair: _Pair) -> _Found:
    """Judge what the model made, save for the background: that is the finish's work, so it is read off the file."""
    return _Found({**measure_pixels(pair.raw), "background.white": background_white(pair.finished)})


def _fingerprint(pair: _Pair) -> _Found:
    code, quality = pdq(pair.finished)
    return _Found(fingerprint=code, quality=quality)


RUN: Mapping[str, Scanner] = {"pixels": _pixels, "fingerprint": _fingerprint}
