"""The run report: one document, the same for `--json`, `runs/<run id>/report.json`, the page and the terminal.

Inputs: values from `catalogs.runs.report`, or the JSON of an earlier report. Outputs: frozen values, and the JSON.
The order of the fields is the order of the JSON's keys. A report of an older version may lack keys: each has a default,
and None means "not known". Plain dataclasses, not a validating model: a report repeats untrusted text (half a surrogate
pair among it), and no text may keep a run from being reported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from catalogs.runs.report_parts import (
    ReportAnswers,
    ReportBrands,
    ReportEstimate,
    ReportPhotoReason,
    ReportPhotos,
    ReportPrompt,
    ReportReject,
    ReportRetries,
    ReportSkus,
    ReportStorage,
)

Part = TypeVar("Part")


@dataclass(frozen=True)
class ReportRelease:
    """The manifest's version after the run, and the one before. They are equal where nothing was published."""

    version: int | None = None
    previous: int | None = None


@dataclass(frozen=True)
class ReportRows:
    """Rows of the catalogue: input = accepted + rejected + ignored."""

    input: int | None = None
    accepted: int | None = None
    rejected: int | None = None
    ignored: int | None = None


@dataclass(frozen=True)
class ReportSlots:
    """Slots: what the plan found, then the final states (`catalogs.slot_states.REPORT_STATES`).

    Unless it is a dry run, new + changed = the sum of the final states. `in_progress`: of neither, since another run
    makes them. `replaced`: gave way to one of another variant. `photos_not_read`: a dry run reads no photos of theirs.
    """

    new: int | None = None
    changed: int | None = None
    unchanged: int | None = None
    waiting: int | None = None
    retired: int | None = None
    in_progress: int | None = None
    replaced: int | None = None
    photos_not_read: int | None = None
    published: int | None = None
    review: int | None = None
    blocked: int | None = None
    failed: int | None = None
    deferred: int | None = None
    superseded: int | None = None


@dataclass(frozen=True)
class ReportImages:
    """Images: distinct requests planned, generated or reused; `shared` counts further slots that use one of them."""

    planned: int | None = None
    generated: int | None = None
    reused: int | None = None
    failed: int | None = None
    shared: int | None = None
    attempts: int | None = None


@dataclass(frozen=True)
class ReportCost:
    """GPU seconds at the list price of `gpu`. `usual` is what others charge for an image, lowest and highest."""

    total: float | None = None
    per_image: float | None = None
    per_accepted: float | None = None
    per_sku: float | None = None
    per_hour: float | None = None
    usual: Sequence[float] | None = None
    currency: str | None = None
    gpu: str | None = None


@dataclass(frozen=True)
class ReportLimits:
    """What the run was allowed to spend, and the slots that this left for a later run, by reason."""

    max_cost: float | None = None
    max_hours: float | None = None
    deferred: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportNewSkus:
    """New SKUs that have a creation time, and those whose images were all published within two hours of it."""

    count: int | None = None
    within_2_hours: int | None = None
    share: float | None = None


@dataclass(frozen=True)
class ReportChannel:
    """Published images that may be used on a channel, those that may not, and why not."""

    usable: int
    not_usable: int
    reasons: Mapping[str, int]


@dataclass(frozen=True)
class ReportModel:
    """What one model made: attempts, images, and decided requests of which some passed."""

    model: str
    version: str | None = None
    precision: str | None = None
    images: int | None = None
    attempts: int | None = None
    backends: Mapping[str, int] = field(default_factory=dict)
    gpu_seconds: float | None = None
    requests: int | None = None
    passed: int | None = None
    pass_rate: float | None = None


@dataclass(frozen=True)
class ReportMarks:
    """Provenance of the published images: IPTC source type, C2PA signatures, watermarks."""

    source_type: bool | None = None
    signed: int | None = None
    unsigned: int | None = None
    signer: str | None = None
    development: bool | None = None
    expires: str | None = None
    stamped: bool | None = None
    watermarks: Sequence[str] = ()


@dataclass(frozen=True)
class ReportCheck:
    """One check of the audit. A critical check that fails holds the batch."""

    name: str
    success: bool
    critical: bool = True
    observed: float | str | None = None
    reason: str | None = None
    exception: str | None = None


