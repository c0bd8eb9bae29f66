"""Pictures come in by the guarded way of shops' photos and lie in the store by the digest of their pixels."""

import io
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalogs import layout
from infra.errors import InvalidImage, ObjectMissing
from infra.imaging.codecs import pixel_sha
from infra.photos.invalid_photo import InvalidPhoto
from infra.stores.memory import MemoryStore
from infra.testing.simulated_clock import SimulatedClock
from tasks.stages.stage_pictures import (
    WRITTEN_ANEW_AFTER,
    decode_stage_picture,
    keep_stage_picture,
    read_stage_picture,
)
from tests.fixtures.photo_files import save, with_orientation
from tests.fixtures.stage_scenes import NOW, empty_scene

SCENE = Image.fromarray(np.ascontiguousarray(empty_scene()[:200, :300]))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_read_from_each_kind(kind: str) -> None:
    assert decode_stage_picture(save(SCENE, kind)).shape == (200, 300, 3)


def test_a_turned_picture_is_upright() -> None:
    assert decode_stage_picture(save(SCENE, "JPEG", exif=with_orientation(6))).shape == (300, 200, 3)


def test_what_is_no_stage_is_refused_with_its_reason() -> None:
    holes = SCENE.convert("RGBA")
    holes.putpixel((3, 3), (0, 0, 0, 0))
    for data, reason, sentence in (
        (save(holes, "PNG"), "photo.wrong-format", "transparent in places"),
        (save(SCENE, "GIF"), "photo.wrong-format", "is a GIF"),
        (save(SCENE, "PNG")[:400], "photo.unreadable", "cut short"),
        (b"%PDF-1.7", "photo.wrong-format", ""),
        (save(SCENE.resize((20_000, 100)), "PNG"), "photo.too-large", "no more than"),
    ):
        with pytest.raises(InvalidPhoto, match=sentence) as refused:
            decode_stage_picture(data)
        assert refused.value.reason == reason


def test_an_opaque_alpha_channel_is_no_transparency() -> None:
    assert decode_stage_picture(save(SCENE.convert("RGBA"), "PNG")).shape == (200, 300, 3)


def test_a_picture_is_kept_without_loss_by_the_digest_of_its_pixels(tmp_path: Path) -> None:
    store = MemoryStore(str(tmp_path))
    sha256 = keep_stage_picture(store, empty_scene())
    assert sha256 == pixel_sha(empty_scene())
    assert np.array_equal(read_stage_picture(store, sha256), empty_scene())
    assert Image.open(io.BytesIO(store.read(layout.stage_image(sha256)))).format == "PNG"


def test_an_old_picture_is_written_anew_so_that_a_sweep_sees_it_as_young(tmp_path: Path) -> None:
    clock = SimulatedClock(NOW)
    store = MemoryStore(str(tmp_path), clock.now)
    key = layout.stage_image(keep_stage_picture(store, empty_scene()))
    clock.advance(WRITTEN_ANEW_AFTER.total_seconds() - 60)
    keep_stage_picture(store, empty_scene())
    assert store.info(key).modified == NOW
    clock.advance(120)
    keep_stage_picture(store, empty_scene())
    assert store.info(key).modified == NOW + WRITTEN_ANEW_AFTER + timedelta(seconds=60)


def test_other_pixels_under_a_name_are_never_taken(tmp_path: Path) -> None:
    store = MemoryStore(str(tmp_path))
    one, other = keep_stage_picture(store, empty_scene()), keep_stage_picture(store, empty_scene(200))
    store.write(layout.stage_image(one), store.read(layout.stage_image(other)))
    with pytest.raises(InvalidImage, match="holds other pixels than its name says"):
        read_stage_picture(store, one)
    with pytest.raises(ObjectMissing):
        read_stage_picture(store, "0" * 64)
