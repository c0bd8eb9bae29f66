"""A small shop by hand: real JPEGs, real objects, real Delta tables, without a refresh.

Pictures are said as text ("shirt/front" -> "red"): the word chooses colour, request key and, after a "+", the finish.
"""

import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from catalogs import layout
from catalogs.keys import image_key, slot_id
from catalogs.table_schemas import FINGERPRINTS, MANIFEST, OUTCOMES
from infra.imaging.codecs import decode, encode_png, pixel_sha
from infra.imaging.finishing import finish
from infra.interfaces import Pixels
from infra.stores import open_store
from infra.stores.json_objects import write_json
from infra.stores.parquet_objects import write_table
from infra.tables import open_tables
from infra.tables.idempotent_commit import commit_once

CATALOGUE = "shoes"
DAY = 86_400


def pixels_of(word: str) -> Pixels:
    """Return 32 x 24 pixels that only this word has."""
    seed = int.from_bytes(sha256(word.encode()).digest()[:4], "big")
    return np.random.default_rng(seed).integers(0, 255, (24, 32, 3), dtype=np.uint8)


@cache
def jpeg_of(picture: str, mark: bool = True) -> bytes:
    """Return the published file of a picture."""
    return finish(pixels_of(picture), {"mark": mark})


def request_of(picture: str) -> bytes:
    """Return the request key: the word before the finish."""
    return sha256(picture.partition("+")[0].encode()).digest()


def finish_of(picture: str) -> str:
    """Return the finish digest: the word after the plus sign."""
    return sha256(picture.partition("+")[2].encode()).hexdigest()


