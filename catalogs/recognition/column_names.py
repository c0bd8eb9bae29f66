"""Column names: what a column is called, compared across spellings, and what that means in nine languages and more.

Inputs: column names of a source, and `catalogs/data/column-names.yaml`. Outputs: a field with the rank of the name for
it (0 is the likeliest) and its languages. Case, accents, spaces and punctuation never decide; a language tag at the
end of a name (`name-en_US`) is split off first.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from pydantic import RootModel

from catalogs.rule_files import parse_rule_file, read_packaged_rules

_LANGUAGES = "ar|bg|cs|da|de|el|en|es|et|fi|fr|he|hr|hu|it|ja|ko|lt|lv|nb|nl|no|pl|pt|ro|ru|sk|sl|sv|tr|uk|us|vi|zh"
LOCALE = rf"(?:{_LANGUAGES})(?:[-_][A-Za-z]{{2}})?"
"""A language, or a language with its country: `en`, `en_US`, `en-gb`; Lightspeed writes `US` for American English."""
_TAGGED = re.compile(rf"^(?P<name>.*?\w)\s*[-_.\s(\[]\s*(?P<locale>{LOCALE})\s*[)\]]?$", re.IGNORECASE)
_LOWER_THEN_UPPER = re.compile(r"(?<=[a-z])(?=[A-Z])")
_TEXT_PART = re.compile(r"(?:\[[^\]]*\])?(?:\.(?:value|name|title|label))?$")
"""The end of a path whose text is its column's: `brand.name`, `item_name[0].value`."""
_FEED_PREFIX = re.compile(r"^(?:g|c|sc):", re.IGNORECASE)
_UNACCENTED = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i"})


class _ColumnNames(RootModel[dict[str, dict[str, tuple[str, ...]]]]):
    pass


@dataclass(frozen=True)
class NamedField:
    """What a column's name means: a field, how likely (0 is the likeliest), and in which languages it is called so."""

    field: str
    rank: int
    languages: tuple[str, ...]
    locale: str | None = None


def folded(name: str) -> str:
    """Return a name as it is compared: without case, accents, spaces and punctuation."""
    text = unicodedata.normalize("NFKC", _FEED_PREFIX.sub("", name.strip()))
    text = unicodedata.normalize("NFKD", text.casefold().translate(_UNACCENTED))
    kana = unicodedata.normalize("NFC", "".join(letter for letter in text if not _is_accent(letter)))
    return "".join(letter for letter in kana if letter.isalnum())


def split_locale(name: str) -> tuple[str, str | None]:
    """Return a name without the language tag at its end, and the tag; None where it has none."""
    found = _TAGGED.match(name.strip())
    return (found["name"], found["locale"]) if found else (name, None)


def language_of(locale: str) -> str:
    """Return the language (ISO 639-1) of a tag."""
    language = locale[:2].lower()
    return "en" if language == "us" else language


def meanings(name: str) -> tuple[NamedField, ...]:
    """Return what a column of this name may hold, the likeliest first; nothing where the name is not known."""
    index = _names_by_folded()
    known = index.get(folded(name))
    if known:
        return known
    name = _TEXT_PART.sub("", name)
    bare, locale = split_locale(name)
    if locale is None:
        return index.get(folded(name), ())
    tagged = index.get(folded(bare), ()) if locale else ()
    return tuple(NamedField(known.field, known.rank, (language_of(locale),), locale) for known in tagged if locale)


def words_of(name: str) -> list[str]:
    """Return the words of a name: `productDisplayName` has three."""
    return re.findall(r"\w+", _LOWER_THEN_UPPER.sub(" ", name).replace("_", " ").casefold())


def _is_accent(letter: str) -> bool:
    """Tell a Latin accent from the voicing marks of kana, which are letters' own."""
    return unicodedata.combining(letter) != 0 and letter not in "\u3099\u309a"


@lru_cache(maxsize=1)
def _names_by_folded() -> Mapping[str, tuple[NamedField, ...]]:
    names = parse_rule_file(read_packaged_rules("column-names"), "column-names.yaml", _ColumnNames).root
    found: dict[str, dict[str, NamedField]] = {}
    for field, by_language in names.items():
        for language, spellings in by_language.items():
            for rank, spelling in enumerate(spellings):
                fields = found.setdefault(folded(spelling), {})
                known = fields.get(field)
                languages = (*known.languages, language) if known else (language,)
                rank = min(rank, known.rank) if known else rank
                fields[field] = NamedField(field, rank, tuple(dict.fromkeys(languages)))
    return {name: tuple(sorted(fields.values(), key=lambda one: one.rank)) for name, fields in found.items()}
