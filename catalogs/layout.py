"""Store layout: every object key and table name. No other module builds one.

Inputs: validated catalogue names, run ids, hex digests, SKUs. Outputs: slash-separated keys, relative to the store.
SKUs are untrusted text: only their slug and digest reach a key. Keys are on disk in stores, so they never change.
"""

from functools import lru_cache

from slugify import slugify

from catalogs.keys import SHORT_DIGEST_LENGTH, sku_sha

MAX_SLUG_CHARACTERS = 48


# Images


def staged_image(image_key: str) -> str:
    """Return the key of an image as the model made it (lossless PNG)."""
    return f"staging/{image_key[:2]}/{image_key}.png"


def finished_image(image_key: str, finish_digest: str) -> str:
    """Return the key of an image finished for publication, before its marks are written into it."""
    return f"staging/{image_key[:2]}/{image_key}-{finish_digest[:SHORT_DIGEST_LENGTH]}.jpg"


def kept_document(image_key: str) -> str:
    """Return the key of what was kept in a staged image: its `KeptResult`, written before the image."""
    return f"staging/{image_key[:2]}/{image_key}-kept.json"


def source_photo(sha256: str, extension: str) -> str:
    """Return the key of a shop's photo as it came, by the sha256 of its bytes; the extension is that of its kind."""
    return f"{source_photo_prefix(sha256)}{extension}"


def source_photo_prefix(sha256: str) -> str:
    """Return what the key of a photo begins with, whatever its kind; no other key does."""
    return f"{SOURCES}{sha256[:2]}/{sha256}."


def cutout_mask(photo_sha: str, cutters_digest: str) -> str:
    """Return the key of a photo's mask (grey PNG) by some cutters."""
    return f"{CUTOUTS}{photo_sha[:2]}/{photo_sha}-{cutters_digest[:SHORT_DIGEST_LENGTH]}.png"


def cutout_scores(photo_sha: str, cutters_digest: str) -> str:
    """Return the key of the scores of a photo and its mask, written after the mask."""
    return f"{CUTOUTS}{photo_sha[:2]}/{photo_sha}-{cutters_digest[:SHORT_DIGEST_LENGTH]}.json"


def stage_image(sha256: str) -> str:
    """Return the key of a stage's picture (lossless PNG), by the sha256 of its pixels; libraries share them."""
    return f"{STAGE_IMAGES}{sha256[:2]}/{sha256}.png"


def stage_changes_prefix(library: str) -> str:
    """Return the prefix of the changes of a library of stages."""
    return f"{STAGES}libraries/{library}/"


def stage_change(library: str, number: int) -> str:
    """Return the key of a library after its change `number`; the highest number is the current state."""
    return f"{stage_changes_prefix(library)}{number:08d}.json"


def photo_index(catalogue: str) -> str:
    """Return the key of the index of a catalogue's photos: reference, version, sha256."""
    return f"{PHOTO_INDEXES}{catalogue}.parquet"


def scores(raw_pixel_sha: str, finish_digest: str, scanners_digest: str) -> str:
    """Return the key of the raw scores of these pixels: what later policies decide from."""
    return f"{scores_prefix(raw_pixel_sha, finish_digest)}{scanners_digest[:SHORT_DIGEST_LENGTH]}.json"


def scores_prefix(raw_pixel_sha: str, finish_digest: str) -> str:
    """Return the prefix of all scores of these pixels in this finish, whatever the scanners."""
    return f"scores/{raw_pixel_sha[:2]}/{raw_pixel_sha}-{finish_digest[:SHORT_DIGEST_LENGTH]}-"


def published_image(catalogue: str, sku: str, view: str, variant: str, index: int, file_sha: str) -> str:
    """Return an image's public key: readable, safe in a path, and different for every different file."""
    return f"{PUBLISHED}{catalogue}/{image_title(sku, view, variant, index)}-{file_sha[:SHORT_DIGEST_LENGTH]}.jpg"


def image_title(sku: str, view: str, variant: str, index: int) -> str:
    """Return a published image's title: part of its key, and of its marks, which must reveal nothing else."""
    return f"{_slug(sku) or 'sku'}-{sku_sha(sku)}/{_slug(view) or 'view'}-{_slug(variant) or 'a'}-{index}"


@lru_cache(4096)
def _slug(text: str) -> str:
    # Cached: slugify looks for an optional package at every call, which costs more than writing a small file.
    return str(slugify(text, max_length=MAX_SLUG_CHARACTERS))


