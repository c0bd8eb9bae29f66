"""Small worlds to kill: a catalogue, a recipe, a store that may die, an engine that counts what it paints.

Comes in: catalogue rows, a recipe's content, a folder. Goes out: refreshes of that catalogue, disturbed or not, and
what they left behind as plain data that two worlds can be compared by: no file names, times or run ids.
"""

import csv
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import flows.release_held
from catalogs import layout
from catalogs.planning.pricing import load_price_list
from catalogs.policy.schema import Policy, built_in_policy
from catalogs.recipe.schema import Recipe
from catalogs.runs.job import RefreshJob, Scope
from flows.refresh import Refresh
from flows.run.executors import open_thread_executor
from flows.run.observers import NullObserver
from flows.run.shard_pipeline import Observer
from flows.wiring.composition import open_screener, open_signer
from infra.engines import PROMPT_WINDOW
from infra.engines.stub.stub_backend import StubBackend
from infra.engines.threaded import MAX_READY_BATCHES, ThreadedEngine
from infra.interfaces import Engine, Failure, Frame, ObjectStore, Pool, Prompt, TableStore
from infra.pools.inline import InlinePool
from infra.screening.inline import InlineScreener
from infra.settings import Settings
from infra.stores import open_store
from infra.tables import open_tables
from infra.testing.faulty_store import FaultInjector, FaultyStore
from infra.testing.faulty_tables import FaultyTables
from tasks.amendments.manifest_change import ManifestChange
from tasks.amendments.rollback import rollback
from tasks.gates.required_marks import find_mark_problems
from tasks.pipeline.generate import MAX_QUEUED_FRAMES
from tasks.runs.run_context import Resources, ScreeningContext

Row = dict[str, str]
Content = dict[str, Any]

CATALOGUE = "world"
COLUMNS = ("sku", "title", "category", "note", "views")
NOBODY = NullObserver()
BATCH, AHEAD = 1, 2
"""The stub's batch, and the shards beside one engine (the pool's own default)."""

REDONE_A_KILL = AHEAD * (MAX_QUEUED_FRAMES + 1 + MAX_READY_BATCHES * BATCH) + BATCH
"""Most images that one death may cost: a full encode queue a shard, the image at its door, what is painted, a batch."""

RECIPE: Content = {
    "catalogue": CATALOGUE,
    "columns": {name: name for name in COLUMNS},
    "optional": ["note", "views"],
    "engine": "stub",
    "models": {"stub": {"family": "stub", "precision": "fp32"}},
    "tiers": {"standard": {"width": 256, "height": 256, "attempts": 3}},
    "views": {"front": "seen from the front", "side": "seen from the side", "back": "seen from the back"},
    "defaults": {"template": "Photograph of {{ title }}, {{ phrase }} {{ note }}", "views": ["front"]},
    "categories": {
        "bags": {"views": ["front", "side"]},
        "mugs": {"template": "Photograph of the mug {{ title }}, {{ phrase }} {{ note }}"},
    },
}
"""256 px: at 128 the sharpest card's blur score is near the policy's threshold."""


def row(sku: str, title: str, category: str = "", note: str = "", views: str = "") -> Row:
    """Return a catalogue row."""
    return {"sku": sku, "title": title, "category": category, "note": note, "views": views}


def awkward_rows() -> list[Row]:
    """Return one row a fate: each gate's no, another attempt, a failure, a shared picture, a reject."""
    return [
        row("again", "Sailor Shirt", note="[second-try]"),
        row("again-2", "Camp Shirt", note="[second-try]"),
        row("blank", "Grey Cushion", note="[blank]"),
        row("blurred", "Evening Bag", "bags", "[blurred]", "front"),
        row("copy", "Yoga Ball", note="[copycat]"),
        row("copied-views", "Twin Bag", "bags", "[copycat]"),
        row("poison", "Poisoned Box", note="[poison]"),
        row("banned", "Toy Revolver"),
        row("doubtful", "Naked Flame Candle"),
        row("shared-s", "Oxford Shirt"),
        row("shared-m", "Oxford Shirt"),
        row("untitled", ""),
    ]


def plain_rows(count: int) -> list[Row]:
    """Return rows that nothing is wrong with."""
    categories = ("", "mugs", "bags")
    return [row(f"plain-{number:02d}", f"Plain Thing {number}", categories[number % 3]) for number in range(count)]


