"""Registry of the image scanners that run only where a policy names them.

Inputs: names and settings. Outputs: versions, the reasons why a scanner is unavailable, opened scanners. A version is
determined without opening the scanner, so a run knows before its first image which scanners are missing.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from infra.errors import ExternalError
from infra.scanners import ImageScanner, explicit, logos, nudity
from infra.scanners import overlay_text as text
from infra.scanners.logo_matching import LogoLibrary

ScannerSettings = Mapping[str, Mapping[str, object]]
"""By scanner; plain JSON values."""


@dataclass(frozen=True)
class ScannerSpec:
    """What a scanner detects, which extra installs it under which licence, and how it is opened."""

    detects: str
    extra: str
    licence: str
    version: Callable[[Mapping[str, Any]], str]
    open: Callable[[Mapping[str, Any]], ImageScanner]


SCANNER_SPECS: Mapping[str, ScannerSpec] = {
    "explicit": ScannerSpec(
        "explicit pictures", "explicit", "Apache-2.0, BSD-2-Clause", explicit.version, explicit.ExplicitScanner
    ),
    "nudity": ScannerSpec("exposed bodies", "nudity", "AGPL-3.0", nudity.version, nudity.NudityScanner),
    "text": ScannerSpec("overlaid text, watermarks", "ocr", "Apache-2.0", text.version, text.OverlayTextScanner),
    "logos": ScannerSpec("brand marks and names", "ocr", "Apache-2.0, MIT", logos.version, logos.LogoScanner),
}


def find_available(names: Iterable[str], settings: ScannerSettings) -> tuple[dict[str, str], dict[str, str]]:
    """Return name -> version of the available scanners, and name -> reason of the unavailable ones."""
    available, missing = {}, {}
    for name in names:
        if name not in SCANNER_SPECS:
            missing[name] = f"There is no scanner {name!r}; there are {', '.join(SCANNER_SPECS)}."
            continue
        try:
            available[name] = SCANNER_SPECS[name].version(settings.get(name, {}))
        except (ExternalError, OSError) as error:
            missing[name] = str(error)
    return available, missing


def undetectable_brands(settings: ScannerSettings) -> list[str]:
    """Return the brands of the library whose logos are too plain to be matched.

    Raises `ScannerMissing`, `InvalidImage`.
    """
    folder = settings.get("logos", {}).get("library")
    return LogoLibrary(str(folder)).undetectable_brands if folder else []


def open_scanner(name: str, settings: Mapping[str, object]) -> ImageScanner:
    """Return this process's one scanner of these settings, opened at the first call. Raises `ScannerMissing`."""
    return _open_cached(name, json.dumps(settings, sort_keys=True))


@cache
def _open_cached(name: str, settings: str) -> ImageScanner:
    return SCANNER_SPECS[name].open(json.loads(settings))
