"""Model folders: check that one is safe to open, and compute the digest that identifies it.

Inputs: a folder in diffusers' layout. Outputs: its digest, or an `EngineError` with the reason for refusing it. Only
safetensors are read, since every other weight format can run code when it is opened. The layout can also name Python
files of its own as pipeline or components, and diffusers imports those from a local folder without asking; so the index
is checked before anything is loaded, and so is what the components' own files name.

A command needs the digest of one folder several times: to resolve the job, to resolve it again inside the flow run, to
verify the weights when they are loaded. Each file is hashed once a process (see `FileDigestCache`): of a folder of
2.0 GB a refresh hashed 6.0 GB before that, and 2.0 GB since.
"""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

from infra.bounded_json import read_bounded_json
from infra.errors import EngineError
from infra.models.component_references import MAX_CONFIG_BYTES, check_references
from infra.models.folder_listing import component_files

PIPELINE_CLASS = "ZImagePipeline"
INDEX_FILE = "model_index.json"
ALLOWED_LIBRARIES = ("diffusers", "transformers")
FORBIDDEN_SUFFIXES = frozenset((".bin", ".ckpt", ".h5", ".msgpack", ".pickle", ".pkl", ".pt", ".pth", ".py", ".so"))
"""Suffixes of weights that are not safetensors, and of code."""

CHUNK_BYTES = 1 << 22
SETTLE_SECONDS = 2.0
"""How long ago a file must have changed to be remembered: a later write could leave it with the same timestamps."""

FileState = tuple[int, int, int, int, int]


class FileDigestCache:
    """The sha256 of files that have not changed since they were hashed by this process.

    A file is recognised by path, device, inode, size, and the times of its last change of content and of status; the
    latter cannot be set back, unlike the former. Whatever differs, the file is hashed again.
    """

    def __init__(self, settle_seconds: float = SETTLE_SECONDS) -> None:
        self.bytes_hashed = 0
        self._settle_seconds = settle_seconds
        self._digests: dict[Path, tuple[FileState, str]] = {}

    def sha256(self, path: Path) -> str:
        """Return the sha256 of a file, in hex."""
        status, now = path.stat(), time.time()
        state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        known_state, digest = self._digests.get(path.absolute(), (None, ""))
        if known_state == state:
            return digest
        digest = _file_sha256(path)
        self.bytes_hashed += status.st_size
        if now - status.st_ctime >= self._settle_seconds:
            self._digests[path.absolute()] = (state, digest)
        return digest


FILE_DIGESTS = FileDigestCache()


def model_folder_digest(folder: Path) -> str:
    """Return the sha256, in hex, of what a pipeline folder holds: as `sha256sum` of a sorted `sha256sum` listing.

    It covers the index and every file that can be opened in the components that the index names (weights,
    configurations, tokenizer), hidden ones and linked ones too; files are streamed, and hashed once a process. Raises
    `EngineError` where there is no index.
    """
    whole = hashlib.sha256()
    for path in sorted(_digested_files(folder), key=lambda path: path.relative_to(folder).as_posix()):
        whole.update(f"{FILE_DIGESTS.sha256(path)}  {path.relative_to(folder).as_posix()}\n".encode())
    return whole.hexdigest()


def check_model_folder(folder: Path) -> None:
    """Raise `EngineError` unless the folder is a Z-Image pipeline in safetensors, free of code and other weights."""
    index = _read_index(folder)
    files = _digested_files(folder)
    refused = sorted(path for path in {*_visible_files(folder), *files} if path.suffix.lower() in FORBIDDEN_SUFFIXES)
    if refused:
        raise EngineError(
            f"The model folder {str(folder)!r} holds {refused[0].relative_to(folder).as_posix()!r}: only safetensors "
            "weights are read, and no code. Convert the model, or remove that file."
        )
    if index.get("_class_name") != PIPELINE_CLASS:
        raise EngineError(
            f"The model folder {str(folder)!r} is a {index.get('_class_name')!r} pipeline: only {PIPELINE_CLASS!r} "
            "is read."
        )
    for name, origin in _components(index).items():
        if not isinstance(origin, list) or not origin or origin[0] not in ALLOWED_LIBRARIES:
            raise EngineError(
                f"The model folder {str(folder)!r} takes its {name!r} from {origin!r}: only components of "
                f"{' and '.join(ALLOWED_LIBRARIES)} are read."
            )
    if not any(path.suffix == ".safetensors" for path in files):
        raise EngineError(f"The model folder {str(folder)!r} holds no safetensors weights in its components.")
    check_references(folder, files)


def _read_index(folder: Path) -> dict[str, object]:
    try:
        index = read_bounded_json(folder / INDEX_FILE, MAX_CONFIG_BYTES)
    except (OSError, ValueError) as error:
        raise EngineError(f"The model folder {str(folder)!r} has no readable {INDEX_FILE}: {error}.") from error
    if not isinstance(index, dict):
        raise EngineError(f"The {INDEX_FILE} of the model folder {str(folder)!r} is not an object of components.")
    return index


def _components(index: dict[str, object]) -> dict[str, object]:
    """Return the components, by their folders' names; an index's other entries start with an underscore."""
    return {name: origin for name, origin in index.items() if not name.startswith("_")}


def _digested_files(folder: Path) -> list[Path]:
    return [folder / INDEX_FILE, *component_files(folder, _components(_read_index(folder)))]


def _visible_files(folder: Path) -> Iterator[Path]:
    """Yield the files at any depth, in components or not, hidden ones apart (a hub's download cache leaves some)."""
    for path in folder.rglob("*"):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
