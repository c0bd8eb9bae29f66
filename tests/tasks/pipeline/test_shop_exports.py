"""Exports as shops have them, of our own making: each product once, each colour its own prompt, sizes share."""

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalogs.ingest.row_validation import RowCounts, RowValidator
from catalogs.planning.current_state import CurrentRelease, OutcomeIndex
from catalogs.planning.planner import Planner
from catalogs.planning.retry_rules import RetryClock
from catalogs.recipe.loading import built_in_recipe, load_recipe
from catalogs.recipe.schema import Recipe
from catalogs.verdict import PASS
from infra.sources import open_source
from tasks.pipeline.source_passes import run_source_passes
from tests.fixtures.planning_harness import FakePromptGate
from tests.paths import DATA

SHOPS = DATA / "shopify-languages"
PLAIN = """
engine: stub
models: {stub: {family: stub, precision: fp32}}
views: {front: front view}
defaults: {views: [front], template: "%s"}
"""


def plan(path: Path, recipe: Recipe) -> tuple[dict[str, str], RowValidator]:
    """Return the prompt of each SKU, and the validator of the rows."""
    source = open_source(str(path))
    validator = RowValidator(recipe, source.columns)
    run_source_passes(validator, source)
    planner = Planner(
        recipe, CurrentRelease([]), OutcomeIndex([]), "policy", FakePromptGate(lambda _: PASS, {}),
        RetryClock(datetime.now(UTC)), 30,
    )  # fmt: skip
    prompts: dict[str, str] = {}
    by_key: dict[bytes, str] = {}
    for batch in source.batches(validator.needed_columns):
        planned = planner.plan_batch(validator.validate_batch(batch.numbers, batch.rows).table)
        by_key |= {request.key: request.prompt for request in planned.requests}
        prompts |= {slot.sku: by_key[slot.request_key] for slot in planned.slots}
    return prompts, validator


def shared(prompts: dict[str, str]) -> list[set[str]]:
    """Return the SKUs that share each picture, in the order of the source."""
    groups: dict[str, set[str]] = defaultdict(set)
    for sku, prompt in prompts.items():
        groups[prompt].add(sku)
    return list(groups.values())


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "export.csv"
    path.write_text(text.lstrip("\n"), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("shop", "groups"),
    [
        (
            "german",
            [
                {"wollpullover-S-Rostrot", "wollpullover-M-Rostrot", "wollpullover-L-Rostrot"},
                {"wollpullover-S-Moosgrün", "wollpullover-M-Moosgrün", "wollpullover-L-Moosgrün"},
                {"kissenbezug-Natur-40 x 40 cm", "kissenbezug-Natur-50 x 50 cm"},
                {"kissenbezug-Taubenblau-40 x 40 cm", "kissenbezug-Taubenblau-50 x 50 cm"},
                {"esstisch-Eiche-160 cm", "esstisch-Eiche-200 cm"},
                {"esstisch-Nussbaum-160 cm", "esstisch-Nussbaum-200 cm"},
                {"seife-Default Title"},
            ],
        ),
        (
            "french",
            [
                {"mariniere-XS-Bleu marine", "mariniere-S-Bleu marine", "mariniere-M-Bleu marine"},
                {"mariniere-XS-Écru", "mariniere-S-Écru", "mariniere-M-Écru"},
                {"vase-Sable-18 cm", "vase-Sable-26 cm"},
                {"vase-Ardoise-18 cm", "vase-Ardoise-26 cm"},
                {"table-basse-Chêne-60 cm", "table-basse-Chêne-80 cm"},
                {"table-basse-Marbre-60 cm", "table-basse-Marbre-80 cm"},
                {"bougie-Figuier"},
                {"bougie-Cèdre"},
            ],
        ),
        (
            "japanese",
            [
                {"linen-shirt-生成り-S", "linen-shirt-生成り-M", "linen-shirt-生成り-L"},
                {"linen-shirt-藍-S", "linen-shirt-藍-M", "linen-shirt-藍-L"},
                {"yunomi-白-180 ml", "yunomi-白-240 ml"},
                {"yunomi-黒-180 ml", "yunomi-黒-240 ml"},
                {"tray-欅-24 cm", "tray-欅-30 cm"},
                {"tray-桜-24 cm", "tray-桜-30 cm"},
                {"tenugui-Default Title"},
            ],
        ),
    ],
)
def test_in_any_language_each_colour_has_its_own_picture_and_sizes_share(shop: str, groups: list[set[str]]) -> None:
    prompts, validator = plan(SHOPS / f"{shop}.csv", built_in_recipe("shopify@2"))
    assert shared(prompts) == groups
    assert validator.counts.rejected == 0
    assert validator.warning_sentences() == []
    for sku, prompt in prompts.items():
        value = sku.split("-")[1] if sku.startswith(("kissen", "esstisch", "vase", "yunomi", "tray-")) else ""
        assert value in prompt
        assert "Default" not in prompt
        assert "&" not in prompt or "Leinen & Baumwolle" in prompt


