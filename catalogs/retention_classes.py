"""Retention classes: for every prefix of a store, what it holds, how long that is kept, and what ends it.

Inputs: object keys. Outputs: their classes. Every key that Packshot writes belongs to one class, or it would grow for
ever unseen: `tests/flows/test_store_growth.py` runs every feature and looks at each key. `doctor` and reports count a
store's bytes by these classes.
"""

from dataclasses import dataclass

from catalogs import layout


@dataclass(frozen=True)
class RetentionClass:
    """What lies under a prefix, and the rule that ends it.

    `people` is what of it may be about a person, who may ask for it to be gone; `NOTHING` where it holds none of that.
    """

    name: str
    prefix: str
    holds: str
    ends: str
    people: str


NOTHING = "nothing"
_TEXTS = "what rows say of a person: names in titles, brands, prompts"
_FACES = "people in drawn pictures, and in photos whose product was kept"

_BY_RELEASES = "when no kept release names it (PACKSHOT_KEEP_RELEASES, PACKSHOT_KEEP_DAYS)"

RETENTION_CLASSES = (
    RetentionClass("published", layout.PUBLISHED, "images that shops load", _BY_RELEASES, _FACES),
    RetentionClass(
        "staged",
        layout.STAGING,
        "images as they were made and finished",
        "PACKSHOT_KEEP_STAGED_DAYS after its last write, once no outcome and no open run names it",
        _FACES,
    ),
    RetentionClass(
        "sources",
        layout.SOURCES,
        "shops' own photos, as they came",
        "a day after it was written, once no kept release, question, outcome, open run and photo index names it",
        "whoever is to be seen in a shop's photo, and where and when it was taken (EXIF)",
    ),
    RetentionClass(
        "cutouts",
        layout.CUTOUTS,
        "masks of photos, and their scores",
        "as its photo, once nothing names its cutters either",
        "the outline of whoever is to be seen",
    ),
    RetentionClass(
        "stages",
        layout.STAGES,
        "pictures of empty scenes, and the libraries of them, by number",
        "a picture with its stage: PACKSHOT_KEEP_RUNS_DAYS after it was refused or retired, once no kept release,"
        " question, outcome and open run names it; of a library's states the newest 20 stay",
        "whoever is to be seen in a backdrop; who added and approved it",
    ),
    RetentionClass(
        "photo index",
        layout.PHOTO_INDEXES,
        "where photos were read, and their sha256s",
        "never: one file for each catalogue; a row with the catalogue's last row that names it",
        "names in the paths of photos",
    ),
    RetentionClass("scores", layout.SCORES, "stored scores", "PACKSHOT_KEEP_RUNS_DAYS after its last write", NOTHING),
    RetentionClass("manifest", layout.MANIFESTS, "releases: rows, change feeds and their log", _BY_RELEASES, _TEXTS),
    RetentionClass(
        "outcomes",
        layout.OUTCOMES,
        "refusals and deferrals",
        "a row with its slot, a file a day after it was replaced",
        _TEXTS,
    ),
    RetentionClass(
        "fingerprints",
        layout.FINGERPRINTS,
        "fingerprints of published images",
        f"folded into one file; a row {_BY_RELEASES}",
        NOTHING,
    ),
    RetentionClass(
        "runs",
        layout.RUNS,
        "folders of runs",
        "PACKSHOT_KEEP_RUNS_DAYS after its last write, but for what kept releases and outcomes name",
        f"{_TEXTS}; who refreshed, released, applied",
    ),
    RetentionClass(
        "run archive",
        layout.run_archive_prefix(),
        "key figures of past runs",
        "never: at most 8 files a month",
        NOTHING,
    ),
    RetentionClass("open", layout.open_runs_prefix(), "markers of open runs", "with the run", "who began a change"),
    RetentionClass(
        "open amendments",
        layout.open_manifest_changes_prefix(),
        "markers of open manifest changes",
        "with the change",
        "who began a change",
    ),
    RetentionClass(
        "leases",
        layout.LEASES,
        "leases",
        "a run's a day after it closed; two files for each catalogue and engine stay",
        NOTHING,
    ),
    RetentionClass(
        "sweeps", layout.SWEEPS, "marks and watermarks of sweeps", "a mark with its batch; one watermark stays", NOTHING
    ),
    RetentionClass(
        "review",
        layout.REVIEWS,
        "copies, indexes and claims for review",
        "a copy with its question, a row of the index also after PACKSHOT_KEEP_RUNS_DAYS",
        f"{_FACES}; who looks at an item",
    ),
    RetentionClass(
        "decisions",
        layout.DECISIONS,
        "what people answered",
        "an object when it is folded; a row of the snapshot when no image needs it; the archive never: a file a month",
        "who answered what, and why",
    ),
    RetentionClass(
        "policies",
        layout.POLICIES,
        "policies in force, by number",
        "never: one small file a change",
        "who put a policy in force",
    ),
    RetentionClass(
        "shop brands",
        layout.SHOP_BRANDS,
        "brands that a shop sells, by number",
        "never: one small file a change",
        "who said it; brands that are names",
    ),
    RetentionClass(
        "access keys",
        layout.ACCESS_KEYS,
        "sha256s of people's tokens",
        "PACKSHOT_KEEP_RUNS_DAYS after its end",
        "the names of people with a key",
    ),
    RetentionClass(
        "access log",
        layout.ACCESS_LOG,
        "who came into a console",
        "PACKSHOT_KEEP_RUNS_DAYS after its day",
        "who came in, when, from which address",
    ),
    RetentionClass(
        "model versions",
        layout.MODELS,
        "registry and measurements",
        "a measurement after a year; the registry never",
        "who promoted a version",
    ),
    RetentionClass(
        "engines", layout.ENGINES, "compiled engines", "by `packshot engine`; no sweep deletes one", NOTHING
    ),
    RetentionClass(
        "purges", layout.PURGES, "what a CDN was asked to forget", "PACKSHOT_KEEP_RUNS_DAYS after its answer", NOTHING
    ),
    RetentionClass(
        "probes", layout.PROBE_OBJECTS, "tests of the store", "at once; a killed one's after a day", NOTHING
    ),
    RetentionClass("store version", layout.STORE_VERSION, "the store's layout number", "never: one file", NOTHING),
)

OTHER = RetentionClass("other", "", "objects that Packshot did not write", "never", "not known")


def retention_class(key: str) -> RetentionClass:
    """Return the class of an object's key; `OTHER` where it is none of Packshot's."""
    return next((one for one in RETENTION_CLASSES if key.startswith(one.prefix)), OTHER)
