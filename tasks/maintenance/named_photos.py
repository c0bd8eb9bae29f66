"""Named photos: the shop's photos, cut-outs and stages that releases, questions, plans and photo indexes still name.

Inputs: rows of manifests, review indexes, requests and photo indexes. Outputs: which objects below `sources/` and
`cutouts/` must stay, 16 bytes a name, and which stages are named.
A row names one photo, the cutters of its mask, and a stage where it stands on one. An index names photos alone, so
every cut-out of these stays: it is what saves a changed recipe from cutting them again.
"""

from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from catalogs import layout
from catalogs.indexes.digest_index import DIGEST_BYTES
from catalogs.indexes.digest_set import DigestSet, text_digests
from catalogs.keys import SHORT_DIGEST_LENGTH
from catalogs.photos.kept_request import parse_kept_request
from infra.interfaces import ObjectInfo

_RESULT: Final = {
    "photo": r'"photo":"(?P<value>[0-9a-f]{64})"',
    "cutters": r'"cutters_digest":"(?P<value>[0-9a-f]{12})',
    "stage": r'"stage":"(?P<value>[0-9a-f]{64})"',
}
"""Where the canonical JSON of a `KeptResult` holds them: a manifest's 500,000 are not parsed one by one."""


class NamedPhotos:
    """What is named, as digests. May be added to repeatedly."""

    def __init__(self) -> None:
        self._photos, self._indexed, self._cutouts = DigestSet(), DigestSet(), DigestSet()
        self._stages: set[str] = set()

    def add_results(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Add the column `kept` of rows (JSON of `KeptResult`), and `photo_sha` where they have it."""
        if "photo_sha" in rows.schema.names:
            digests = pc.unique(rows.column("photo_sha")).drop_null().to_pylist()
            self._photos.add(b"".join(digest[:DIGEST_BYTES] for digest in digests))
        texts = pc.unique(rows.column("kept").cast(pa.string())).drop_null()
        found = {name: pc.struct_field(pc.extract_regex(texts, pattern), "value") for name, pattern in _RESULT.items()}
        self._stages.update(pc.unique(found["stage"]).drop_null().to_pylist())
        for photo, cutters in zip(found["photo"].to_pylist(), found["cutters"].to_pylist(), strict=True):
            if photo is not None:
                self._add_photo(photo, cutters or "")

    def add_requests(self, texts: Any) -> None:
        """Add the column `kept` of requests (JSON of `KeptRequest`), whose photos may all be taken."""
        for text in pc.unique(texts).drop_null().to_pylist():
            request = parse_kept_request(text)
            for photo in request.photos:
                self._add_photo(photo, request.cutters_digest)
            if request.stage:
                self._stages.add(request.stage)

    def add_index(self, sha256s: Any) -> None:
        """Add the column `sha256` of a photo index."""
        self._indexed.add(b"".join(digest[:DIGEST_BYTES] for digest in sha256s.to_pylist()))

    def names_stage(self, sha256: str) -> bool:
        """Tell whether an image stands on a stage, or was asked for on it."""
        return sha256 in self._stages

    def unneeded(self, infos: list[ObjectInfo]) -> list[ObjectInfo]:
        """Return the photos and cut-outs among these that nothing names; objects of another origin are left out."""
        known = [(info, photo) for info in infos if (photo := _photo_of(info))]
        photos = b"".join(photo for _, photo in known)
        masks = text_digests(info.key.rpartition("/")[2].rpartition(".")[0] for info, _ in known)
        in_use = self._indexed.contains(photos), self._photos.contains(photos), self._cutouts.contains(masks)
        return [
            info
            for (info, _), indexed, named, masked in zip(known, *(each.tolist() for each in in_use), strict=True)
            if not (indexed or masked or (named and info.key.startswith(layout.SOURCES)))
        ]

    def _add_photo(self, photo: str, cutters_digest: str) -> None:
        self._photos.add(bytes.fromhex(photo)[:DIGEST_BYTES])
        self._cutouts.add(text_digests([f"{photo}-{cutters_digest[:SHORT_DIGEST_LENGTH]}"]))


def _photo_of(info: ObjectInfo) -> bytes:
    """Return the first half of the sha256 in an object's name; empty for one of another origin."""
    name = info.key.rpartition("/")[2]
    try:
        return bytes.fromhex(name[:64])[:DIGEST_BYTES] if name[64:65] in (".", "-") else b""
    except ValueError:
        return b""
