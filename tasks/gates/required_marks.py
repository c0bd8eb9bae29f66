"""Which marks a published picture must carry, and whether it does.

Comes in: manifest or decision rows, the bytes of a file. Goes out: what is wrong with its marks, in words. Publishing
asks before it commits, deep verification ever after: old releases owe what their run promised, and no more.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from catalogs import layout
from catalogs.errors import InputError
from catalogs.recipe.schema import Recipe
from catalogs.runs.release_batch import PublishedFile
from infra.errors import ObjectMissing
from infra.imaging.finishing import TRAINED_ALGORITHMIC_MEDIA, read_source_type
from infra.interfaces import Commit, ObjectStore
from infra.provenance.credentials import ABSENT, Signer, read_credential, strip_manifest
from infra.stores.json_objects import read_json

SIGNED_KEY, ALL_SIGNED = "c2pa", "all"
"""The word in a release's commit, and what it says where every picture of the run is signed."""


class SourceMarkRequirements:
    """Which pictures must carry the IPTC mark: all but those whose run's frozen recipe finished them without."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._unmarked: dict[str, frozenset[str]] = {}

    def is_required(self, run_id: str | None, finish_digest: str) -> bool:
        """Tell whether a run's picture in this finish must carry it."""
        run_id = run_id or ""
        if run_id not in self._unmarked:
            self._unmarked[run_id] = self._unmarked_finishes(run_id)
        return finish_digest not in self._unmarked[run_id]

    def _unmarked_finishes(self, run_id: str) -> frozenset[str]:
        try:
            recipe = Recipe.model_validate(read_json(self._store, layout.RunFiles(run_id).recipe))
        except (ObjectMissing, ValueError, InputError):
            return frozenset()  # the run's folder is gone, or another version wrote it
        return frozenset(digest for digest, finish in recipe.finishes_by_digest.items() if not finish.mark)


def find_mark_problems(data: bytes, *, source_required: bool, signature_required: bool) -> Iterator[str]:
    """Yield what is wrong with a JPEG's marks: `source` and `signed` say which of them it must carry.

    A signature that nobody asked for must hold too; without any, nothing needs C2PA's library. Raises `InvalidImage`
    for what is no JPEG.
    """
    if source_required and read_source_type(data) != TRAINED_ALGORITHMIC_MEDIA:
        yield "the mark of a generated picture is not in it"
    credential = read_credential(data) if signature_required or strip_manifest(data) != data else ABSENT
    if signature_required and not credential.is_present:
        yield "its signed C2PA manifest is not in it"
    if credential.is_present and not credential.is_valid:
        yield f"its C2PA signature does not hold: {'; '.join(credential.problems) or credential.state}"


def find_signed_runs(history: Iterable[Commit]) -> frozenset[str]:
    """Return the runs that promised, by the words of their commit, that every picture of theirs is signed."""
    return frozenset(commit.run_id for commit in history if commit.metadata.get(SIGNED_KEY) == ALL_SIGNED)


def summarize_marks(recipe: Recipe, signer: Signer | None, files: Iterable[PublishedFile]) -> dict[str, Any]:
    """Return what a report says of the pictures that a run has published; nothing where there are none.

    A repetition counts what an earlier try has signed, and names who signs now.
    """
    signed = [file.signed for file in files]
    if not signed:
        return {}
    identity = None if signer is None else signer.identity
    finishes = recipe.finishes_by_digest.values()
    return {
        "source_type": all(finish.mark for finish in finishes),
        "signed": sum(signed),
        "unsigned": len(signed) - sum(signed),
        "signer": identity.name if identity else None,
        "development": bool(identity and identity.development),
        "expires": identity.expires.isoformat() if identity else None,
        "stamped": bool(signer and signer.adds_timestamps),
        "watermarks": sorted({finish.watermark for finish in finishes if finish.watermark is not None}),
    }
