"""Roles in a bucket: each role's keys do the role's work, by real processes with real clients of objects and of tables.

Moto with IAM switched on answers; `tests/fixtures/bucket_roles.py` says what it checks and what it does not.
"""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogs import layout
from flows.run.leases import hold_run_lease
from flows.wiring.composition import open_resources
from infra.settings import Settings
from infra.stores.parquet_objects import read_row_groups
from infra.tables import open_tables
from tasks.maintenance.upgrade import upgrade
from tasks.pipeline.plan import make_plan
from tasks.runs.run_context import RunContext
from tests.docs.documents import blocks
from tests.fixtures.bucket_roles import BUCKET, PART_WORKER, RoleBucket, as_role, role_bucket
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness
from tests.fixtures.run_rows import start_run
from tests.fixtures.stage_scenes import empty_scene, scene_file
from tests.fixtures.store_scenarios import StoreScenario
from tests.paths import ROOT

__all__ = ["role_bucket"]

pytestmark = pytest.mark.slow


def process(
    bucket: RoleBucket, role: str, *words: object, stdin: bytes = b"", **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run Python with a role's keys."""
    environment = {**os.environ, **bucket.environment(role), **variables}
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, env=environment, input=stdin, capture_output=True, check=False)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def packshot(bucket: RoleBucket, role: str, *words: object) -> "subprocess.CompletedProcess[str]":
    return process(bucket, role, "-m", "flows.cli", *words)


@pytest.fixture(scope="module")
def shop(role_bucket: RoleBucket) -> Iterator[StoreScenario]:
    """A store with two releases of the catalogue `sample`, written with the pipeline's keys."""
    with as_role(role_bucket, "pipeline"):
        shop = StoreScenario(role_bucket.url, "sample")
        upgrade(shop.store, shop.tables)
        waiting = {"channels": [], "channel_reasons": ["showroom:needs-a-person"]}
        shop.release("r1", {"boot/front": "red", "shoe/front": "green"}, **waiting)
        shop.release("r2", {"boot/front": "blue"}, **waiting)
        yield shop


def test_a_shop_reader_reads_the_manifest_as_documented_and_loads_its_images(
    role_bucket: RoleBucket, shop: StoreScenario, tmp_path: Path
) -> None:
    readers = [block for block in blocks("python") if "DeltaTable(" in block.text and "sample" in block.text]
    assert len(readers) == 3
    for block in readers:
        said = process(
            role_bucket, "shop-reader", "-c", f"import os\nos.chdir({str(tmp_path)!r})\n{block.text}",
            PACKSHOT_STORE=role_bucket.url, AWS_ALLOW_HTTP="true",
        )  # fmt: skip
        assert said.returncode == 0, said.stderr
        assert "boot" in said.stdout
    client = role_bucket.client("shop-reader")
    for key in shop.tables.read(layout.manifest_table("sample"), ["object"])["object"].to_pylist():
        assert client.get_object(Bucket=BUCKET, Key=f"live/{key}")["Body"].read().startswith(b"\xff\xd8")


@pytest.mark.usefixtures("shop")
def test_an_auditor_reads_every_release_and_file(role_bucket: RoleBucket) -> None:
    said = packshot(role_bucket, "auditor", "verify", role_bucket.url, "--deep", "--json")
    assert (said.returncode, said.stderr) == (0, "")
    assert json.loads(said.stdout)["checked"] == 2
    assert (
        len(json.loads(packshot(role_bucket, "auditor", "releases", role_bucket.url, "--json").stdout)["releases"]) == 2
    )
    refused = packshot(role_bucket, "auditor", "rollback", role_bucket.url)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "AccessDenied" in refused.stderr


@pytest.mark.usefixtures("shop")
def test_a_reviewer_approves_what_is_live_and_takes_nothing_back(role_bucket: RoleBucket) -> None:
    words = ("boot", "--channel", "showroom", "--reason", "seen", "--store", role_bucket.url, "--json")
    said = packshot(role_bucket, "reviewer", "approve", *words)
    assert (said.returncode, said.stderr) == (0, "")
    assert [picture["usable"] for picture in json.loads(said.stdout)["pictures"]] == [True]
    refused = packshot(role_bucket, "reviewer", "rollback", role_bucket.url)
    assert refused.returncode == 3
    assert "AccessDenied" in refused.stderr


@pytest.mark.usefixtures("shop")
def test_a_key_keeper_says_who_may_enter_and_nobody_else_does(role_bucket: RoleBucket) -> None:
    words = ("add", "ann", "--store", role_bucket.url, "--json")
    for role in ("pipeline", "reviewer"):
        refused = packshot(role_bucket, role, "keys", *words)
        assert (refused.returncode, "AccessDenied" in refused.stderr) == (3, True)
    said = packshot(role_bucket, "key-keeper", "keys", *words)
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["key"]["name"] == "ann"
    listed = packshot(role_bucket, "reviewer", "keys", "list", "--store", role_bucket.url)
    assert "ann" in listed.stdout, "a console reads the keys, and makes none"
    assert packshot(role_bucket, "key-keeper", "keys", "revoke", "ann", "--store", role_bucket.url).returncode == 0


