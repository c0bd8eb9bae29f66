"""Exports as shops hand them in: each gets a recipe from `recipe init` alone, with the right SKUs and right prompts.

The files are small look-alikes of the vendors' formats, made for these tests (`tests/data/exports`).
"""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from catalogs.recipe.loading import load_recipe
from flows.recipe_init import NewRecipe, make_recipe
from infra.settings import Settings
from tests.paths import ROOT

EXPORTS = ROOT / "tests/data/exports"


@dataclass(frozen=True)
class Expected:
    """What a recipe must make of an export: its kind, its counts, and what the prompts of SKUs hold and do not hold."""

    kind: str | None
    accepted: int
    ignored: int = 0
    rejected: int = 0
    images: int | None = None
    """Where sizes share, fewer than SKUs."""
    prompts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """SKU -> words of its prompt, or, with a `-` before them, words that are not there."""


EXPECTED = {
    "akeneo.csv": Expected(
        "Akeneo PIM", 3, ignored=1, images=3,
        prompts={"2000000071": ("Vase, round", "made of stoneware", "-Vase, rund"),
                 "gloves_tan_s": ("Gloves tan; small",)},
    ),
    "amazon-berkeley.json.gz": Expected(
        "Amazon Berkeley Objects", 3, images=3,
        prompts={"B0LOOK0001-amazon.com": ("Alder Reading Chair, 30 in", "Fern", "-Silla"),
                 "B0LOOK0001-amazon.co.uk": ("76 cm",), "B0LOOK0002-amazon.in": ("Solder Desk Lamp",)},
    ),
    "amazon-flat-file.txt": Expected(
        "Amazon (inventory file)", 3, ignored=1, images=3,
        prompts={"POT-SND": ("Glazed Planter, Sand", "made of ceramic"), "CAN": ("Zinc Watering Can", "Grey")},
    ),
    "bigcommerce.csv": Expected(
        "BigCommerce", 4, ignored=1, prompts={"BLK": ("Cork Yoga Block",), "STRAP": ("Hemp Strap",)}
    ),
    "etsy.csv": Expected(
        "Etsy", 4, images=3,
        prompts={"CAN-NAT": ("Hand dipped beeswax candles, pair",), "Copper ladle": ("made of Copper",)},
    ),
    "fashion-styles.csv": Expected(None, 2, prompts={"70001": ("Brook Women Teal Tunic, Teal",), "70003": ("-NA",)}),
    "furniture.csv": Expected(None, 3, images=3, prompts={"70411208": ("ELGTORP side table",)}),
    "google-merchant.txt": Expected(
        "Google Merchant Center", 3, images=3, prompts={"00771": ("Ridge Socks – Heather", "Heather/Grey")}
    ),
    "google-merchant.xml": Expected(
        "Google Merchant Center", 3, images=3, prompts={"00771": ("Ridge Socks – Heather", "Heather/Grey")}
    ),
    "lightspeed.csv": Expected(
        "Lightspeed Retail (X-Series)", 4, ignored=1, images=3,
        prompts={"10021": ("Rain Boot", "Yellow", "-28"), "10023": ("Blue",), "10030": ("Stick Umbrella",)},
    ),
    "magento.csv": Expected(
        "Magento", 2, ignored=5, images=2, prompts={"FL01-S-Teal": ("Ada Fleece-S-Teal",), "FL01-S-Plum": ("-Polaire",)}
    ),
    "prestashop.csv": Expected(
        "PrestaShop", 2, ignored=1, images=2, prompts={"MUG-GR": ("Mug en grès",), "COU-LIN": ("Coussin en lin, lavé",)}
    ),
    "salesforce-catalog.xml": Expected(
        "Salesforce B2C Commerce", 2, images=2,
        prompts={"P100-BLU": ("Canvas Tote", "blue"), "P200": ("Leather Key Ring",)},
    ),
    "shopify-2025.csv": Expected("Shopify", 4, ignored=2, images=3),
    "shopify-german.csv": Expected("Shopify", 4, images=3),
    "shopware.csv": Expected(
        "Shopware 6", 3, ignored=1, prompts={"SW1000": ("Holzbrett",), "SW1001": ("Glaskrug",)}
    ),
    "squarespace.csv": Expected(
        "Squarespace", 4, images=3,
        prompts={"SLP-GRY-38": ("Felt Slippers", "Grey", "-38"), "SLP-RED-38": ("Felt Slippers", "Red")},
    ),
    "wix.csv": Expected("Wix", 4, prompts={"THROW-SKY": ("Cotton Throw", "Sky"), "HOOK": ("Brass Hook",)}),
    "woocommerce.csv": Expected(
        "WooCommerce", 5, ignored=5, images=5,
        prompts={"204": ("Lambswool Scarf - Loden, Short",), "HOOK-RAW": ("Ash Coat Hook - Raw",),
                 "TIN": ("Tea & coffee tin",)},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def made() -> dict[str, NewRecipe]:
    return {}


def recipe_for(name: str, made: dict[str, NewRecipe]) -> NewRecipe:
    if name not in made:
        made[name] = make_recipe(str(EXPORTS / name), [], Settings(), 100)
    return made[name]


def test_every_export_is_tried() -> None:
    assert {file.name for file in EXPORTS.iterdir()} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_an_export_gets_the_right_rows_and_prompts(name: str, made: dict[str, NewRecipe]) -> None:
    new, expected = recipe_for(name, made), EXPECTED[name]
    document = new.document()
    rows = document["rows"]
    assert (document["export"] or {}).get("name") == expected.kind
    assert (rows["accepted"], rows["ignored"], rows["rejected"]) == (
        expected.accepted, expected.ignored, expected.rejected
    ), document["rejects"]  # fmt: skip
    assert expected.images in (None, document["images"])
    shown = {one["sku"]: one["prompt"] for one in document["prompts"]}
    for sku, words in expected.prompts.items():
        for word in words:
            assert (word.removeprefix("-") in shown[sku]) != word.startswith("-"), (sku, word, shown)
    assert [one for one in document["prompts"] if one["verdict"] != "PASS"] == []


@pytest.mark.parametrize("name", EXPECTED)
def test_a_recipe_is_at_most_a_screen_long_and_loads(name: str, made: dict[str, NewRecipe], tmp_path: Path) -> None:
    new = recipe_for(name, made)
    load_recipe(new.text, "shop.yaml")
    assert len([line for line in new.text.splitlines() if not line.lstrip().startswith("#")]) <= 20


def test_a_header_below_other_rows_is_found_and_written_down(made: dict[str, NewRecipe]) -> None:
    new = recipe_for("amazon-flat-file.txt", made)
    assert new.recipe.source is not None
    assert new.recipe.source.header_row == 3
