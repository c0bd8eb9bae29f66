"""Open one version of a Delta table, whose data files are read as Parquet.

Inputs: where a table lies, a version (the newest by default). Outputs: the files of that version with the partition
values that the log gives, and their reader. Nothing is written.
Invariants: deltalake reads the log alone, after its size was bounded and its checkpoint was decoded behind the guard of
`infra.sources.parquet_pages`; rows are read by `ParquetReader`, as from any other folder. Neither the log nor a data
file lies behind a link, nor outside of the table, since whoever delivers a table could have any file of this machine
read as a catalogue otherwise.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from infra.errors import TableError, UnreadableSource, one_line
from infra.source_address import HTTP_SCHEMES, parse_source_scheme
from infra.sources.parquet_files import ParquetReader
from infra.sources.source_files import SourceFile, SourceFiles, described_file, open_file_system, translate_errors
from infra.stores.s3_client import S3Access
from infra.tables.table_paths import own_file_key

LOG_FOLDER = "_delta_log"
MAX_LOG_BYTES = 256 << 20
"""Log entries and checkpoints that are read for one version: a million files have some 300 bytes each."""

MAX_CHECKPOINT_BYTES = 1 << 30
"""What a checkpoint decodes to."""

_PLAIN_READER_VERSION = 1
_READABLE_FEATURES = {"timestampNtz", "typeWidening", "typeWidening-preview", "v2Checkpoint", "vacuumProtocolCheck"}
"""Features of Delta's protocol that change nothing for a reader of the data files."""

_ENTRY = re.compile(r"(\d{20})\.(json|checkpoint[\w.-]*\.(?:parquet|json)|checkpoint\.parquet)")
_ANSI_CODES = re.compile(r"\x1b\[[0-9;]*m")  # deltalake colours its messages
_ADVICE = "export the version as Parquet"

Listing = Mapping[str, Mapping[str, Any]]


def is_delta_table(url: str) -> bool:
    """Tell whether a path or URL has the log of a Delta table in it."""
    if parse_source_scheme(url) in HTTP_SCHEMES:
        return False
    filesystem, root = open_file_system(url)
    with translate_errors(repr(url)):
        return bool(filesystem.exists(f"{root.rstrip('/')}/{LOG_FOLDER}"))


def open_delta(url: str, version: int | None) -> tuple[SourceFiles, ParquetReader]:
    """Return the files of one version of a table, and their reader. Raises `UnreadableSource`."""
    if not is_delta_table(url):
        raise UnreadableSource(f"There is no Delta table in {url!r}: it has no {LOG_FOLDER}; check the path.")
    filesystem, root = open_file_system(url)
    with translate_errors(repr(url)):
        found = filesystem.find(root, detail=True)
    for path, information in found.items():
        if information["type"] != "file":
            raise UnreadableSource(f"{path!r} is a link, which is not followed in a Delta table; put the file there.")
    _require_bounded_log(url, filesystem, root, found, version)
    table = _open(url, filesystem, root, version)
    _require_plain_protocol(url, table)
    number = int(table.version())
    files = tuple(sorted(_data_files(url, root, found, table), key=lambda file: file.name))
    if not files:
        raise UnreadableSource(f"Version {number} of the Delta table {url!r} has no rows; name another version.")
    source_files = SourceFiles(url, filesystem, files, f"delta version {number}")
    return source_files, ParquetReader(source_files, notes=(f"a Delta table at version {number}",))


def _data_files(url: str, root: str, listing: Listing, table: DeltaTable) -> Iterator[SourceFile]:
    """Yield the files that hold a version's rows."""
    actions = pa.table(table.get_add_actions())
    names = [str(name) for name in table.metadata().partition_columns]
    texts = [_partition_texts(actions, name) for name in names]
    for number, path in enumerate(actions["path"].to_pylist()):
        name = _own_name(url, path)
        key = f"{root.rstrip('/')}/{name}"
        if key not in listing:
            raise UnreadableSource(
                f"Version {table.version()} of the Delta table {url!r} names the file {name!r}, which is not there "
                "(removed by VACUUM?); read a newer version."
            )
        partitions = tuple((column, values[number]) for column, values in zip(names, texts, strict=True))
        yield described_file(name, key, listing[key], partitions)


