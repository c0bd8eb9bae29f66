"""Table schemas: the Arrow schema of every table that stages exchange or that a store keeps.

Inputs: none. Outputs: schemas; `catalogs.table_rows` holds the row types. Digests are bytes where there are millions of
them (`slot_id` 16, shas 32) and hex text where people read them. Times are UTC. Columns are on disk: never renamed.
"""

import pyarrow as pa

_TIME = pa.timestamp("us", tz="UTC")
_APPEARANCE = pa.list_(pa.float32())
"""Mean colour of the product (CIE Lab), and its extent: its long side over the frame's. Null if none is detected."""
_CHANNEL_FIELDS = [("channels", pa.list_(pa.string())), ("channel_reasons", pa.list_(pa.string()))]
"""Channels on which an image may be used, and why not on the other requested ones, as `channel:reason`."""

_PROVENANCE_FIELDS = (
    pa.field("model_version", pa.string()),  # name/number in the registry; null for an unregistered model
    pa.field("precision", pa.string()),
    pa.field("backend", pa.string()),  # the engine that generated the image; null where that is not known
)

REJECTS = pa.schema(
    [
        ("row", pa.int64()),  # 1-based, counted over the whole source, without a header
        ("sku", pa.string()),  # null where it cannot be read
        ("column", pa.string()),
        ("reason", pa.string()),
    ]
)

SOURCE_ROWS = pa.schema(
    [
        ("row", pa.int64()),  # 1-based, counted over the whole source, without a header
        ("sku", pa.string()),
        ("fields", pa.map_(pa.string(), pa.string())),  # every other column that the recipe reads: name -> its text
    ]
)
"""The rows as they were read of which a run decides slots."""

SLOTS = pa.schema(
    [
        ("slot_id", pa.binary()),
        ("sku", pa.string()),
        ("category", pa.string()),
        ("view", pa.string()),
        ("variant", pa.string()),
        ("index", pa.int16()),
        ("kind", pa.string()),  # new | changed | waiting (decided again)
        ("request_key", pa.binary()),
        ("source_digest", pa.binary()),
        ("finish_digest", pa.string()),
        ("attempts_allowed", pa.int16()),
        ("live_file_sha", pa.binary()),  # the image it was planned against; null where nothing was live
        ("priority", pa.string()),
        ("created_at", _TIME),
        ("deadline", _TIME),
        ("verdict", pa.string()),  # of the prompt gates on this slot alone: whose brand its prompt names
        ("reasons", pa.list_(pa.string())),
        ("answer", pa.string()),  # token of the answer that decides the prompt; null where no person's word does
    ]
)
"""Slots that a run must decide: one row per slot that is new, changed, or waiting under another policy."""

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
        ("first_attempt", pa.int16()),  # attempts that failed in earlier runs are not repeated
        ("attempts_allowed", pa.int16()),
        ("category", pa.string()),
        ("verdict", pa.string()),  # of the prompt gates: only PASS is generated
        ("reasons", pa.list_(pa.string())),
        ("kept", pa.string()),  # JSON: the `KeptRequest`; null where no photo's product was kept, and in older rows
    ]
)
"""Requests that a run must generate: one row per distinct request key, sorted into shards.

A request that was refused only for its first slots has a second row, to be generated, once another slot may have it.
"""

REFRESHED_DIGESTS = pa.schema(
    [
        ("slot_id", pa.binary()),
        ("table", pa.string()),  # manifest | outcomes
        ("source_digest", pa.binary()),
        ("request_key", pa.binary()),  # of the row to refresh: a slot may have outcomes of other requests too
        ("finish_digest", pa.string()),  # of that row; older versions did not say it
    ]
)
"""Slots whose source changed but whose image did not: only the source digest is updated."""

DEFERRALS = pa.schema([("shard", pa.string()), ("codes", pa.binary())])
"""One byte per request of the shard, in order: see `catalogs.planning.schedule`."""

RETIRED_SLOTS = pa.schema([("slot_id", pa.binary()), ("sku", pa.string()), ("live_file_sha", pa.binary())])

REPLACED_SLOTS = pa.schema(
    [
        ("slot_id", pa.binary()),  # of the variant that the SKU has now
        ("sku", pa.string()),
        ("live_slot_id", pa.binary()),  # the same view and index of another variant
        ("live_file_sha", pa.binary()),
    ]
)

RENAMED_SLOTS = pa.schema(
    [
        ("slot_id", pa.binary()),
        ("sku", pa.string()),
        ("live_slot_id", pa.binary()),
        ("live_file_sha", pa.binary()),
        ("kept", pa.bool_()),  # the catalogue has a row of the old name too, so it stays live
    ]
)
"""Slots that are live under a SKU that was read as an exponent (`4.006381333931e+12`), with the right SKU."""

