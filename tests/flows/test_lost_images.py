"""A staged picture that is lost between the decision and the release costs one run, and not every night after it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import flows.run.closing
from catalogs import layout
from catalogs.runs.release_batch import ReleaseBatch
from infra.errors import StagedImageLost
from infra.interfaces import ObjectStore, TableStore
from infra.provenance.signing import C2paSigner
from infra.stores.json_objects import read_json
from tasks.pipeline.publish import Release
from tests.fixtures.crash_harness import (
    CATALOGUE,
    CrashHarness,
    assert_slots_accounted_for,
    assert_store_consistent,
    plain_rows,
    published_slots,
)

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")


def lose(store: ObjectStore, how: str) -> None:
    """Lose one staged picture with its raw image, or write other bytes of the same size over it."""
    finished = next(info for info in store.list("staging/") if info.key.endswith(".jpg"))
    if how == "changed":
        store.write(finished.key, bytes(finished.size))
        return
    image = finished.key.rsplit("-", 1)[0]
    store.delete([info.key for info in store.list("staging/") if info.key.startswith(image)])


@pytest.mark.parametrize(("how", "painted_again"), [("gone", 1), ("changed", 0)])
def test_the_run_is_superseded_with_a_reason_and_the_next_one_makes_the_picture_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, painted_again: int
) -> None:
    world = CrashHarness(tmp_path, plain_rows(2))
    publish = flows.run.closing.publish

    def publish_too_late(
        store: ObjectStore,
        tables: TableStore,
        batch: ReleaseBatch,
        signer: C2paSigner | None,
        check: Callable[[], None],
        facts: Mapping[str, str],
    ) -> Release:
        lose(store, how)
        return publish(store, tables, batch, signer, check, facts)

    with monkeypatch.context() as patch:
        patch.setattr(flows.run.closing, "publish", publish_too_late)
        with pytest.raises(StagedImageLost, match="generates the image anew"):
            world.refresh()
    (ended,) = {info.key.split("/")[1] for info in world.store.list("runs/")}
    closed = read_json(world.store, layout.RunFiles(ended).closed)
    assert (closed["state"], "is not the file that was screened" in closed["reason"]) == ("superseded", True)
    assert list(world.store.list(layout.open_runs_prefix(CATALOGUE))) == []
    assert published_slots(world.tables) == {}
    report = world.refresh()
    assert report["run_id"] != ended
    assert_slots_accounted_for(report)
    assert report["slots"]["published"] == len(published_slots(world.tables)) == 2
    assert_store_consistent(world.store, world.tables)
    assert world.regenerated_count == painted_again
