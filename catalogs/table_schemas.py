"""The Arrow schema of every table between two stages, and of every table that is kept.

Digests are bytes where there are millions of them (`slot_id` 16, shas 32) and short hex text where a person looks.
Times are UTC.
"""

import pyarrow as pa

_TIME = pa.timestamp("us", tz="UTC")
_APPEARANCE = pa.list_(pa.float32())
"""Mean colour of the product (CIE Lab) and its extent: its long side over the frame's. Null where none is seen."""
_CHANNEL_FIELDS = [("channels", pa.list_(pa.string())), ("channel_reasons", pa.list_(pa.string()))]
"""Channels on which a picture may be used, and why not on others that were asked for, as `channel:reason`."""

_PROVENANCE_FIELDS = (
    pa.field("model_version", pa.string()),  # name/number in the registry; null for a model that is not from there
    pa.field("precision", pa.string()),
    pa.field("backend", pa.string()),  # the engine that made the picture; null where a staged image does not say
)

REJECTS = pa.schema(
    [
        ("row", pa.int64()),  # 1-based, counted over the whole source, without a header
        ("sku", pa.string()),  # null where it cannot be read
        ("column", pa.string()),
        ("reason", pa.string()),
    ]
)

SLOTS = pa.schema(
    [
        ("slot_id", pa.binary()),
        ("sku", pa.string()),
        ("category", pa.string()),
        ("view", pa.string()),
        ("variant", pa.string()),
        ("index", pa.int16()),
        ("kind", pa.string()),  # new | changed | waiting: what the slot counts as (waiting: it is decided anew)
        ("request_key", pa.binary()),
        ("source_digest", pa.binary()),
        ("finish_digest", pa.string()),
        ("attempts_allowed", pa.int16()),
        ("live_file_sha", pa.binary()),  # the picture it was planned against; null where nothing was live
        ("priority", pa.string()),
        ("created_at", _TIME),
        ("deadline", _TIME),
        ("verdict", pa.string()),  # the prompt gates' word on this slot alone: whose brand its prompt names
        ("reasons", pa.list_(pa.string())),
    ]
)
"""What a run must decide: one row a slot that is new, changed, or waiting under another policy."""

REQUESTS = pa.schema(
    [
        ("request_key", pa.binary()),
        ("shard", pa.string()),
        ("prompt", pa.string()),
        ("negative", pa.string()),
        ("seed", pa.int64()),  # attempt 0's own seed where the row gives one
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("steps", pa.int16()),
        ("guidance", pa.float32()),
        ("model", pa.string()),
        ("finish_digest", pa.string()),
        ("first_attempt", pa.int16()),  # attempts that failed in earlier nights are not repeated
        ("attempts_allowed", pa.int16()),
        ("category", pa.string()),
        ("verdict", pa.string()),  # the prompt gates' word: only PASS is generated
        ("reasons", pa.list_(pa.string())),
    ]
)
"""What a run must make: one row a distinct request key, sorted into shards.

A request that was refused for its first slots alone has a second row, among those to make, once another may have it.
"""

REFRESHED_DIGESTS = pa.schema(
    [
        ("slot_id", pa.binary()),
        ("table", pa.string()),  # manifest | outcomes
        ("source_digest", pa.binary()),
        ("request_key", pa.binary()),  # of the row that is meant: a slot may have outcomes of other requests too
    ]
)
"""Slots whose source moved without moving the picture: only the digest is written anew."""

DEFERRALS = pa.schema([("shard", pa.string()), ("codes", pa.binary())])
"""A byte a request of the shard, in order: see `catalogs.planning.schedule`."""

RETIRED_SLOTS = pa.schema([("slot_id", pa.binary()), ("sku", pa.string()), ("live_file_sha", pa.binary())])

