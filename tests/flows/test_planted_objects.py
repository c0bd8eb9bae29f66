"""Objects that somebody planted, or that were damaged, in every place where Packshot looks for its own.

Whoever may write there can stop a run, which then ends in a sentence that names the object. Nothing that is planted so
ends a command with an error of Python's own, is published, or changes what the shop shows; once it is gone, the next
night is good again.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.errors import InputError
from infra.errors import ExternalError
from infra.stores import open_store
from infra.tables import open_tables
from tasks.maintenance.retention import RetentionRules
from tasks.maintenance.sweep import sweep
from tasks.reporting.sku_story import tell_story
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("reduced_audit", "inline_screening")]

RUN = "20261129T000000-aaaaaaaa"
FILES = layout.RunFiles(RUN)
GARBAGE = {
    "bytes": b"\x00\xff",
    "list": b"[]",
    "null": b"null",
    "other": b'{"run_id": "../../x", "expires_at": "never", "released": "no", "number": {}, "answers": [], "state": 1}',
    "deep": b"[" * 100_000,
    "number": b'{"oldest": ' + b"9" * 5000 + b"}",
}
PLACES: dict[str, tuple[str, ...]] = {
    "open": (layout.open_run("shop", RUN),),
    "open-run": (layout.open_run("shop", RUN), FILES.run, FILES.recipe, FILES.policy, FILES.plan),
    "change": (layout.open_manifest_change("shop", RUN),),
    "change-run": (layout.open_manifest_change("shop", RUN), FILES.run),
    "lease": (f"{layout.full_lease('shop')}/{99_999_999:08}.json",),
    "answer": (layout.person_decision("shop", "x", layout.CHANNEL_APPROVAL),),
    "readmission": (layout.person_decision("shop", "x", layout.READMISSION),),
    "image answer": (layout.person_decision("shop", "x", layout.ANSWER),),
    "answers": (layout.answer_snapshot("shop", 99_999_999),),
    "answer archive": (layout.answer_archive("shop", "2026-11", "x"),),
    "snapshot": (layout.approval_snapshot("shop", 99_999_999),),
    "archive": (layout.approval_archive("shop", 99_999_999),),
    "policy": (layout.policy_record("shop", 99_999_999),),
    "fingerprints": (layout.fingerprints("shop", RUN),),
    "watermark": (layout.retention_watermark("shop"),),
    "purge": (layout.purge_record("shop", "x"),),
    "store": (layout.STORE_VERSION,),
    "sizes": (layout.STORE_SIZES,),
    "review": (layout.review_index("shop", RUN),),
    "run-archive": (layout.run_archive("2026-11", "x"),),
    "foreign": ("readme.txt", "published/shop/x.jpg", "staging/aa/x.png", "scores/aa/x.json"),
}
OURS = (InputError, ExternalError)


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> RefreshHarness:
    rows = [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(3)]
    shop = RefreshHarness(tmp_path_factory.mktemp("shop"), rows, STUB_RECIPE)
    assert shop.refresh().slot_counts() == {"new": 3, "published": 3}
    return shop


@pytest.fixture
def shop(first_night: RefreshHarness, tmp_path: Path) -> RefreshHarness:
    shutil.copytree(first_night.folder / "store", tmp_path / "store")
    return RefreshHarness(tmp_path, [dict(row) for row in first_night.rows], STUB_RECIPE)


def ends_of(shop: RefreshHarness) -> Iterator[str]:
    """Yield how a refresh, a look and a sweep end: done, or a sentence of ours. Any other end is raised."""
    store, tables = open_store(shop.url), open_tables(shop.url)
    for work in (
        lambda: shop.refresh(),
        lambda: tell_story(store, tables, "shop", "thing-1"),
        lambda: sweep(store, tables, RetentionRules(), dry_run=True, plan_wait_seconds=0),
    ):
        try:
            work()
            yield "done"
        except OURS as error:
            yield str(error)


@pytest.mark.parametrize("kind", GARBAGE)
@pytest.mark.parametrize("place", PLACES)
def test_a_planted_object_shows_nothing_and_ends_nothing_without_a_sentence(
    shop: RefreshHarness, place: str, kind: str
) -> None:
    before = shop.manifest()
    shop.row("thing-1")["title"] = "Another thing"
    kept = {key: shop.store.find(key) for key in PLACES[place]}
    for key in kept:
        shop.store.write(key, GARBAGE[kind])
    for end in ends_of(shop):
        assert end == "done" or any(key in end or key.rpartition("/")[0] in end for key in kept), end
    shown = shop.manifest()
    assert {name: shown[name] for name in before if name[0] != "thing-1"} == {
        name: row for name, row in before.items() if name[0] != "thing-1"
    }
    shop.store.delete(kept)
    for key, data in kept.items():
        if data is not None:
            shop.store.write(key, data)
    assert shop.refresh().slot_counts() in ({}, {"changed": 1, "published": 1})