@pytest.mark.usefixtures("shop")
def test_a_pipeline_adds_stages_and_a_reviewer_approves_them_and_adds_none(
    role_bucket: RoleBucket, tmp_path: Path
) -> None:
    (tmp_path / "oak.png").write_bytes(scene_file(empty_scene()))
    (tmp_path / "ash.png").write_bytes(scene_file(empty_scene(200)))
    words = ("--library", "shop", "--store", role_bucket.url)
    added = packshot(role_bucket, "pipeline", "stage", "add", tmp_path / "oak.png", *words)
    assert added.returncode == 0, added.stderr
    refused = packshot(role_bucket, "reviewer", "stage", "add", tmp_path / "ash.png", *words)
    assert (refused.returncode, "AccessDenied" in refused.stderr) == (3, True), refused.stderr
    approved = packshot(role_bucket, "reviewer", "stage", "approve", "oak", *words, "--json")
    assert approved.returncode == 0, approved.stderr
    assert json.loads(approved.stdout)["stages"][0]["state"] == "approved"
    refused = packshot(role_bucket, "auditor", "stage", "retire", "oak", *words)
    assert refused.returncode == 3
    listed = packshot(role_bucket, "auditor", "stage", "list", "--store", role_bucket.url, "--json")
    assert [stage["name"] for stage in json.loads(listed.stdout)["libraries"][0]["stages"]] == ["oak"]


@pytest.mark.usefixtures("shop")
def test_a_sweeper_sweeps(role_bucket: RoleBucket) -> None:
    said = packshot(role_bucket, "sweeper", "sweep", role_bucket.url, "--keep-releases", "1", "--json")
    assert (said.returncode, said.stderr) == (0, "")


def test_an_engine_builder_registers_and_promotes_and_no_other_does(role_bucket: RoleBucket) -> None:
    for words in (("register", "card", "--source", "stub/1"), ("promote", "card", "1", "--reason", "seen")):
        said = packshot(role_bucket, "engine-builder", "engine", *words, "--store", role_bucket.url)
        assert said.returncode == 0, said.stderr
    words = ("register", "card", "--source", "stub/2")
    refused = packshot(role_bucket, "pipeline", "engine", *words, "--store", role_bucket.url)
    assert refused.returncode == 3
    assert "AccessDenied" in refused.stderr


def test_a_refresh_a_rollback_and_a_second_night_need_the_pipelines_keys_alone(
    role_bucket: RoleBucket, tmp_path: Path
) -> None:
    source = tmp_path / "catalogue.csv"
    words = (source, "--store", role_bucket.url, "--catalogue", "nightly", "--engine", "stub", "--json")
    published = []
    for titles in (("Boot", "Bag"), ("Boot", "Brown bag")):
        source.write_text("sku,title\n" + "".join(f"s{at},{title}\n" for at, title in enumerate(titles)), "utf-8")
        said = packshot(role_bucket, "pipeline", "refresh", *words)
        assert said.returncode == 0, said.stderr
        published.append(json.loads(said.stdout)["slots"]["published"])
    assert published == [2, 1]
    said = packshot(role_bucket, "pipeline", "rollback", role_bucket.url, "--catalogue", "nightly")
    assert said.returncode == 0, said.stderr
    why = packshot(role_bucket, "reviewer", "why", "s1", "--store", role_bucket.url, "--catalogue", "nightly")
    assert why.returncode == 0, why.stderr


GENERATE = """
import pickle, sys
from infra.engines import open_engine
from infra.engines.spec import EngineSpec
from tasks.pipeline.generate import generate_on_engine
work, store, trust = pickle.loads(sys.stdin.buffer.read())
engine = open_engine(EngineSpec(name="stub"))
print(*(image.origin for image in generate_on_engine(engine, work, store, trust)))
engine.close()
"""
"""What an actor of a Ray cluster does with the work that it is sent."""

RUN_PART = """
import sys
from flows.parameters import PartParameters
from flows.refresh_part import run_part
from flows.run.executors import open_thread_executor
from infra.settings import Settings
with open_thread_executor() as executor:
    run_part(PartParameters(store=sys.argv[1], run=sys.argv[2], part=sys.argv[3]), Settings(), executor)
"""


def test_workers_stage_screen_and_record_with_keys_that_publish_nothing(
    role_bucket: RoleBucket, tmp_path: Path
) -> None:
    rows = [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(3)]
    with as_role(role_bucket, "pipeline"):
        harness = RefreshHarness(tmp_path, rows, STUB_RECIPE, url_override=role_bucket.url, catalogue="parts")
        job, _ = harness.parameters().resolve_job()
        run = start_run(harness.store, job, "fingerprint")
        shards = make_plan(job, harness.store, open_tables(job.store), run.run_id, shard_size=2).shards
        with hold_run_lease(harness.store, run, Settings()), open_resources(job, Settings()) as (resources, screening):
            context = RunContext(resources, screening, run.run_id)
            context.add_planned_shards(shards)
            work = pickle.dumps((context.load_shard_work(shards[0].name), harness.store, resources.trust))
            staged = process(role_bucket, "gpu-worker", "-c", GENERATE, stdin=work)
            assert (staged.returncode, staged.stdout) == (0, "generated generated\n"), staged.stderr
            part = process(role_bucket, PART_WORKER, "-c", RUN_PART, role_bucket.url, run.run_id, shards[0].part)
            assert part.returncode == 0, part.stderr
        prefix = layout.RunFiles(run.run_id).records_prefix
        made = sorted(how for table in read_row_groups(harness.store, prefix) for how in table["made"].to_pylist())
        assert made == ["generated", "reused", "reused"]
