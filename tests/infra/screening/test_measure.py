"""One order: what is measured, what is kept, what is read back instead."""

import importlib.util
import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from infra.errors import InvalidImage, ObjectMissing, ProvenanceConfigError
from infra.imaging.codecs import decode, pixel_sha
from infra.imaging.finishing import finish
from infra.imaging.metrics.background import measure_background
from infra.imaging.metrics.pdq import pdq
from infra.interfaces import FinishParameters, ObjectStore
from infra.scanners.image_scanners import find_available
from infra.screening.measure import (
    BUILTIN_SCANNER_VERSIONS,
    BUILTIN_SCANNERS,
    ON_SCANNER_START,
    measure,
)
from infra.screening.score_files import from_json, to_json
from infra.stores import open_store
from infra.testing.block_watermark import BlockWatermark
from tests.fixtures.scanner_images import NEEDS_OCR, draw_logo, vase_image, with_logo, with_text
from tests.infra.screening.staged_images import block_image, screening_request, stage_image


@pytest.fixture
def store(tmp_path: object) -> ObjectStore:
    return open_store(f"file://{tmp_path}")


def test_raw_pixels_are_judged_and_the_finished_file_is_staged_and_named(store: ObjectStore) -> None:
    screened = measure(stage_image(store, "a"), store)
    file = store.read("staging/a-finished.jpg")
    finished = decode(file)
    assert screened.finished_sha == pixel_sha(finished)
    assert screened.file_sha == sha256(file).hexdigest()
    assert (screened.width, screened.height, screened.file_bytes) == (96, 96, len(file))
    assert screened.scores["file.bytes"] == len(file)
    assert screened.scores["size.width"] == 96
    assert (screened.fingerprint, screened.fingerprint_quality) == pdq(finished)
    assert screened.scanners == BUILTIN_SCANNER_VERSIONS
    assert screened.errors == {}


def test_the_background_is_read_off_the_finished_file_and_not_off_the_raw_picture(store: ObjectStore) -> None:
    pixels = block_image()
    pixels[pixels == 252] = 247
    assert measure_background(pixels)["background.white"] == 0
    assert (
        measure(stage_image(store, "plain", pixels, finish=FinishParameters()), store).scores["background.white"] == 0
    )
    assert (
        measure(stage_image(store, "white", pixels, finish=FinishParameters(whiten=True)), store).scores[
            "background.white"
        ]
        == 1
    )


def test_a_canvas_moves_the_finished_size_and_not_the_generated_one(store: ObjectStore) -> None:
    screened = measure(stage_image(store, "a", block_image()[:64], finish=FinishParameters(canvas="square")), store)
    assert (screened.width, screened.height) == (96, 96)
    assert (screened.scores["size.width"], screened.scores["size.height"]) == (96, 64)


def test_a_result_survives_its_stored_form(store: ObjectStore) -> None:
    screened = measure(stage_image(store, "a", scanners=["pixels", "fingerprint", "nobody"]), store)
    assert from_json(to_json(screened)) == screened
    assert from_json(store.read("scores/a.json")) == screened


def test_what_was_measured_is_read_back_without_the_raw_image(store: ObjectStore) -> None:
    order = stage_image(store, "a")
    first = measure(order, store)
    store.delete([order.raw_key])
    again = measure(replace(order, key="b"), store)
    assert replace(again, key="a", seconds=first.seconds) == first
    assert again.key == "b"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda store: store.delete(["staging/a-finished.jpg"]),
        lambda store: store.delete(["scores/a.json"]),
        lambda store: store.write("scores/a.json", b"{"),
        lambda store: store.write("scores/a.json", b"[]"),
        lambda store: store.write("scores/a.json", b"null"),
        lambda store: store.write("scores/a.json", b'{"fingerprint": ""}'),
        lambda store: store.write(
            "scores/a.json",
            json.dumps({**json.loads(store.read("scores/a.json")), "scanners": {"pixels": "0"}}).encode(),
        ),
    ],
    ids=["no file", "no scores", "cut", "a list", "null", "too little", "another version"],
)
def test_a_missing_or_spoiled_half_is_measured_anew(store: ObjectStore, spoil: object) -> None:
    order = stage_image(store, "a")
    first = measure(order, store)
    spoil(store)  # type: ignore[operator]
    again = measure(order, store)
    assert replace(again, seconds=0) == replace(first, seconds=0)
    assert from_json(store.read("scores/a.json")) == again
    assert store.exists("staging/a-finished.jpg")


def test_more_scanners_than_were_run_are_run(store: ObjectStore) -> None:
    assert measure(stage_image(store, "a", scanners=["pixels"]), store).fingerprint == b""
    both = measure(screening_request("a", store.url), store)
    assert len(both.fingerprint) == 32
    assert both.scanners == BUILTIN_SCANNER_VERSIONS


def test_the_first_finished_file_wins_and_is_the_one_that_is_named(store: ObjectStore) -> None:
    order = stage_image(store, "a", block_image(1))
    earlier = finish(block_image(2), FinishParameters(quality=70))
    store.write(order.finished_key, earlier)
    screened = measure(order, store)
    assert store.read(order.finished_key) == earlier
    assert screened.finished_sha == pixel_sha(decode(earlier))
    assert screened.fingerprint == pdq(decode(earlier))[0]
    assert (screened.file_sha, screened.file_bytes) == (sha256(earlier).hexdigest(), len(earlier))


