"""Roles of a store: who reads, writes and deletes which keys, so that a store can be split by who writes.

Inputs: none; the keys are those of `catalogs.layout`. Outputs: roles with patterns of keys, in which `*` stands for any
text; `infra.stores.bucket_policy` makes bucket policies of them, and `packshot bucket-policy` prints one. Roles add up:
a host that does the work of two gets both. Invariant: every retention class has a role that writes it and one that
deletes there, or says that nothing is deleted; a prefix that is added without an owner fails a test.
What each role could still do with its rights: docs/architecture/trust.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from catalogs import layout
from catalogs.errors import OptionError
from catalogs.retention_classes import RETENTION_CLASSES, RetentionClass

_PROBES = (f"{layout.PROBE_OBJECTS}*",)
_RAW_IMAGES = (f"{layout.STAGING}*.png",)
_FINISHED_IMAGES = (f"{layout.STAGING}*.jpg",)
_KEPT_DOCUMENTS = (f"{layout.STAGING}*-kept.json",)
_CUTOUTS = (f"{layout.CUTOUTS}*",)
_STAGE_IMAGES = (f"{layout.STAGE_IMAGES}*",)
_STAGE_LIBRARIES = (f"{layout.STAGES}libraries/*",)
_RECORDS = (f"{layout.RUNS}*/records/*",)
_ENGINE_LEASES = (f"{layout.LEASES}engines.*",)
_REGISTRIES = (f"{layout.MODELS}*/{layout.REGISTRY}/*",)
_SAMPLES = (f"{layout.MODELS}*/samples/*",)
_ACCESS = (layout.ACCESS_KEYS, layout.ACCESS_LOG)
_CLAIMS = (f"{layout.REVIEWS}*/claims/*",)
_REVIEW_INDEXES = (f"{layout.REVIEWS}*/index/*",)


def pattern_of(kind: RetentionClass) -> str:
    """Return the pattern of a class's keys: everything below its prefix, or the one key that it is."""
    return f"{kind.prefix}*" if kind.prefix.endswith("/") else kind.prefix


def _all_but(*left_out: str) -> tuple[str, ...]:
    """Return the patterns of every class whose prefix is not among these."""
    return tuple(pattern_of(kind) for kind in RETENTION_CLASSES if kind.prefix not in left_out)


@dataclass(frozen=True)
class StoreRole:
    """A role: what it does, and the keys that it may read, write (replacing included) and delete."""

    name: str
    does: str
    reads: tuple[str, ...] = ("*",)
    writes: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    deletes_old_versions: bool = False
    """Whether it may delete old versions too, in a bucket that keeps them."""


