"""Which brands a picture shows: their marks, from a folder, and their names, from a list.

Comes in: pixels (height x width x 3, RGB). Goes out: `logos.mark` (the most points that agree with any mark, see
`infra.scanners.logo_matching`), `logos.name` (the best likeness, 0 to 100, of words in the picture with any name), both
0 where nothing is found, and the same for each brand found as `logos.mark:CATALOGUE` and `logos.name:CATALOGUE`. Whose
brand may be seen on which product is not known here: that is the decision's to say, from the brands' own scores.

Names are compared by their letters and digits alone. Long ones (5 or more) may be misread or misspelt, as painted
letters are ("Addidas"): a likeness of 80 is enough. Short ones must stand there exactly, or every `nice` were a `Nike`.
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
    """Return the version, which moves with every name and every mark, or raise `ScannerMissing`."""
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
    """Looks for marks and names; names need the extra `packshot[ocr]`, marks need nothing."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.version = version(settings)
        self._library = LogoLibrary(str(settings["library"])) if settings.get("library") else None
        self._names = NameMatcher(settings["names"]) if settings.get("names") else None

    def scan(self, image: Pixels) -> ScanResult:
        """Return the best score and each brand's own."""
        marks = self._library.match(image) if self._library else {}
        names = self._names.find(shared_ocr_reader().read(image)) if self._names else {}
        scores = {
            "logos.mark": float(max(marks.values(), default=0)),
            "logos.name": max(names.values(), default=0.0),
        }
        scores |= {f"logos.mark:{brand}": float(points) for brand, points in sorted(marks.items())}
        scores |= {f"logos.name:{brand}": likeness for brand, likeness in sorted(names.items())}
        return ScanResult(scores)


class NameMatcher:
    """A list of names, ready to be looked for in lines of text."""

    def __init__(self, names: Sequence[str]) -> None:
        from rapidfuzz import fuzz, process

        self._extract, self._ratio = process.extract, fuzz.ratio
        spelled = {name: normalize_name(name) for name in names}
        self._long = {name: each for name, each in spelled.items() if len(each) >= MIN_FUZZY_LETTERS}
        self._short = {name: each for name, each in spelled.items() if 0 < len(each) < MIN_FUZZY_LETTERS}
        self._most_words = max((len(name.split()) for name in names), default=1)

    def find(self, lines: Sequence[TextLine]) -> dict[str, float]:
        """Return name -> its best likeness in the lines, 80 to 100, for names that are there."""
        found: dict[str, float] = {}
        for said in dict.fromkeys(each for line in lines for each in self._phrases(line.text)):
            near = self._extract(said, self._long, scorer=self._ratio, score_cutoff=MIN_SIMILARITY, limit=None)
            for _, likeness, name in near:
                found[name] = max(float(likeness), found.get(name, 0.0))
            found |= {name: EXACT_SIMILARITY for name, spelling in self._short.items() if spelling == said}
        return found

    def _phrases(self, text: str) -> Iterator[str]:
        """Yield runs of up to as many words as the longest name has, and the whole line (words run together)."""
        words = [normalize_name(word) for word in text.split()]
        for length in range(1, self._most_words + 1):
            yield from ("".join(words[place : place + length]) for place in range(len(words) - length + 1))
        yield "".join(words)


def normalize_name(text: str) -> str:
    """Return the letters and digits of a text, without case and accents."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum())
