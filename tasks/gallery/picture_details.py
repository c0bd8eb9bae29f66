"""Picture details: everything that the store knows of one image that a release shows.

Inputs: a slot and a release. Outputs: `PictureDetails`. What was swept is left out and named, never guessed. An earlier
image of a slot is found from release to release: the row says which run published it, and the release before that run's
shows what it replaced. Each step searches one version; at most `MAX_EARLIER` are made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from catalogs import layout
from catalogs.answers.answer import Answer
from catalogs.answers.standing_answers import StandingAnswer, StandingAnswers
from catalogs.gallery.release_index import ReleaseIndex, ReleaseItem
from catalogs.keys import image_key
from catalogs.photos.kept_summary import KeptSummary, summarize_kept
from catalogs.policy.schema import built_in_policy
from catalogs.reviews.photo_findings import explain_photo
from catalogs.reviews.review_item import is_sensitive
from catalogs.reviews.score_sentences import ScoreFinding, explain_scores
from catalogs.table_schemas import MANIFEST
from infra.errors import TableError, UnreadableSource
from infra.interfaces import ObjectStore, TableStore
from tasks.answers.answer_log import read_answers
from tasks.gallery.kept_releases import KeptReleases
from tasks.gallery.measured_images import MeasuredImage, find_measured_image
from tasks.gallery.release_pictures import ReleasePictures
from tasks.maintenance.inspect_image import inspect_image
from tasks.runs.policy_records import PolicyRecords
from tasks.runs.release_history import ReleaseSummary

MAX_EARLIER = 6

Row = Mapping[str, Any]


@dataclass(frozen=True)
class EarlierPicture:
    """What a slot showed before, and the newest release that shows it."""

    release: ReleaseSummary
    row: Row


@dataclass(frozen=True)
class PictureDetails:
    """One image of a release."""

    item: ReleaseItem
    release: ReleaseSummary
    row: Row
    """The manifest's row."""
    siblings: Sequence[ReleaseItem] = ()
    """The SKU's other images in the same release."""
    earlier: Sequence[EarlierPicture] = ()
    """What the slot showed before, newest first, as far as releases are kept."""
    measured: MeasuredImage | None = None
    findings: Sequence[ScoreFinding] = ()
    answers: Sequence[Answer] = ()
    """What people said of this very image, oldest first."""
    standing: StandingAnswer | None = None
    marks: str = ""
    """Which marks its file carries, in words."""
    kept: KeptSummary | None = None
    """What was kept of the shop's photo; None where a model made the whole image."""
    photo_words: str = ""
    """Why that photo cannot be shown; empty where it can."""

    @property
    def is_sensitive(self) -> bool:
        """Tell whether a gate found it explicit, whoever let it pass."""
        asked = [reason for answer in self.answers if answer.image for reason in answer.image.reasons]
        found = [finding.reason for finding in self.findings if finding.is_past_limit]
        return is_sensitive(asked + found)

    @property
    def released_at(self) -> datetime:
        """Return when the image became live."""
        released: datetime = self.row["released_at"]
        return released


