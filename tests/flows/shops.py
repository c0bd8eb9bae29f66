"""Shops to try it on from the outside: a catalogue file, its rules, a store, and what one night does to them.

Comes in: rows, a recipe's and a policy's content as plain data, which a test edits as a shop's people would. Goes out:
the report of a night with the store's manifest before and after it. Everything runs as the command does, on plain
threads; what is published is read back and looked at.
"""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from catalogs import layout
from catalogs.table_schemas import MANIFEST
from flows.parameters import RefreshParameters
from flows.refresh import run_refresh
from flows.release_held import release_held
from flows.run.executors import open_thread_executor
from infra.imaging.codecs import decode, pixel_sha
from infra.interfaces import ObjectStore
from infra.settings import Settings
from infra.stores import open_store
from infra.stores.json_objects import read_json
from infra.tables import open_tables
from tasks.gates.required_marks import find_mark_problems

Row = dict[str, str]
Name = tuple[str, str, int]
"""A slot as a person names it: SKU, view, index."""

Manifest = dict[Name, dict[str, Any]]

SETTINGS = Settings(shard_size=32, in_flight=2, screeners=1)
STATES = ("published", "review", "blocked", "failed", "deferred", "superseded")
SHOWN = ("object", "file_sha", "pixel_sha", "request_key", "attempt", "finish_digest", "model")
"""The manifest's columns that say which picture the shop shows; the rest may move without anybody seeing it."""


@dataclass(frozen=True)
class Night:
    """One refresh: its report, the manifest around it, and how many prompts were rendered for it."""

    report: dict[str, Any]
    before: Manifest
    after: Manifest
    rendered: int

    @property
    def added(self) -> set[Name]:
        """Return the slots that have a picture now and had none."""
        return self.after.keys() - self.before.keys()

    @property
    def removed(self) -> set[Name]:
        """Return the slots that had a picture and have none now."""
        return self.before.keys() - self.after.keys()

    @property
    def changed(self) -> set[Name]:
        """Return the slots that show another picture."""
        return {name for name in self.before.keys() & self.after.keys() if _shown(self.before, self.after, name)}

    @property
    def refreshed(self) -> set[Name]:
        """Return the slots whose row moved while the picture stayed."""
        both = self.before.keys() & self.after.keys()
        return {name for name in both if self.before[name] != self.after[name]} - self.changed

    def slots(self) -> dict[str, int]:
        """Return the report's slot counts that are not zero, the unchanged ones apart."""
        return {name: count for name, count in self.report["slots"].items() if count and name != "unchanged"}

    def images(self) -> dict[str, int]:
        """Return how many images were generated and how many were found."""
        return {name: self.report["images"][name] for name in ("generated", "reused")}


@dataclass
class Shop:
    """A catalogue with its rules and its store."""

    folder: Path
    rows: list[Row]
    recipe: dict[str, Any]
    policy: dict[str, Any] | None = None
    name: str = "shop"
    settings: Settings = field(default_factory=lambda: SETTINGS)
    place: str | None = None

    @property
    def url(self) -> str:
        """Return where the store is: in the shop's folder, unless it was given another place."""
        return self.place or str(self.folder / "store")

    def row(self, sku: str) -> Row:
        """Return the row of a SKU, to be edited."""
        return next(row for row in self.rows if row["sku"] == sku)

    def take(self, *skus: str) -> list[Row]:
        """Take rows out of the catalogue and return them."""
        taken = [self.row(sku) for sku in skus]
        self.rows = [row for row in self.rows if row["sku"] not in skus]
        return taken

    def parameters(self, **changes: Any) -> RefreshParameters:
        """Write catalogue, recipe and policy down, and return what a refresh of them is asked with."""
        source, recipe = self.folder / "catalogue.csv", self.folder / "recipe.yaml"
        write_csv(source, self.rows)
        recipe.write_text(json.dumps(self.recipe), "utf-8")  # YAML reads JSON
        values: dict[str, Any] = {"source": source, "store": self.url, "recipe": recipe}
        if self.policy is not None:
            (self.folder / "policy.yaml").write_text(json.dumps(self.policy), "utf-8")
            values["policy"] = self.folder / "policy.yaml"
        values = {name: str(value) for name, value in values.items()}
        return RefreshParameters(**(values | {"catalogue": self.name} | changes))

    def night(self, **changes: Any) -> Night:
        """Refresh the shop, check that nothing was lost, and return what happened."""
        parameters, before = self.parameters(**changes), self.manifest()
        with open_thread_executor() as hands:
            report = run_refresh(parameters, self.settings, hands)
        return self._night(report, before)

    def release(self, run_id: str, accept: Sequence[str], reason: str = "The shop says so") -> Night:
        """Let a held batch go."""
        before = self.manifest()
        with open_thread_executor() as hands:
            report = release_held(self.url, run_id, list(accept), reason, "ada", self.settings, hands)
        return self._night(report, before)

    def _night(self, report: dict[str, Any], before: Manifest) -> Night:
        check_sums(report)
        plan = read_json(self.store, layout.run_file(report["run_id"], "plan.json"))
        return Night(report, before, self.manifest(), plan["slots"]["rendered"])

    @property
    def store(self) -> ObjectStore:
        """Return the store, opened."""
        return open_store(self.url)

    def manifest(self) -> Manifest:
        """Return what the shop shows."""
        tables, table = open_tables(self.url), layout.manifest_table(self.name)
        if tables.version(table) is None:
            return {}
        return by_name(tables.read(table, MANIFEST.names).to_pylist())

    def open_runs(self) -> list[str]:
        """Return the markers of runs that are not closed."""
        return [info.key for info in self.store.list(layout.open_runs_prefix(self.name))]

    def edited(self, **recipe: Any) -> None:
        """Edit the recipe: a copy, so that shops made from one text do not share it."""
        self.recipe = deepcopy(self.recipe) | recipe


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as CSV; the header is the first row's."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def by_name(rows: Iterable[Mapping[str, Any]]) -> Manifest:
    """Return manifest rows by their slots' names, each of which occurs once."""
    found: Manifest = {}
    for row in rows:
        name = (row["sku"], row["view"], row["index"])
        assert name not in found, f"two live rows for {name}"
        found[name] = dict(row)
    return found


def check_sums(report: Mapping[str, Any]) -> None:
    """Fail where a row or a slot was lost."""
    rows, slots = report["rows"], report["slots"]
    assert rows["input"] == rows["accepted"] + rows["rejected"] + rows["ignored"], rows
    assert slots["new"] + slots["changed"] == sum(slots[state] for state in STATES), slots


def check_published(store: ObjectStore, manifest: Manifest) -> None:
    """Fail where a live picture is missing, damaged, unmarked, or under another file's name."""
    for name, row in manifest.items():
        data = store.read(row["object"])
        sha = sha256(data).digest()
        assert (sha, f"-{sha.hex()[:12]}.jpg") == (row["file_sha"], row["object"][-17:]), name
        assert bytes.fromhex(pixel_sha(decode(data))) == row["pixel_sha"], name
        assert decode(data).shape == (row["height"], row["width"], 3), name
        assert list(find_mark_problems(data, source_required=True, signature_required=True)) == [], name


def _shown(before: Manifest, after: Manifest, name: Name) -> bool:
    return any(before[name][column] != after[name][column] for column in SHOWN)