ENDED_SLOTS = pa.schema(
    [
        ("slot_id", pa.binary()),
        ("planned_at", _TIME),
        ("request_key", pa.binary()),  # the request whose review alone ends; null where all outcomes of the slot end
    ]
)
"""Slots with outcomes that a full run no longer asks for, and lapsed reviews: rows decided until `planned_at` end."""

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
        ("fingerprint", pa.binary()),  # PDQ-256 of the finished image
        ("fingerprint_quality", pa.float32()),
        ("crop", pa.binary()),  # PDQ-256 of the product's bounding box; null without a reliable one
        ("looks", _APPEARANCE),
        ("scanners", pa.string()),  # JSON: the scanners that answered, and their versions
        ("errors", pa.string()),  # JSON: the scanners that did not, and why
        ("mark", pa.string()),  # the IPTC source type in the finished file
        *_CHANNEL_FIELDS,
        ("model", pa.string()),  # as in the recipe's requests: a name, or name@version
        ("backend", pa.string()),  # the engine that generated it; null where that is not known
        ("refused_work", pa.list_(pa.string())),  # found, not believed and made anew: image, file, scores; else null
        ("kept", pa.string()),  # JSON: the `KeptResult`; null where no photo's product was kept, and in older rows
    ]
)
"""One row per attempt: what was generated, measured and decided on its own (duplicates are compared later)."""

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
        ("collides_with", pa.binary()),  # pixel sha of the picture that it is too similar to; null where there is none
        ("sentence", pa.string()),  # what the engine or a scanner itself said; null where it said nothing
        ("answer", pa.string()),  # token of the answer by which it was decided; null where no person's word counts
        ("kept", pa.string()),  # JSON: the `KeptResult`; null where no photo's product was kept, and in older rows
    ]
)
"""The batch: one row per slot of the plan, with the image that is selected for it."""

PUBLISHED_FILES = pa.schema(
    [
        ("slot_id", pa.binary()),
        ("object", pa.string()),
        ("file_sha", pa.binary()),
        ("file_bytes", pa.int64()),
        ("signed", pa.bool_()),
    ]
)
"""Files that a run has published before its commit: signing again gives other bytes, so a repetition uses these."""

MANIFEST = pa.schema(
    [
        ("slot_id", pa.binary()),
        ("sku", pa.string()),
        ("view", pa.string()),
        ("variant", pa.string()),
        ("index", pa.int16()),
        ("object", pa.string()),  # key of the image, relative to the store
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
        ("mode", pa.string()),  # a `KeptMode`; null where a model generated the whole image, and in older rows
        ("photo_sha", pa.binary()),  # sha256 of the photo whose product was kept; null without one
        ("stage", pa.binary()),  # sha256 of the pixels of the stage on which it stands; null without one
        ("kept", pa.string()),  # JSON: the `KeptResult`; null where no photo's product was kept, and in older rows
    ]
)
"""The release that the shop sees. Narrow, since a nightly merge rewrites the files that hold a changed row."""

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
        ("image_key", pa.binary()),  # the attempt that is selected for the slot; null where none was generated
        ("run_id", pa.string()),
        ("decided_at", _TIME),
        ("expires_at", _TIME),
        ("tries", pa.int16()),  # how often a fault of our own has kept the slot; null for the image's own refusal
        ("retry_at", _TIME),  # when such an outcome is tried again
        ("collides_with", pa.binary()),  # pixel sha of a picture that is too similar; it holds while that one is live
        ("sentence", pa.string()),  # what the engine or a scanner itself said; null where nothing, and in older rows
        ("answer", pa.string()),  # token of the answer that it was decided with; null where no person's word counts
        ("pixel_sha", pa.binary()),  # of the image of `image_key`, in this finish; null in older rows
    ]
)
"""Refusals by (slot, request key), so that no run pays for the same one twice.

A withdrawal binds one finish, and a slot may have several of one request; of any other kind it has one a request.
"""

OUTCOME_KEY = ("slot_id", "request_key", "finish_digest")
"""What tells one outcome from another."""

WITHDRAWALS = pa.schema(
    [
        *(MANIFEST.field(name) for name in ("slot_id", "sku", "view", "variant", "index", "object", "file_sha")),
        *(MANIFEST.field(name) for name in ("request_key", "attempt", "finish_digest", "run_id")),
        ("verdict", pa.string()),  # REVIEW | BLOCK
        ("reasons", pa.list_(pa.string())),
        ("again", pa.bool_()),  # another seed may help, and an attempt is left
        ("answer", pa.string()),  # token of the person's refusal that binds the image; null where a policy refuses it
    ]
)
"""Live images that a policy refuses or that a person takes back, and why."""