def _require_bounded_log(url: str, filesystem: Any, root: str, log: Listing, version: int | None) -> None:
    """Raise where the entries that make up a version are more than is read, before deltalake reads them."""
    entries: list[tuple[int, bool, str, int]] = []
    for path, information in log.items():
        match = _ENTRY.fullmatch(path.rsplit("/", 1)[-1]) if f"/{LOG_FOLDER}/" in path else None
        if match and (version is None or int(match[1]) <= version):
            is_checkpoint = match[2] != "json"
            entries.append((int(match[1]), is_checkpoint, path, int(information.get("size") or 0)))
    newest = max((number for number, is_checkpoint, _, _ in entries if is_checkpoint), default=-1)
    read = [entry for entry in entries if (entry[0] > newest if not entry[1] else entry[0] == newest)]
    size = sum(entry[3] for entry in read)
    if size > MAX_LOG_BYTES:
        raise UnreadableSource(
            f"The log of the Delta table {url!r} has {size >> 20:,} MB for this version, and at most "
            f"{MAX_LOG_BYTES >> 20} MB are read; write a checkpoint, or {_ADVICE}."
        )
    for number, is_checkpoint, path, size in read:
        if not size:
            raise UnreadableSource(f"The log of the Delta table {url!r} is damaged: its entry {number} has no bytes.")
        if is_checkpoint and path.endswith(".parquet"):
            file = SourceFile(path[len(root) :].strip("/"), path, size, "")
            ParquetReader(SourceFiles(url, filesystem, (file,))).require_bounded(MAX_CHECKPOINT_BYTES)


def _open(url: str, filesystem: Any, root: str, version: int | None) -> DeltaTable:
    protocols = {filesystem.protocol} if isinstance(filesystem.protocol, str) else set(filesystem.protocol)
    if "file" in protocols:
        address, options = root, {}
    elif "s3" in protocols:
        address = f"s3://{root.strip('/')}"
        options = S3Access.from_environment().for_deltalake(root.strip("/").split("/")[0])
    else:
        raise UnreadableSource(f"The Delta table {url!r} is neither in a folder nor in s3://; {_ADVICE}.")
    try:
        return DeltaTable(address, version=version, storage_options=options)
    except TableNotFoundError:
        raise UnreadableSource(f"The log of the Delta table {url!r} holds no version; {_ADVICE}.") from None
    except (DeltaError, OSError, ValueError, OverflowError, pa.ArrowException) as error:
        raise _unreadable(url, version, error) from None
    except BaseException as error:  # a Rust panic is no Exception; everything else goes on
        if type(error).__name__ != "PanicException":
            raise
        raise _unreadable(url, version, error) from None


def _unreadable(url: str, version: int | None, error: BaseException) -> UnreadableSource:
    which = "The newest version" if version is None else f"Version {version}"
    reason = one_line(_ANSI_CODES.sub("", str(error)).split("<")[0]).rstrip(".")
    return UnreadableSource(f"{which} of the Delta table {url!r} cannot be read; name another, or {_ADVICE}: {reason}.")


def _require_plain_protocol(url: str, table: DeltaTable) -> None:
    """Raise for a table whose data files do not hold its rows under their names."""
    protocol = table.protocol()
    features = set(protocol.reader_features or ()) - _READABLE_FEATURES
    mapping = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    if mapping != "none":
        raise UnreadableSource(
            f"The Delta table {url!r} maps its columns by {mapping}, so its files have other names; {_ADVICE}."
        )
    features.discard("columnMapping")
    if "deletionVectors" in features:
        features.discard("deletionVectors")
        if any(len(batch) for batch in table.deletion_vectors()):
            raise UnreadableSource(
                f"The Delta table {url!r} has rows that are deleted by deletion vectors alone; write it anew with "
                f"REORG TABLE … APPLY (PURGE), or {_ADVICE}."
            )
    if features:
        raise UnreadableSource(
            f"The Delta table {url!r} needs {', '.join(sorted(features))}, which are not read here; {_ADVICE}."
        )


def _partition_texts(actions: pa.Table, name: str) -> list[str | None]:
    column = pc.struct_field(actions["partition"], name)
    return [None if value is None else str(value) for value in pc.cast(column, pa.string()).to_pylist()]


def _own_name(url: str, path: str) -> str:
    try:
        return own_file_key("t", path).removeprefix("t/")
    except TableError:
        raise UnreadableSource(
            f"The Delta table {url!r} names a file outside of its own folder, {path[:200]!r}; {_ADVICE}."
        ) from None
