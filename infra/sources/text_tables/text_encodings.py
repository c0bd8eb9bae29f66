"""Find out how a file's letters are written: UTF-8, UTF-16, or one of the encodings of before.

Inputs: a file's bytes, and perhaps the encoding that a person names. Outputs: a `TextEncoding`, or `UnreadableSource`
for what is no text. A file is UTF-8 where all of it is, so the whole file is looked at: the first letter beyond ASCII
may stand in row 300,000. UTF-8 with some damaged letters stays UTF-8, and those rows are damaged. Otherwise
charset-normalizer chooses; where it cannot tell the Latin encodings apart, the alphabets of `_ALPHABETS` do, and
windows-1252 is taken where they say the same. A guess is a warning.
"""

import codecs
import re
import unicodedata
from dataclasses import dataclass
from functools import partial
from typing import IO

from charset_normalizer import from_bytes

CHUNK_BYTES = 1 << 20
SAMPLE_BYTES = 64 << 10
"""Bytes of lines beyond ASCII from which an encoding is guessed."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CANDIDATES = [
    *("cp932", "euc_jp", "cp949", "big5", "gb18030"),  # first: they refuse most of what is not written in them
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254"),
]
"""What shops' exports outside UTF-8 are written in; the ISO encodings are parts of these."""

_LATIN = ("cp1252", "cp1250", "cp1254")
_ALIKE = (*_LATIN, "mac_roman", "cp1251", "cp1253")
"""Those that any bytes are letters of, the likeliest first."""

_ALPHABETS = (
    *("äöüß", "éèêëàâçîïôûùœæ", "áéíóúñü¿¡", "àèéìòù", "áâãàçéêíóôõú", "éëïöèê", "æøåé", "åäöé"),
    *("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîșțşţ", "çğıöşüâ"),
)
"""Letters beyond ASCII of German, French, Spanish, Italian, Portuguese, Dutch, Danish, Swedish; Polish, Czech, Slovak,
Hungarian, Romanian; Turkish."""

_WITHIN_WORDS = "’‘–—·\xad\xa0…"
"""Signs that stand between letters; another one there is a letter that was decoded wrongly."""

_WORDS = re.compile(r"[^\W\d_]+")

_NAMES = {"utf-8": "UTF-8", "cp932": "Shift_JIS (windows-932)", "gb18030": "GB 18030", "big5": "Big5"}


class NotText(ValueError):
    """The bytes are no text; the message continues the file's name."""


@dataclass(frozen=True)
class TextEncoding:
    """How a file's letters are written."""

    name: str
    """A name that Python knows."""
    mark_bytes: int = 0
    """Bytes of the byte order mark at the file's start."""
    is_clean: bool = False
    """All of it is UTF-8, so it need not be decoded to be read."""
    is_guessed: bool = False

    @property
    def label(self) -> str:
        """Return the name that people use."""
        name = self.name.replace("_", "-")
        name = name.replace("cp125", "windows-125") if name.startswith("cp125") else name
        return _NAMES.get(self.name, name.upper() if name.startswith("utf") else name)


def find_encoding(stream: IO[bytes], named: str | None = None) -> TextEncoding:
    """Return the encoding of a file that is open at its start; `named` is what a person says. Raises `NotText`."""
    head = stream.read(CHUNK_BYTES)
    mark, marked = next(((len(mark), name) for mark, name in _BOMS if head.startswith(mark)), (0, None))
    if marked is not None and (named is None or marked.startswith(named)):
        found = TextEncoding(marked, mark)
    elif named is not None:
        found = TextEncoding("utf-16-le" if named == "utf-16" else named)
    else:
        found = _utf_16(head) or TextEncoding("utf-8")
    if found.name == "utf-8":
        return _scan_utf_8(head, stream, found, must_be=named is not None or marked is not None)
    return found


def _utf_16(head: bytes) -> TextEncoding | None:
    """Return UTF-16 without a byte order mark, which has zero bytes beside its separators and line ends."""
    if b"\0" not in head:
        return None
    best, most = None, 1
    for name in ("utf-16-le", "utf-16-be"):
        try:
            text = codecs.getincrementaldecoder(name)().decode(head)[:4096]
        except UnicodeDecodeError:
            continue
        plain = sum(letter.isascii() for letter in text)
        foreign = any(unicodedata.category(letter)[0] == "C" for letter in set(text) - set("\t\r\n\ufeff"))
        if not foreign and plain > most:
            best, most = TextEncoding(name), plain
    return best


def _scan_utf_8(head: bytes, stream: IO[bytes], found: TextEncoding, *, must_be: bool) -> TextEncoding:
    """Return UTF-8, clean or with damage; or what the file is written in instead."""
    decoder, chunk, has_letters = codecs.getincrementaldecoder("utf-8")(), head, False
    while chunk:
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError:
            if must_be or has_letters:
                return found
            return _guess(chunk + stream.read(3 * CHUNK_BYTES), found)
        has_letters = has_letters or not chunk.isascii()
        chunk = stream.read(CHUNK_BYTES)
    is_whole = not decoder.getstate()[0]
    return TextEncoding(found.name, found.mark_bytes, is_clean=is_whole)


def _guess(data: bytes, utf_8: TextEncoding) -> TextEncoding:
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    foreign = [line for line in lines if not _is_text(line, "utf-8")]
    if (len(lines) - len(foreign)) * 10 >= len(foreign):
        return utf_8  # letters of other encodings are hardly ever UTF-8 by chance
    if b"\0" in data:
        raise NotText("holds binary data, not a table of text")
    sample, size = [], 0
    for line in foreign:
        sample.append(line[: SAMPLE_BYTES - size])
        size += len(sample[-1]) + 1
        if size >= SAMPLE_BYTES:
            break
    text = b"\n".join(sample)
    best = from_bytes(text, cp_isolation=_CANDIDATES).best()
    name = best.encoding if best is not None else next(filter(partial(_is_text, text), _CANDIDATES), "cp1252")
    if name in _LATIN:
        name = max(_ALIKE, key=lambda alike: _fit(text, alike))
    return TextEncoding(name, is_guessed=True)


def _is_text(data: bytes, name: str) -> bool:
    try:
        data.decode(name)
    except UnicodeDecodeError:
        return False
    return True


def _fit(text: bytes, name: str) -> float:
    """Return the share of a text's letters beyond ASCII that one language has, if it is written so."""
    decoded = text.decode(name, "replace").lower()
    letters = [letter for letter in decoded if not letter.isascii() and letter.isalpha()]
    odd = decoded.count("\ufffd") + sum(
        not sign.isascii() and not sign.isalpha() and sign not in _WITHIN_WORDS and before.isalpha() and after.isalpha()
        for before, sign, after in zip(decoded, decoded[1:], decoded[2:], strict=False)
    )
    if name in ("cp1251", "cp1253"):  # other scripts, whose words hold no letters of ours
        most = sum(len(word) for word in _WORDS.findall(decoded) if not any(map(str.isascii, word)))
    else:
        most = max(sum(letter in alphabet for letter in letters) for alphabet in _ALPHABETS)
    return most / (len(letters) + odd) if letters or odd else 1.0