REVIEW_INDEX = pa.schema(
    [
        ("slot_id", pa.binary()),
        ("sku", pa.string()),
        ("view", pa.string()),
        ("variant", pa.string()),
        ("index", pa.int16()),
        ("why", pa.string()),  # review, blocked, sample (it passed and is published) or held (with its batch)
        ("reasons", pa.list_(pa.string())),
        ("scores", pa.string()),  # JSON; null where no image was measured
        ("prompt", pa.string()),
        ("request_key", pa.binary()),
        ("image_key", pa.binary()),  # null where the prompt itself is to be reviewed
        ("finish_digest", pa.string()),
        ("object", pa.string()),  # key of the image to show, relative to the store; null where there is none
        ("asked_at", _TIME),
        ("expires_at", _TIME),
        # Older versions wrote only these; with the next a row has all that a person is shown and that publishing needs.
        ("run_id", pa.string()),  # the run that measured it
        ("category", pa.string()),  # product category
        ("kind", pa.string()),  # as in SLOTS
        ("worst_reason", pa.string()),  # of all reasons the one of the highest severity
        ("severity", pa.float32()),  # see `catalogs.reviews.severity`
        ("value", pa.float32()),  # the row's own, where the recipe names a column for it; else null
        ("attempt", pa.int16()),
        ("attempts_spent", pa.int16()),
        ("attempts_allowed", pa.int16()),
        ("source_digest", pa.binary()),
        ("raw_sha", pa.binary()),
        ("pixel_sha", pa.binary()),  # of the finished image's pixels
        ("file_sha", pa.binary()),  # of the finished file
        ("file_bytes", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("fingerprint", pa.binary()),
        ("fingerprint_quality", pa.float32()),
        ("crop", pa.binary()),
        ("looks", _APPEARANCE),
        ("mark", pa.string()),
        *_CHANNEL_FIELDS,
        ("scanners", pa.string()),  # JSON, as in RECORDS
        ("errors", pa.string()),  # JSON: the scanners that did not answer, and why
        ("boxes", pa.string()),  # JSON: what scanners found where, see `catalogs.reviews.found_boxes`
        ("collides_with", pa.binary()),  # pixel sha of the picture that it is too similar to
        ("sentence", pa.string()),  # what the engine or a scanner itself said
        ("live_file_sha", pa.binary()),
        ("created_at", _TIME),
        ("priority", pa.string()),
        ("deadline", _TIME),
        ("model", pa.string()),
        *_PROVENANCE_FIELDS,
        ("negative", pa.string()),
        ("seed", pa.int64()),  # of attempt 0, where the row gives one
        ("asked_width", pa.int32()),  # of the request
        ("asked_height", pa.int32()),  # likewise
        ("steps", pa.int16()),
        ("guidance", pa.float32()),
        ("kept", pa.string()),  # JSON: the `KeptResult`, as in RECORDS; null in older rows
    ]
)
"""What people should review after a run: one row per slot."""

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
"""Fingerprints of the images that a run published: live while the manifest names slot and pixel sha."""

RUN_ARCHIVE = pa.schema(
    [
        ("run_id", pa.string()),
        ("catalogue", pa.string()),  # whose run it was
        ("scope", pa.string()),  # full | partial
        ("kind", pa.string()),  # release, or the kind of an amendment
        ("state", pa.string()),  # how it was closed: done | superseded
        ("started_at", _TIME),
        ("closed_at", _TIME),
        ("version", pa.int64()),  # of the manifest, after it
        ("published", pa.int64()),  # slots that got an image
        ("review", pa.int64()),  # slots that wait for a person
        ("blocked", pa.int64()),  # slots that the gates refused
        ("failed", pa.int64()),  # slots without an image
        ("deferred", pa.int64()),  # slots left to a later run
        ("retired", pa.int64()),  # slots taken down
        ("generated", pa.int64()),  # images made
        ("gpu_seconds", pa.float64()),  # seconds of the engine
        ("cost", pa.float64()),  # in the price list's currency
    ]
)
"""Key figures of runs whose folders a sweep has deleted; null where the run had no report."""

ANSWERS = pa.schema(
    [
        ("token", pa.string()),  # names the answer; tokens sort by time
        ("kind", pa.string()),  # accept | refuse | retry | undo | channel | release | readmission
        ("who", pa.string()),  # the person's name
        ("when", _TIME),  # by the store's clock
        ("why", pa.string()),  # in the person's words
        ("request_key", pa.binary()),  # null where it is about no image and no prompt
        ("image_key", pa.binary()),  # empty where it is about a prompt of which no image was generated
        ("finish_digest", pa.string()),
        ("pixel_sha", pa.binary()),
        ("collides_with", pa.binary()),  # pixel sha of the picture that it was too similar to
        ("state", pa.string()),  # review | blocked | publish: what the gates had said
        ("reasons", pa.list_(pa.string())),
        ("sku", pa.string()),
        ("view", pa.string()),
        ("variant", pa.string()),
        ("index", pa.int32()),
        ("reason", pa.string()),  # code of a refusal
        ("prompt", pa.string()),  # edited, of another attempt
        ("seconds", pa.float64()),  # that the person looked
        ("purpose", pa.string()),  # queue | sample | double | known | held
        ("undoes", pa.string()),  # token of the answer that is taken back
        ("resolves", pa.bool_()),  # ends a conflict
        ("details", pa.string()),  # JSON: what the other kinds are about
    ]
)
"""What people answered: one row an answer. What an answer leaves out is empty, or null where it names no image."""
