"""Upgrade a store to this Packshot's layout: add what newer code needs, and record the layout last.

Inputs: a store and its tables. Outputs: an `Upgrade` with what was or would be done. Every action may be repeated, and
`store.json` is written after all of them, so a killed upgrade is completed by the next command, and two at once do no
harm. Nothing is removed or rewritten: pictures, digests and releases stay, and open runs stay resumable.

| to layout | what is done                                                                        |
| --------- | ----------------------------------------------------------------------------------- |
| 2         | columns and properties that tables of older versions lack, in each catalogue        |
| 3         | `store.json` notes since when staged work carries tags: older work needs none        |
| 4         | columns again: outcomes name the answers of people, which older versions do not heed |
| 5         | columns again: the manifest says what images keep of photos, and names the photo     |
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import version as package_version
from typing import Any

from catalogs import layout
from catalogs.store_version import LAYOUT, LAYOUT_WITHOUT_DOCUMENT, parse_layout
from catalogs.table_schemas import MANIFEST, OUTCOMES
from infra.errors import DocumentUnreadable, ObjectMissing
from infra.interfaces import ObjectStore, TableStore
from infra.stores.json_objects import read_json, write_json
from tasks.runs.release_history import list_catalogues

Apply = Callable[[], object]
Action = tuple[str, Apply]
"""What is done, in words, and the call that does it."""


@dataclass(frozen=True)
class Upgrade:
    """An upgrade of a store, done or (in a dry run) only found."""

    store: str
    layout_before: int
    layout: int
    actions: tuple[str, ...]
    dry_run: bool
    tagged_since: datetime | None = None
    """When a store that was older began to carry tags of its staged work; None for one that has always done so."""

    @property
    def needed(self) -> bool:
        """Tell whether the store was of an older layout."""
        return self.layout_before < self.layout


def read_layout(store: ObjectStore) -> int | None:
    """Return the store's layout; None for an empty store. Raises `OptionError` where it is newer than this Packshot."""
    return _layout_of(store, _read_document(store))


def upgrade(store: ObjectStore, tables: TableStore, *, dry_run: bool = False) -> Upgrade:
    """Bring a store to this layout, and return what was done; a dry run writes nothing. A new store is marked at once.

    Costs one request where the layout is current.
    """
    document = _read_document(store)
    before = _layout_of(store, document)
    if before == LAYOUT:
        return Upgrade(store.url, LAYOUT, LAYOUT, (), dry_run, _tagged_since(document))
    # An empty store's work has always been tagged, whatever lies in it: nothing there is older than the store.
    tagged_since = None if before is None else _tagged_since(document) or store.now()
    actions = [action for step in _steps_after(before or LAYOUT) for action in step(store, tables)]
    if not dry_run:
        for _, apply in actions:
            apply()
        written = {"layout": LAYOUT, "packshot": package_version("packshot"), "at": store.now(), "before": before}
        write_json(store, layout.STORE_VERSION, written | ({"tagged_since": tagged_since} if tagged_since else {}))
    return Upgrade(store.url, before or LAYOUT, LAYOUT, tuple(words for words, _ in actions), dry_run, tagged_since)


def _read_document(store: ObjectStore) -> dict[str, Any] | None:
    try:
        document: dict[str, Any] = read_json(store, layout.STORE_VERSION)
    except ObjectMissing:
        return None
    return document


def _layout_of(store: ObjectStore, document: Mapping[str, Any] | None) -> int | None:
    if document is not None:
        return parse_layout(document, store.url)
    in_use = any(next(store.list(prefix), None) for prefix in (layout.RUNS, layout.MANIFESTS))
    return LAYOUT_WITHOUT_DOCUMENT if in_use else None


def _tagged_since(document: Mapping[str, Any] | None) -> datetime | None:
    text = (document or {}).get("tagged_since")
    try:
        time = None if text is None else datetime.fromisoformat(text)
    except (TypeError, ValueError, ArithmeticError):
        time = datetime.min
    if time is not None and time.tzinfo is None:
        raise DocumentUnreadable(
            f"{layout.STORE_VERSION} is damaged, its 'tagged_since' is no time with a zone: restore it from a backup,"
            " or take the field out, and staged work that carries no tag is made anew."
        )
    return time


def _add_table_features(store: ObjectStore, tables: TableStore) -> Iterator[Action]:
    for name in list_catalogues(store):
        for table, schema in ((layout.manifest_table(name), MANIFEST), (layout.outcomes_table(name), OUTCOMES)):
            if missing := tables.missing_features(table, schema):
                yield f"add to {table}: {', '.join(missing)}", partial(tables.ensure, table, schema)


_Step = Callable[[ObjectStore, TableStore], Iterator[Action]]
_STEPS: dict[int, _Step] = {
    2: _add_table_features,
    3: lambda *_: iter(()),  # `tagged_since` in store.json alone
    4: _add_table_features,
    5: _add_table_features,
}


def _steps_after(before: int) -> list[_Step]:
    """Return the steps from a layout to this one; two layouts may ask for the same step."""
    return list(dict.fromkeys(_STEPS[number] for number in range(before + 1, LAYOUT + 1)))
