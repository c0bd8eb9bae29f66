"""Parts of a run's report that stand beside its counts: rejected rows, notable SKUs, storage, retries, brands, photos.

Inputs: values of a run. Outputs: frozen values, which `catalogs.runs.report_schema` puts into the one document.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ReportReject:
    """A row that ingest rejected."""

    row: int | None = None
    sku: str | None = None
    column: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class ReportPrompt:
    """A row of the catalogue with the prompt of its first view. `sharing`: further rows looked at that have the same.

    A row that keeps a photo's product has no prompt, but a `mode`, and in `photo` what it names.

    `state` is what the plan makes of it (new, changed, unchanged …), or why it waits (review, blocked …).
    """

    row: int | None = None
    sku: str | None = None
    views: Sequence[str] = ()
    prompt: str | None = None
    negative: str | None = None
    state: str | None = None
    reasons: Sequence[str] = ()
    sharing: int = 0
    mode: str = ""
    photo: str = ""


@dataclass(frozen=True)
class ReportSkus:
    """How many SKUs are in a notable state, and the first of them."""

    count: int = 0
    first: Sequence[str] = ()


@dataclass(frozen=True)
class ReportStorage:
    """The store's bytes by kind as the last sweep measured them; the run's requests for objects, and their list price.

    Requests are of the run's own process, without those of its tables; none are counted on a disk.
    """

    measured_at: str | None = None
    bytes: Mapping[str, int] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
    request_usd: float | None = None


@dataclass(frozen=True)
class ReportRetries:
    """Slots kept by a fault of our own. `next_try` is null where all wait for a scanner that is not installed."""

    slots: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    next_try: str | None = None


@dataclass(frozen=True)
class ReportBrands:
    """The brands that the shop sells, by which rows without a brand were judged, and the number of that fact.

    `number` is 0 where nothing is known yet; `learned` are brands that this catalogue teaches for later runs.
    """

    number: int = 0
    sold: Sequence[str] = ()
    learned: Sequence[str] = ()


@dataclass(frozen=True)
class ReportPhotoReason:
    """Slots of which a photo cannot be used for one reason, how many of them have no other one, and the first."""

    slots: int = 0
    waiting: int = 0
    row: int | None = None
    sku: str | None = None


@dataclass(frozen=True)
class ReportPhotos:
    """What the catalogue's photos are for, and what became of them.

    Planned: `slots` by mode, planned anew or not, and `reasons`: reason -> what cannot be used. Of this run's batch:
    `kept` counts slots to publish by mode, `refused` all others by photo reason, of which a slot may have several.
    `notes` are sentences about photos of several slots.
    """

    slots: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, ReportPhotoReason] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class ReportEstimate:
    """What a plan will take: of GPU time, of wall-clock time, of money."""

    images: int | None = None
    gpu_seconds: float | None = None
    cost: float | None = None
    seconds: float | None = None
    currency: str | None = None
    gpu: str | None = None
    per_hour: float | None = None
    per_image: float | None = None
    usual: Sequence[float] | None = None


@dataclass(frozen=True)
class ReportAnswers:
    """People's answers that the run took, by what they say; `withdrawn` counts published images that they took back.

    An answer counts once, in the first run that knows it, however many slots show its image.
    """

    accepted: int = 0
    refused: int = 0
    retried: int = 0
    conflicts: int = 0
    withdrawn: int = 0
