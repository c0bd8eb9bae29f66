"""Images that keep a product: staged after their document, resumed at any step, never set aside for another's photo."""

import hashlib
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.planning.budget import BudgetLimits
from catalogs.planning.plan import Request
from catalogs.runs.work_items import GeneratedImage
from flows.wiring.kept_images import composing_pool, open_composer
from infra.cutout.cutters import NamedCutters
from infra.cutout.plain_ground import PlainGroundCutter
from infra.imaging.codecs import decode, encode_png, pixel_sha
from infra.integrity.keyring import IntegrityKeys
from infra.integrity.stored_work_trust import UNCHECKED, StoredWorkTrust
from infra.interfaces import AlphaMask, ObjectStore, Photo
from infra.pools.inline import InlinePool
from infra.pools.process_pool import ProcessPool
from infra.settings import Settings
from infra.stores import open_store
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tasks.pipeline.generate import MAX_COMPOSED_TOGETHER, generate_within_budget
from tasks.runs.budget_meter import TIME_USED_UP, BudgetMeter
from tests.fixtures import composed_shop as shop
from tests.fixtures import pool_work

PHOTOS = [shop.product_photo(seed, side=160) for seed in range(4)]
KEYS = StoredWorkTrust(IntegrityKeys([b"k" * 40]))
DEADLY, FATAL_CUTTER = PHOTOS[1], "tests.tasks.pipeline.test_generate_kept:FatalCutter"


class FatalCutter:
    """A cutter that dies of one photo, as a decoder may."""

    name, version = "fatal", "1"

    def cut(self, photo: Photo) -> AlphaMask:
        """Return a mask, or end the process."""
        if photo.sha256 == hashlib.sha256(DEADLY).hexdigest():
            os.kill(os.getpid(), signal.SIGKILL)
        return shop.DarkCutter().cut(photo)


def small_request(photo: str, **changes: Any) -> Request:
    return shop.kept_request(photo, canvas=128, **changes)


def staged(store: ObjectStore) -> dict[str, bytes]:
    found = [info.key for prefix in (layout.STAGING, layout.CUTOUTS) for info in store.list(prefix)]
    return {key: store.read(key) for key in found}


def told(images: list[GeneratedImage]) -> list[tuple[str, str, float]]:
    return [(image.origin, image.raw_sha, image.engine_seconds) for image in images]


def test_a_composed_image_is_staged_with_its_document_counts_no_engine_seconds_and_is_found_again() -> None:
    store = open_store("memory://generate-kept-1")
    request = small_request(shop.keep_photo(store, PHOTOS[0]))
    [image] = shop.compose(store, request)
    key = image.item.image_key
    assert (image.origin, image.engine_seconds, image.backend) == ("generated", 0.0, "compositor-1")
    assert pixel_sha(decode(store.read(layout.staged_image(key)))) == image.raw_sha
    assert store.exists(layout.kept_document(key))
    [again] = shop.compose(store, request)
    assert (again.origin, again.raw_sha) == ("reused", image.raw_sha)


def test_an_image_without_its_document_is_not_staged_and_both_are_replaced_together() -> None:
    store = open_store("memory://generate-kept-2")
    request = small_request(shop.keep_photo(store, PHOTOS[0]))
    [image] = shop.compose(store, request)
    before, key = staged(store), image.item.image_key
    store.delete([layout.kept_document(key)])
    pixels = decode(store.read(layout.staged_image(key))).copy()
    pixels[100, 100] ^= 1
    store.write(layout.staged_image(key), encode_png(pixels, "compositor-1"))
    [again] = shop.compose(store, request)
    assert (again.origin, again.raw_sha, again.replaced) == ("generated", image.raw_sha, True)
    assert staged(store) == before


def test_a_document_that_another_rule_left_without_its_image_is_replaced() -> None:
    store = open_store("memory://generate-kept-3")
    request = small_request(shop.keep_photo(store, PHOTOS[0]))
    [image] = shop.compose(store, request)
    document = layout.kept_document(image.item.image_key)
    text = store.read(document)
    store.delete([layout.staged_image(image.item.image_key)])
    store.write(document, text.replace(b"only-photo", b"least-doubtful"))
    assert [it.raw_sha for it in shop.compose(store, request)] == [image.raw_sha]
    assert store.read(document) == text


@pytest.mark.parametrize(("when", "steps"), [("before", range(1, 12, 2)), ("after", range(2, 12, 2))])
def test_a_store_that_dies_at_any_step_leaves_what_the_next_run_completes(when: str, steps: range) -> None:
    whole = open_store(f"memory://generate-kept-whole-{when}")
    request = small_request(shop.keep_photo(whole, PHOTOS[0]))
    expected = told(shop.compose(whole, request, trust=KEYS))
    for step in steps:
        store = open_store(f"memory://generate-kept-{when}-{step}")
        shop.keep_photo(store, PHOTOS[0])
        dying = FaultyStore(store, FaultInjector(step, when))  # type: ignore[arg-type]
        with suppress(InjectedFault):
            shop.compose(dying, request, trust=KEYS)
        [image] = shop.compose(store, request, trust=KEYS)
        assert image.raw_sha == expected[0][1], step
        assert staged(store) == staged(whole), step


