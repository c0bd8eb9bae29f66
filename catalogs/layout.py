"""Every object key and table name there is. No other module builds one.

Comes in: catalogue names (checked), run ids, hex digests, SKUs. Goes out: slash-separated keys relative to the store.
SKUs are hostile text, so only their slug and digest ever reach a key.
"""

from functools import lru_cache

from slugify import slugify

from catalogs.keys import SHORT_DIGEST_LENGTH, sku_sha

MAX_SLUG_CHARACTERS = 48


# Images


def staged_image(image_key: str) -> str:
    """Return where an image is kept as the model made it (lossless)."""
    return f"staging/{image_key[:2]}/{image_key}.png"


def finished_image(image_key: str, finish_digest: str) -> str:
    """Return where an image is kept as it would be published."""
    return f"staging/{image_key[:2]}/{image_key}-{finish_digest[:SHORT_DIGEST_LENGTH]}.jpg"


def scores(raw_pixel_sha: str, finish_digest: str, scanners_digest: str) -> str:
    """Return where the raw scores of these pixels are kept, for policies to decide from again."""
    name = f"{raw_pixel_sha}-{finish_digest[:SHORT_DIGEST_LENGTH]}-{scanners_digest[:SHORT_DIGEST_LENGTH]}"
    return f"scores/{raw_pixel_sha[:2]}/{name}.json"


def published_image(catalogue: str, sku: str, view: str, variant: str, index: int, file_sha: str) -> str:
    """Return the public key of a picture: readable, safe, and different for every different file."""
    return f"{PUBLISHED}{catalogue}/{image_title(sku, view, variant, index)}-{file_sha[:SHORT_DIGEST_LENGTH]}.jpg"


def image_title(sku: str, view: str, variant: str, index: int) -> str:
    """Return what a published picture is called, in its key and in its marks: nothing that the key does not show."""
    return f"{_slug(sku) or 'sku'}-{sku_sha(sku)}/{_slug(view) or 'view'}-{_slug(variant) or 'a'}-{index}"


@lru_cache(4096)
def _slug(text: str) -> str:
    # Kept, since slugify looks for an optional package anew at every call: more work than writing a small file.
    return str(slugify(text, max_length=MAX_SLUG_CHARACTERS))


STAGING = "staging/"
PUBLISHED = "published/"
RUNS = "runs/"
LEASES = "leases/"
MANIFESTS = "manifest/"
OUTCOMES = "outcomes/"
PROBE_OBJECTS = "probe/"
"""What a store's test of its own conditional writes leaves behind when it is killed."""


def published_prefix(catalogue: str) -> str:
    """Return the prefix of all that a catalogue has published."""
    return f"{PUBLISHED}{catalogue}/"


# Runs

WITHDRAWALS_FILE = "withdrawals.parquet"
"""What an applied policy takes away: a file in its run's folder."""


def run_file(run_id: str, name: str) -> str:
    """Return the key of one file of a run: `run.json`, `recipe.json`, `slots.parquet`, `report.html` …"""
    return f"{RUNS}{run_id}/{name}"


def run_requests(run_id: str, part: str) -> str:
    """Return the key of one part of a run's requests: a Parquet file with a row group a shard."""
    return f"{RUNS}{run_id}/requests/{part}.parquet"


def run_record(run_id: str, shard: str) -> str:
    """Return the key of a shard's record, written after its images."""
    return f"{RUNS}{run_id}/records/{shard}.parquet"


def run_records_prefix(run_id: str) -> str:
    """Return the prefix of a run's shard records."""
    return f"{RUNS}{run_id}/records/"


def run_published(run_id: str, name: str = "") -> str:
    """Return where a run writes down what it has published so far; without a name, the prefix of all of it."""
    return f"{RUNS}{run_id}/published/{name}.parquet" if name else f"{RUNS}{run_id}/published/"


def open_run(catalogue: str, run_id: str) -> str:
    """Return the marker of a run that is not closed."""
    return f"open/{catalogue}/{run_id}.json"


def open_runs_prefix(catalogue: str = "") -> str:
    """Return the prefix of the markers of runs that are not closed, of one catalogue or of all."""
    return f"open/{catalogue}/" if catalogue else "open/"


def open_manifest_change(catalogue: str, run_id: str) -> str:
    """Return the marker of an amendment (a rollback, an applied policy) that is not closed."""
    return f"open-amendments/{catalogue}/{run_id}.json"