class PictureDetailsReader:
    """Reads the details of one catalogue's images."""

    def __init__(
        self,
        store: ObjectStore,
        tables: TableStore,
        catalogue: str,
        releases: KeptReleases,
        pictures: ReleasePictures,
    ) -> None:
        self._store, self._tables, self._catalogue = store, tables, catalogue
        self._releases, self._pictures = releases, pictures

    def read(self, release: ReleaseSummary, index: ReleaseIndex, position: int) -> PictureDetails | None:
        """Return the details of the image at a position of a release."""
        item = index.item(position)
        row = self._row_of(item.slot_id, release.version)
        if row is None:
            return None
        key = row["request_key"], row["finish_digest"], row["attempt"]
        measured = find_measured_image(self._store, row["run_id"], *key)
        answers, standing = self._answers_about(row)
        kept = summarize_kept(row.get("kept"))
        return PictureDetails(
            item=item,
            release=release,
            row=row,
            siblings=[index.item(int(other)) for other in index.siblings(position) if other != position],
            earlier=self._earlier(row, release),
            measured=measured,
            findings=self._explain(measured, kept),
            answers=answers,
            standing=standing,
            marks=_describe_marks(self._pictures.read(item, release.version)),
            kept=kept,
            photo_words=self._pictures.photos.find(kept.photo).words if kept is not None else "",
        )

    def photo_of(self, item: ReleaseItem, version: int) -> bytes | None:
        """Return a small copy of the photo whose product an image keeps; None where there is none to be shown."""
        row = self._row_of(item.slot_id, version)
        kept = None if row is None else summarize_kept(row.get("kept"))
        return (self._pictures.photos.find(kept.photo).jpeg or None) if kept is not None else None

    def _row_of(self, slot_id: bytes, version: int) -> Row | None:
        table = layout.manifest_table(self._catalogue)
        rows = self._tables.find_rows(table, MANIFEST, ("slot_id", [slot_id]), version=version).to_pylist()
        return rows[0] if rows else None

    def _earlier(self, row: Row, release: ReleaseSummary) -> list[EarlierPicture]:
        """Return what the slot showed before, from one release that moved it to the next."""
        found: list[EarlierPicture] = []
        shown, at = row, release
        while len(found) < MAX_EARLIER:
            moved_by = self._published_in(shown["run_id"], at)
            before = self._releases.before(moved_by)
            try:
                older = None if before is None else self._row_of(shown["slot_id"], before.version)
            except TableError:  # a sweep is taking it away
                older = None
            if before is None or older is None:
                break
            if older["file_sha"] != shown["file_sha"]:
                found.append(EarlierPicture(before, older))
            shown, at = older, before
        return found

    def _published_in(self, run_id: str, at: ReleaseSummary) -> ReleaseSummary:
        """Return the release up to `at` that a run made; `at` itself where another commit put its row there."""
        older = (release for release in self._releases.all() if release.version <= at.version)
        return next((release for release in older if release.run_id == run_id), at)

    def _explain(self, measured: MeasuredImage | None, kept: KeptSummary | None) -> Sequence[ScoreFinding]:
        record = PolicyRecords(self._store, self._catalogue).in_force()
        policy = record.policy if record is not None else built_in_policy()
        of_photo = explain_photo(kept.scores, policy.photos) if kept is not None else ()
        if measured is None:
            return of_photo
        return explain_scores((), measured.scores, policy, measured.category, photo=of_photo)

    def _answers_about(self, row: Row) -> tuple[list[Answer], StandingAnswer | None]:
        """Return the answers about an image's very pixels, and the one that stands."""
        keys = pa.array([row["request_key"]], pa.binary())
        answers = read_answers(self._store, self._catalogue, request_keys=keys)
        made = bytes.fromhex(image_key(row["request_key"].hex(), row["attempt"]))
        target = made, row["finish_digest"], row["pixel_sha"]
        of_image = [answer for answer in answers if answer.image is not None and answer.image.key == target]
        return of_image, StandingAnswers(answers).of_image(*target)


_MADE_BY_MODE = {
    None: "a model made it",
    "white": "it is an edit of a photo, of which the product is kept",
    "backdrop": "it is an edit of a photo, of which the product stands in front of another photo",
    "stage": "it is an edit of a photo with parts that a model made",
    "scene": "it is an edit of a photo with parts that a model made",
}


def _describe_marks(data: bytes | None) -> str:
    """Return which marks a published file carries."""
    if data is None:
        return "the file is not in the store, or is not the one that was released"
    try:
        found = inspect_image(data)
    except UnreadableSource as error:
        return str(error)
    if found.has_valid_marks:
        made = _MADE_BY_MODE[found.mark.mode]
        return f"it says in its XMP and in its signed C2PA manifest that {made}"
    return "; ".join(found.problems)
