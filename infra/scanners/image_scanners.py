"""Every scanner of images that is run only where a policy names it: what it is, whether it is here, and its opening.

Comes in: names and settings. Goes out: versions, the reasons why some have none, opened scanners. A version is asked
for without opening anything, so a run knows before its first picture what will be silent.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from infra.errors import ExternalError
from infra.scanners import ImageScanner, logos, nudity
from infra.scanners import overlay_text as text
from infra.scanners.logo_matching import LogoLibrary

ScannerSettings = Mapping[str, Mapping[str, object]]
"""By scanner; plain JSON values."""


@dataclass(frozen=True)
class ScannerSpec:
    """A scanner's name card."""

    detects: str
    extra: str
    licence: str
    version: Callable[[Mapping[str, Any]], str]
    open: Callable[[Mapping[str, Any]], ImageScanner]


SCANNER_SPECS: Mapping[str, ScannerSpec] = {
    "nudity": ScannerSpec("exposed bodies", "nudity", "AGPL-3.0", nudity.version, nudity.NudityScanner),
    "text": ScannerSpec("overlaid text, watermarks", "ocr", "Apache-2.0", text.version, text.OverlayTextScanner),
    "logos": ScannerSpec("brand marks and names", "ocr", "Apache-2.0, MIT", logos.version, logos.LogoScanner),
}


def find_available(names: Iterable[str], settings: ScannerSettings) -> tuple[dict[str, str], dict[str, str]]:
    """Return name -> version of the scanners that are here, and name -> why not of the others."""
    here, missing = {}, {}
    for name in names:
        if name not in SCANNER_SPECS:
            missing[name] = f"There is no scanner {name!r}; there are {', '.join(SCANNER_SPECS)}."
            continue
        try:
            here[name] = SCANNER_SPECS[name].version(settings.get(name, {}))
        except (ExternalError, OSError) as error:
            missing[name] = str(error)
    return here, missing


def undetectable_brands(settings: ScannerSettings) -> list[str]:
    """Return the brands of the library whose marks are too plain to be found.

    Raises `ScannerMissing`, `InvalidImage`.
    """
    folder = settings.get("logos", {}).get("library")
    return LogoLibrary(str(folder)).undetectable_brands if folder else []


def open_scanner(name: str, settings: Mapping[str, object]) -> ImageScanner:
    """Return this process's scanner, opened when it is first asked for. Raises `ScannerMissing`."""
    return _open_cached(name, json.dumps(settings, sort_keys=True))


@cache
def _open_cached(name: str, settings: str) -> ImageScanner:
    return SCANNER_SPECS[name].open(json.loads(settings))
