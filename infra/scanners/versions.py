"""What a scanner's numbers depend on, as one short text: its code, its package, its model's very bytes.

Comes in: a package's name and the files of it that decide. Goes out: such as `1+nudenet-3.4.2+c15d8273adad`; where the
package or a file is not there, `ScannerMissing` with what to do. Nothing is imported for it, so that whoever only asks
what is installed pays for reading the files once and not for loading a model.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import metadata, util
from pathlib import Path

from infra.errors import ScannerMissing

DIGEST_DIGITS = 12
"""Of a digest: enough to tell models apart."""


def package_version(code_version: str, package: str, files: Sequence[str], extra: str) -> str:
    """Return the version of a scanner that stands on `files` (relative to the package's folder).

    `code` counts up when the package's answers would be read otherwise; `extra` is what to install where it is missing.
    """
    paths = tuple(package_files(package, files, extra))
    digest = [_cached_digest(paths)[:DIGEST_DIGITS]] if paths else []
    return "+".join([*([code_version] if code_version else []), f"{package}-{metadata.version(package)}", *digest])


def package_files(package: str, files: Sequence[str], extra: str) -> list[Path]:
    """Return where a package's files are. Raises `ScannerMissing` where one is not there: nothing is downloaded."""
    advice = f"install it: `pip install 'packshot[{extra}]'`"
    found = util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ScannerMissing(f"The package {package!r} is not installed; {advice}.")
    paths = [Path(found.submodule_search_locations[0]) / name for name in files]
    lost = next((path for path in paths if not path.is_file()), None)
    if lost is not None:
        raise ScannerMissing(f"The package {package!r} lacks its file {lost.name!r}, and it is not fetched; {advice}.")
    return paths


def contents_digest(paths: Sequence[Path]) -> str:
    """Return the sha256, in hex, of files by name and bytes, in the order given."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(f"{path.name}\n{path.stat().st_size}\n".encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()


_cached_digest = cache(contents_digest)
"""A package's files stay as they are while this process lives."""