def open_manifest_changes_prefix(catalogue: str = "") -> str:
    """Return the prefix of the markers of amendments that are not closed, of one catalogue or of all."""
    return f"open-amendments/{catalogue}/" if catalogue else "open-amendments/"


def retention_watermark(catalogue: str) -> str:
    """Return where a sweep writes down the oldest release that it has kept."""
    return f"sweeps/{catalogue}.json"


# Tables and the rest


def manifest_table(catalogue: str) -> str:
    """Return the manifest's table name."""
    return f"manifest/{catalogue}"


def outcomes_table(catalogue: str) -> str:
    """Return the outcomes' table name."""
    return f"outcomes/{catalogue}"


def fingerprints(catalogue: str, run_id: str) -> str:
    """Return where a run's published fingerprints are kept."""
    return f"codes/{catalogue}/{run_id}.parquet"


def fingerprints_prefix(catalogue: str) -> str:
    """Return the prefix of a catalogue's fingerprints."""
    return f"codes/{catalogue}/"


def review_image(catalogue: str, image_key: str, finish_digest: str) -> str:
    """Return where the copy of a picture is kept that people should look at."""
    return f"{review_images_prefix(catalogue)}{image_key}-{finish_digest[:SHORT_DIGEST_LENGTH]}.jpg"


def review_images_prefix(catalogue: str) -> str:
    """Return the prefix of the pictures that people should look at."""
    return f"review/{catalogue}/pictures/"


def review_index(catalogue: str, run_id: str) -> str:
    """Return where a run says which pictures people should look at, and why."""
    return f"{review_index_prefix(catalogue)}{run_id}.parquet"


def review_index_prefix(catalogue: str) -> str:
    """Return the prefix of the runs' words on what people should look at."""
    return f"review/{catalogue}/index/"


CHANNEL_APPROVAL = "channels"
"""What a person's word is called that a picture may be used on a channel."""


def person_decisions_prefix(catalogue: str) -> str:
    """Return the prefix of all that people have said of a catalogue."""
    return f"decisions/{catalogue}/"


def person_decision(catalogue: str, run_id: str, name: str) -> str:
    """Return where a person's word about a run is kept."""
    return f"{person_decisions_prefix(catalogue)}{run_id}-{name}.json"


def full_lease(catalogue: str) -> str:
    """Return the prefix of the lease that lets one full run at a time work on a catalogue."""
    return f"leases/{catalogue}/full"


def run_lease(catalogue: str, run_id: str) -> str:
    """Return the prefix of the lease that says a run is alive."""
    return f"leases/{catalogue}/run-{run_id}"


# Model versions

MODELS = "models/"
REGISTRY = "registry"


def model_changes_prefix(name: str) -> str:
    """Return the prefix of all that was done to a model's versions."""
    return f"{MODELS}{name}/{REGISTRY}/"


def model_change(name: str, number: int) -> str:
    """Return where a model's registry is kept as it was after so many changes: the highest one is how it is."""
    return f"{model_changes_prefix(name)}{number:08d}.json"


def model_samples_prefix(name: str) -> str:
    """Return the prefix of what runs measured of a model's versions."""
    return f"{MODELS}{name}/samples/"


def model_sample(name: str, run_id: str) -> str:
    """Return where a run's sums over a model's versions are kept."""
    return f"{model_samples_prefix(name)}{run_id}.json"


# Engines

ENGINES = "engines/"


def engine_file(model: str, version: int, name: str) -> str:
    """Return the key of one file of an engine; the files of a version are a Triton model repository."""
    return f"{engine_versions_prefix(model)}{version}/{name}"


def engine_artifact(model: str, version: int) -> str:
    """Return the key of an engine's card, which says whether it may be used."""
    return engine_file(model, version, "card.json")


def engine_versions_prefix(model: str = "") -> str:
    """Return the prefix of a model's engines, or of all."""
    return f"{ENGINES}{model}/" if model else ENGINES


def engine_failure(model: str, requirements_digest: str) -> str:
    """Return where it is written down that an engine for a need could not be built."""
    return f"{engine_versions_prefix(model)}failed-{requirements_digest}.json"


def engine_lease(model: str, requirements_digest: str) -> str:
    """Return the prefix of the lease under which one worker builds what others wait for.

    No catalogue's name has a dot, so none of its leases can be meant.
    """
    return f"leases/engines.{model}/{requirements_digest}"
