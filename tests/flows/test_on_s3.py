"""Refreshes of a shop in a bucket behind a bad network: the same release, or one clear sentence and nothing lost."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from catalogs import layout
from infra.settings import Settings
from infra.stores import open_store
from infra.stores.s3_client import S3Access
from tests.fixtures.crash_harness import (
    CATALOGUE,
    CrashHarness,
    assert_slots_accounted_for,
    assert_store_consistent,
    edge_case_rows,
    plain_rows,
    published_slots,
    recorded_outcomes,
)
from tests.fixtures.fault_proxy import Faults, RunningProxy, fault_proxy
from tests.fixtures.object_stores import BUCKET, temporary_s3_url
from tests.paths import ROOT

pytestmark = pytest.mark.usefixtures("reduced_audit")

SETTINGS = Settings(shard_size=5, in_flight=3)


def make_harness(folder: Path, place: str | None = None, plain: int = 12) -> CrashHarness:
    """Return a shop of a few dozen slots, with one of each fate, screened in processes as in earnest."""
    return CrashHarness(
        folder, edge_case_rows() + plain_rows(plain), settings=SETTINGS, screen_in_processes=True, url_override=place
    )


@contextmanager
def store_behind_fault_proxy(endpoint: str, folder: Path, faults: Faults) -> Iterator[tuple[str, RunningProxy]]:
    """Lend a fresh store behind a network with these faults."""
    with fault_proxy(endpoint, folder, faults) as place, temporary_s3_url(place.endpoint) as url:
        yield url, place


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> CrashHarness:
    """Return the shop after its first night on a disk, where nothing fails."""
    made = make_harness(tmp_path_factory.mktemp("undisturbed"))
    made.refresh()
    return made


def refresh_as(undisturbed: CrashHarness, world: CrashHarness) -> None:
    """Refresh twice, and compare with the undisturbed shop: keys, attempts, verdicts, manifest rows, images made."""
    report = world.refresh()
    assert published_slots(world.tables) == published_slots(undisturbed.tables)
    assert recorded_outcomes(world.tables) == recorded_outcomes(undisturbed.tables)
    assert set(world.generated) == set(undisturbed.generated)
    assert_slots_accounted_for(report)
    before = world.generated.total()
    again = world.refresh()
    assert again["slots"]["unchanged"] == report["slots"]["published"]
    assert (again["slots"]["new"], again["images"]["generated"]) == (1, 0)  # the poisoned one, tried anew
    assert world.generated.total() == before


@pytest.mark.slow
def test_a_published_picture_says_what_it_is_and_that_it_never_changes(s3_url: str, tmp_path: Path) -> None:
    from s3fs import S3FileSystem

    world = make_harness(tmp_path, s3_url, plain=2)
    count = world.refresh()["slots"]["published"]
    bucket, prefix = s3_url.removeprefix("s3://").split("/", 1)
    files = S3FileSystem(**S3Access.from_environment().for_s3fs())
    keys = world.tables.read(layout.manifest_table(CATALOGUE), ["object"])["object"].to_pylist()
    heads = [files.call_s3("head_object", Bucket=bucket, Key=f"{prefix}/{key}") for key in keys]
    assert [head["ContentType"] for head in heads] == ["image/jpeg"] * count
    assert {head["CacheControl"] for head in heads} == {"public, max-age=31536000, immutable"}
    staged = next(world.store.list("staging/")).key
    assert "CacheControl" not in files.call_s3("head_object", Bucket=bucket, Key=f"{prefix}/{staged}")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_network_that_loses_a_request_in_twenty_changes_nothing(
    s3_endpoint: str, tmp_path: Path, undisturbed: CrashHarness, seed: int
) -> None:
    with store_behind_fault_proxy(s3_endpoint, tmp_path, Faults(share=0.05, seed=seed)) as (url, place):
        world = make_harness(tmp_path / "shop", url)
        refresh_as(undisturbed, world)
        assert_store_consistent(world.store, world.tables)
        assert sum(place.fault_counts().values()) >= 20, place.fault_counts()
    # Seen past the proxy too, and nothing of a lost answer was taken for somebody else's.
    assert world.regenerated_count == 0


@pytest.mark.slow
def test_an_outage_of_thirty_seconds_is_sat_out(s3_endpoint: str, tmp_path: Path, undisturbed: CrashHarness) -> None:
    with store_behind_fault_proxy(s3_endpoint, tmp_path, Faults(outage_after=150, outage_seconds=30.0)) as (url, place):
        world = make_harness(tmp_path / "shop", url)
        refresh_as(undisturbed, world)
        assert place.fault_counts()["outage"] >= 5
    assert world.regenerated_count == 0


@pytest.mark.slow
def test_a_network_as_slow_as_another_continent_changes_nothing(
    s3_endpoint: str, tmp_path: Path, undisturbed: CrashHarness
) -> None:
    with store_behind_fault_proxy(s3_endpoint, tmp_path, Faults(latency=0.2)) as (url, _):
        refresh_as(undisturbed, make_harness(tmp_path / "shop", url))


def command(world: CrashHarness, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `packshot refresh` on a world's catalogue."""
    source, recipe = world.job().source, world.folder / "recipe.json"
    recipe.write_text(json.dumps(world.recipe), "utf-8")
    words = ["refresh", source, "--store", world.url, "--recipe", str(recipe), "--catalogue", CATALOGUE, "--json"]
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *words],
        cwd=ROOT,
        env=os.environ | {"PACKSHOT_SHARD_SIZE": "5", "PACKSHOT_STORE_SECONDS": "6"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.slow
def test_a_store_that_is_gone_for_good_is_told_in_a_sentence_and_what_was_staged_is_used(
    s3_endpoint: str, tmp_path: Path, undisturbed: CrashHarness
) -> None:
    name = uuid4().hex
    with fault_proxy(s3_endpoint, tmp_path, Faults(outage_after=150, outage_seconds=3600.0)) as place:
        with temporary_s3_url(place.endpoint):
            gone = make_harness(tmp_path / "shop", f"s3://{BUCKET}/{name}")
            first = command(gone)
        assert 2 <= place.fault_counts()["outage"] < 500, "each operation waited for the store anew"
    assert first.returncode == 3, first.stderr
    assert (first.stdout, len(first.stderr.splitlines())) == ("", 1)
    assert first.stderr.startswith("packshot: ")
    assert "see that it can be reached, then run the same command again: what was staged is used" in first.stderr
    assert "sesame" not in first.stderr
    with temporary_s3_url(s3_endpoint):
        staged = {info.key for info in open_store(gone.url).list("staging/") if info.key.endswith(".png")}
        assert 0 < len(staged) < len(undisturbed.generated)
        second = command(gone)
        assert second.returncode == 1, second.stderr  # a slot has failed, the poisoned one
        report = json.loads(second.stdout)
        images = report["images"]
        assert images["reused"] > 0
        assert images["generated"] + images["reused"] == len(undisturbed.generated), images
        assert published_slots(gone.tables) == published_slots(undisturbed.tables)
        assert recorded_outcomes(gone.tables) == recorded_outcomes(undisturbed.tables)
        assert_store_consistent(gone.store, gone.tables)