def test_number_1_gives_the_german_colours_one_picture_as_it_always_did() -> None:
    prompts, _ = plan(SHOPS / "german.csv", built_in_recipe("shopify"))
    assert len(prompts) == 19
    assert len(shared(prompts)) == 6


def test_an_english_shop_keeps_its_prompts_with_number_2() -> None:
    before, after = (
        plan(DATA / "shopify_lookalike.csv", built_in_recipe(name))[0] for name in ("shopify", "shopify@2")
    )
    kept = {sku: prompt for sku, prompt in before.items() if after[sku] == prompt}
    assert before.keys() == after.keys()
    assert len(kept) >= 20, {sku: (before[sku], after[sku]) for sku in before.keys() - kept.keys()}


HEADERS_OF_2025 = """
Title,URL handle,Description,Vendor,Type,Status,SKU,Option1 name,Option1 value,Option2 name,Option2 value,Price,Image,Gift card
Canvas Tote,canvas-tote,<p>Heavy &amp; plain.</p>,Loomfold,Bags,Active,T-1,Size,Small,Color,sand,30,https://pictures.example/t.jpg,FALSE
,canvas-tote,,,,,,,Small,,ink,30,,
,canvas-tote,,,,,,,Large,,sand,36,,
,canvas-tote,,,,,,,,,,,https://pictures.example/t2.jpg,
Old Tote,old-tote,,Loomfold,Bags,Draft,T-9,Title,Default Title,,,20,,FALSE
Voucher,voucher,,Loomfold,Cards,Active,,Amount,25,,,25,,TRUE
"""  # noqa: E501 - a header as it is


def test_the_headers_of_2025_are_read_by_the_same_recipe(tmp_path: Path) -> None:
    prompts, validator = plan(write(tmp_path, HEADERS_OF_2025), built_in_recipe("shopify@2"))
    assert shared(prompts) == [{"canvas-tote-Small-sand", "canvas-tote-Large-sand"}, {"canvas-tote-Small-ink"}]
    assert prompts["canvas-tote-Small-ink"] == (
        "Studio product photograph of Canvas Tote, ink, Heavy & plain. front view, centred on a pure white background,"
        " soft even light"
    )
    assert validator.counts == RowCounts(6, 3, 0, 3)


WOOCOMMERCE = """
ID,Type,SKU,Name,Published,Short description,Categories,Parent,Attribute 1 name,Attribute 1 value(s)
201,variable,CAP,Wool Cap,1,<p>Felted.</p>,Hats,,Colour,"Rust, Pine"
202,variation,CAP-R,Wool Cap - Rust,1,,,CAP,Colour,Rust
203,variation,,Wool Cap - Pine,1,,,id:201,Colour,Pine
204,"simple, virtual",EBOOK,Knitting e-book,1,,Books,,,
205,simple,PEG,Coat &amp; hat peg,-1,,Home,,,
206,simple,HOOK,Coat &amp; hat hook,1,,Home,,,
207,variation,GONE-1,Gone - 1,1,,,GONE,,
"""


def test_woocommerce_variations_find_their_parents_and_only_products_are_read(tmp_path: Path) -> None:
    text = (
        """
columns: {sku: [SKU, "id-{{ ID }}"], title: Name, category: Categories, description: Short description,
          option: Attribute 1 value(s)}
entities: [title]
html: [description]
only: {Type: [simple, variation], Published: [1]}
inherit: {by: Parent, from: [SKU, ID], fields: [category, description]}
"""
        + PLAIN % "{{ title }} [{{ category }}] {{ description }} {{ option }}"
    )
    prompts, validator = plan(write(tmp_path, WOOCOMMERCE), load_recipe(text, "woo.yaml"))
    assert prompts == {
        "CAP-R": "Wool Cap - Rust [Hats] Felted. Rust",
        "id-203": "Wool Cap - Pine [Hats] Felted. Pine",
        "HOOK": "Coat & hat hook [Home]",
        "GONE-1": "Gone - 1 []",
    }
    assert validator.counts == RowCounts(7, 4, 0, 3)
    assert validator.warning_sentences() == [
        "1 × 'Parent' names a row that is not there (by 'SKU' or 'ID'): 'GONE' in row 7"
    ]


MAGENTO = """
sku,store_view_code,product_type,name,categories,created_at,configurable_variations
WJ1-S,,simple,Jacket-S,,"3/14/25, 9:05 AM",
WJ1-S,de,,Jacke-S,,,
WJ1,,configurable,Jacket,Default/Women,"3/4/25, 9:05 AM","sku=WJ1-S,size=S|sku=WJ1-M,size=M"
WJ1,de,,Jacke,,,
WJ1-M,,simple,Jacket-M,,"3/4/25, 9:05 AM",
"""


