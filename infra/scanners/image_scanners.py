"""Every scanner of images that is run only where a policy names it: what it is, whether it is here, and its opening.

Comes in: names and settings. Goes out: versions, the reasons why some have none, opened scanners. A version is asked
for without opening anything, so a run knows before its first picture what will be silent.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from infra.errors import WorldError
from infra.scanners import ImageScanner, logos, nudity
from infra.scanners import overlay_text as text
from infra.scanners.logo_matching import Library

Settings = Mapping[str, Mapping[str, object]]
"""By scanner; plain JSON values."""


@dataclass(frozen=True)
class Kind:
    """A scanner's name card."""

    sees: str
    extra: str
    licence: str
    version: Callable[[Mapping[str, Any]], str]
    open: Callable[[Mapping[str, Any]], ImageScanner]


KINDS: Mapping[str, Kind] = {
    "nudity": Kind("exposed bodies", "nudity", "AGPL-3.0", nudity.version, nudity.NudityScanner),
    "text": Kind("overlaid text, watermarks", "ocr", "Apache-2.0", text.version, text.TextScanner),
    "logos": Kind("brand marks and names", "ocr", "Apache-2.0, MIT", logos.version, logos.LogoScanner),
}


def look_for(names: Iterable[str], settings: Settings) -> tuple[dict[str, str], dict[str, str]]:
    """Return name -> version of the scanners that are here, and name -> why not of the others."""
    here, missing = {}, {}
    for name in names:
        if name not in KINDS:
            missing[name] = f"There is no scanner {name!r}; there are {', '.join(KINDS)}."
            continue
        try:
            here[name] = KINDS[name].version(settings.get(name, {}))
        except (WorldError, OSError) as error:
            missing[name] = str(error)
    return here, missing


def plain_marks(settings: Settings) -> list[str]:
    """Return the brands of the library whose marks are too plain to be found. Raises `ScannerMissing`, `BadImage`."""
    folder = settings.get("logos", {}).get("library")
    return Library(str(folder)).plain if folder else []


def opened(name: str, settings: Mapping[str, object]) -> ImageScanner:
    """Return this process's scanner, opened when it is first asked for. Raises `ScannerMissing`."""
    return _opened(name, json.dumps(settings, sort_keys=True))


@cache
def _opened(name: str, settings: str) -> ImageScanner:
    return KINDS[name].open(json.loads(settings))
