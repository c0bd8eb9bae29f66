"""Scanner versions: a short text that changes with a scanner's code, its package, and its model's bytes.

Inputs: a package's name and the files of it that matter. Outputs: such as `1+nudenet-3.4.2+c15d8273adad`; where the
package or a file is missing, `ScannerMissing` with what to do. Nothing is imported for it: a caller that only asks for
versions pays for reading the files once, and not for loading a model.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import metadata, util
from pathlib import Path

from infra.errors import ScannerMissing

DIGEST_DIGITS = 12
"""Digits of a digest; enough to tell models apart."""


def package_version(code_version: str, package: str, files: Sequence[str], extra: str) -> str:
    """Return the version of a scanner that depends on `files` (relative to the package's folder).

    `code_version` changes when the package's results are interpreted differently; `extra` is what to install where the
    package is missing.
    """
    paths = tuple(package_files(package, files, extra))
    digest = [_cached_digest(paths)[:DIGEST_DIGITS]] if paths else []
    return "+".join([*([code_version] if code_version else []), f"{package}-{metadata.version(package)}", *digest])


def package_files(package: str, files: Sequence[str], extra: str) -> list[Path]:
    """Return the paths of a package's files. Raises `ScannerMissing` for a missing one: nothing is downloaded."""
    advice = f"install it: `pip install 'packshot[{extra}]'`"
    spec = util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ScannerMissing(f"The package {package!r} is not installed; {advice}.")
    paths = [Path(spec.submodule_search_locations[0]) / name for name in files]
    missing = next((path for path in paths if not path.is_file()), None)
    if missing is not None:
        raise ScannerMissing(
            f"The package {package!r} lacks its file {missing.name!r}, which is not downloaded; {advice}."
        )
    return paths


def contents_digest(paths: Sequence[Path]) -> str:
    """Return the sha256, in hex, of files by name and bytes, in the order given."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name}\n{path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


_cached_digest = cache(contents_digest)
"""A package's files do not change while this process runs."""
