"""Retention classes: for every prefix of a store, what it holds, how long that is kept, and what ends it.

Inputs: object keys. Outputs: their classes. Every key that Packshot writes belongs to one class, or it would grow for
ever unseen: `tests/flows/test_store_growth.py` runs every feature and looks at each key. `doctor` and reports count a
store's bytes by these classes.
"""

from dataclasses import dataclass

from catalogs import layout


@dataclass(frozen=True)
class RetentionClass:
    """What lies under a prefix, and the rule that ends it."""

    name: str
    prefix: str
    holds: str
    ends: str


_BY_RELEASES = "when no kept release names it (PACKSHOT_KEEP_RELEASES, PACKSHOT_KEEP_DAYS)"

RETENTION_CLASSES = (
    RetentionClass("published", layout.PUBLISHED, "images that shops load", _BY_RELEASES),
    RetentionClass(
        "staged",
        layout.STAGING,
        "images as they were made and finished",
        "PACKSHOT_KEEP_STAGED_DAYS after its last write, once no outcome and no open run names it",
    ),
    RetentionClass("scores", layout.SCORES, "stored scores", "PACKSHOT_KEEP_RUNS_DAYS after its last write"),
    RetentionClass("manifest", layout.MANIFESTS, "releases: rows, change feeds and their log", _BY_RELEASES),
    RetentionClass(
        "outcomes", layout.OUTCOMES, "refusals and deferrals", "a row with its slot, a file a day after it was replaced"
    ),
    RetentionClass(
        "fingerprints",
        layout.FINGERPRINTS,
        "fingerprints of published images",
        f"folded into one file; a row {_BY_RELEASES}",
    ),
    RetentionClass(
        "runs",
        layout.RUNS,
        "folders of runs",
        "PACKSHOT_KEEP_RUNS_DAYS after its last write, but for what kept releases and outcomes name",
    ),
    RetentionClass(
        "run archive", layout.run_archive_prefix(), "key figures of past runs", "never: at most 8 files a month"
    ),
    RetentionClass("open", layout.open_runs_prefix(), "markers of open runs", "with the run"),
    RetentionClass(
        "open amendments", layout.open_manifest_changes_prefix(), "markers of open manifest changes", "with the change"
    ),
    RetentionClass(
        "leases", layout.LEASES, "leases", "a run's a day after it closed; two files for each catalogue and engine stay"
    ),
    RetentionClass(
        "sweeps", layout.SWEEPS, "marks and watermarks of sweeps", "a mark with its batch; one watermark stays"
    ),
    RetentionClass(
        "review", layout.REVIEWS, "copies and indexes for review", "when no row waits for it, samples after review_days"
    ),
    RetentionClass("decisions", layout.DECISIONS, "what people decided", "never: folded into few files"),
    RetentionClass("policies", layout.POLICIES, "policies in force, by number", "never: one small file a change"),
    RetentionClass(
        "shop brands", layout.SHOP_BRANDS, "brands that a shop sells, by number", "never: one small file a change"
    ),
    RetentionClass(
        "model versions", layout.MODELS, "registry and measurements", "a measurement after a year; the registry never"
    ),
    RetentionClass("engines", layout.ENGINES, "compiled engines", "by `packshot engine`; no sweep deletes one"),
    RetentionClass(
        "purges", layout.PURGES, "what a CDN was asked to forget", "PACKSHOT_KEEP_RUNS_DAYS after its answer"
    ),
    RetentionClass("probes", layout.PROBE_OBJECTS, "tests of the store", "at once; a killed one's after a day"),
    RetentionClass("store version", layout.STORE_VERSION, "the store's layout number", "never: one file"),
)

OTHER = RetentionClass("other", "", "objects that Packshot did not write", "never")


def retention_class(key: str) -> RetentionClass:
    """Return the class of an object's key; `OTHER` where it is none of Packshot's."""
    return next((one for one in RETENTION_CLASSES if key.startswith(one.prefix)), OTHER)
