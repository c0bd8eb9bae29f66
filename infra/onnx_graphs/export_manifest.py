"""Export manifest: what an export holds, what it was made from, and whether it is unchanged.

Inputs: a folder with graphs. Outputs: `card.json` beside them, and the manifest read back.
It is written last: a folder without one is no export.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.bounded_json import read_bounded_json
from infra.errors import EngineError

MANIFEST_FILE = "card.json"
CHUNK_BYTES = 1 << 22
MAX_MANIFEST_BYTES = 4 << 20
MANIFEST_KIND = "onnx"


@dataclass(frozen=True)
class ExportedFile:
    """One file of an export: its path in the folder, its size, its sha256 in hex."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ExportManifest:
    """The content of an export. `graphs` has the inputs and outputs of each graph, by its name."""

    model: str
    weights_digest: str
    precision: str
    opset: int
    made_at: str
    versions: Mapping[str, str]
    graphs: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]
    files: tuple[ExportedFile, ...]
    kind: str = MANIFEST_KIND

    @property
    def digest(self) -> str:
        """Return one digest of all files: the `sha256sum` of their sorted `sha256sum` listing."""
        lines = (f"{each.sha256}  {each.path}\n" for each in sorted(self.files, key=lambda each: each.path))
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def hash_export_files(folder: Path) -> tuple[ExportedFile, ...]:
    """Read every file of a folder, except its manifest, and return their sizes and digests."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST_FILE)
    return tuple(
        ExportedFile(path.relative_to(folder).as_posix(), path.stat().st_size, _file_sha256(path)) for path in paths
    )


def write_export_manifest(folder: Path, manifest: ExportManifest) -> None:
    """Write the manifest into the folder."""
    (folder / MANIFEST_FILE).write_text(json.dumps(asdict(manifest), indent=1, ensure_ascii=False), "utf-8")


def read_export_manifest(folder: Path) -> ExportManifest:
    """Return an export's manifest; raise `EngineError` for a folder that is no export."""
    try:
        document = read_bounded_json(folder / MANIFEST_FILE, MAX_MANIFEST_BYTES)
        if document.get("kind") != MANIFEST_KIND:
            raise ValueError(f"its kind is {document.get('kind')!r}")
        files = tuple(ExportedFile(**file) for file in document["files"])
        if outside := [file.path for file in files if not _is_below(file.path)]:
            raise ValueError(f"it lists {outside[0]!r}, which is not in the folder")
        return ExportManifest(**{**document, "files": files})
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise EngineError(
            f"The folder {str(folder)!r} is no export ({error}): make one with `packshot engine export --out`."
        ) from error


def check_export_files(folder: Path, manifest: ExportManifest) -> None:
    """Raise `EngineError` unless every file exists with the manifest's digest; reads all of them."""
    for file in manifest.files:
        path = folder / file.path
        try:
            sha256 = _file_sha256(path)
        except OSError as error:
            raise EngineError(f"The export lacks {str(path)!r} ({error.strerror}): export it again.") from error
        if sha256 != file.sha256:
            raise EngineError(
                f"The file {str(path)!r} has the digest {sha256!r}, not {file.sha256!r} as in its manifest: "
                "export it again."
            )


def _is_below(path: str) -> bool:
    return not path.startswith("/") and not {"", ".", ".."} & set(path.split("/"))


def _file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