class CountingPainter(StubBackend):
    """The stub, telling of each image before it is painted. Poisoned ones are not told of: none is ever staged."""

    def __init__(self, tell: Callable[[str], None], seconds: float = 0.0) -> None:
        super().__init__(seconds)
        self._tell = tell

    def generate_batch(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        """Tell the keys, then paint."""
        for prompt in prompts:
            if "[poison]" not in prompt.text:
                self._tell(prompt.key)
        return super().generate_batch(prompts)


def counting_engine(tell: Callable[[str], None], seconds: float = 0.0) -> Engine:
    """Open the stub as it is opened in earnest, with a painter that tells of each image."""
    return ThreadedEngine(CountingPainter(tell, seconds), BATCH, PROMPT_WINDOW)


@dataclass
class World:
    """One shop: its catalogue and rules, which may be edited, and its store.

    `painted` counts every painted image by its key. With `processes` pictures are screened as in earnest, in processes
    of their own, which a dying store does not reach. The store is a folder of the world's own, unless `shop` is the URL
    of another: a bucket's, or another world's.
    """

    folder: Path
    rows: list[Row]
    recipe: Content = field(default_factory=lambda: json.loads(json.dumps(RECIPE)))
    policy: Policy = field(default_factory=built_in_policy)
    settings: Settings = field(default_factory=lambda: Settings(shard_size=4, in_flight=3))
    processes: bool = False
    shop: str | None = None
    painted: Counter[str] = field(default_factory=Counter)

    @property
    def url(self) -> str:
        """Return the store's URL."""
        return self.shop or f"file://{self.folder / 'store'}"

    @property
    def store(self) -> ObjectStore:
        """Return the store as a restarted process finds it: never mortal."""
        return open_store(self.url)

    @property
    def tables(self) -> TableStore:
        """Return the tables as a restarted process finds them."""
        return open_tables(self.url)

    def job(self, scope: Scope = "full") -> RefreshJob:
        """Write the catalogue down and return what is to be done."""
        source = self.folder / "shop.csv"
        self.folder.mkdir(parents=True, exist_ok=True)
        with source.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)
        return RefreshJob(str(source), self.url, CATALOGUE, Recipe.model_validate(self.recipe), self.policy, scope)

    def refresh(
        self,
        mortality: FaultInjector | None = None,
        scope: Scope = "full",
        *,
        wait: bool = True,
        watch: Observer = NOBODY,
    ) -> Content:
        """Refresh in this process, on threads; raises `InjectedFault` where the store dies."""
        job, prices = self.job(scope), load_price_list(None, "the built-in prices")
        with open_thread_executor() as hands, self._places(job, mortality) as (places, gate):
            return Refresh(job, places, gate, hands, self.settings, prices, watch, wait=wait).run()

    def release(self, run_id: str, checks: list[str], mortality: FaultInjector | None = None) -> Content:
        """Let a held batch go; raises `InjectedFault` where the store dies."""
        with pytest.MonkeyPatch.context() as patch, open_thread_executor() as hands:
            patch.setattr(flows.release_held, "open_store", lambda _: self._mortal(mortality)[0])
            patch.setattr(flows.release_held, "open_resources", lambda job, _: self._places(job, mortality))
            return flows.release_held.release_held(
                self.url, run_id, checks, "as meant", "somebody", self.settings, hands
            )

    def rollback(self, mortality: FaultInjector | None = None) -> ManifestChange:
        """Go back to the release before; raises `InjectedFault` where the store dies."""
        return rollback(*self._mortal(mortality), CATALOGUE)

    def _mortal(self, mortality: FaultInjector | None) -> tuple[ObjectStore, TableStore]:
        if mortality is None:
            return self.store, self.tables
        return FaultyStore(self.store, mortality), FaultyTables(self.tables, mortality)

    @contextmanager
    def _places(self, job: RefreshJob, mortality: FaultInjector | None) -> Iterator[tuple[Resources, ScreeningContext]]:
        """Open places by hand as `flows.wiring.composition` does, so that each of them may be mortal or count."""
        store, tables = self._mortal(mortality)
        pools: dict[str, Pool] = {}

        def pool(model: str) -> Pool:
            if model not in pools:
                pools[model] = InlinePool(lambda: counting_engine(self.count, self.settings.stub_seconds), AHEAD)
            return pools[model]

        screener = open_screener(store, self.settings) if self.processes else InlineScreener(store)
        rules = (job.policy, job.recipe.finishes_by_digest)
        gate = ScreeningContext(store, screener, *rules, self.settings.screen_seconds, channels=job.recipe.channels)
        try:
            yield Resources(store, tables, pool, open_signer(self.settings)), gate
        finally:
            for each in pools.values():
                each.close()
            screener.close()

    def count(self, key: str) -> None:
        """Count an image that is painted."""
        self.painted[key] += 1

    def bury(self) -> None:
        """Take away the leases of a run that died in this process.

        A killed process is known to be dead by its id, and its leases are taken over at once. A store that dies under
        a living process leaves leases that look alive and cannot be given back; only their time would end them.
        """
        self.store.delete([info.key for info in self.store.list("leases/")])

    @property
    def redone(self) -> int:
        """Return how many images were painted again."""
        return self.painted.total() - len(self.painted)