RECORDS = pa.schema(
    [
        ("request_key", pa.binary()),
        ("finish_digest", pa.string()),
        ("attempt", pa.int16()),
        ("image_key", pa.binary()),
        ("made", pa.string()),  # generated | reused | failed
        ("engine_seconds", pa.float32()),
        ("raw_sha", pa.binary()),
        ("finished_sha", pa.binary()),  # of the pixels
        ("file_sha", pa.binary()),
        ("file_bytes", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("verdict", pa.string()),
        ("again", pa.bool_()),  # another seed may help
        ("reasons", pa.list_(pa.string())),
        ("scores", pa.string()),  # JSON
        ("fingerprint", pa.binary()),  # PDQ-256 of the finished picture
        ("fingerprint_quality", pa.float32()),
        ("crop", pa.binary()),  # PDQ-256 of the product's own rectangle; null where there is none to be trusted
        ("looks", _APPEARANCE),
        ("scanners", pa.string()),  # JSON: the scanners that spoke, and their versions
        ("errors", pa.string()),  # JSON: those that did not, and why
        ("mark", pa.string()),  # the source type that the finished file says of itself
        *_CHANNEL_FIELDS,
        ("model", pa.string()),  # as the recipe's requests call it: a name, or name@version
        ("backend", pa.string()),  # the engine that made it; null where a staged image does not say
    ]
)
"""One row an attempt: what was made, measured and decided on its own (duplicates are judged later)."""

DECISIONS = pa.schema(
    [
        ("slot_id", pa.binary()),
        ("sku", pa.string()),
        ("category", pa.string()),
        ("view", pa.string()),
        ("variant", pa.string()),
        ("index", pa.int16()),
        ("kind", pa.string()),
        ("state", pa.string()),  # publish | review | blocked | failed | deferred
        ("verdict", pa.string()),
        ("reasons", pa.list_(pa.string())),
        ("attempt", pa.int16()),
        ("attempts_spent", pa.int16()),
        ("request_key", pa.binary()),
        ("image_key", pa.binary()),
        ("source_digest", pa.binary()),
        ("finish_digest", pa.string()),
        ("finished_sha", pa.binary()),  # of the pixels
        ("file_sha", pa.binary()),
        ("file_bytes", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("fingerprint", pa.binary()),
        ("crop", pa.binary()),
        ("looks", _APPEARANCE),
        ("mark", pa.string()),
        *_CHANNEL_FIELDS,
        ("model", pa.string()),
        ("live_file_sha", pa.binary()),
        ("created_at", _TIME),
        *_PROVENANCE_FIELDS,
    ]
)
"""The batch: one row a slot of the plan, with the one image that stands for it."""

PUBLISHED_FILES = pa.schema(
    [
        ("slot_id", pa.binary()),
        ("object", pa.string()),
        ("file_sha", pa.binary()),
        ("file_bytes", pa.int64()),
        ("signed", pa.bool_()),
    ]
)
"""What a run has published before its commit: signed bytes are never the same again, so a repetition uses these."""

MANIFEST = pa.schema(
    [
        ("slot_id", pa.binary()),
        ("sku", pa.string()),
        ("view", pa.string()),
        ("variant", pa.string()),
        ("index", pa.int16()),
        ("object", pa.string()),  # key of the picture, relative to the store
        ("file_sha", pa.binary()),  # sha256 of the published file
        ("pixel_sha", pa.binary()),  # sha256 of its decoded pixels
        ("width", pa.int32()),
        ("height", pa.int32()),
        *_CHANNEL_FIELDS,
        ("request_key", pa.binary()),
        ("attempt", pa.int16()),
        ("source_digest", pa.binary()),
        ("finish_digest", pa.string()),
        ("model", pa.string()),
        *_PROVENANCE_FIELDS,
        ("run_id", pa.string()),
        ("released_at", _TIME),
    ]
)
"""What the shop sees. Kept narrow: a nightly merge rewrites the files that hold a changed row."""

OUTCOMES = pa.schema(
    [
        ("slot_id", pa.binary()),
        ("request_key", pa.binary()),
        ("sku", pa.string()),
        ("state", pa.string()),  # review | blocked | failed | deferred | withdrawn
        ("attempts", pa.int16()),
        ("reasons", pa.list_(pa.string())),
        ("source_digest", pa.binary()),
        ("finish_digest", pa.string()),
        ("policy_digest", pa.string()),
        ("image_key", pa.binary()),  # the attempt that stands for the slot; null where none was made
        ("run_id", pa.string()),
        ("decided_at", _TIME),
        ("expires_at", _TIME),
    ]
)
"""What was refused, by (slot, request key), so that no night buys it twice."""

WITHDRAWALS = pa.schema(
    [
        *(MANIFEST.field(name) for name in ("slot_id", "sku", "view", "variant", "index", "object", "file_sha")),
        *(MANIFEST.field(name) for name in ("request_key", "attempt", "finish_digest", "run_id")),
        ("verdict", pa.string()),  # REVIEW | BLOCK
        ("reasons", pa.list_(pa.string())),
        ("again", pa.bool_()),  # another seed may help, and may be spent
    ]
)
"""Live pictures that a policy refuses, and why."""

REVIEW_INDEX = pa.schema(
    [
        ("slot_id", pa.binary()),
        ("sku", pa.string()),
        ("view", pa.string()),
        ("variant", pa.string()),
        ("index", pa.int16()),
        ("why", pa.string()),  # review: it waits for a word; sample: it passed, and is published
        ("reasons", pa.list_(pa.string())),
        ("scores", pa.string()),  # JSON; null where no picture was measured
        ("prompt", pa.string()),
        ("request_key", pa.binary()),
        ("image_key", pa.binary()),  # null where the prompt itself is the question
        ("finish_digest", pa.string()),
        ("object", pa.string()),  # the copy's key, relative to the store; null where there is none
        ("asked_at", _TIME),
        ("expires_at", _TIME),
    ]
)
"""What people should look at after a run: one row a slot."""

FINGERPRINTS = pa.schema(
    [
        ("slot_id", pa.binary()),
        ("sku", pa.string()),
        ("request_key", pa.binary()),
        ("pixel_sha", pa.binary()),
        ("fingerprint", pa.binary()),
        ("crop", pa.binary()),
        ("looks", _APPEARANCE),
    ]
)
"""Fingerprints of what a run published: live where the manifest still names slot and pixel sha."""
