"""Language scanner: detect text in a language that the recipe does not name, only where it is certain.

Inputs: the expected languages (ISO 639-1), then one text at a time. Outputs: the scripts and languages that are not
expected. A foreign script is evidence by itself. In Latin script only function words are evidence: two different ones
of one language, one of them unmistakable. Shop titles are short and full of names, and the n-gram models that were
tried mistake every tenth English one for another language; a foreign title without function words passes instead.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

VERSION = "languages-1"

SCRIPT_CACHE_SIZE = 4096
"""Letters whose script is cached."""

SCRIPTS = {
    "am": "ETHIOPIC", "ar": "ARABIC", "be": "CYRILLIC", "bg": "CYRILLIC", "bn": "BENGALI", "el": "GREEK",
    "fa": "ARABIC", "gu": "GUJARATI", "he": "HEBREW", "hi": "DEVANAGARI", "hy": "ARMENIAN",
    "ja": "CJK HIRAGANA KATAKANA", "ka": "GEORGIAN", "kk": "CYRILLIC", "km": "KHMER", "kn": "KANNADA",
    "ko": "HANGUL CJK", "ky": "CYRILLIC", "lo": "LAO", "mk": "CYRILLIC", "ml": "MALAYALAM", "mn": "CYRILLIC",
    "mr": "DEVANAGARI", "my": "MYANMAR", "ne": "DEVANAGARI", "pa": "GURMUKHI", "ru": "CYRILLIC", "si": "SINHALA",
    "sr": "CYRILLIC", "ta": "TAMIL", "te": "TELUGU", "th": "THAI", "uk": "CYRILLIC", "ur": "ARABIC", "zh": "CJK",
}  # fmt: skip
"""Language -> the scripts it is written in; a language that is not here is written in Latin letters."""

_FUNCTION_WORDS = {
    "cs": ("jsou které nebo není pouze také", "bez na pro se"),
    "da": ("eller ikke også uden", "af fra med og på til"),
    "de": ("auch auf aus beim dem eine einem einer für nach nicht oder ohne und zum zur über", "bei das der ist mit"),
    "es": ("desde más muy nuestro nuestra para también una", "con del el las los por y"),
    "fi": ("ilman kanssa ovat sekä", "ja on tai"),
    "fr": ("aux avec cette dans est et très votre vos", "au des du en la le les pour sans ses sur"),
    "hu": ("egy hogy nem vagy és", "az"),
    "id": ("dengan untuk yang", "dan dari di"),
    "it": ("agli anche degli dei della delle dello nella più senza sono", "con di gli il per una"),
    "nl": ("een het niet voor wordt zijn zonder", "bij de en met op uit van"),
    "no": ("eller ikke også uten", "av fra med og på til"),
    "pl": ("dla jest oraz przez przy się", "bez do na nie z ze"),
    "pt": ("até dos não para pela pelo sem são uma você", "com da das do o"),
    "ro": ("este pentru sunt și", "cu de din la"),
    "sv": ("eller från för och utan är", "av med på till"),
    "tr": ("olan çok için", "bir ile ve"),
    "vi": ("cho của không và với", "có cái"),
}  # fmt: skip
"""Language -> words that are unmistakable in an English title, and words that count only beside one of those."""

_WORD, _ASCII_WORD = re.compile(r"[^\W\d_]+"), re.compile("[a-z]+")
_MIN_LETTERS = {"CJK": 2, "HANGUL": 2, "HIRAGANA": 2, "KATAKANA": 2, "THAI": 2, "LAO": 2, "KHMER": 2, "MYANMAR": 2}
"""Letters of a script in one word from which it counts as text; fewer are an ornament, such as a 福 on a cat."""
_MIN_ALPHABET_LETTERS = 3
"""The same for all other scripts: Ω, μm and β are symbols."""
_HOMOGLYPH_SCRIPTS = frozenset({"CYRILLIC", "ARMENIAN"})
"""Scripts of which even one letter among Latin ones is not a symbol, but a disguise or an accident."""


class LanguageScanner:
    """Finds scripts and languages in texts (in NFC, as an ingested catalogue is). Safe to share between threads."""

    def __init__(self, languages: Iterable[str]) -> None:
        """Take the expected languages; a text in any of them, or in no certain language, gives no result."""
        expected = sorted(set(languages))
        self.version = f"{VERSION}-{'-'.join(expected)}"
        expected_words = {
            word for code in expected for words in _FUNCTION_WORDS.get(code, ()) for word in words.split()
        }
        self._sure: dict[str, set[str]] = {}
        self._weak: dict[str, set[str]] = {}
        for code in _FUNCTION_WORDS.keys() - expected:
            for words, index in zip(_FUNCTION_WORDS[code], (self._sure, self._weak), strict=True):
                for word in set(words.split()) - expected_words:
                    index.setdefault(word, set()).add(code)
        expected_scripts = {script for code in expected for script in SCRIPTS.get(code, "LATIN").split()}
        self._foreign = {script for scripts in SCRIPTS.values() for script in scripts.split()} - expected_scripts
        self._script = lru_cache(maxsize=SCRIPT_CACHE_SIZE)(_script)

    def scan(self, text: str) -> tuple[str, ...]:
        """Return the scripts (upper case) and the languages (lower case) that are not expected, sorted."""
        scripts = set() if text.isascii() else self._scripts(text)
        return tuple(sorted(scripts | self._languages(text.lower())))

    def _languages(self, text: str) -> set[str]:
        words = set((_ASCII_WORD if text.isascii() else _WORD).findall(text))
        sure = [self._sure[word] for word in words & self._sure.keys()]
        if not sure:
            return set()
        evidence = [*sure, *(self._weak[word] for word in words & self._weak.keys())]
        return {code for code in set().union(*sure) if sum(code in codes for codes in evidence) > 1}

    def _scripts(self, text: str) -> set[str]:
        scripts: set[str] = set()
        for word in text.split():
            if not word.isascii():
                letters = Counter(map(self._script, word))
                for script in letters.keys() & self._foreign:
                    mixed = script in _HOMOGLYPH_SCRIPTS and letters["LATIN"] > 0
                    if mixed or letters[script] >= _MIN_LETTERS.get(script, _MIN_ALPHABET_LETTERS):
                        scripts.add(script)
        return scripts


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").split(" ")[0]
