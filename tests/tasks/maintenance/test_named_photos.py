"""Names of photos are read out of results, requests and indexes, and everything else is unneeded."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from catalogs import layout
from catalogs.photos.kept_request import KeptRequest, KeptResult
from infra.interfaces import ObjectInfo
from tasks.maintenance.named_photos import NamedPhotos

CUTTERS = (("plain-ground", "1"), ("u2netp", "1+309c"))


def sha(number: int) -> str:
    return f"{number:04x}" * 16


def request(*photos: int, cutters: Any = CUTTERS) -> KeptRequest:
    return KeptRequest("white", tuple(map(sha, photos)), cutters, {"fill": 0.85})


def result(photo: int, cutters_digest: str) -> KeptResult:
    proof = {"photo_sha256": sha(photo), "core": {"sha256": sha(99)}}
    refused = {sha(77): ['an odd "photo":"reason']}
    return KeptResult("white", sha(photo), "fit", 'a "cutter"', "1", {}, proof, cutters_digest, refused)


def objects(*photos: int) -> list[ObjectInfo]:
    """Return the photos, and two masks of each: by these cutters and by others."""
    now, digests = datetime.now(UTC), (request().cutters_digest, "ef" * 32)
    keys = [layout.source_photo(sha(photo), "jpg") for photo in photos]
    keys += [make(sha(photo), digest) for photo in photos for digest in digests
             for make in (layout.cutout_mask, layout.cutout_scores)]  # fmt: skip
    return [ObjectInfo(key, 1, now) for key in keys]


def left(named: NamedPhotos, *photos: int) -> list[str]:
    """Return what stays, shortly: the photo, and the cutters of a mask."""
    infos = objects(*photos)
    gone = named.unneeded(infos)
    return sorted({info.key.rpartition("/")[2][60:].partition(".")[0] for info in infos if info not in gone})


def test_a_result_names_its_photo_and_the_mask_by_its_cutters() -> None:
    named, digest = NamedPhotos(), request().cutters_digest
    rows = pa.table(
        {"kept": [result(1, digest).text, None], "photo_sha": [bytes.fromhex(sha(1)), bytes.fromhex(sha(3))]}
    )
    named.add_results(rows)
    assert left(named, 1, 2, 3) == ["0001", f"0001-{digest[:12]}", "0003"]


def test_a_request_names_each_of_its_photos_and_an_index_every_mask_of_them() -> None:
    named, digest = NamedPhotos(), request().cutters_digest
    named.add_requests(pa.chunked_array([[request(1, 2).text, None, request(1, 2).text]]))
    named.add_index(pa.array([bytes.fromhex(sha(4))], pa.binary(32)))
    expected = ["0001", f"0001-{digest[:12]}", "0002", f"0002-{digest[:12]}"]
    assert left(named, 1, 2, 3) == expected
    assert left(named, 4) == sorted(["0004", f"0004-{digest[:12]}", "0004-efefefefefef"])


def test_nothing_named_leaves_nothing_but_objects_of_another_origin() -> None:
    named = NamedPhotos()
    named.add_results(pa.table({"kept": pa.nulls(3, pa.string())}))
    others = [
        ObjectInfo(key, 1, datetime.now(UTC)) for key in ("sources/readme.txt", f"sources/{'a' * 70}", "cutouts/x")
    ]
    mine = objects(1)
    assert named.unneeded([*others, *mine]) == mine
    assert left(named, 1) == []
