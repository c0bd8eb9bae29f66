"""Provenance marks: which marks a published image must carry, and whether its file carries them.

Inputs: manifest or decision rows, and the bytes of a file. Outputs: the problems with the file's marks, as text.
Publishing checks before its commit, and deep verification checks at any later time: an old release must carry the
marks that its run promised, and no others.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from catalogs import layout
from catalogs.errors import InputError
from catalogs.recipe.schema import Recipe
from catalogs.runs.release_batch import PublishedFile
from infra.errors import DocumentUnreadable, ObjectMissing
from infra.imaging.source_marks import mark_for, read_mark, source_type_for
from infra.interfaces import Commit, KeptOrigin, ObjectStore, Signer
from infra.provenance.credentials import ABSENT, ContentCredential, read_credential, strip_manifest
from infra.stores.json_objects import read_json

SIGNED_KEY, ALL_SIGNED = "c2pa", "all"
"""The metadata key of a release's commit, and its value where every image of the run is signed."""


class SourceMarkRequirements:
    """Which images must carry a source mark: all, unless the run's frozen recipe finished them without it."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._unmarked: dict[str, frozenset[str]] = {}

    def is_required(self, run_id: str | None, finish_digest: str) -> bool:
        """Tell whether an image of this run in this finish must carry the mark."""
        run_id = run_id or ""
        if run_id not in self._unmarked:
            self._unmarked[run_id] = self._unmarked_finishes(run_id)
        return finish_digest not in self._unmarked[run_id]

    def _unmarked_finishes(self, run_id: str) -> frozenset[str]:
        try:
            recipe = Recipe.model_validate(read_json(self._store, layout.RunFiles(run_id).recipe))
        except (ObjectMissing, DocumentUnreadable, ValueError, InputError):
            return frozenset()  # the run's folder is gone, or another version of Packshot wrote it
        return frozenset(digest for digest, finish in recipe.finishes_by_digest.items() if not finish.mark)


def find_mark_problems(
    data: bytes, *, source_required: bool, signature_required: bool, kept: KeptOrigin | None = None
) -> Iterator[str]:
    """Yield the problems with a JPEG's marks; the two flags say which marks it must carry.

    They must be true of the image: `kept` is what it keeps of a photo, None where a model made all of it. A signature
    that is not required must be valid too. A file without any manifest needs no C2PA library. Raises `InvalidImage` for
    a file that is no JPEG.
    """
    if source_required:
        yield from _find_source_mark_problems(data, kept)
    credential = read_credential(data) if signature_required or strip_manifest(data) != data else ABSENT
    if signature_required and not credential.is_present:
        yield "its signed C2PA manifest is not in it"
    if credential.is_present and not credential.is_valid:
        yield f"its C2PA signature is not valid: {'; '.join(credential.problems) or credential.state}"
    elif credential.is_present and not _is_true(credential, kept):
        yield "its C2PA manifest does not say of it " + (
            "that a model made it" if kept is None else f"that it is an edit of the photo {kept.photo}"
        )


def _find_source_mark_problems(data: bytes, kept: KeptOrigin | None) -> Iterator[str]:
    found, required = read_mark(data), mark_for(kept.mode if kept is not None else None)
    if found == required:
        return
    missing = "the mark of a generated image" if kept is None else f"the mark of a kept product ({required.name})"
    yield f"{missing} is not in it" + (f", but {found.name}" if found.text else "")


def _is_true(credential: ContentCredential, kept: KeptOrigin | None) -> bool:
    """Tell whether a manifest says what made the image. It may be the only mark that is asked for."""
    mode, photo = (None, "") if kept is None else (kept.mode, kept.photo)
    return (credential.source_type, credential.photo) == (source_type_for(mode) or "", photo)


def kept_origin(mode: str | None, photo_sha: bytes | None) -> KeptOrigin | None:
    """Return what a manifest row says was kept; None where a model made the whole image."""
    return None if mode is None else KeptOrigin(mode, (photo_sha or b"").hex())


def find_signed_runs(history: Iterable[Commit]) -> frozenset[str]:
    """Return the runs whose commit promises that all of their images are signed."""
    return frozenset(commit.run_id for commit in history if commit.metadata.get(SIGNED_KEY) == ALL_SIGNED)


def summarize_marks(recipe: Recipe, signer: Signer | None, files: Iterable[PublishedFile]) -> dict[str, Any]:
    """Return the report's section on the marks of a run's published images; empty where there are none.

    A repeated run counts what an earlier attempt of it signed, and names the present signer.
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
