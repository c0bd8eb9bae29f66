"""Proofs of a whole release are made again, in processes or not, and whatever happens every row is counted."""

import os
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.errors import OptionError
from infra.errors import ExternalError
from tasks.maintenance import verify_kept as module
from tasks.maintenance.kept_check import KeptCheck
from tasks.maintenance.verify_kept import KeptVerification, verify_kept
from tests.fixtures.kept_shop import KeptShop

SEEDS = {f"sku{number}/front": number for number in range(5)}


@pytest.fixture
def shop(tmp_path: Path) -> KeptShop:
    opened = KeptShop(tmp_path)
    opened.keep("r1", SEEDS)
    opened.keep("r2", {"plain/front": 9}, scale_one=True)
    opened.release("r3", {"drawn/front": "blue"})
    return opened


def found(shop: KeptShop, processes: int = 0, **options: object) -> KeptVerification:
    return verify_kept(shop.store, shop.tables, "shoes", processes=processes, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("processes", [0, 2])
def test_every_kept_image_is_proven_and_generated_ones_are_left_out(shop: KeptShop, processes: int) -> None:
    told: list[tuple[int, int]] = []
    result = found(shop, processes, progress=lambda *counts: told.append(counts))
    assert (result.total, result.checked, result.staged, result.unscaled, result.sound) == (6, 6, 6, 1, True)
    assert told == [(done, 6) for done in range(7)]


@pytest.mark.parametrize("processes", [0, 2])
def test_what_is_broken_and_what_is_undecided_is_counted_apart(shop: KeptShop, processes: int) -> None:
    shop.store.write(shop.mask_key("sku1/front"), shop.store.read(shop.mask_key("plain/front")))
    shop.store.delete([layout.source_photo(shop.pictures["sku2/front"].kept.photo, "png")])
    result = found(shop, processes)
    assert (result.checked, result.broken, result.undecided, result.sound) == (6, 1, 1, False)
    assert result.codes == {"core.mask-differs": 1, "kept.photo-gone": 1}
    assert sorted((each.sku, each.code, each.undecided) for each in result.findings) == [
        ("sku1", "core.mask-differs", False),
        ("sku2", "kept.photo-gone", True),
    ]


def test_a_sample_is_the_same_each_time_and_smaller(shop: KeptShop) -> None:
    for place in SEEDS:
        shop.store.delete([shop.mask_key(place)])
    first = found(shop, sample=3)
    assert (first.total, first.checked) == (3, 3)
    assert found(shop, sample=3).findings == first.findings
    assert found(shop, sample=99).checked == 6
    with pytest.raises(OptionError, match="--sample 0: give a number of images, at least 1"):
        found(shop, sample=0)


def test_only_the_named_skus_are_proven(shop: KeptShop) -> None:
    assert (found(shop, skus=["sku1", "plain"]).checked, found(shop, skus=["sku1", "plain"], sample=1).checked) == (
        2,
        1,
    )
    with pytest.raises(OptionError, match="--sku: no live image of 'drawn' in 'shoes' keeps a photo's product"):
        found(shop, skus=["sku1", "drawn"])


def test_a_release_without_photos_has_nothing_to_prove(tmp_path: Path) -> None:
    shop = KeptShop(tmp_path)
    shop.release("r1", {"drawn/front": "blue"})
    result = found(shop)
    assert (result.total, result.checked, result.sound) == (0, 0, True)


def test_no_more_than_a_hundred_findings_are_kept_and_all_are_counted() -> None:
    result = KeptVerification("shoes", 1)
    lost = module._LOST
    row = {"sku": "a", "view": "front", "variant": "a", "index": 0, "object": None}
    for _ in range(250):
        result.add(row, lost)  # type: ignore[arg-type]
    assert (len(result.findings), result.codes["kept.process-died"], result.undecided) == (100, 250, 250)


def test_a_process_that_dies_costs_only_the_rows_in_work(shop: KeptShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_check_in_process", _die)
    monkeypatch.setattr(module, "ROWS_PER_PROCESS", 2)
    result = found(shop, 1)
    assert (result.checked, result.undecided) == (6, 6)
    assert result.codes == {"kept.process-died": 6}


def test_processes_that_die_again_and_again_end_the_verification(
    shop: KeptShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_check_in_process", _die)
    monkeypatch.setattr(module, "ROWS_PER_PROCESS", 1)
    monkeypatch.setattr(module, "MAX_POOLS", 2)
    with pytest.raises(ExternalError, match="2 times a process that proves images died"):
        found(shop, 1)


def test_the_environment_is_as_it_was_afterwards(shop: KeptShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    assert found(shop, 1, sample=1).sound
    assert (os.environ["OMP_NUM_THREADS"], "MKL_NUM_THREADS" in os.environ) == ("7", False)


def _die(_: object) -> KeptCheck:
    os._exit(1)