STORE_ROLES = (
    StoreRole(
        "pipeline",
        "plans, judges, publishes, rolls back: `packshot refresh`, `release`, `rollback`, `policy apply`, `brands`,"
        " `stage add`, `stage make`",
        writes=(*_all_but(layout.ENGINES, layout.MODELS, *_ACCESS), *_SAMPLES),
        deletes=(
            *(
                f"{prefix}*"
                for prefix in (
                    layout.STAGING,
                    layout.RUNS,
                    layout.open_runs_prefix(),
                    layout.open_manifest_changes_prefix(),
                    layout.LEASES,
                    layout.SWEEPS,
                    layout.DECISIONS,
                    layout.PROBE_OBJECTS,
                )
            ),
            *_REVIEW_INDEXES,
            *_STAGE_LIBRARIES,
        ),
    ),
    StoreRole(
        "sweeper",
        "deletes what is no longer needed, merges small files: `packshot sweep`",
        writes=(
            *(
                f"{prefix}*"
                for prefix in (
                    layout.MANIFESTS,
                    layout.OUTCOMES,
                    layout.FINGERPRINTS,
                    layout.SWEEPS,
                    layout.PURGES,
                    layout.LEASES,
                    layout.DECISIONS,
                    layout.run_archive_prefix(),
                )
            ),
            *_REVIEW_INDEXES,
            *_STAGE_LIBRARIES,
            layout.STORE_VERSION,
        ),
        deletes=(
            *_all_but(
                layout.ENGINES,
                layout.MODELS,
                layout.POLICIES,
                layout.SHOP_BRANDS,
                layout.STORE_VERSION,
                layout.PHOTO_INDEXES,
            ),
            *_SAMPLES,
        ),
        deletes_old_versions=True,
    ),
    StoreRole(
        "gpu-worker",
        "stages images as the model makes them: actors of a Ray cluster, and workers of `refresh/part`",
        reads=(*_RAW_IMAGES, f"{layout.MODELS}*", f"{layout.ENGINES}*", layout.STORE_VERSION),
        writes=_RAW_IMAGES,
        deletes=_RAW_IMAGES,
    ),
    StoreRole(
        "screening-worker",
        "keeps products from photos, finishes and measures staged images, records shards: workers of `refresh/part`",
        reads=(
            f"{layout.STAGING}*",
            f"{layout.SOURCES}*",
            *_CUTOUTS,
            *_STAGE_IMAGES,
            f"{layout.SCORES}*",
            f"{layout.RUNS}*",
            f"{layout.LEASES}*",
            f"{layout.MODELS}*",
            *_PROBES,
            layout.STORE_VERSION,
        ),
        writes=(*_FINISHED_IMAGES, *_KEPT_DOCUMENTS, *_CUTOUTS, f"{layout.SCORES}*", *_RECORDS, *_PROBES),
        deletes=(*_FINISHED_IMAGES, *_PROBES),
    ),
    StoreRole(
        "reviewer",
        "looks at what waits for a person, and answers: `packshot review`, `gallery`, `approve`, `why`,"
        " `stage approve`",
        reads=(
            *_all_but(layout.STAGING, layout.SCORES, layout.ENGINES, layout.MODELS, layout.PHOTO_INDEXES),
            *_FINISHED_IMAGES,
        ),
        writes=(
            f"{layout.DECISIONS}*",
            f"{layout.MANIFESTS}*",
            f"{layout.ACCESS_LOG}*",
            *_CLAIMS,
            *_STAGE_LIBRARIES,
            *_PROBES,
        ),
        deletes=(f"{layout.DECISIONS}*", *_CLAIMS, *_STAGE_LIBRARIES, *_PROBES),
    ),
    StoreRole(
        "key-keeper",
        "says who may look and answer: `packshot keys`",
        reads=(f"{layout.ACCESS_KEYS}*", *_PROBES, layout.STORE_VERSION),
        writes=(f"{layout.ACCESS_KEYS}*", *_PROBES),
        deletes=_PROBES,
    ),
    StoreRole(
        "engine-builder",
        "registers and promotes weights, builds and verifies engines: `packshot engine …`",
        reads=(
            f"{layout.MODELS}*",
            f"{layout.ENGINES}*",
            f"{layout.MANIFESTS}*",
            *_ENGINE_LEASES,
            *_PROBES,
            layout.STORE_VERSION,
        ),
        writes=(*_REGISTRIES, f"{layout.ENGINES}*", *_ENGINE_LEASES, *_PROBES),
        deletes=(f"{layout.ENGINES}*", *_ENGINE_LEASES, *_PROBES),
    ),
    StoreRole(
        "shop-reader",
        "reads the manifest and loads the images that it names: the shop, its CDN",
        reads=(f"{layout.PUBLISHED}*", f"{layout.MANIFESTS}*"),
    ),
    StoreRole("auditor", "reads everything and changes nothing: `packshot verify`, `releases`, `why`"),
)


def store_role(name: str) -> StoreRole:
    """Return a role by its name. Raises `OptionError` for another name."""
    for role in STORE_ROLES:
        if role.name == name:
            return role
    raise OptionError(f"ROLE: there is no role {name!r}; there are {', '.join(role.name for role in STORE_ROLES)}")


def matches(pattern: str, key: str) -> bool:
    """Tell whether a pattern covers a key; `*` stands for any text, slashes included, and nothing else is special."""
    head, *rest = pattern.split("*")
    if not rest:
        return key == pattern
    at = len(head)
    for middle in rest[:-1]:
        if (found := key.find(middle, at)) < 0:
            return False
        at = found + len(middle)
    return key.startswith(head) and len(key) - len(rest[-1]) >= at and key.endswith(rest[-1])


def writers_of(kind: RetentionClass) -> Iterable[str]:
    """Return the names of the roles that may write some key of a class."""
    return [role.name for role in STORE_ROLES if any(_meets(pattern, kind) for pattern in role.writes)]


def _meets(pattern: str, kind: RetentionClass) -> bool:
    return pattern.startswith(kind.prefix) or matches(pattern, kind.prefix)
