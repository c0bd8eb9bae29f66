"""The catalogue's own folder, below which its relative photo references are read.

Inputs: the address of a catalogue, as a command names it. Outputs: a folder or a bucket's prefix, or None for one on
the web, in a bucket that photos are not read from, or with an address that no store has.
"""

from pathlib import Path, PurePosixPath

from infra.errors import InvalidStoreAddress, UnreadableSource
from infra.source_address import parse_source_scheme
from infra.stores.addresses import parse_address

_BUCKETS = {"s3": "s3", "s3a": "s3", "memory": "memory"}


def catalogue_folder(source: str) -> str | None:
    """Return the folder of a catalogue: its own where it is one, else the one that it lies in."""
    try:
        scheme = parse_source_scheme(source)
        if scheme in ("", "file"):
            path = Path(parse_address(source).location) if scheme else Path(source).absolute()
            return parse_address(str(path if path.is_dir() else path.parent)).url
        if scheme not in _BUCKETS:
            return None
        bucket, _, key = source[len(scheme) + len("://") :].strip("/").partition("/")
        if PurePosixPath(key).suffix:  # a file, and no table's folder
            key = key.rpartition("/")[0]
        return parse_address(f"{_BUCKETS[scheme]}://{bucket}" + (f"/{key}" if key else "")).url
    except (InvalidStoreAddress, UnreadableSource):
        return None