STAGING = "staging/"
SOURCES = "sources/"
CUTOUTS = "cutouts/"
STAGES = "stages/"
STAGE_IMAGES = f"{STAGES}images/"
PHOTO_INDEXES = "photo-index/"
PUBLISHED = "published/"
RUNS = "runs/"
LEASES = "leases/"
MANIFESTS = "manifest/"
OUTCOMES = "outcomes/"
STORE_VERSION = "store.json"
"""The store's layout, written last by an upgrade."""
SCORES = "scores/"
FINGERPRINTS = "codes/"
REVIEWS = "review/"
DECISIONS = "decisions/"
POLICIES = "policies/"
SHOP_BRANDS = "brands/"
ACCESS_KEYS = "keys/"
ACCESS_LOG = "access/"
PURGES = "purges/"
SWEEPS = "sweeps/"
DELETION_MARKS = f"{SWEEPS}deleting/"
STORE_SIZES = f"{SWEEPS}store.sizes.json"
"""What a sweep measured; no catalogue's name has a dot, so this is no catalogue's watermark."""
PROBE_OBJECTS = "probe/"
"""Objects that test whether a store has conditional writes; a test that is killed leaves them behind."""


def published_prefix(catalogue: str) -> str:
    """Return the prefix of all files that a catalogue has published."""
    return f"{PUBLISHED}{catalogue}/"


# Runs


class RunFiles:
    """The keys of one run's folder, `runs/<run id>/`."""

    def __init__(self, run_id: str) -> None:
        self.prefix = prefix = f"{RUNS}{run_id}/"
        self.run = prefix + "run.json"  # who asked for what, and when
        self.recipe, self.policy = prefix + "recipe.json", prefix + "policy.json"  # as they were when the run began
        self.shop_brands = prefix + "brands.json"  # likewise, where the policy asks whose brands the shop sells
        self.plan = prefix + "plan.json"  # written last of the plan's files: without it the plan is not whole
        self.slots, self.rejects = prefix + "slots.parquet", prefix + "rejects.parquet"
        self.source_rows = prefix + "source_rows.parquet"  # the rows of `slots`, as they were read: SOURCE_ROWS
        self.refreshed, self.retired = prefix + "refreshed.parquet", prefix + "retired.parquet"
        self.renamed, self.replaced = prefix + "renamed.parquet", prefix + "replaced.parquet"
        self.ended = prefix + "ended.parquet"  # slots whose outcomes end, since the catalogue no longer asks for them
        self.deferrals = prefix + "left_out.parquet"
        self.requests_prefix = prefix + "requests/"
        self.records_prefix = prefix + "records/"
        self.batch = prefix + "batch.parquet"  # the decisions
        self.published_prefix = prefix + "published/"
        self.withdrawals = prefix + "withdrawals.parquet"  # what an applied policy takes away
        self.withheld = prefix + "withheld.parquet"  # what a rollback leaves out, since a policy refuses it
        self.let_go = prefix + "let-go.json"  # what a person lets go of a held batch: the first word stands
        self.held, self.closed = prefix + "held.json", prefix + "closed.json"
        self.report, self.report_page = prefix + "report.json", prefix + "report.html"
        self.audit, self.audit_page = prefix + "audit/result.json", prefix + "audit/index.html"

    def released(self, name: str) -> str:
        """Return the key of the decisions of a held batch of which a person lets only a part go."""
        return f"{self.prefix}released-{name}.parquet"

    def requests(self, part: str) -> str:
        """Return the key of one part of the requests: a Parquet file with one row group per shard."""
        return f"{self.requests_prefix}{part}.parquet"

    def record(self, shard: str) -> str:
        """Return the key of a shard's record, written after its images."""
        return f"{self.records_prefix}{shard}.parquet"

    def published(self, name: str) -> str:
        """Return the key of one list of the files that the run has published so far."""
        return f"{self.published_prefix}{name}.parquet"


def open_run(catalogue: str, run_id: str) -> str:
    """Return the key of the marker of an open run."""
    return f"open/{catalogue}/{run_id}.json"


def open_runs_prefix(catalogue: str = "") -> str:
    """Return the prefix of the markers of open runs, of one catalogue or of all."""
    return f"open/{catalogue}/" if catalogue else "open/"


def open_manifest_change(catalogue: str, run_id: str) -> str:
    """Return the key of the marker of an open manifest change (a rollback or an applied policy)."""
    return f"open-amendments/{catalogue}/{run_id}.json"


def open_manifest_changes_prefix(catalogue: str = "") -> str:
    """Return the prefix of the markers of open manifest changes, of one catalogue or of all."""
    return f"open-amendments/{catalogue}/" if catalogue else "open-amendments/"


