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
from infra.imaging.finishing import finish, read_source_type
from infra.imaging.metrics.appearance import measure_appearance
from infra.imaging.metrics.background import measure_background
from infra.imaging.metrics.pdq import pdq
from infra.imaging.metrics.pixels import measure_pixels
from infra.interfaces import ObjectStore, Pixels, Screened, ScreeningRequest, Watermark
from infra.provenance.watermarks import open_watermark, require_payload, watermark_payload
from infra.scanners import image_scanners as images

BUILTIN_SCANNER_VERSIONS: Mapping[str, str] = {"pixels": "2", "fingerprint": "2"}
"""The scanners that are always run, and their versions. A version moves when the same pixels would get other numbers.

Those of `infra.scanners.image_scanners` are run where an order names them.
"""

ON_SCANNER_START: ContextVar[Callable[[str], object]] = ContextVar("ON_SCANNER_START", default=lambda _: None)
"""Is told each scanner's name before it looks: whoever kills a measuring can then say what it was stuck in."""


_BYTES_FIELDS = ("fingerprint", "crop")
"""Fields that are bytes; JSON holds them in hex."""


@dataclass(frozen=True)
class _ImagePair:
    raw: Pixels
    finished: Pixels


@dataclass(frozen=True)
class _ScannerOutput:
    scores: Mapping[str, float] = field(default_factory=dict)
    fingerprint: bytes = b""
    quality: float = 0.0
    crop: bytes = b""
    appearance: tuple[float, ...] = ()
    details: Sequence[Mapping[str, object]] = ()
    version: str = ""


ScannerFunction = Callable[[_ImagePair], _ScannerOutput]


def measure(
    request: ScreeningRequest, store: ObjectStore, scanners: Mapping[str, ScannerFunction] | None = None
) -> Screened:
    """Finish and measure one staged image, or return what was measured on it before.

    The first finished file under a key wins: where another run left other pixels, those are measured and named.
    A scanner that fails, or that nobody knows, is named in `errors` and missing from `scanners`; such a result is
    stored, but not taken for an answer the next time. Raises `ObjectMissing` or `InvalidImage` for the image
    itself, and for one whose watermark does not outlive the encoder.
    """
    started = time.perf_counter()
    known = _stored_result(request, store)
    if known is not None:
        return replace(known, key=request.key, seconds=time.perf_counter() - started)
    raw = decode(store.read(request.raw_key))
    watermark = _watermark(request)
    payload = b"" if watermark is None else watermark_payload(pixel_sha(raw))
    data = finish(raw, request.finish, partial(watermark.embed, payload=payload) if watermark else None)
    if not store.write_once(request.finished_key, data, content_type="image/jpeg"):
        data = store.read(request.finished_key)
    pair = _ImagePair(raw, decode(data))
    if watermark is not None:
        require_payload(watermark, pair.finished, payload)
    found, answered, errors, details = _run_scanners(
        request, pair, scanners_for(request) if scanners is None else scanners
    )
    height, width = pair.finished.shape[:2]
    screened = Screened(
        key=request.key,
        finished_sha=pixel_sha(pair.finished),
        file_sha=sha256(data).hexdigest(),
        file_bytes=len(data),
        width=width,
        height=height,
        scores={"file.bytes": float(len(data)), **found.scores},
        fingerprint=found.fingerprint,
        fingerprint_quality=found.quality,
        crop=found.crop,
        looks=found.appearance,
        scanners=answered,
        errors=errors,
        mark=read_source_type(data) or "",
        seconds=time.perf_counter() - started,
        details=details,
    )
    store.write(request.scores_key, to_json(screened), content_type="application/json")
    return screened


def _watermark(request: ScreeningRequest) -> Watermark | None:
    name = request.finish.get("watermark")
    return None if name is None else open_watermark(request.watermark, str(name))


def to_json(screened: Screened) -> bytes:
    """Return the stored form of a result; `from_json` gives an equal one back."""
    return json.dumps(
        {**vars(screened), **{name: getattr(screened, name).hex() for name in _BYTES_FIELDS}}, sort_keys=True
    ).encode()


