"""A stage is believed by its pixels alone, and its grounds are kept, up to a size."""

import numpy as np
import pytest

from catalogs import layout
from infra.composing.stage_grounds import StageGrounds, StageLost, StageUnfit, grounds_of, read_stage
from infra.compositing.product_placement import PixelBox
from infra.imaging.codecs import decode, encode_png
from infra.interfaces import ObjectStore
from infra.stores import open_store
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from tests.fixtures import composed_shop as shop

POINT = (0.5, 0.82)


@pytest.fixture
def store(request: pytest.FixtureRequest) -> ObjectStore:
    return open_store(f"memory://grounds-{request.node.name}")


def test_a_ground_is_a_part_of_its_stage_and_is_read_once(store: ObjectStore) -> None:
    stage = shop.keep_stage(store)
    grounds = StageGrounds(store, layout.stage_image)
    ground = grounds.ground(stage, (360, 360), *POINT)
    assert ground.crop == PixelBox(60, 0, 360, 360)
    assert np.array_equal(ground.pixels, decode(store.read(layout.stage_image(stage)))[:, 60:420])
    store.delete([layout.stage_image(stage)])
    assert grounds.ground(stage, (360, 360), *POINT) is ground
    with pytest.raises(ValueError, match="read-only"):
        ground.pixels[0, 0] = 0
    grounds.clear()
    with pytest.raises(StageLost, match="is not in the store"):
        grounds.ground(stage, (360, 360), *POINT)


def test_another_size_point_or_stage_is_another_ground(store: ObjectStore) -> None:
    one, other = (shop.keep_stage(store, seed) for seed in (1, 2))
    grounds = StageGrounds(store, layout.stage_image)
    asked = [
        (one, (128, 128), 0.5, 0.8), (other, (128, 128), 0.5, 0.8), (one, (128, 96), 0.5, 0.8),
        (one, (128, 128), 0.3, 0.8), (one, (256, 96), 0.5, 0.4),
    ]  # fmt: skip
    made = [grounds.ground(*each).pixels.tobytes() for each in asked]
    assert len(set(made)) == len(asked)
    assert [grounds.ground(*each).pixels.tobytes() for each in asked] == made


def test_only_so_many_bytes_are_kept(store: ObjectStore) -> None:
    one, other = (shop.keep_stage(store, seed) for seed in (1, 2))
    grounds = StageGrounds(store, layout.stage_image, most_bytes=128 * 128 * 3)
    first = grounds.ground(one, (128, 128), *POINT)
    grounds.ground(other, (128, 128), *POINT)
    again = grounds.ground(one, (128, 128), *POINT)
    assert again is not first
    assert np.array_equal(again.pixels, first.pixels)


def test_a_stage_that_is_gone_damaged_or_another_is_lost(store: ObjectStore) -> None:
    one, other = (shop.keep_stage(store, seed) for seed in (1, 2))
    key = layout.stage_image(one)
    for data, said in (
        (store.read(layout.stage_image(other)), "holds other pixels than its name says"),
        (store.read(key)[:90], "is damaged"),
        (b"", "is damaged"),
    ):
        store.write(key, data)
        with pytest.raises(StageLost, match=said):
            read_stage(store, key, one)
    store.delete([key])
    with pytest.raises(StageLost, match=f"The stage {one} is not in the store"):
        read_stage(store, key, one)


def test_a_picture_of_one_pixel_more_or_less_is_another_stage(store: ObjectStore) -> None:
    stage = shop.keep_stage(store)
    pixels = decode(store.read(layout.stage_image(stage))).copy()
    pixels[3, 4, 1] ^= 1
    store.write(layout.stage_image(stage), encode_png(pixels))
    with pytest.raises(StageLost, match="holds other pixels"):
        StageGrounds(store, layout.stage_image).ground(stage, (64, 64), *POINT)


def test_a_stage_is_never_enlarged(store: ObjectStore) -> None:
    stage = shop.keep_stage(store, width=480, height=360)
    with pytest.raises(StageUnfit, match="no stage is enlarged") as raised:
        StageGrounds(store, layout.stage_image).ground(stage, (400, 400), *POINT)
    assert raised.value.code == "stage.too-small"


def test_a_recorded_crop_gives_the_same_ground_again(store: ObjectStore) -> None:
    stage = shop.keep_stage(store)
    grounds = StageGrounds(store, layout.stage_image)
    made = grounds.ground(stage, (128, 128), 0.3, 0.7)
    assert np.array_equal(grounds.again(stage, made.crop, (128, 128), "hermite-1"), made.pixels)
    with pytest.raises(ValueError, match="is not inside a stage"):
        grounds.again(stage, PixelBox(300, 0, 200, 200), (128, 128), "hermite-1")


def test_a_process_keeps_the_grounds_of_the_store_that_it_reads(store: ObjectStore) -> None:
    assert grounds_of(store, layout.stage_image) is grounds_of(store, layout.stage_image)
    other = open_store("memory://grounds-of-another-store")
    assert grounds_of(other, layout.stage_image).store is other
    assert grounds_of(store, layout.stage_image).store is store


def test_a_store_that_does_not_answer_is_not_a_lost_stage(store: ObjectStore) -> None:
    stage = shop.keep_stage(store)
    with pytest.raises(InjectedFault):
        StageGrounds(FaultyStore(store, FaultInjector(0)), layout.stage_image).ground(stage, (64, 64), *POINT)
