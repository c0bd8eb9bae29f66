"""The packaged word lists and brand list, and their expansion into a policy.

Inputs: plain text files in `catalogs/data`, and the fields of a policy that name them. Outputs: the fields with the
lists written out in full, so that a policy stored with a run, and its digest, hold every term that decides, whatever
later releases of Packshot ship.

A word list has sections `[en]`, `[de]` … of terms and `[allow]` of harmless phrases, all separated by commas. The files
are plain text, because thousands of terms as YAML would cost every command a second.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

ALLOW_SECTION = "allow"
"""The section of harmless phrases."""
_FOLDER = resources.files("catalogs") / "data"
_SECTION = re.compile(r"\[([a-z_]+)\]")


class WordList(NamedTuple):
    """One file: its terms in all languages, and harmless phrases that contain one of them."""

    terms: tuple[str, ...]
    allow: tuple[str, ...]


class BrandList(NamedTuple):
    """The brand file: brand -> names, in groups by how certain a name is. See `brands.brand_rules.BrandRules`."""

    names: Mapping[str, tuple[str, ...]]
    devices: Mapping[str, tuple[str, ...]]
    words: Mapping[str, tuple[str, ...]]


@cache
def packaged_word_list_names() -> tuple[str, ...]:
    """Return the names of all packaged word lists."""
    files = (_FOLDER / "words").iterdir()
    return tuple(sorted(file.name.removesuffix(".txt") for file in files if file.name.endswith(".txt")))


@cache
def packaged_word_list(name: str) -> WordList:
    """Return a word list. Raises `ValueError` naming the packaged lists."""
    if name not in packaged_word_list_names():
        raise ValueError(f"there is no word list {name!r}; choose from {', '.join(packaged_word_list_names())}")
    sections: dict[str, list[str]] = {}
    for section, line in _section_lines((_FOLDER / "words" / f"{name}.txt").read_text("utf-8")):
        sections.setdefault(section, []).extend(_split_at_commas(line))
    allow = sections.pop(ALLOW_SECTION, [])
    return WordList(tuple(term for terms in sections.values() for term in terms), tuple(allow))


@cache
def packaged_brand_list() -> BrandList:
    """Return the packaged list of brands."""
    sections: dict[str, dict[str, tuple[str, ...]]] = {name: {} for name in BrandList._fields}
    for section, line in _section_lines((_FOLDER / "brands.txt").read_text("utf-8")):
        brand, _, names = line.partition(":")
        sections[section][brand] = tuple(_split_at_commas(names))
    return BrandList(**sections)


def expand_word_lists(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy's `words` with the lists that it names written out.

    A list whose verdict is None is left out. A category with a list's name adds to the list; `without` removes terms
    and phrases. Values of an unexpected shape are left as they are, for the model's validation to report.
    """
    lists, own, without = fields.get("lists"), fields.get("categories"), fields.get("without") or ()
    if not lists or not isinstance(lists, Mapping) or not isinstance(own or {}, Mapping):
        return dict(fields)
    categories: dict[str, Any] = dict(own or {})
    allow = list(fields.get("allow") or ())
    for name, verdict in lists.items():
        if verdict is None:
            continue
        listed = packaged_word_list(name)
        category = categories.get(name, {})
        if isinstance(category, Mapping):
            terms = dict.fromkeys([*listed.terms, *(category.get("terms") or ())])
            categories[name] = {
                "verdict": verdict,
                **category,
                "terms": [term for term in terms if term not in without],
            }
        allow += [phrase for phrase in listed.allow if phrase not in without]
    return {"categories": categories, "allow": allow}


def expand_brand_list(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy's `brands` with the packaged list written out where `listed` is true."""
    if fields.get("listed") is not True:
        return dict(fields)
    without = fields.get("without") or ()
    content = {name: fields[name] for name in fields if name not in ("listed", "without")}
    for name, listed in packaged_brand_list()._asdict().items():
        own = content.get(name) or {}
        if isinstance(own, Mapping):
            content[name] = {brand: names for brand, names in listed.items() if brand not in without} | dict(own)
    return content


def expand_brand_phrases(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy's `brands` with the packaged phrases written out where `phrases` is `listed`.

    Phrases of the policy's own, in the same shape, are not merged with them.
    """
    if fields.get("phrases") != "listed":
        return dict(fields)
    return {**fields, "phrases": packaged_brand_phrases()}


@cache
def packaged_brand_phrases() -> Mapping[str, Any]:
    """Return the packaged phrases: field of `BrandPhrases` -> phrases, and brand -> names for the last two."""
    phrases: dict[str, Any] = {}
    for section, line in _section_lines((_FOLDER / "brand_phrases.txt").read_text("utf-8")):
        if section.startswith("homonym"):
            brand, _, names = line.partition(":")
            phrases.setdefault(section, {})[brand] = tuple(_split_at_commas(names))
        else:
            phrases[section] = (*phrases.get(section, ()), *_split_at_commas(line))
    return phrases


def _section_lines(text: str) -> Iterator[tuple[str, str]]:
    section = ""
    for line in text.splitlines():
        heading = _SECTION.fullmatch(line)
        if heading:
            section = heading[1]
        elif line and not line.startswith("#"):
            yield section, line


def _split_at_commas(line: str) -> Iterator[str]:
    return (part.strip() for part in line.split(",") if part.strip())