def test_an_unknown_scanner_is_an_error_and_costs_the_others_nothing(store: ObjectStore) -> None:
    screened = measure(stage_image(store, "a", scanners=["smell", "pixels"]), store)
    assert screened.scanners == {"pixels": BUILTIN_SCANNER_VERSIONS["pixels"]}
    assert screened.errors == {
        "smell": "There is no scanner 'smell'; there are pixels, fingerprint, explicit, nudity, text, logos."
    }
    assert "blur.foreground" in screened.scores


def test_a_scanner_that_raises_is_an_error_and_is_tried_again_the_next_time(store: ObjectStore) -> None:
    def broken(pair: object) -> NoReturn:
        raise ArithmeticError("no median")

    order = stage_image(store, "a")
    screened = measure(order, store, {**BUILTIN_SCANNERS, "fingerprint": broken})
    assert screened.errors == {"fingerprint": "ArithmeticError: no median"}
    assert screened.scanners == {"pixels": BUILTIN_SCANNER_VERSIONS["pixels"]}
    assert screened.fingerprint == b""
    assert store.exists(order.scores_key)
    assert measure(order, store).errors == {}


def test_a_named_scanner_sees_the_finished_picture_and_what_it_saw_is_kept_and_read_back(
    store: ObjectStore, tmp_path: Path
) -> None:
    (tmp_path / "marks").mkdir()
    draw_logo(3).save(tmp_path / "marks" / "Acme.png")
    settings = {"logos": {"library": str(tmp_path / "marks"), "names": []}}
    order = stage_image(
        store, "a", with_logo(vase_image(side=512), draw_logo(3), 160), scanners=["pixels", "logos"], settings=settings
    )
    first = measure(order, store)
    assert first.scores["logos.mark:Acme"] >= 12
    assert first.scanners["logos"] == find_available(["logos"], settings)[0]["logos"]
    store.delete([order.raw_key])
    assert replace(measure(order, store), seconds=0) == replace(first, seconds=0)
    draw_logo(4).save(tmp_path / "marks" / "Bolt.png")
    with pytest.raises(ObjectMissing):  # an old answer is not taken for one of another library
        measure(order, store)


def test_a_named_scanner_that_is_not_installed_is_an_error_and_costs_the_others_nothing(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    order = stage_image(store, "a", scanners=["pixels", "nudity"], settings={"nudity": {"opened": "never"}})
    screened = measure(order, store)
    assert screened.errors["nudity"].startswith("ScannerMissing: The package 'nudenet' is not installed")
    assert screened.scanners.keys() == {"pixels"}


@NEEDS_OCR
def test_what_is_written_in_a_picture_is_kept_with_its_scores_and_nowhere_else(
    store: ObjectStore, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    order = stage_image(
        store, "a", with_text(vase_image(side=512), "SECRET SALE", 60, at=(0.5, 0.9)), scanners=["text"]
    )
    screened = measure(order, store)
    assert screened.scores["text.count"] == 1
    assert "SECRET SALE" in {detail["text"] for detail in screened.details["text"]}
    assert from_json(store.read(order.scores_key)) == screened
    assert "SECRET" not in caplog.text + "".join(capfd.readouterr())


def test_whoever_watches_is_told_which_scanner_is_at_work(store: ObjectStore) -> None:
    told: list[str] = []
    before = ON_SCANNER_START.set(told.append)
    measure(stage_image(store, "a"), store)
    ON_SCANNER_START.reset(before)
    assert told == ["pixels", "fingerprint"]


def test_a_missing_or_broken_image_raises_and_leaves_nothing(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissing):
        measure(screening_request("gone", store.url), store)
    order = stage_image(store, "cut")
    store.write(order.raw_key, store.read(order.raw_key)[:100])
    with pytest.raises(InvalidImage):
        measure(order, store)
    assert not store.exists(order.finished_key)
    assert not store.exists(order.scores_key)


def test_two_pictures_differ_in_everything_that_names_them(store: ObjectStore) -> None:
    one, other = (
        measure(stage_image(store, "a", block_image(1)), store),
        measure(stage_image(store, "b", block_image(2)), store),
    )
    assert one.finished_sha != other.finished_sha
    assert np.count_nonzero(np.frombuffer(one.fingerprint, "u1") != np.frombuffer(other.fingerprint, "u1")) > 8


def test_a_watermark_is_hidden_after_the_gates_have_seen_the_raw_picture_and_found_again(store: ObjectStore) -> None:
    finish = FinishParameters(watermark="blocks-1", quality=95)
    pixels = block_image()
    marked = replace(
        stage_image(store, "a", pixels, finish=finish), watermark="infra.testing.block_watermark:BlockWatermark"
    )
    screened = measure(marked, store)
    hidden = BlockWatermark().extract(decode(store.read("staging/a-finished.jpg")))
    assert hidden == bytes.fromhex(pixel_sha(pixels))[:8]
    assert screened.scores["size.width"] == 96
    assert measure(replace(marked, key="again"), store).file_sha == screened.file_sha


def test_a_watermark_that_does_not_outlive_the_encoder_is_no_picture_to_publish(store: ObjectStore) -> None:
    finish = FinishParameters(watermark="blocks-1", quality=1)
    marked = replace(stage_image(store, "a", finish=finish), watermark="infra.testing.block_watermark:BlockWatermark")
    with pytest.raises(InvalidImage, match="'blocks-1' cannot be read back"):
        measure(marked, store)
    assert store.find("scores/a.json") is None
    with pytest.raises(ProvenanceConfigError, match="none is registered"):
        measure(replace(marked, watermark=None), store)
