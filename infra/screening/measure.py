"""Screen one image: finish a staged image, measure it, and store both results.

Inputs: a `ScreeningRequest` (keys and plain values) and an open store. Outputs: a `Screened`; in the store the finished
file, and then the raw scores.
Invariant: the file is written before its scores, so scores never describe a missing file. Stored scores are read back
where they are believed and the finished file is theirs to the byte, so a resumed run, or one with another policy,
measures nothing twice.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from hashlib import sha256

from infra.composing.kept_terms import KeptTerms
from infra.imaging.codecs import pixel_sha
from infra.imaging.metrics.appearance import measure_appearance
from infra.imaging.metrics.background import measure_background
from infra.imaging.metrics.pdq import pdq
from infra.imaging.metrics.pixels import measure_pixels
from infra.imaging.metrics.staged_product import measure_staged_product
from infra.imaging.source_marks import read_mark
from infra.integrity.stored_work_trust import UNCHECKED, StoredWorkTrust
from infra.interfaces import ObjectStore, Pixels, Screened, ScreeningRequest
from infra.interfaces.cutouts import AlphaMask
from infra.scanners import image_scanners as images
from infra.screening.finished_files import FinishedImage, finish_staged_image
from infra.screening.product_check import (
    BROKEN,
    SCENE,
    KeptUnproven,
    is_of_document,
    read_document,
    record_with_findings,
)
from infra.screening.score_files import read_scores, write_scores

BUILTIN_SCANNER_VERSIONS: Mapping[str, str] = {"pixels": "2", "fingerprint": "2"}
"""The scanners that always run, and their versions. A version changes when the same pixels would get other numbers.

The scanners of `infra.scanners.image_scanners` run where a request names them.
"""

ON_SCANNER_START: ContextVar[Callable[[str], object]] = ContextVar("ON_SCANNER_START", default=lambda _: None)
"""Called with each scanner's name before it runs, so that a killed process can be reported with its scanner."""


@dataclass(frozen=True)
class _ImagePair:
    raw: Pixels
    finished: Pixels
    product: AlphaMask | None = None
    """The product's alpha where its ground is a scene; None where the border tells what is ground."""


@dataclass(frozen=True)
class _ScannerOutput:
    scores: Mapping[str, float] = field(default_factory=dict)
    fingerprint: bytes = b""
    quality: float = 0.0
    crop: bytes = b""
    appearance: tuple[float, ...] = ()
    details: Sequence[Mapping[str, object]] = ()
    version: str = ""


@dataclass
class _ScanReport:
    """The merged output of all scanners, and by scanner its version, its error and its details."""

    output: _ScannerOutput = field(default_factory=_ScannerOutput)
    versions: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    details: dict[str, Sequence[Mapping[str, object]]] = field(default_factory=dict)


ScannerFunction = Callable[[_ImagePair], _ScannerOutput]


@dataclass(frozen=True)
class PixelScan:
    """What some scanners found in pixels: scores, the versions of those that answered, why others did not."""

    scores: Mapping[str, float]
    scanners: Mapping[str, str]
    errors: Mapping[str, str]


def scan_pixels(pixels: Pixels, names: Sequence[str], settings: Mapping[str, Mapping[str, object]]) -> PixelScan:
    """Return what scanners of `infra.scanners.image_scanners` find in a picture that is no staged image.

    As in `measure`, one that fails or does not exist is named in `errors` and missing from `scanners`.
    """
    scanners = {name: _image_scanner(name, settings.get(name, {})) for name in names if name in images.SCANNER_SPECS}
    report = _run_scanners(names, _ImagePair(pixels, pixels), scanners)
    return PixelScan(report.output.scores, report.versions, report.errors)


def measure(
    request: ScreeningRequest,
    store: ObjectStore,
    scanners: Mapping[str, ScannerFunction] | None = None,
    trust: StoredWorkTrust = UNCHECKED,
    terms: KeptTerms | None = None,
) -> Screened:
    """Finish and measure one staged image, or return its stored measurements where they are believed.

    Where another run left a finished file of other pixels, and that is believed, those are measured and named.
    A scanner that fails or does not exist is named in `errors` and missing from `scanners`; such a result is stored,
    but measured again the next time. What keeps a photo's product is proven again, by `terms`; a proof that does not
    hold is the score `kept.broken`, and is never taken from stored measurements. Raises `KeptUnproven` where that
    cannot be told, `ObjectMissing` or `InvalidImage` for the image itself or a watermark that does not survive.
    """
    started = time.perf_counter()
    kept = _read_kept(request, store, trust, terms)
    stored = read_scores(store, request.scores_key, trust)
    if stored.screened is not None and _is_usable(stored.screened, request, store, kept):
        return replace(stored.screened, key=request.key, seconds=time.perf_counter() - started)
    image = finish_staged_image(request, store, trust, kept)
    pair = _ImagePair(image.raw, image.finished, image.product_on_scene)
    report = _run_scanners(request.scanners, pair, scanners_for(request) if scanners is None else scanners)
    screened = Screened(
        key=request.key,
        finished_sha=pixel_sha(image.finished),
        file_sha=sha256(image.file).hexdigest(),
        file_bytes=len(image.file),
        width=image.finished.shape[1],
        height=image.finished.shape[0],
        scores={"file.bytes": float(len(image.file)), **report.output.scores},
        fingerprint=report.output.fingerprint,
        fingerprint_quality=report.output.quality,
        crop=report.output.crop,
        looks=report.output.appearance,
        scanners=report.versions,
        errors=report.errors,
        mark=read_mark(image.file).text,
        seconds=time.perf_counter() - started,
        details=report.details,
        refused=tuple(name for name, found in (("scores", stored.refused), ("file", image.replaced)) if found),
    )
    screened = screened if kept is None else _with_kept(screened, image, kept[0])
    write_scores(store, request.scores_key, screened, trust)
    return screened


