"""The words claim what a proof's numbers say, and no more."""

from dataclasses import replace

import pytest

from infra.imaging.codecs import pixel_sha
from tasks.reporting.kept_in_words import UNREADABLE, tell_kept
from tests.fixtures.drawn_stages import drawn_stage
from tests.fixtures.kept_shop import kept_picture


def test_at_scale_1_the_core_was_the_photos_own_pixels() -> None:
    kept = replace(kept_picture(3, scale_one=True).kept, jpeg={"mean": 1.25, "p99": 6.0, "max": 15.0})
    told = tell_kept(kept.text)
    assert told is not None
    core = kept.proof["core"]
    assert (told["mode"], told["photo_sha"], told["core_sha256"]) == ("white", kept.photo, core["sha256"])
    share = core["pixels"] / core["product_pixels"]
    assert told["proof"] == (
        f"Before its JPEG was written, the {core['pixels']:,} opaque pixels of the product ({share:.1%} of it) were the"
        " photo's own pixels, to the bit. The JPEG moved them by 1.2 of 256 levels in the mean, 99 % of them by 6 at"
        " most, and none by more than 15."
    )


def test_at_another_scale_it_was_resampled_from_the_photo_and_nothing_else_touched_it() -> None:
    kept = kept_picture(1).kept
    source, target = kept.proof["placement"]["source"], kept.proof["placement"]["target"]
    told = tell_kept(kept.text)
    assert told is not None
    said = (
        f"were resampled from the photo's opaque pixels by hermite-1 ({source['width']} x {source['height']} to"
        f" {target['width']} x {target['height']}), and nothing else touched them."
    )
    assert said in told["proof"]
    assert "own pixels" not in told["proof"]


def test_without_a_measured_loss_none_is_claimed() -> None:
    told = tell_kept(replace(kept_picture(1).kept, jpeg={}).text)
    assert told is not None
    assert "The JPEG moved" not in told["proof"]


def test_a_generated_image_keeps_nothing() -> None:
    assert (tell_kept(None), tell_kept("")) == (None, None)


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON", '{"mode": "white"}'])
def test_what_cannot_be_read_is_said_and_claims_nothing(text: str) -> None:
    assert tell_kept(text) == {"proof": UNREADABLE}


def test_on_a_stage_the_ground_is_claimed_and_the_soft_edge_is_not() -> None:
    stage = drawn_stage(1, 300, 220)
    told, white = tell_kept(kept_picture(1, stage=stage).kept.text), tell_kept(kept_picture(1).kept.text)
    assert told is not None
    assert white is not None
    sha = pixel_sha(stage)
    assert (told["mode"], told["stage_sha"], "stage_sha" in white) == ("stage", sha, False)
    assert (
        f"Around the product and its soft edge, every pixel was that of the stage {sha[:12]} (220 x 220 of it),"
        " darkened by the product's shadow and by nothing else."
    ) in told["proof"]
    assert "stage" not in white["proof"]
