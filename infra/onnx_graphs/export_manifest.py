"""The card of an export: what was written, from what, with what; and whether it is still that.

Comes in: a folder with graphs. Goes out: `card.json` beside them, and the card read again. It is written last: a folder
without one is no export.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra.errors import EngineError

MANIFEST_FILE = "card.json"
CHUNK_BYTES = 1 << 22
MANIFEST_KIND = "onnx"


@dataclass(frozen=True)
class ExportedFile:
    """One file of an export: its path in the folder, its size, its sha256 in hex."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ExportManifest:
    """What an export says of itself. `graphs` has the inputs and outputs of each graph, by its name."""

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
        """Return one digest of all files: as `sha256sum` of their sorted `sha256sum` listing."""
        lines = (f"{each.sha256}  {each.path}\n" for each in sorted(self.files, key=lambda each: each.path))
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def hash_export_files(folder: Path) -> tuple[ExportedFile, ...]:
    """Read every file of a folder, its card apart, and return what is there."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST_FILE)
    return tuple(
        ExportedFile(path.relative_to(folder).as_posix(), path.stat().st_size, _file_sha256(path)) for path in paths
    )


def write_export_manifest(folder: Path, manifest: ExportManifest) -> None:
    """Write the card into the folder."""
    (folder / MANIFEST_FILE).write_text(json.dumps(asdict(manifest), indent=1, ensure_ascii=False), "utf-8")


def read_export_manifest(folder: Path) -> ExportManifest:
    """Return the card of an export. Raises `EngineError` for a folder that is none."""
    try:
        told = json.loads((folder / MANIFEST_FILE).read_text("utf-8"))
        if told.get("kind") != MANIFEST_KIND:
            raise ValueError(f"its kind is {told.get('kind')!r}")
        return ExportManifest(**{**told, "files": tuple(ExportedFile(**each) for each in told["files"])})
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise EngineError(
            f"The folder {str(folder)!r} is no export ({error}): make one by `packshot engine export --out`."
        ) from error


def check_export_files(folder: Path, manifest: ExportManifest) -> None:
    """Raise `EngineError` unless every file is there and is what the card says; reads them all."""
    for wanted in manifest.files:
        path = folder / wanted.path
        try:
            found = _file_sha256(path)
        except OSError as error:
            raise EngineError(f"The export lacks {str(path)!r} ({error.strerror}): export it again.") from error
        if found != wanted.sha256:
            raise EngineError(
                f"The file {str(path)!r} has the digest {found!r}, not {wanted.sha256!r} as its card says: "
                "export it again."
            )


def _file_sha256(path: Path) -> str:
    name = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            name.update(chunk)
    return name.hexdigest()