def from_json(data: bytes) -> Screened:
    """Read a stored result; raises ValueError, KeyError or TypeError where the bytes are none."""
    values = json.loads(data)
    codes = {name: bytes.fromhex(values[name]) for name in _BYTES_FIELDS}
    return Screened(**{**values, **codes, "looks": tuple(values["looks"])})


def _stored_result(request: ScreeningRequest, store: ObjectStore) -> Screened | None:
    stored = store.find(request.scores_key)
    if stored is None:
        return None
    try:
        known = from_json(stored)
        if store.size(request.finished_key) != known.file_bytes:
            return None
    except (ObjectMissing, ValueError, KeyError, TypeError):
        return None
    here, _ = images.find_available(
        (name for name in request.scanners if name not in BUILTIN_SCANNER_VERSIONS), request.scanner_settings
    )
    wanted = {name: {**BUILTIN_SCANNER_VERSIONS, **here}.get(name) for name in request.scanners}
    whole = known.mark is not None and not known.errors and known.scanners == wanted
    return known if whole else None


def scanners_for(request: ScreeningRequest) -> dict[str, ScannerFunction]:
    """Return the functions behind an order's scanners."""
    named = {
        name: _image_scanner(name, request.scanner_settings.get(name, {}))
        for name in request.scanners
        if name in images.SCANNER_SPECS
    }
    return {**BUILTIN_SCANNERS, **named}


def _run_scanners(
    request: ScreeningRequest, pair: _ImagePair, run: Mapping[str, ScannerFunction]
) -> tuple[_ScannerOutput, dict[str, str], dict[str, str], dict[str, Sequence[Mapping[str, object]]]]:
    whole = _ScannerOutput()
    scanners, errors, details = {}, {}, {}
    for name in request.scanners:
        if name not in run:
            errors[name] = (
                f"There is no scanner {name!r}; there are "
                f"{', '.join([*BUILTIN_SCANNER_VERSIONS, *images.SCANNER_SPECS])}."
            )
            continue
        ON_SCANNER_START.get()(name)
        try:
            found = run[name](pair)
        except Exception as error:  # one scanner's failure must cost neither the others nor the image
            errors[name] = f"{type(error).__name__}: {error}"
            continue
        whole = _merge(whole, found)
        scanners[name] = found.version or BUILTIN_SCANNER_VERSIONS[name]
        if found.details:
            details[name] = found.details
    return whole, scanners, errors, details


def _merge(one: _ScannerOutput, other: _ScannerOutput) -> _ScannerOutput:
    """Return what two scanners found; one of them at most has codes."""
    return replace(other if other.fingerprint else one, scores={**one.scores, **other.scores})


def _scan_pixels(pair: _ImagePair) -> _ScannerOutput:
    """Judge what the model made, save for the background: that is the finish's work, so it is read off the file."""
    return _ScannerOutput({**measure_pixels(pair.raw), **measure_background(pair.finished)})


def _scan_fingerprint(pair: _ImagePair) -> _ScannerOutput:
    code, quality = pdq(pair.finished)
    seen = measure_appearance(pair.finished)
    if seen is None:
        return _ScannerOutput(fingerprint=code, quality=quality)
    return _ScannerOutput(fingerprint=code, quality=quality, crop=seen.crop_fingerprint, appearance=seen.values)


def _image_scanner(name: str, settings: Mapping[str, object]) -> ScannerFunction:
    """Return a scanner of `infra.scanners.image_scanners`; opened at its first image, it sees what the shop will."""

    def run(pair: _ImagePair) -> _ScannerOutput:
        scanner = images.open_scanner(name, settings)
        seen = scanner.scan(pair.finished)
        return _ScannerOutput(seen.scores, details=seen.details, version=scanner.version)

    return run


BUILTIN_SCANNERS: Mapping[str, ScannerFunction] = {"pixels": _scan_pixels, "fingerprint": _scan_fingerprint}