def deletion_mark(catalogue: str, sweep_id: str) -> str:
    """Return the key of the mark that a sweep sets while it deletes a batch of a catalogue's objects."""
    return f"{deletion_marks_prefix(catalogue)}{sweep_id}.json"


def deletion_marks_prefix(catalogue: str) -> str:
    """Return the prefix of the marks of sweeps that are deleting objects of a catalogue."""
    return f"{DELETION_MARKS}{catalogue}/"


def purge_record(catalogue: str, name: str) -> str:
    """Return the key of the record of objects that a CDN was asked to forget, and of its answers."""
    return f"{PURGES}{catalogue}/{name}.json"


def retention_watermark(catalogue: str) -> str:
    """Return the key of a sweep's retention watermark: the oldest release that it has kept."""
    return f"sweeps/{catalogue}.json"


def run_archive(month: str, name: str) -> str:
    """Return the key of a file of the run archive: key figures of runs of one month whose folders have gone."""
    return f"{run_archive_prefix(month)}{name}.parquet"


def run_archive_prefix(month: str = "") -> str:
    """Return the prefix of the run archive, of one month or of all."""
    return f"run-archive/{month}/" if month else "run-archive/"


# Tables, reviews, approvals and leases


def manifest_table(catalogue: str) -> str:
    """Return the manifest's table name."""
    return f"manifest/{catalogue}"


def outcomes_table(catalogue: str) -> str:
    """Return the outcomes' table name."""
    return f"outcomes/{catalogue}"


def fingerprints(catalogue: str, run_id: str) -> str:
    """Return the key of the fingerprints of the images that a run published."""
    return f"codes/{catalogue}/{run_id}.parquet"


def fingerprints_prefix(catalogue: str) -> str:
    """Return the prefix of a catalogue's fingerprints."""
    return f"codes/{catalogue}/"


def review_image(catalogue: str, image_key: str, finish_digest: str) -> str:
    """Return the key of the copy of an image that a person should review."""
    return f"{review_images_prefix(catalogue)}{image_key}-{finish_digest[:SHORT_DIGEST_LENGTH]}.jpg"


def review_images_prefix(catalogue: str) -> str:
    """Return the prefix of the copies of images that a person should review."""
    return f"review/{catalogue}/pictures/"


def review_index(catalogue: str, run_id: str) -> str:
    """Return the key of a run's review index: which images a person should review, and why."""
    return f"{review_index_prefix(catalogue)}{run_id}.parquet"


def review_index_prefix(catalogue: str) -> str:
    """Return the prefix of the review indexes of a catalogue's runs."""
    return f"review/{catalogue}/index/"


def review_claims_prefix(catalogue: str) -> str:
    """Return the prefix of the claims of people who look at an item now."""
    return f"review/{catalogue}/claims/"


def review_claim(catalogue: str, item: str, number: int) -> str:
    """Return the key of one claim of an item; the highest number counts, for as long as it lasts."""
    return f"{review_claims_prefix(catalogue)}{item}/{number:08d}.json"


ANSWER = "answer"
"""The name of an answer, of whatever kind: see `catalogs.answers`."""
CHANNEL_APPROVAL, HELD_RELEASE, READMISSION = "channels", "release", "readmission"
"""The names that earlier versions gave to answers of three kinds: they are read, and not written any more."""


def person_decisions_prefix(catalogue: str) -> str:
    """Return the prefix of all decisions that people made about a catalogue."""
    return f"decisions/{catalogue}/"


def person_decision(catalogue: str, run_id: str, name: str) -> str:
    """Return the key of one decision that a person made about a run."""
    return f"{person_decisions_prefix(catalogue)}{run_id}-{name}.json"


def policy_records_prefix(catalogue: str) -> str:
    """Return the prefix of the policies that came into force in a catalogue."""
    return f"policies/{catalogue}/"


def policy_record(catalogue: str, number: int) -> str:
    """Return the key of the record of a policy that came into force; the highest number is in force."""
    return f"{policy_records_prefix(catalogue)}{number:08d}.json"


def shop_brands_prefix(catalogue: str) -> str:
    """Return the prefix of the facts which brands a shop sells."""
    return f"{SHOP_BRANDS}{catalogue}/"


def shop_brands(catalogue: str, number: int) -> str:
    """Return the key of one fact which brands a shop sells; the highest number counts."""
    return f"{shop_brands_prefix(catalogue)}{number:08d}.json"


def answer_snapshots_prefix(catalogue: str) -> str:
    """Return the prefix of the snapshots of a catalogue's answers. A catalogue's name has no dot."""
    return f"decisions/{catalogue}.answers/snapshot/"


