"""Engine cache: the engines of a store that this host has fetched, each once.

Inputs: a store, an artifact, a folder of this host. Outputs: the engine's folder. Its files were hashed when they were
fetched; from then on nobody but this user can write to them, as the folder is private. One that is not is hashed again
before each use, and fetched anew where it differs.
"""

import hashlib
import json
import os
import shutil
import stat
from pathlib import Path

from catalogs.models.engine_artifacts import EngineArtifact
from infra.bounded_json import read_bounded_json
from infra.errors import EngineError
from infra.interfaces import ObjectStore
from infra.onnx_graphs.model_export import atomic_folder
from tasks.models.engine_repository import CARD_FILE, MAX_CARD_BYTES, fetch_engine

PRIVATE_MODE = 0o700


def default_cache_folder() -> Path:
    """Return where engines are cached: beside other programs' caches, as hub models are."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "packshot" / "engines"


def cached_engine(store: ObjectStore, artifact: EngineArtifact, cache_folder: Path) -> Path:
    """Return the folder of an engine, fetched where this host does not have it as its card describes it."""
    # The folder's name includes the digest, because version numbers restart in a store that was emptied.
    folder = cache_folder / f"{artifact.model}-{artifact.version}-{artifact.digest[:12]}"
    if folder.is_dir():
        if _is_unchanged(folder, artifact):
            return folder
        _remove(folder)
    cache_folder.mkdir(mode=PRIVATE_MODE, parents=True, exist_ok=True)
    try:
        with atomic_folder(folder, PRIVATE_MODE) as scratch:
            fetch_engine(store, artifact, scratch)
    except EngineError:
        if not folder.is_dir() or not _is_unchanged(folder, artifact):  # unless another process of this host was first
            raise
    return folder


def _is_unchanged(folder: Path, artifact: EngineArtifact) -> bool:
    """Tell whether a folder holds what the card lists; its bytes are read only where others could have written them."""
    try:
        if read_bounded_json(folder / CARD_FILE, MAX_CARD_BYTES) != json.loads(json.dumps(artifact.document)):
            return False
        private = _is_private(folder)
        return all(
            (folder / file.path).stat().st_size == file.bytes
            and (private or _sha256(folder / file.path) == file.sha256)
            for file in artifact.files
        )
    except (OSError, ValueError):
        return False


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder)


def _is_private(folder: Path) -> bool:
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
