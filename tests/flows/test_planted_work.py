"""Work that a stranger plants in a store, or swaps in it: write access to `staging/` and `scores/` publishes nothing.

The findings S2 and S3 with their variations: keys are predictable, so everything is planted before the first run, or
exchanged between two runs. The stranger knows the code, and holds a key of his own.
"""

import json
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import SecretStr

from infra.imaging.codecs import decode, encode_png, pixel_sha
from infra.imaging.finishing import finish
from infra.integrity.keyring import IntegrityKeys
from infra.integrity.png_tags import tag_png
from infra.integrity.stored_work_trust import UNCHECKED, StoredWorkTrust
from infra.interfaces import FinishParameters, ObjectStore, ScreeningRequest
from infra.screening.measure import measure
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import SETTINGS, RefreshHarness, assert_published_images

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")

ROWS = [{"sku": "mug", "title": "Mug"}, {"sku": "bag", "title": "Bag"}]
KEY, OTHER = "a" * 64, "b" * 64
STRANGER = StoredWorkTrust(IntegrityKeys([b"c" * 64]))
BLACK = np.zeros((256, 256, 3), np.uint8)
FINISH = FinishParameters()


def shop(folder: Path, key: str = KEY, **settings: Any) -> RefreshHarness:
    folder.mkdir(exist_ok=True)
    changed = SETTINGS.model_copy(update={"integrity_key": SecretStr(key), **settings})
    return RefreshHarness(folder, ROWS, STUB_RECIPE, settings=changed)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> RefreshHarness:
    """Return a shop that nobody attacked: where its work lies, it lies in every other."""
    harness = shop(tmp_path_factory.mktemp("honest"))
    assert harness.refresh().report["slots"]["published"] == 2
    return harness


def keys(harness: RefreshHarness, suffix: str) -> list[str]:
    return [info.key for info in harness.store.list("staging/") if info.key.endswith(suffix)]


def advert() -> bytes:
    """Return a JPEG of a stranger's own: a banner, a comment, EXIF and a second file behind the end."""
    target = BytesIO()
    Image.new("RGB", (256, 256), "red").save(target, "JPEG", comment="<script>", exif=b"Exif\0\0" + bytes(20))
    return target.getvalue() + b"PK\x03\x04"


def plain_jpeg() -> bytes:
    """Return a picture that the gates pass, by the finish's own encoder: a red box on white."""
    pixels = np.full((256, 256, 3), 255, np.uint8)
    pixels[64:192, 64:192] = np.linspace((120, 10, 10), (240, 60, 60), 128).astype(np.uint8)[:, None]
    return finish(pixels, FINISH)


def assert_nothing_was_taken(harness: RefreshHarness, honest: RefreshHarness, refused: str) -> None:
    """Refresh, and fail where the shop shows other pixels than the honest one, or says nothing of what it refused."""
    night = harness.refresh()
    shown, expected = ({name: row["pixel_sha"] for name, row in shop.manifest().items()} for shop in (harness, honest))
    assert shown == expected
    assert_published_images(harness.store, harness.manifest())
    warning = [text for text in night.report["warnings"] if "was not believed and was made anew" in text]
    assert len(warning) == 1
    assert refused in warning[0]


@pytest.mark.parametrize("planted", [advert, plain_jpeg], ids=["another program's", "of our own encoder"])
def test_s2_a_planted_finished_file_is_made_anew(
    tmp_path: Path, honest: RefreshHarness, planted: Callable[[], bytes]
) -> None:
    harness = shop(tmp_path / "shop")
    for key in keys(honest, ".jpg"):
        harness.store.write(key, planted())
    assert_nothing_was_taken(harness, honest, "2 finished files")


@pytest.mark.parametrize("trust", [UNCHECKED, STRANGER], ids=["untagged", "with a stranger's tag"])
def test_s2_a_planted_raw_image_is_made_anew(tmp_path: Path, honest: RefreshHarness, trust: StoredWorkTrust) -> None:
    harness = shop(tmp_path / "shop")
    for key in keys(honest, ".png"):
        harness.store.write(key, tag_png(encode_png(BLACK), key, pixel_sha(BLACK), trust))
    assert_nothing_was_taken(harness, honest, "2 staged images")


def plant_black_with_good_scores(harness: RefreshHarness, honest: RefreshHarness, trust: StoredWorkTrust) -> None:
    """Plant what S3 planted: black images, and for them the scores of a good one, with the planted file's sha."""
    good = next(info.key for info in honest.store.list("scores/"))
    finish_and_scanners = good.split("-", 1)[1]
    key = f"scores/{pixel_sha(BLACK)[:2]}/{pixel_sha(BLACK)}-{finish_and_scanners}"
    file = finish(BLACK, FINISH)
    values = json.loads(honest.store.read(good))
    values |= {"file_sha": sha256(file).hexdigest(), "file_bytes": len(file), "finished_sha": pixel_sha(decode(file))}
    if trust is UNCHECKED:
        values.pop("tag", None)
    for raw in keys(honest, ".png"):
        harness.store.write(raw, tag_png(encode_png(BLACK), raw, pixel_sha(BLACK), trust))
    for finished in keys(honest, ".jpg"):
        harness.store.write(finished, file)
    harness.store.write(key, json.dumps(values, sort_keys=True).encode())