def answer_snapshot(catalogue: str, number: int) -> str:
    """Return the key of a snapshot of the answers that may still have an effect; the highest number is the newest."""
    return f"{answer_snapshots_prefix(catalogue)}{number:08d}.parquet"


def taken_answers(catalogue: str) -> str:
    """Return the key of the note until which answer published images were taken back."""
    return f"decisions/{catalogue}.answers/taken.json"


def answer_archive_prefix(catalogue: str, month: str = "") -> str:
    """Return the prefix of a catalogue's answer archive: every folded answer, of one month or of all."""
    return f"decisions/{catalogue}.answers/archive/{month}/" if month else f"decisions/{catalogue}.answers/archive/"


def answer_archive(catalogue: str, month: str, name: str) -> str:
    """Return the key of a file of the answer archive: whole answers of one month."""
    return f"{answer_archive_prefix(catalogue, month)}{name}.parquet"


def approval_snapshots_prefix(catalogue: str) -> str:
    """Return the prefix of the snapshots that earlier versions made of a catalogue's channel approvals."""
    return f"decisions/{catalogue}.approvals/snapshot/"


def approval_snapshot(catalogue: str, number: int) -> str:
    """Return the key of an earlier version's snapshot of channel approvals; the highest number is the newest."""
    return f"{approval_snapshots_prefix(catalogue)}{number:08d}.json"


def approval_archives_prefix(catalogue: str) -> str:
    """Return the prefix of the approvals, whole, that went into snapshots of earlier versions."""
    return f"decisions/{catalogue}.approvals/archive/"


def approval_archive(catalogue: str, number: int) -> str:
    """Return the key of the approvals, whole, that went into a snapshot of an earlier version."""
    return f"{approval_archives_prefix(catalogue)}{number:08d}.json"


def full_lease(catalogue: str) -> str:
    """Return the prefix of the lease under which one full run at a time works on a catalogue."""
    return f"leases/{catalogue}/full"


def run_lease(catalogue: str, run_id: str) -> str:
    """Return the prefix of a run's own lease: while it is held, a process works on the run."""
    return f"leases/{catalogue}/run-{run_id}"


# Access


def access_key(key_id: str) -> str:
    """Return the key of a person's access key; its id is the beginning of its token's sha256."""
    return f"{ACCESS_KEYS}{key_id}.json"


def access_log_day(day: str) -> str:
    """Return the prefix of the access log of one day, such as 2026-11-30: one object for each server."""
    return f"{ACCESS_LOG}{day}/"


def access_log(day: str, server: str) -> str:
    """Return the key of what one server logged on one day: who came in, who was refused."""
    return f"{access_log_day(day)}{server}.jsonl"


# Model versions

MODELS = "models/"
REGISTRY = "registry"


def model_changes_prefix(name: str) -> str:
    """Return the prefix of the changes of a model's versions."""
    return f"{MODELS}{name}/{REGISTRY}/"


def model_change(name: str, number: int) -> str:
    """Return the key of a model's registry after its change `number`; the highest number is the current state."""
    return f"{model_changes_prefix(name)}{number:08d}.json"


def model_samples_prefix(name: str) -> str:
    """Return the prefix of the measurements that runs made of a model's versions."""
    return f"{MODELS}{name}/samples/"


def model_sample(name: str, run_id: str) -> str:
    """Return the key of one run's measurements of a model's versions."""
    return f"{model_samples_prefix(name)}{run_id}.json"


# Engines

ENGINES = "engines/"


def engine_file(model: str, version: int, name: str) -> str:
    """Return the key of one file of an engine; the files of a version are a Triton model repository."""
    return f"{engine_versions_prefix(model)}{version}/{name}"


def engine_artifact(model: str, version: int) -> str:
    """Return the key of an engine's artifact manifest, which says where the engine may be used."""
    return engine_file(model, version, "card.json")


def engine_versions_prefix(model: str = "") -> str:
    """Return the prefix of a model's engines, or of all."""
    return f"{ENGINES}{model}/" if model else ENGINES


def engine_failure(model: str, requirements_digest: str) -> str:
    """Return the key of the record that an engine for these requirements could not be built."""
    return f"{engine_versions_prefix(model)}failed-{requirements_digest}.json"


def engine_lease(model: str, requirements_digest: str) -> str:
    """Return the prefix of the lease under which one worker builds an engine while the others wait.

    A catalogue's name has no dot, so this is never the lease of a catalogue.
    """
    return f"leases/engines.{model}/{requirements_digest}"
