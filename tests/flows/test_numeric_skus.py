"""A1: a column of numbers reads the same however it was stored, and a SKU that was read as an exponent is renamed.

Whole runs over a small shop of EAN-13 numbers, with the stub engine. A night's file is Parquet with the SKUs as
integers, or as floats: what pandas writes as soon as one cell is empty. A shop that is live under exponents is made by
a file that says them as text.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.fixtures.refresh_harness import RefreshHarness, RefreshResult, assert_published_images

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")

EANS = [4006381333931 + 7 * number for number in range(30)]
AS_INTEGERS = pa.array(EANS, pa.int64())
AS_FLOATS = pa.array([float(ean) for ean in EANS], pa.float64())
AS_FLOATS_WITH_A_GAP = pa.concat_arrays([AS_FLOATS, pa.nulls(1, pa.float64())])
EXPONENTS = [str(text) for text in pc.cast(AS_FLOATS, pa.string()).to_pylist()]
RECIPE: dict[str, Any] = {
    "columns": {"sku": "sku", "title": "title", "color": "color"},
    "optional": ["color"],
    "engine": "stub",
    "models": {"stub": {"family": "stub", "precision": "fp32"}},
    "tiers": {"standard": {"width": 256, "height": 256}},
    "views": {"front": "seen from the front"},
    "defaults": {"template": "Photograph of {{ title }}, {{ phrase }}", "views": ["front"]},
}


@pytest.fixture
def shop(tmp_path: Path) -> RefreshHarness:
    """A shop whose policy compares no images: the stub's cards are alike."""
    policy = {"extends": "default", "duplicates": {"near_bits": 0, "review_bits": 0}}
    return RefreshHarness(tmp_path, [{"sku": "unused", "title": "unused"}], RECIPE, policy)


def night(shop: RefreshHarness, skus: pa.Array | Sequence[str], title: str = "Mug", **changes: Any) -> RefreshResult:
    """Refresh the shop from a Parquet file of these SKUs."""
    source = shop.folder / "numbers.parquet"
    pq.write_table(pa.table({"sku": skus, "title": [f"{title} {number}" for number in range(len(skus))]}), source)
    return shop.refresh(source=str(source), **changes)


def counts(result: RefreshResult) -> dict[str, int]:
    return {name: count for name, count in result.report["slots"].items() if count}


@pytest.mark.parametrize("skus", [AS_FLOATS, AS_FLOATS_WITH_A_GAP], ids=["floats", "floats, one empty"])
def test_a_catalogue_of_numbers_is_unchanged_when_integers_become_floats(shop: RefreshHarness, skus: pa.Array) -> None:
    assert counts(night(shop, AS_INTEGERS)) == {"new": 30, "published": 30}
    again = night(shop, skus)
    assert (counts(again), again.prompts_rendered) == ({"unchanged": 30}, 0)
    assert again.image_counts() == {"generated": 0, "reused": 0}
    assert again.report["rows"]["rejected"] == len(skus) - 30
    assert {name for name, _, _ in again.after} == {str(ean) for ean in EANS}


@pytest.mark.parametrize(
    "skus", [AS_INTEGERS, AS_FLOATS, AS_FLOATS_WITH_A_GAP], ids=["integers", "floats", "floats, one empty"]
)
def test_a_shop_that_is_live_under_exponents_is_renamed_and_not_made_anew(shop: RefreshHarness, skus: pa.Array) -> None:
    first = night(shop, EXPONENTS)
    assert counts(first) == {"new": 30, "published": 30}
    renamed = night(shop, skus)
    assert (counts(renamed), renamed.report["held"]) == ({"unchanged": 30}, [])
    assert renamed.image_counts() == {"generated": 0, "reused": 0}
    assert renamed.prompts_rendered == 0
    assert [text for text in renamed.report["warnings"] if "exponent" in text] == [
        "30 × live under a SKU that was read as an exponent ('4.006381333931e+12'): renamed to what the catalogue says"
        " ('4006381333931'); the image stays"
    ]
    assert {name for name, _, _ in renamed.after} == {str(ean) for ean in EANS}
    for ean, exponent in zip(EANS, EXPONENTS, strict=True):
        before, after = first.after[exponent, "front", 0], renamed.after[str(ean), "front", 0]
        assert {name for name in before if before[name] != after[name]} == {"slot_id", "sku"}
    assert_published_images(shop.store, renamed.after)
    quiet = night(shop, skus)
    assert (counts(quiet), [text for text in quiet.report["warnings"] if "exponent" in text]) == ({"unchanged": 30}, [])