@pytest.mark.parametrize("trust", [UNCHECKED, STRANGER], ids=["untagged", "with tags of others"])
def test_s3_planted_images_with_copied_good_scores_are_made_anew(
    tmp_path: Path, honest: RefreshHarness, trust: StoredWorkTrust
) -> None:
    harness = shop(tmp_path / "shop")
    plant_black_with_good_scores(harness, honest, trust)
    assert_nothing_was_taken(harness, honest, "2 staged images, 2 finished files")


def test_s3_forged_scores_and_a_forged_file_for_the_honest_image_are_made_anew(
    tmp_path: Path, honest: RefreshHarness
) -> None:
    harness = shop(tmp_path / "shop")
    for info in honest.store.list(""):
        if info.key.startswith(("staging/", "scores/")):
            harness.store.write(info.key, honest.store.read(info.key))
    [score, *_] = [info.key for info in harness.store.list("scores/")]
    values = json.loads(harness.store.read(score))
    owner = next(
        key for key in keys(harness, ".jpg") if sha256(harness.store.read(key)).hexdigest() == values["file_sha"]
    )
    harness.store.write(owner, plain_jpeg())
    forged = values | {"file_sha": sha256(plain_jpeg()).hexdigest(), "file_bytes": len(plain_jpeg())}
    harness.store.write(score, json.dumps(forged, sort_keys=True).encode())
    assert_nothing_was_taken(harness, honest, "1 finished files, 1 score files")


@pytest.mark.parametrize("plant", ["S2", "S3"])
def test_without_keys_the_same_plants_are_published_as_the_docs_say(
    tmp_path: Path, honest: RefreshHarness, plant: str
) -> None:
    harness = shop(tmp_path / "shop", integrity=False)
    if plant == "S2":
        for key in keys(honest, ".jpg"):
            harness.store.write(key, plain_jpeg())
    else:
        plant_black_with_good_scores(harness, honest, UNCHECKED)
    harness.refresh()
    planted = plain_jpeg() if plant == "S2" else finish(BLACK, FINISH)
    assert bytes.fromhex(pixel_sha(decode(planted))) in {row["pixel_sha"] for row in harness.manifest().values()}
    assert b"Packshot\0" not in b"".join(map(harness.store.read, keys(harness, ".png")))


# Keys of other hosts, and rotation


def finish_anew(harness: RefreshHarness) -> dict[str, int]:
    """Refresh with another finish, for which staged images are found, and return how many images were made."""
    harness.edit_recipe(finish={"quality": 91})
    night = harness.refresh()
    assert night.report["slots"]["published"] == 2
    return night.image_counts()


@pytest.mark.parametrize(
    ("second", "generated"),
    [(KEY, 0), (f"{OTHER},{KEY}", 0), (OTHER, 2)],
    ids=["the same key", "a rotated key", "another host's key"],
)
def test_staged_images_are_used_again_by_every_host_that_accepts_their_key(
    tmp_path: Path, second: str, generated: int
) -> None:
    harness = shop(tmp_path / "shop")
    harness.refresh()
    harness.settings = harness.settings.model_copy(update={"integrity_key": SecretStr(second)})
    assert finish_anew(harness) == {"generated": generated, "reused": 2 - generated}
    assert_published_images(harness.store, harness.manifest())


def test_a_hosts_own_key_is_warned_of_once_with_counts(tmp_path: Path) -> None:
    harness = shop(tmp_path / "shop")
    harness.refresh()
    harness.settings = harness.settings.model_copy(update={"integrity_key": SecretStr(OTHER)})
    harness.edit_recipe(finish={"quality": 91})
    assert [text for text in harness.refresh().report["warnings"] if "stored work" in text] == [
        "2 × stored work was not believed and was made anew (2 staged images): another key signed it, or somebody else"
        " wrote it. Hosts that share a store need one integrity key: `packshot doctor` names each host's"
    ]


def test_the_key_is_in_nothing_that_is_kept(honest: RefreshHarness) -> None:
    kept = [info.key for info in honest.store.list("") if KEY.encode() in honest.store.read(info.key)]
    assert kept == []


def test_stored_scores_of_a_run_hold_for_the_file_that_was_measured(honest: RefreshHarness) -> None:
    trust = StoredWorkTrust(IntegrityKeys([KEY.encode()]))
    for info in honest.store.list("scores/"):
        values = json.loads(honest.store.read(info.key))
        files = [key for key in keys(honest, ".jpg") if _sha(honest.store, key) == values["file_sha"]]
        raw = f"{files[0].rsplit('-', 1)[0]}.png"
        request = ScreeningRequest("a", honest.url, raw, files[0], info.key, FINISH, tuple(values["scanners"]))
        honest_again = measure(request, honest.store, trust=trust)
        assert (honest_again.file_sha, honest_again.refused) == (values["file_sha"], ())


def _sha(store: ObjectStore, key: str) -> str:
    return sha256(store.read(key)).hexdigest()