def _read_kept(
    request: ScreeningRequest, store: ObjectStore, trust: StoredWorkTrust, terms: KeptTerms | None
) -> tuple[KeptTerms, str] | None:
    """Return the terms and the document of an image that keeps a photo's product; None of any other."""
    if not request.kept_key:
        return None
    if terms is None:
        raise KeptUnproven("This screener has no terms of kept images, so it can prove none of them.")
    return terms, read_document(request, store, trust)


def _with_kept(screened: Screened, image: FinishedImage, terms: KeptTerms) -> Screened:
    """Return the result with the scores of photo and mask, of the proof, and of what the file lost of the product."""
    check = image.kept
    if check is None:
        raise KeptUnproven("Nothing was proven of this image.")
    findings = check.findings(check.loss(image.raw, image.finished))
    errors = {**screened.errors, BROKEN: check.broken_words} if check.broken else screened.errors
    scene = {SCENE: 1.0} if check.is_on_scene else {}
    return replace(
        screened,
        scores={**check.record.scores, **screened.scores, **findings, **scene},
        errors=errors,
        kept=record_with_findings(terms, check.document, findings),
    )


def _is_usable(
    stored: Screened, request: ScreeningRequest, store: ObjectStore, kept: tuple[KeptTerms, str] | None
) -> bool:
    """Tell whether stored scores are whole, of today's scanners, of this product and of the file to the byte."""
    if bool(stored.kept) != (kept is not None) or (kept is not None and not is_of_document(stored, *kept)):
        return False
    file = store.find(request.finished_key)
    if file is None or sha256(file).hexdigest() != stored.file_sha:
        return False
    installed, _ = images.find_available(
        (name for name in request.scanners if name not in BUILTIN_SCANNER_VERSIONS), request.scanner_settings
    )
    versions = {name: {**BUILTIN_SCANNER_VERSIONS, **installed}.get(name) for name in request.scanners}
    return stored.mark is not None and not stored.errors and stored.scanners == versions


def scanners_for(request: ScreeningRequest) -> dict[str, ScannerFunction]:
    """Return the functions of the scanners that a request names, and of those that always run."""
    named = {
        name: _image_scanner(name, request.scanner_settings.get(name, {}))
        for name in request.scanners
        if name in images.SCANNER_SPECS
    }
    return {**BUILTIN_SCANNERS, **named}


def _run_scanners(names: Sequence[str], pixels: _ImagePair, scanners: Mapping[str, ScannerFunction]) -> _ScanReport:
    report = _ScanReport()
    for name in names:
        if name not in scanners:
            known = ", ".join([*BUILTIN_SCANNER_VERSIONS, *images.SCANNER_SPECS])
            report.errors[name] = f"There is no scanner {name!r}; there are {known}."
            continue
        ON_SCANNER_START.get()(name)
        try:
            output = scanners[name](pixels)
        except Exception as error:  # one scanner's failure must cost neither the others nor the image
            report.errors[name] = f"{type(error).__name__}: {error}"
            continue
        report.output = _merge(report.output, output)
        report.versions[name] = output.version or BUILTIN_SCANNER_VERSIONS[name]
        if output.details:
            report.details[name] = output.details
    return report


def _merge(one: _ScannerOutput, other: _ScannerOutput) -> _ScannerOutput:
    """Return both outputs as one; at most one of them has fingerprints."""
    return replace(other if other.fingerprint else one, scores={**one.scores, **other.scores})


def _scan_pixels(pair: _ImagePair) -> _ScannerOutput:
    """Measure the generated pixels, but the background on the finished ones, since the finish whitens it."""
    return _ScannerOutput({**measure_pixels(pair.raw, pair.product), **measure_background(pair.finished)})


def _scan_fingerprint(pair: _ImagePair) -> _ScannerOutput:
    if pair.product is not None:
        return _scan_staged_product(pair.finished, pair.product)
    fingerprint, quality = pdq(pair.finished)
    appearance = measure_appearance(pair.finished)
    if appearance is None:
        return _ScannerOutput(fingerprint=fingerprint, quality=quality)
    return _ScannerOutput(
        fingerprint=fingerprint, quality=quality, crop=appearance.crop_fingerprint, appearance=appearance.values
    )


def _scan_staged_product(pixels: Pixels, product: AlphaMask) -> _ScannerOutput:
    """Return the product's code in the place of the frame's, which would be that of a stage with many products."""
    found = measure_staged_product(pixels, product)
    if found is None:
        return _ScannerOutput()
    code, quality, appearance = found
    return _ScannerOutput(
        fingerprint=code, quality=quality, crop=appearance.crop_fingerprint, appearance=appearance.values
    )


def _image_scanner(name: str, settings: Mapping[str, object]) -> ScannerFunction:
    """Return a scanner of `infra.scanners.image_scanners`, opened at its first image; it sees the finished pixels."""

    def run(pair: _ImagePair) -> _ScannerOutput:
        scanner = images.open_scanner(name, settings)
        result = scanner.scan(pair.finished)
        return _ScannerOutput(result.scores, details=result.details, version=scanner.version)

    return run


BUILTIN_SCANNERS: Mapping[str, ScannerFunction] = {"pixels": _scan_pixels, "fingerprint": _scan_fingerprint}
