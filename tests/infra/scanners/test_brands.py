"""Brands are found where they cannot be anything else; ordinary words and accessories are left alone."""

import pytest

from infra.scanners.blocklist import WordScanner
from infra.scanners.brand_context import BrandMentions
from infra.scanners.brands import BrandScanner

SCANNER = BrandScanner(
    names={"Nike": ["nike", "air jordan"], "Dr. Martens": ["dr martens"]},
    devices={"Apple": ["iphone", "apple watch"], "Samsung": ["samsung"]},
    ordinary_words={"Apple": ["Apple"], "Shell": ["Shell"], "Mini": ["Mini", "MINI"]},
)
WORDS = WordScanner(SCANNER.terms, SCANNER.allow)


def found(text: str) -> tuple[str, ...]:
    return tuple(sorted(SCANNER.scan(text, WORDS.scan(text)).own))


@pytest.mark.parametrize(
    ("text", "brands"),
    [
        ("Nike hoodie", ("Nike",)),
        ("N1KE hoodie", ("Nike",)),
        ("hoodie with AIR JORDAN print", ("Nike",)),
        ("iPhone on a table", ("Apple",)),
        ("Apple Watch and Nike band", ("Apple", "Nike")),
        ("Apple® mug", ("Apple",)),
        ("Shell logo tin sign", ("Shell",)),
        ("MINI brand mug", ("Mini",)),
        ("case for iPhone, Samsung phone beside it", ("Samsung",)),
    ],
)
def test_a_brand_is_found(text: str, brands: tuple[str, ...]) -> None:
    assert found(text) == brands


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Apple pie dish",
        "Green Apple candle",
        "apple logo",  # nobody writes the maker in lower case
        "Shell necklace, Mini Skirt",
        "Bombshell logo",
        "Case for iPhone 17",
        "Strap compatible with Apple Watch",
        "Hülle für Samsung",
        "Martens Dr.",
        "nikel plated",
    ],
)
def test_an_ordinary_word_or_an_accessory_is_left_alone(text: str) -> None:
    assert found(text) == ()


@pytest.mark.parametrize(
    ("column", "brands"),
    [
        ("NIKE", {"Nike"}),
        ("Nike Sportswear GmbH", {"Nike"}),
        ("Apple", {"Apple"}),
        ("apple inc.", {"Apple"}),
        ("DR MARTENS", {"Dr. Martens"}),
        ("Nike x Apple", {"Nike", "Apple"}),
        ("Acme", set()),
        ("", set()),
    ],
)
def test_a_brand_column_names_its_brands_even_by_ordinary_words(column: str, brands: set[str]) -> None:
    assert SCANNER.brands_of(column) == brands


def test_without_brands_nothing_is_found() -> None:
    nobody = BrandScanner({}, {}, {})
    assert nobody.scan("Nike logo", WordScanner(nobody.terms, nobody.allow).scan("Nike logo")) == BrandMentions()
    assert nobody.brands_of("Nike") == frozenset()


def test_the_version_moves_with_the_lists() -> None:
    assert BrandScanner({"A": ["a"]}, {}, {}).version != BrandScanner({"A": ["b"]}, {}, {}).version
