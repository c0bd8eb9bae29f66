"""Open resources of a run: the adapters that its tasks share, and what screening needs beside the images.

Inputs: a store, tables, pools, a signer, a screener and frozen rules, all opened by the caller. Outputs: two records
that are passed to the tasks. Neither opens nor closes anything, and neither leaves the process.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from catalogs.policy.channels import Channel
from catalogs.policy.schema import Policy
from catalogs.recipe.render_settings import Finish
from infra.integrity.stored_work_trust import UNCHECKED, StoredWorkTrust
from infra.interfaces import ObjectStore, Pool, Screener, Signer, TableStore
from infra.screening.measure import BUILTIN_SCANNER_VERSIONS


@dataclass(frozen=True)
class Resources:
    """The open adapters: object store, tables, engine pools and the signer."""

    store: ObjectStore
    tables: TableStore
    pool: Callable[[str], Pool]
    """Map a model's name in the recipe to the pool that keeps it loaded."""
    signer: Signer | None = None
    """Signs what is published; None where signing is off, or where this process publishes nothing."""
    trust: StoredWorkTrust = UNCHECKED
    """What staged images are believed by; the screener holds its own copy."""


@dataclass(frozen=True)
class ScreeningContext:
    """What screening needs beside the images: store, screener, finishes, and the rules of the run."""

    store: ObjectStore
    screener: Screener
    policy: Policy
    finishes: Mapping[str, Finish]
    deadline_seconds: float
    watermark: str | None = None
    """The watermark's factory (module:factory), where a finish asks for a watermark."""
    scanners: Mapping[str, str] = field(default_factory=lambda: dict(BUILTIN_SCANNER_VERSIONS))
    """Scanner name -> version: the scanners that always run, and those that the policy names."""
    channels: Mapping[str, Channel] = field(default_factory=dict)
    """The channels that the recipe asks for, by name."""
    shows_article: bool = False
    """Whether the recipe says that its photos show the very articles that are sold."""