def test_one_photo_that_kills_every_process_is_set_aside_and_the_others_are_composed(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}")
    cutters = ((PlainGroundCutter.name, PlainGroundCutter.version), ("fatal", "1"))
    requests = [small_request(shop.keep_photo(store, data), cutters=cutters) for data in PHOTOS]
    opener = NamedCutters({"fatal": FATAL_CUTTER})
    pool = ProcessPool(partial(open_composer, store, shop.TERMS, UNCHECKED, opener), 1)
    images = shop.compose(store, *requests, pool=pool)
    pool.close()
    assert ["failed" if image.origin == "failed" else "made" for image in images] == ["made", "failed", "made", "made"]
    assert images[1].failure_code == "set-aside"
    assert "died with this work" in images[1].failure_reason


def test_processes_give_the_very_pixels_that_one_process_gives(tmp_path: Path) -> None:
    here, there = open_store("memory://generate-kept-4"), open_store(f"file://{tmp_path}")
    for data in PHOTOS:
        shop.keep_photo(there, data)
    requests = [small_request(shop.keep_photo(here, data)) for data in PHOTOS]
    pool = composing_pool(there, Settings(screeners=2, cutters=f"dark={shop.DARK_CUTTER}"), shop.TERMS, UNCHECKED)
    assert isinstance(pool, ProcessPool)
    in_processes = shop.compose(there, *requests, pool=pool)
    assert pool.busy_seconds() > 0
    pool.close()
    alone = [image for request in requests[::-1] for image in shop.compose(here, request)][::-1]
    assert told(in_processes) == told(alone)


def test_more_items_than_a_process_takes_at_once_are_all_composed() -> None:
    store = open_store("memory://generate-kept-5")
    request = small_request(shop.keep_photo(store, PHOTOS[0]))
    many = [replace(request, key=bytes([number] * 32)) for number in range(MAX_COMPOSED_TOGETHER + 3)]
    assert {image.raw_sha for image in shop.compose(store, *many)} == {shop.compose(store, request)[0].raw_sha}


def test_a_budget_of_engine_seconds_knows_nothing_of_composed_images_and_a_deadline_stops_them() -> None:
    store = open_store("memory://generate-kept-6")
    request = small_request(shop.keep_photo(store, PHOTOS[0]))
    pool = InlinePool(partial(open_composer, store, shop.TERMS, UNCHECKED, shop.OPEN_CUTTER))
    meter = BudgetMeter(BudgetLimits(engine_seconds=0.0))
    [image] = generate_within_budget(pool, shop.kept_work([request]), store, meter)
    assert (image.origin, meter.spent_seconds, meter.stop_reason) == ("generated", 0.0, None)
    now = [0.0]
    late = BudgetMeter(BudgetLimits(wall_seconds=10.0), started=0.0, clock=lambda: now[0])
    now[0] = 11.0
    other = replace(request, key=bytes(32))
    assert generate_within_budget(pool, shop.kept_work([other]), store, late) == []
    assert late.stop_reason == TIME_USED_UP
    pool.close()


def test_an_engine_that_composes_nothing_is_told_from_one_that_does() -> None:
    store = open_store("memory://generate-kept-7")
    request = small_request(shop.keep_photo(store, PHOTOS[0]))
    pool = InlinePool(pool_work.open_stub)
    [image] = shop.compose(store, request, pool=pool)
    pool.close()
    assert (image.origin, image.failure_code) == ("failed", "engine-failed")
    assert "keeps no photo's product" in image.failure_reason
    assert list(store.list(layout.STAGING)) == []


class KillOnce:
    """Kills a process of the pool at its n-th operation on the store, the first time that any process comes so far."""

    def __init__(self, mark: Path, fatal: int) -> None:
        self.mark, self.fatal, self.count, self.driver = mark, fatal, 0, os.getpid()

    def call(self, _: str, operation: Callable[[], Any]) -> Any:
        """Run the operation, or die."""
        if os.getpid() != self.driver:
            self.count += 1
            if self.count == self.fatal and not self.mark.exists():
                self.mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return operation()


@pytest.mark.slow
@pytest.mark.parametrize("whose", ["composer", "staging"])
def test_a_process_that_is_killed_at_any_operation_leaves_what_an_undisturbed_one_leaves(
    tmp_path: Path, whose: str
) -> None:
    whole = open_store(f"file://{tmp_path / 'whole'}")
    requests = [small_request(shop.keep_photo(whole, data)) for data in PHOTOS[:2]]
    expected = [image.raw_sha for image in shop.compose(whole, *requests)]
    for fatal in range(1, 13):
        store = open_store(f"file://{tmp_path / str(fatal)}")
        for data in PHOTOS[:2]:
            shop.keep_photo(store, data)
        mortal = FaultyStore(store, KillOnce(tmp_path / f"died-{fatal}", fatal))
        composing, staging = (mortal, store) if whose == "composer" else (store, mortal)
        pool = ProcessPool(partial(open_composer, composing, shop.TERMS, UNCHECKED, shop.OPEN_CUTTER), 1)
        images = generate_within_budget(pool, shop.kept_work(requests), staging)
        pool.close()
        assert [image.raw_sha for image in images] == expected, fatal
        assert staged(store) == staged(whole), fatal
    assert len(list(tmp_path.glob("died-*"))) >= {"composer": 8, "staging": 5}[whose]
