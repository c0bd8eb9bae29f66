"""Measured images: what runs measured of the images that they published, as far as their folders still say.

Inputs: a store, a run, an attempt at a request. Outputs: a `MeasuredImage`, or None where its record was swept. Of a
run's folder one request list and one record are read, so a page about one image does not read a night.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow.compute as pc

from catalogs import layout
from catalogs.table_schemas import RECORDS, REQUESTS
from infra.interfaces import ObjectStore
from infra.stores.parquet_objects import parse_table, read_row_groups

_REQUEST_COLUMNS = ["request_key", "shard", "finish_digest", "category", "prompt"]
_RECORD_COLUMNS = ["request_key", "finish_digest", "attempt", "scores", "scanners"]


@dataclass(frozen=True)
class MeasuredImage:
    """The prompt of an image, and what the scanners measured of it."""

    prompt: str
    category: str
    scores: Mapping[str, float]
    scanners: Mapping[str, str]
    """The scanners that answered, and their versions."""


def find_measured_image(
    store: ObjectStore, run_id: str, request_key: bytes, finish_digest: str, attempt: int
) -> MeasuredImage | None:
    """Return what a run measured of an attempt; None where its folder no longer says so."""
    files = layout.RunFiles(run_id)
    for requests in read_row_groups(store, files.requests_prefix, _REQUEST_COLUMNS):
        of_key = requests.filter(
            pc.equal(requests["request_key"].cast(REQUESTS.field("request_key").type), request_key)
        )
        for request in of_key.to_pylist():
            key = files.record(request["shard"])
            data = store.find(key)
            if data is None or request["finish_digest"] != finish_digest:
                continue
            record = parse_table(key, data, columns=_RECORD_COLUMNS)
            record = record.filter(pc.equal(record["request_key"].cast(RECORDS.field("request_key").type), request_key))
            for row in record.to_pylist():
                if (row["finish_digest"], row["attempt"]) == (finish_digest, attempt) and row["scores"]:
                    scores, scanners = (json.loads(row[name] or "{}") for name in ("scores", "scanners"))
                    return MeasuredImage(request["prompt"], request["category"] or "", scores, scanners)
    return None