@dataclass(frozen=True)
class RunReport:
    """What one run did, or what a dry run would do."""

    run_id: str | None = None
    catalogue: str | None = None
    scope: str | None = None
    dry_run: bool = False
    resumed: bool = False
    source: str | None = None
    store: str | None = None
    started_at: str | None = None
    held: Sequence[str] = ()
    release: ReportRelease = ReportRelease()
    rows: ReportRows = ReportRows()
    slots: ReportSlots = ReportSlots()
    images: ReportImages = ReportImages()
    cache_hit_rate: float | None = None
    gpu_seconds: float | None = None
    cost: ReportCost = ReportCost()
    limits: ReportLimits = field(default_factory=ReportLimits)
    new_skus: ReportNewSkus = ReportNewSkus()
    estimate: ReportEstimate | None = None
    channels: Mapping[str, ReportChannel] = field(default_factory=dict)
    models: Sequence[ReportModel] = ()
    marks: ReportMarks | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    rejects: Sequence[ReportReject] = ()
    reasons: Mapping[str, int] = field(default_factory=dict)
    checks: Sequence[ReportCheck] = ()
    skus: Mapping[str, ReportSkus] = field(default_factory=dict)
    retries: ReportRetries = field(default_factory=ReportRetries)
    warnings: Sequence[str] = ()
    storage: ReportStorage = field(default_factory=ReportStorage)
    source_notes: Sequence[str] = ()
    public_url: str | None = None
    prompts: Sequence[ReportPrompt] = ()
    brands: ReportBrands | None = None
    photos: ReportPhotos | None = None
    answers: ReportAnswers = field(default_factory=ReportAnswers)

    @property
    def is_held(self) -> bool:
        """Tell whether the batch waits for a person."""
        return bool(self.held) and not self.dry_run

    @property
    def sorted_reasons(self) -> list[tuple[str, int]]:
        """Return the reasons with their counts, the most frequent first, then by name."""
        return sorted(self.reasons.items(), key=lambda item: (-item[1], item[0]))

    def to_json(self) -> dict[str, Any]:
        """Return the document as plain values. Marks are an empty object where nothing was published."""
        document = asdict(self)
        document["slots"] = {
            name: count for name, count in document["slots"].items() if count is not None or name not in _LATER_COUNTS
        }
        return document if self.marks is not None else document | {"marks": {}}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "RunReport":
        """Return the report in a JSON document. Keys that it lacks get their defaults; unknown keys are dropped."""
        values = {name: value for name, value in document.items() if name in _FIELDS and value is not None}
        for name, part in _PARTS.items():
            if values.get(name):
                values[name] = read_part(part, values[name])
            else:
                values.pop(name, None)
        if values.get("photos"):
            values["photos"] = read_photos(values["photos"])
        for name, part in _LISTS.items():
            values[name] = [read_part(part, entry) for entry in values.get(name) or ()]
        for name, part in _MAPPINGS.items():
            values[name] = {key: read_part(part, entry) for key, entry in (values.get(name) or {}).items()}
        return cls(**values)


_LATER_COUNTS = ("in_progress", "replaced", "photos_not_read")  # earlier reports lack them, and runs the last one
_FIELDS = {entry.name for entry in fields(RunReport)}
_PARTS: dict[str, type] = {
    "release": ReportRelease,
    "rows": ReportRows,
    "slots": ReportSlots,
    "images": ReportImages,
    "cost": ReportCost,
    "limits": ReportLimits,
    "new_skus": ReportNewSkus,
    "estimate": ReportEstimate,
    "marks": ReportMarks,
    "storage": ReportStorage,
    "retries": ReportRetries,
    "brands": ReportBrands,
    "answers": ReportAnswers,
}
_LISTS: dict[str, type] = {
    "models": ReportModel, "rejects": ReportReject, "prompts": ReportPrompt, "checks": ReportCheck,
}  # fmt: skip
_MAPPINGS: dict[str, type] = {"channels": ReportChannel, "skus": ReportSkus}


def read_part(kind: type[Part], document: Mapping[str, Any]) -> Part:
    """Return one part of a report from its JSON; keys that the part does not know are dropped."""
    known = {entry.name for entry in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in document.items() if name in known})


def known_counts(part: ReportRows | ReportSlots | ReportImages) -> dict[str, int]:
    """Return the counts of a part that are known, by name, in the document's order."""
    return {name: count for name, count in vars(part).items() if count is not None}


def read_photos(document: Mapping[str, Any]) -> ReportPhotos:
    """Return the part about photos from its JSON."""
    reasons = {name: read_part(ReportPhotoReason, entry) for name, entry in (document.get("reasons") or {}).items()}
    return read_part(ReportPhotos, {**document, "reasons": reasons})
