"""Purges: ask a CDN to forget objects that are no longer shown, until it has said that it did.

Inputs: a store, a catalogue, keys, and the customer's command or webhook (`infra.cdn_purge`). Outputs: a record of each
purge with its answers. The record is written first and sent second, so a kill or a failure loses nothing: what is
pending is sent again by the next rollback, policy change or sweep. Published objects are served as immutable for a
year, so without a purge a copy outside the store stays visible for that long.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow.compute as pc

from catalogs import layout
from catalogs.keys import SHORT_DIGEST_LENGTH, digest
from catalogs.runs.commit_kinds import ANSWERS_KIND, POLICY_KIND, ROLLBACK_KIND
from infra.cdn_purge import Purger
from infra.interfaces import ObjectInfo, ObjectStore, TableStore
from infra.stores.json_objects import find_json, write_json
from infra.stores.stored_documents import reading

MAX_KEYS_A_RECORD = 1000
MAX_ANSWERS = 5
"""Answers that a record keeps: the newest."""
PENDING, DONE = "pending", "done"
PURGED_KINDS = (ROLLBACK_KIND, POLICY_KIND, ANSWERS_KIND)
"""Commits that take images back for good; what a refresh replaces is purged when a sweep deletes it."""


def find_objects_taken_back(tables: TableStore, catalogue: str, version: int) -> list[str]:
    """Return the objects that a manifest commit took out of sight: removed by it, and put back by none of its rows."""
    changes = tables.changes(layout.manifest_table(catalogue), version).select(["object", "_change_type"])

    def objects(*kinds: str) -> set[str]:
        mask = pc.is_in(changes["_change_type"], value_set=pc.cast(list(kinds), "string"))
        return set(changes["object"].filter(mask).drop_null().to_pylist())

    return sorted(objects("delete", "update_preimage") - objects("insert", "update_postimage"))


def record_purge(store: ObjectStore, catalogue: str, keys: Sequence[str], reason: str) -> None:
    """Write down that these objects are to be purged; the same keys for the same reason are one record."""
    ordered = sorted(keys)
    for start in range(0, max(len(ordered), 1), MAX_KEYS_A_RECORD):
        part = ordered[start : start + MAX_KEYS_A_RECORD]
        name = f"{reason}-{digest(part)[:SHORT_DIGEST_LENGTH]}"
        document = {"state": PENDING if part else DONE, "reason": reason, "keys": part, "answers": []}
        document |= {"asked_at": store.now().isoformat()}
        write_json(store, layout.purge_record(catalogue, name), document)


def send_purges(store: ObjectStore, purger: Purger | None) -> list[str]:
    """Send every pending purge of the store, and return warnings: what failed is sent again another time."""
    warnings = []
    for key, record in _pending_records(store):
        if purger is None:
            warnings.append(f"{key} is pending, and neither PACKSHOT_PURGE_COMMAND nor PACKSHOT_PURGE_WEBHOOK is set")
            continue
        answer = purger.send(store.url, record["keys"])
        entry = {"at": store.now().isoformat(), "succeeded": answer.succeeded, "answer": answer.answer}
        record["answers"] = [*record["answers"], entry][-MAX_ANSWERS:]
        record["state"] = DONE if answer.succeeded else PENDING
        write_json(store, key, record)
        if not answer.succeeded:
            warnings.append(f"{len(record['keys'])} objects may still be shown by the CDN: {answer.answer}; see {key}")
    return warnings


def find_old_purges(store: ObjectStore, cutoff: datetime) -> Iterator[ObjectInfo]:
    """Yield the records of purges that were answered before `cutoff`; a pending one is never deleted."""
    old = [info for info in store.list(layout.PURGES) if info.modified < cutoff]
    for info in old:
        record = find_json(store, info.key)
        with reading(info.key, "a purge"):
            is_done = record is not None and record["state"] == DONE
        if is_done:
            yield info


def record_amendment_purges(store: ObjectStore, tables: TableStore, catalogue: str, since: datetime) -> None:
    """Record what rollbacks and applied policies took out of sight and no record names yet.

    They are found in the manifest's history, so one that was killed after its commit is not forgotten.
    """
    recorded = {_run_of(info.key) for info in store.list(f"{layout.PURGES}{catalogue}/")}
    for commit in tables.history(layout.manifest_table(catalogue)):
        if commit.timestamp < since:
            return
        if commit.metadata.get("kind") in PURGED_KINDS and commit.changes_data and commit.run_id not in recorded:
            record_purge(store, catalogue, find_objects_taken_back(tables, catalogue, commit.version), commit.run_id)


def _run_of(key: str) -> str:
    return key.rpartition("/")[2].rpartition("-")[0]


def _pending_records(store: ObjectStore) -> Iterable[tuple[str, dict[str, Any]]]:
    for info in list(store.list(layout.PURGES)):
        record = find_json(store, info.key)
        with reading(info.key, "a purge"):
            is_pending = record is not None and record["state"] == PENDING and bool(record["keys"])
        if record is not None and is_pending:
            yield info.key, record