class Shop:
    """A store in a folder with the tables of one catalogue, changed release by release."""

    def __init__(self, folder: Path, catalogue: str = CATALOGUE) -> None:
        self.folder = folder
        self.catalogue = catalogue
        self.store = open_store(str(folder))
        self.tables = open_tables(str(folder))
        self.tables.ensure(layout.manifest_table(catalogue), MANIFEST)
        self.tables.ensure(layout.outcomes_table(catalogue), OUTCOMES)

    def row(self, place: str, picture: str, run_id: str, **other: Any) -> dict[str, Any]:
        """Publish a picture and return its manifest row; `place` is SKU/view."""
        sku, view = place.split("/")
        data = jpeg_of(picture)
        sha = sha256(data).digest()
        key = layout.published_image(self.catalogue, sku, view, "a", 0, sha.hex())
        self.store.write_once(key, data)
        return {
            "slot_id": slot_id(sku, view, "a", 0),
            "sku": sku,
            "view": view,
            "variant": "a",
            "index": 0,
            "object": key,
            "file_sha": sha,
            "pixel_sha": bytes.fromhex(pixel_sha(decode(data))),
            "width": 32,
            "height": 24,
            "request_key": request_of(picture),
            "attempt": 0,
            "source_digest": sha256(f"source of {picture}".encode()).digest()[:16],
            "finish_digest": finish_of(picture),
            "model": "stub@0",
            "run_id": run_id,
            "released_at": datetime.now(UTC),
            **other,
        }

    def release(self, run_id: str, pictures: Mapping[str, str | None], **other: Any) -> int:
        """Commit a release that puts these pictures, and drops the places that have None; return its version."""
        rows = [self.row(place, word, run_id, **other) | {"_op": "put"} for place, word in pictures.items() if word]
        gone = [place.split("/") for place, word in pictures.items() if word is None]
        rows += [{"slot_id": slot_id(sku, view, "a", 0), "_op": "drop"} for sku, view in gone]
        changes = pa.Table.from_pylist(rows, MANIFEST.append(pa.field("_op", pa.string())))
        words = {"run_id": run_id, "kind": "release"}
        table = layout.manifest_table(self.catalogue)
        _, version = commit_once(self.tables, table, run_id, lambda _: (None, changes), on=["slot_id"], metadata=words)
        return version

    def refuse(self, run_id: str, place: str, picture: str, state: str, **other: Any) -> None:
        """Commit one outcome."""
        sku, view = place.split("/")
        now = datetime.now(UTC)
        row = {
            "slot_id": slot_id(sku, view, "a", 0),
            "request_key": request_of(picture),
            "sku": sku,
            "state": state,
            "attempts": 1,
            "reasons": ["by-hand"],
            "source_digest": sha256(f"source of {picture}".encode()).digest()[:16],
            "finish_digest": finish_of(picture),
            "policy_digest": "p",
            "image_key": bytes.fromhex(self.image_key(picture)),
            "run_id": run_id,
            "decided_at": now,
            "expires_at": now + timedelta(days=30) if state == "review" else None,
            "_op": "put",
            **other,
        }
        changes = pa.Table.from_pylist([row], OUTCOMES.append(pa.field("_op", pa.string())))
        on = ["slot_id", "request_key"]
        table = layout.outcomes_table(self.catalogue)
        commit_once(self.tables, table, run_id, lambda _: (None, changes), on=on, metadata={"run_id": run_id})

    def stage(self, picture: str, attempt: int = 0) -> list[str]:
        """Stage a picture, raw and finished; return the two keys."""
        key = self.image_key(picture, attempt)
        keys = [layout.staged_image(key), layout.finished_image(key, finish_of(picture))]
        self.store.write(keys[0], encode_png(pixels_of(picture)))
        self.store.write(keys[1], jpeg_of(picture))
        return keys

    def image_key(self, picture: str, attempt: int = 0) -> str:
        """Return the image key of one attempt at a picture."""
        return image_key(request_of(picture).hex(), attempt)

    def codes(self, run_id: str, pictures: Mapping[str, str]) -> str:
        """Write a run's fingerprints; return their key."""
        rows = [
            {
                "slot_id": slot_id(*place.split("/"), "a", 0),
                "sku": place.split("/")[0],
                "request_key": request_of(picture),
                "pixel_sha": bytes.fromhex(pixel_sha(decode(jpeg_of(picture)))),
                "fingerprint": sha256(picture.encode()).digest(),
            }
            for place, picture in pictures.items()
        ]
        key = layout.fingerprints(self.catalogue, run_id)
        write_table(self.store, key, pa.Table.from_pylist(rows, FINGERPRINTS))
        return key

    def run_folder(self, run_id: str, *, opened: bool, files: Iterable[str] = ()) -> None:
        """Write a run's folder with JSON and Parquet files by name, and its marker where it is open."""
        document = {"run_id": run_id, "catalogue": self.catalogue, "scope": "full", "fingerprint": "f", "source": "s"}
        write_json(self.store, layout.run_file(run_id, "run.json"), {**document, "started_at": datetime.now(UTC)})
        for name in files:
            self.store.write(layout.run_file(run_id, name), b"{}")
        if opened:
            write_json(self.store, layout.open_run(self.catalogue, run_id), {"run_id": run_id})
        else:
            write_json(self.store, layout.run_file(run_id, "closed.json"), {"state": "done"})

    def shown(self, version: int | None = None) -> dict[str, str]:
        """Return what the shop shows: place -> object key."""
        rows = self.tables.read(layout.manifest_table(self.catalogue), version=version).to_pylist()
        found = {f"{row['sku']}/{row['view']}": row["object"] for row in rows}
        assert len(found) == len(rows), "a slot is live twice"
        return found

    def outcomes(self) -> dict[tuple[str, bytes], dict[str, Any]]:
        """Return the outcomes by (SKU, request key)."""
        rows = self.tables.read(layout.outcomes_table(self.catalogue)).to_pylist()
        return {(row["sku"], row["request_key"]): row for row in rows}

    def keys(self, prefix: str = "") -> set[str]:
        """Return every key under a prefix."""
        return {info.key for info in self.store.list(prefix)}

    def age(self, days: float, prefix: str = "") -> None:
        """Make every file under a prefix that many days older; a table's own log tells older times too."""
        for path in self.folder.rglob("*"):
            if path.is_file() and path.relative_to(self.folder).as_posix().startswith(prefix):
                if path.parent.name == "_delta_log" and path.suffix == ".json":
                    path.write_text("".join(_older(line, days) for line in path.read_text().splitlines()))
                modified = path.stat().st_mtime - days * DAY
                os.utime(path, (modified, modified))


def _older(line: str, days: float) -> str:
    entry = json.loads(line)
    for action, name in (("commitInfo", "timestamp"), ("add", "modificationTime"), ("remove", "deletionTimestamp")):
        if name in entry.get(action, {}):
            entry[action][name] -= int(days * DAY * 1000)
    return json.dumps(entry) + "\n"