# What a store holds, as plain data


def released(tables: TableStore, version: int | None = None) -> dict[str, tuple[object, ...]]:
    """Return slot -> what it shows, over the rows of one manifest version; a slot with two rows is a defect."""
    table = layout.manifest_table(CATALOGUE)
    if tables.version(table) is None:
        return {}
    rows = tables.read(table, version=version).to_pylist()
    shown = {
        place_of(each): (
            each["request_key"].hex(),
            each["attempt"],
            each["pixel_sha"].hex(),
            each["finish_digest"],
            each["source_digest"].hex(),
            each["width"],
            each["height"],
            each["model"],
        )
        for each in rows
    }
    assert len(shown) == len(rows), "a slot is doubled in the manifest"
    return shown


def refused(tables: TableStore) -> dict[tuple[str, str], tuple[object, ...]]:
    """Return (slot, request key) -> what was refused and why."""
    table = layout.outcomes_table(CATALOGUE)
    if tables.version(table) is None:
        return {}
    rows = tables.read(table).to_pylist()
    # A row's key is a slot id, which outcomes do not spell out.
    said = {
        (f"{each['sku']} {each['slot_id'].hex()}", each["request_key"].hex()): (
            each["state"],
            each["attempts"],
            tuple(each["reasons"]),
            each["source_digest"].hex(),
            each["finish_digest"],
            each["policy_digest"],
            None if each["image_key"] is None else each["image_key"].hex(),
        )
        for each in rows
    }
    assert len(said) == len(rows), "an outcome is doubled"
    return said


def place_of(manifest_row: Mapping[str, Any]) -> str:
    """Return a slot's name."""
    return "{sku}/{view}/{variant}/{index}".format(**manifest_row)


def assert_whole(store: ObjectStore, tables: TableStore) -> None:
    """Check that every row's object is there, is what the row says and is marked; that no run has committed twice."""
    for name in (layout.manifest_table(CATALOGUE), layout.outcomes_table(CATALOGUE)):
        if tables.version(name) is not None:
            tokens = [commit.metadata["token"] for commit in tables.history(name) if "token" in commit.metadata]
            assert len(tokens) == len(set(tokens)), f"a run has committed twice to {name}"
    table = layout.manifest_table(CATALOGUE)
    if tables.version(table) is None:
        return
    for each in tables.read(table).to_pylist():
        data = store.read(each["object"])
        assert sha256(data).digest() == each["file_sha"], f"{each['object']} is not the file that was released"
        assert list(find_mark_problems(data, source_required=True, signature_required=True)) == [], each["object"]


def assert_sums(report: Content) -> None:
    """Check promise 1 on a report."""
    rows, slots = report["rows"], report["slots"]
    assert rows["input"] == rows["accepted"] + rows["rejected"] + rows["ignored"], rows
    if not report["held"]:
        ended = ("published", "review", "blocked", "failed", "deferred", "superseded")
        assert slots["new"] + slots["changed"] == sum(slots[state] for state in ended), slots


def committed_runs(tables: TableStore) -> set[str]:
    """Return the runs whose words are in the manifest's or the outcomes' history."""
    return {
        commit.metadata["token"]
        for name in (layout.manifest_table(CATALOGUE), layout.outcomes_table(CATALOGUE))
        if tables.version(name) is not None
        for commit in tables.history(name)
        if "token" in commit.metadata
    }


class Reader:
    """Somebody who looks at the shop all the time: polls the manifest, and keeps every version that was ever seen.

    It opens the tables for itself, and checks while it polls that no row is without its object.
    """

    def __init__(self, url: str, pause: float = 0.02) -> None:
        self._tables, self._store, self._pause = open_tables(url), open_store(url), pause
        self.seen: dict[int, dict[str, tuple[object, ...]]] = {}
        self.faults: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="reader", daemon=True)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def _poll(self) -> None:
        while not self._over.wait(self._pause):
            self._look()

    def _look(self) -> None:
        table = layout.manifest_table(CATALOGUE)
        version = self._tables.version(table)
        if version is None or version in self.seen:
            return
        # Objects first: what this version names must have been there before the version was.
        for each in self._tables.read(table, ["object"], version=version).to_pylist():
            if not self._store.exists(each["object"]):
                self.faults.append(f"version {version} names {each['object']}, which is not there")
        self.seen[version] = released(self._tables, version)

    def assert_saw_only(self, releases: Sequence[dict[str, tuple[object, ...]]]) -> None:
        """Check that every version ever seen is one of these releases, whole."""
        assert self.faults == []
        strange = [version for version, shown in self.seen.items() if shown and shown not in releases]
        assert strange == [], f"versions {strange} are no whole release"
