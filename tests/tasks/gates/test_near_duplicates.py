"""Near-duplicate search finds every live image that matters, and none that is no longer live."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from catalogs.keys import slot_id
from catalogs.policy.duplicates import DuplicateCandidate, NearPair, PublishedImage
from catalogs.policy.schema import DuplicateRules
from infra.interfaces import ObjectInfo
from infra.testing.faulty_store import FaultInjector, FaultyStore
from infra.testing.faulty_tables import FaultyTables
from tasks.gates.near_duplicates import PublishedFingerprints, find_near_duplicates
from tasks.maintenance.compact_fingerprints import fold_fingerprints
from tests.fixtures.run_rows import fingerprint_of
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, request_key_of

RULES = DuplicateRules()
NOBODY = pa.array([], pa.binary())


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    made = StoreScenario(tmp_path)
    pictures = {"mug/front": "red", "mug/side": "wide", "cup/front": "blue", "hat/front": "red"}
    made.release("r0", pictures)
    made.write_fingerprints("r0", pictures)
    return made


def shown(scenario: StoreScenario, *moving: str) -> PublishedFingerprints:
    ids = pa.array([slot_id(*place.split("/"), "a", 0) for place in moving], pa.binary())
    return PublishedFingerprints(scenario.store, scenario.tables, CATALOGUE, ids)


def candidate(
    word: str, *skus: str, near: str = "", quality: float = 90, crop: str = "", sha: bytes = b""
) -> DuplicateCandidate:
    return DuplicateCandidate(
        request_key_of(word), skus, fingerprint_of(near or word), quality, sha or fingerprint_of(f"pixels {word}"),
        fingerprint_of(crop) if crop else b"",
    )  # fmt: skip


def named(published: list[PublishedImage]) -> list[str]:
    return sorted(picture.sku for picture in published)


def near(
    scenario: StoreScenario, *candidates: DuplicateCandidate, **changes: float
) -> tuple[list[NearPair], list[PublishedImage], list[NearPair]]:
    return find_near_duplicates(candidates, shown(scenario), RULES.model_copy(update=changes))


def test_a_near_image_brings_all_slots_that_show_it(scenario: StoreScenario) -> None:
    among, published, against = near(scenario, candidate("new", "shirt", near="red"))
    assert (among, named(published)) == ([], ["hat", "mug"])
    assert sorted((published[other].sku, bits) for _, other, bits in against) == [("hat", 0), ("mug", 0)]


def test_what_shows_the_same_sku_or_the_same_pixels_comes_without_being_near(scenario: StoreScenario) -> None:
    assert named(near(scenario, candidate("new", "cup"))[1]) == ["cup"]
    [blue] = near(scenario, candidate("new", "cup"))[1]
    assert named(near(scenario, candidate("new", "shirt", sha=blue.pixel_sha))[1]) == ["cup"]
    assert near(scenario, candidate("new", "shirt")) == ([], [], [])


def test_replaced_and_no_longer_live_images_are_not_searched(scenario: StoreScenario) -> None:
    red = candidate("new", "shirt", near="red")
    assert named(find_near_duplicates([red], shown(scenario, "mug/front"), RULES)[1]) == ["hat"]
    scenario.release("r1", {"hat/front": "green", "mug/front": "red"})
    assert named(near(scenario, red)[1]) == ["mug"]
    assert len(shown(scenario)) == 3


def test_rows_that_are_written_twice_count_once(scenario: StoreScenario) -> None:
    scenario.write_fingerprints("compacted", {"mug/front": "red", "hat/front": "red"})
    assert named(near(scenario, candidate("new", "shirt", near="red"))[1]) == ["hat", "mug"]
    assert len(shown(scenario)) == 4


def test_a_code_that_cannot_be_trusted_is_not_looked_up_and_the_crop_is(scenario: StoreScenario) -> None:
    vague = candidate("one", "shirt", near="red", quality=49)
    assert near(scenario, vague) == ([], [], [])
    pair = [vague, candidate("two", "bag", near="red", crop="same"), candidate("three", "box", crop="same")]
    among, _, against = near(scenario, *pair)
    assert sorted(among) == [(1, 2, 0), (2, 1, 0)]
    assert {one for one, _, _ in against} == {1}


def test_an_empty_catalogue_and_an_empty_batch_have_no_near_duplicates(scenario: StoreScenario, tmp_path: Path) -> None:
    empty = StoreScenario(tmp_path / "empty")
    assert find_near_duplicates([], shown(scenario), RULES) == ([], [], [])
    assert find_near_duplicates([candidate("a", "b")], shown(empty), RULES) == ([], [], [])


def test_a_code_is_looked_up_once(scenario: StoreScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    found = shown(scenario)
    first = found.find_near("fingerprint", [fingerprint_of("red"), fingerprint_of("new")], 31)
    monkeypatch.setattr(found, "_index", None)
    assert found.find_near("fingerprint", [fingerprint_of("new"), fingerprint_of("red")], 31) == first[::-1]


def test_thousands_of_rows_give_what_a_plain_loop_gives(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    pictures = {f"sku{number}/front": f"word {number % 300}" for number in range(400)}
    shop.release("r0", pictures)
    for part in range(4):
        shop.write_fingerprints(f"r{part}", dict(list(pictures.items())[part * 100 : (part + 1) * 100]))
    asked = [candidate(f"new {n}", f"other{n}", near=f"word {n * 7 % 310}") for n in range(40)]
    _, published, against = find_near_duplicates(asked, shown(shop), RULES)
    found = sorted((asked[one].skus[0], published[other].sku) for one, other, _ in against)
    expected = sorted(
        (f"other{n}", place.split("/")[0])
        for n in range(40)
        for place, word in pictures.items()
        if word == f"word {n * 7 % 310}"
    )
    assert found == expected
    assert np.unique([bits for _, _, bits in against]).tolist() == [0]


def test_the_photo_of_an_image_is_said_where_a_candidate_keeps_the_same(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shown_of = {"mug/front": "red", "cup/front": "red", "hat/front": "red"}
    for number, (place, photo) in enumerate(zip(shown_of, (b"one", b"two", None), strict=True)):
        shop.release(f"r{number}", {place: "red"}, photo_sha=photo)
    shop.write_fingerprints("r0", shown_of)
    found = {
        photo: {
            image.sku: image.photo_sha
            for image in near(shop, replace(candidate("new", "pot", near="red"), photo_sha=photo))[1]
        }
        for photo in (b"one", b"three", b"")
    }
    assert found[b"one"] == {"mug": b"one", "cup": b"", "hat": b""}
    assert found[b"three"] == found[b""] == {"mug": b"", "cup": b"", "hat": b""}


def test_the_photo_of_an_image_that_came_into_the_slot_meanwhile_is_not_said(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r0", {"mug/front": "red"}, photo_sha=b"two")
    shop.write_fingerprints("r0", {"mug/front": "red"})
    published = shown(shop)
    shop.release("r1", {"mug/front": "blue"}, photo_sha=b"one")
    asked = replace(candidate("new", "pot", near="red"), photo_sha=b"one")
    [image] = find_near_duplicates([asked], published, RULES)[1]
    assert (image.sku, image.photo_sha) == ("mug", b"")


def test_without_a_kept_photo_no_photos_are_read(scenario: StoreScenario) -> None:
    injector = FaultInjector()
    published = PublishedFingerprints(scenario.store, FaultyTables(scenario.tables, injector), CATALOGUE, NOBODY)
    opened = injector.operation_count
    asked = candidate("new", "shirt", near="red")
    find_near_duplicates([asked], published, RULES)
    assert injector.operation_count == opened
    find_near_duplicates([replace(asked, photo_sha=b"one")], published, RULES)
    assert injector.operation_count == opened + 1, "the manifest, once"


def test_each_small_file_is_read_once_and_one_that_was_folded_meanwhile_has_no_rows(scenario: StoreScenario) -> None:
    """B: 12 requests a file a run, one after another."""
    for number in range(30):
        scenario.write_fingerprints(f"x{number:02}", {f"old{number}/front": "red"})
    injector = FaultInjector()
    store = FaultyStore(scenario.store, injector)
    published = PublishedFingerprints(store, scenario.tables, CATALOGUE, NOBODY)
    found = find_near_duplicates([candidate("other", "pot", near="red")], published, RULES)
    assert found[1]
    assert injector.operation_count == 1 + 31, "a listing, and one read for each file"

    class Folds(FaultyStore):
        def list(self, prefix: str) -> Iterator[ObjectInfo]:
            infos = list(super().list(prefix))
            fold_fingerprints(scenario.store, CATALOGUE)
            return iter(infos)

    assert len(PublishedFingerprints(Folds(scenario.store, FaultInjector()), scenario.tables, CATALOGUE, NOBODY)) == 0