def test_magento_store_views_are_one_product_each_and_children_have_their_parents_category(tmp_path: Path) -> None:
    text = (
        """
columns: {sku: sku, title: name, category: categories, created_at: created_at}
only: {store_view_code: [""], product_type: [simple]}
inherit: {by: sku, from: configurable_variations, fields: [category]}
"""
        + PLAIN % "{{ title }} [{{ category }}]"
    )
    prompts, validator = plan(write(tmp_path, MAGENTO), load_recipe(text, "magento.yaml"))
    assert prompts == {"WJ1-S": "Jacket-S [Default/Women]", "WJ1-M": "Jacket-M [Default/Women]"}
    assert validator.counts == RowCounts(5, 2, 0, 3)
    [warning] = validator.warning_sentences()
    assert warning.startswith("1 × created_at is no time that can mean one thing only and was left out")
    assert warning.endswith("'3/4/25, 9:05 AM' in row 5")


def test_store_views_that_are_not_filtered_are_told_apart_from_lost_products(tmp_path: Path) -> None:
    text = "columns: {sku: sku, title: name}" + PLAIN % "{{ title }}"
    _, validator = plan(write(tmp_path, MAGENTO), load_recipe(text, "magento.yaml"))
    assert validator.counts == RowCounts(5, 3, 2, 0)
    assert validator.warning_sentences() == [
        "2 × SKUs were given by an earlier row; where a product has a row for each store view or language, keep one of"
        " them with `only: {column: [value]}`: 'WJ1-S' in row 2, 'WJ1' in row 4"
    ]


AKENEO = """
code;parent;categories;brand;enabled;name-en_US;color
apron;;kitchen;Loomfold;1;Apron;
apron_red;apron;;;1;;red
apron_red_s;apron_red;;;1;Apron red S;
old_hat;;hats;Loomfold;0;Hat;grey
"""


def test_akeneo_models_of_models_give_what_their_variants_lack(tmp_path: Path) -> None:
    text = (
        """
columns: {sku: code, title: name-en_US, category: categories, brand: brand, color: color}
only: {enabled: [1]}
inherit: {by: parent, from: code, fields: [title, category, brand, color]}
"""
        + PLAIN % "{{ brand }} {{ title }}, {{ color }} [{{ category }}]"
    )
    path = tmp_path / "export.csv"
    path.write_text(AKENEO.lstrip())
    prompts, _ = plan(path, load_recipe(text, "akeneo.yaml"))
    assert prompts["apron_red_s"] == "Loomfold Apron red S, red [kitchen]"
    assert prompts["apron_red"] == "Loomfold Apron, red [kitchen]"
    assert "old_hat" not in prompts


ETSY = """
TITLE,MATERIALS,SKU
"Carved spoon &quot;Alder&quot;",Alder,"SP-1,SP-2,SP-1"
Bowl,N/A,
Dish,Brass,D-1
"""


def test_etsy_listings_with_several_skus_or_none_lose_no_product(tmp_path: Path) -> None:
    text = (
        """
columns: {sku: [SKU, TITLE], title: TITLE, material: MATERIALS}
split: {sku: ","}
entities: [title, sku]
placeholders: [material]
"""
        + PLAIN % "{{ title }}{% if material %} of {{ material }}{% endif %}"
    )
    prompts, validator = plan(write(tmp_path, ETSY), load_recipe(text, "etsy.yaml"))
    assert prompts == {
        "SP-1": 'Carved spoon "Alder" of Alder',
        "SP-2": 'Carved spoon "Alder" of Alder',
        "Bowl": "Bowl",
        "D-1": "Dish of Brass",
    }
    assert validator.counts == RowCounts(4, 4, 0, 0)


def test_numbers_and_dates_that_a_spreadsheet_broke_are_shown(tmp_path: Path) -> None:
    path = write(tmp_path, "sku,title\n5.9E+12,Pen\n4.00638E+12,Ink\n5.9E+12,Pad\n1-Mar,Mug\n01.03.2024,Cup\nA-1,Jug\n")
    prompts, validator = plan(path, built_in_recipe("default"))
    assert list(prompts) == ["5.9E+12", "4.00638E+12", "1-Mar", "01.03.2024", "A-1"]
    shortened, twice, dates = validator.warning_sentences()
    assert shortened.startswith("3 × SKUs are numbers that a spreadsheet shortened")
    assert shortened.endswith(": '5.9E+12' in row 1, '4.00638E+12' in row 2")
    assert twice.startswith("1 × SKUs were given by an earlier row")
    assert dates.startswith("2 × SKUs look like dates")
    assert dates.endswith(": '1-Mar' in row 4, '01.03.2024' in row 5")