def test_a_renamed_slot_whose_prompt_changed_too_is_made_once_under_its_right_name(shop: RefreshHarness) -> None:
    night(shop, EXPONENTS)
    changed = night(shop, AS_FLOATS, "Cup")
    assert counts(changed) == {"changed": 30, "published": 30}
    assert {name for name, _, _ in changed.after} == {str(ean) for ean in EANS}
    assert counts(night(shop, AS_INTEGERS, "Cup")) == {"unchanged": 30}


def test_a_shop_that_was_doubled_loses_the_wrong_half_without_being_held(shop: RefreshHarness) -> None:
    night(shop, AS_INTEGERS)
    doubled = night(shop, EXPONENTS, scope="partial")
    assert len(doubled.after) == 60
    mended = night(shop, AS_INTEGERS)
    assert (counts(mended), mended.report["held"]) == ({"unchanged": 30}, [])
    assert {name for name, _, _ in mended.after} == {str(ean) for ean in EANS}


def test_a_catalogue_that_has_both_spellings_keeps_both(shop: RefreshHarness) -> None:
    night(shop, EXPONENTS[:1])
    both = night(shop, [str(EANS[0]), EXPONENTS[0]])
    assert {name for name, _, _ in both.after} == {str(EANS[0]), EXPONENTS[0]}
    assert counts(night(shop, [str(EANS[0]), EXPONENTS[0]]))["unchanged"] == 2


def test_a_row_that_is_rejected_keeps_its_picture_under_the_exponent(shop: RefreshHarness) -> None:
    night(shop, EXPONENTS)
    source = shop.folder / "numbers.parquet"
    titles = ["", *(f"Mug {number}" for number in range(1, 30))]
    pq.write_table(pa.table({"sku": AS_INTEGERS, "title": titles}), source)
    result = shop.refresh(source=str(source))
    assert counts(result) == {"unchanged": 29}
    assert {name for name, _, _ in result.after} == {EXPONENTS[0], *(str(ean) for ean in EANS[1:])}


def test_a_resumed_or_released_batch_renames_too(shop: RefreshHarness) -> None:
    night(shop, [*EXPONENTS, *(f"other-{number}" for number in range(10))])
    held = night(shop, AS_INTEGERS)
    assert held.report["held"] == ["retired-share"]  # ten of forty
    assert len(held.after) == 40
    released = shop.release(held.report["run_id"], ["retired-share"])
    assert {name for name, _, _ in released.after} == {str(ean) for ean in EANS}


def test_a_prompt_that_holds_a_number_is_not_painted_again_when_the_number_reads_in_full(shop: RefreshHarness) -> None:
    shop.recipe = RECIPE | {"defaults": {"template": "{{ title }}, number {{ sku }}, {{ phrase }}", "views": ["front"]}}
    first = night(shop, EXPONENTS)
    renamed = night(shop, AS_FLOATS)
    assert (counts(renamed), renamed.prompts_rendered) == ({"unchanged": 30}, 30)
    before, after = first.after[EXPONENTS[0], "front", 0], renamed.after[str(EANS[0]), "front", 0]
    assert {name for name in before if before[name] != after[name]} == {"slot_id", "sku", "source_digest"}
    quiet = night(shop, AS_INTEGERS)
    assert (counts(quiet), quiet.prompts_rendered) == ({"unchanged": 30}, 0)
    repainted = night(shop, AS_INTEGERS, "Cup")
    assert counts(repainted) == {"changed": 30, "published": 30}
