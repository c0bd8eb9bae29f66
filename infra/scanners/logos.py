"""Logo scanner: detect brands in an image by their logos, from a folder, and by their names, from a list.

Inputs: pixels (height x width x 3, RGB). Outputs: `logos.mark` (the most points that agree with any logo, see
`infra.scanners.logo_matching`), `logos.name` (the best similarity, 0 to 100, of words in the image with any name), both
0 without a match, and the same for each brand found as `logos.mark:CATALOGUE` and `logos.name:CATALOGUE`. Which brand
may appear on which product is decided elsewhere, from the brands' own scores.

Names are compared by their letters and digits alone. Long ones (5 or more) may be misread or misspelt, as generated
letters are ("Addidas"): a similarity of 80 is enough. Short ones must match exactly, or every `nice` would be a `Nike`.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infra.interfaces import Pixels
from infra.scanners import ScanResult
from infra.scanners.logo_matching import LogoLibrary, list_logo_files
from infra.scanners.ocr import TextLine, ocr_version, shared_ocr_reader
from infra.scanners.versions import DIGEST_DIGITS, contents_digest, package_version

CODE_VERSION = "1"
EXTRA = "ocr"
MIN_FUZZY_LETTERS, MIN_SIMILARITY, EXACT_SIMILARITY = 5, 80.0, 100.0


def version(settings: Mapping[str, Any]) -> str:
    """Return the version, which changes with every name and every logo, or raise `ScannerMissing`."""
    parts = [CODE_VERSION]
    if settings.get("names"):
        names = json.dumps(sorted(settings["names"])).encode()
        parts += [ocr_version(), package_version("", "rapidfuzz", (), EXTRA)]
        parts.append(f"names-{hashlib.sha256(names).hexdigest()[:DIGEST_DIGITS]}")
    if settings.get("library"):
        files = list_logo_files(str(settings["library"]))
        brands = hashlib.sha256(json.dumps([brand for brand, _ in files]).encode()).hexdigest()
        marks = contents_digest([path for _, path in files])
        parts.append(f"marks-{hashlib.sha256((brands + marks).encode()).hexdigest()[:DIGEST_DIGITS]}")
    return "+".join(parts)


class LogoScanner:
    """Detects logos and names; names need the extra `packshot[ocr]`, logos need nothing."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.version = version(settings)
        self._library = LogoLibrary(str(settings["library"])) if settings.get("library") else None
        self._names = NameMatcher(settings["names"]) if settings.get("names") else None

    def scan(self, image: Pixels) -> ScanResult:
        """Return the best scores and each brand's own."""
        marks = self._library.match(image) if self._library else {}
        names = self._names.find(shared_ocr_reader().read(image)) if self._names else {}
        scores = {
            "logos.mark": float(max(marks.values(), default=0)),
            "logos.name": max(names.values(), default=0.0),
        }
        scores |= {f"logos.mark:{brand}": float(points) for brand, points in sorted(marks.items())}
        scores |= {f"logos.name:{brand}": similarity for brand, similarity in sorted(names.items())}
        return ScanResult(scores)


class NameMatcher:
    """Finds names in lines of text."""

    def __init__(self, names: Sequence[str]) -> None:
        from rapidfuzz import fuzz, process

        self._extract, self._ratio = process.extract, fuzz.ratio
        spellings = {name: normalize_name(name) for name in names}
        self._long = {name: spelling for name, spelling in spellings.items() if len(spelling) >= MIN_FUZZY_LETTERS}
        self._short = {name: spelling for name, spelling in spellings.items() if 0 < len(spelling) < MIN_FUZZY_LETTERS}
        self._most_words = max((len(name.split()) for name in names), default=1)

    def find(self, lines: Sequence[TextLine]) -> dict[str, float]:
        """Return name -> its best similarity in the lines, 80 to 100, for names that occur."""
        similarities: dict[str, float] = {}
        for phrase in dict.fromkeys(phrase for line in lines for phrase in self._phrases(line.text)):
            matches = self._extract(phrase, self._long, scorer=self._ratio, score_cutoff=MIN_SIMILARITY, limit=None)
            for _, similarity, name in matches:
                similarities[name] = max(float(similarity), similarities.get(name, 0.0))
            similarities |= {name: EXACT_SIMILARITY for name, spelling in self._short.items() if spelling == phrase}
        return similarities

    def _phrases(self, text: str) -> Iterator[str]:
        """Yield runs of words, up to the length of the longest name, and the whole line (words joined)."""
        words = [normalize_name(word) for word in text.split()]
        for length in range(1, self._most_words + 1):
            yield from ("".join(words[start : start + length]) for start in range(len(words) - length + 1))
        yield "".join(words)


def normalize_name(text: str) -> str:
    """Return the letters and digits of a text, without case and accents."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum())
