"""List, open and fingerprint the files of a source.

Inputs: a path or fsspec URL of a file or a folder. Outputs: the data files in a stable order with their hive
partitions, a way to open them, and a fingerprint of their content. Files whose name begins with `_` or `.` are other
programs' markers (`_SUCCESS`, `.crc`) and are skipped; no other file of a folder is.
"""

import errno
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import unquote, urlsplit

import fsspec
import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from infra.errors import StoreError, UnreadableSource, one_line
from infra.settings import Settings
from infra.source_address import HTTP_SCHEMES, parse_source_scheme
from infra.sources.cloud_storages import azure_options, lacks_package, missing_package, network_errors, reported_version
from infra.sources.compression import Compression, compression_of, content_name, open_content, zip_members
from infra.sources.http_download import download
from infra.stores.s3_client import S3Access

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class SourceFile:
    """One data file: its name below the source ("" where it is the source), and what its storage reports about it."""

    name: str
    path: str
    size: int
    version: str
    partitions: tuple[tuple[str, str | None], ...] = ()
    compression: Compression | None = None

    @property
    def content_name(self) -> str:
        """Return the name of what the file holds, whose extension says its format."""
        return content_name(self.path, self.compression)


@dataclass(frozen=True)
class SourceFiles:
    """A source's files, sorted by name, and the file system that holds them."""

    url: str
    filesystem: Any
    files: tuple[SourceFile, ...]
    version: str = ""
    """The version of a Delta table, for the fingerprint."""

    def display_name(self, file: SourceFile) -> str:
        """Return how a message names `file`."""
        return repr(f"{self.url.rstrip('/')}/{file.name}" if file.name else self.url)

    @contextmanager
    def open(self, file: SourceFile) -> Iterator[IO[bytes]]:
        """Open what a file holds, for reading in order and from the start again; Parquet, for seeking reads."""
        with self._open_stored(file) as stream:
            if file.compression is None:
                yield stream
            else:
                name = self.display_name(file)
                with open_content(stream, file.compression, file.path, file.size, name) as content:
                    yield content

    @contextmanager
    def _open_stored(self, file: SourceFile) -> Iterator[IO[bytes]]:
        with translate_errors(self.display_name(file)), self.filesystem.open(file.path, "rb") as stream:
            yield cast("IO[bytes]", stream)

    def fingerprint(self) -> str:
        """Return the sha256 of the files' names and content; of a remote file, of its etag (or size and time).

        A download without an etag counts by its content.
        """
        fingerprint = hashlib.sha256(b"packshot source/1" + self.version.encode())
        readable = isinstance(self.filesystem, LocalFileSystem | MemoryFileSystem)
        for file in self.files:
            content = self._content_digest(file) if readable or not file.version else file.version
            fingerprint.update(
                f"\n{len(file.name)} {file.name} {file.size} {content}".encode("utf-8", "surrogateescape")
            )
        return fingerprint.hexdigest()

    def _content_digest(self, file: SourceFile) -> str:
        with self._open_stored(file) as stream:
            return hashlib.file_digest(cast("Any", stream), "sha256").hexdigest()


def list_source_files(url: str) -> SourceFiles:
    """List the data files under a path or URL.

    Raises `UnreadableSource` where there is nothing to read or a file is empty, and `StoreError` where the
    storage itself cannot be reached.
    """
    scheme = parse_source_scheme(url)
    if scheme in HTTP_SCHEMES:
        source_files = _download_files(url)
    else:
        filesystem, root = open_file_system(url)
        with translate_errors(repr(url)):
            listing = _listing(filesystem, root, url)
        files = tuple(_source_file(root, path, information) for path, information in sorted(listing.items()))
        source_files = SourceFiles(url, filesystem, files)
    _check_files(source_files)
    return _look_into_files(source_files)


@contextmanager
def translate_errors(name: str, advice: str = "export it again") -> Iterator[None]:
    """Translate a library's exception about the file `name`: damaged content is an input error, the rest external."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise UnreadableSource(f"There is no file or folder {name}; check the path.") from None
    except PermissionError:
        raise UnreadableSource(f"{name} may not be read here; check its permissions or the credentials.") from None
    except MemoryError:
        raise UnreadableSource(f"{name} cannot be read in the memory that is left here; {advice}.") from None
    except UnicodeDecodeError:  # of a column's name: Arrow checks the text of rows
        raise UnreadableSource(f"{name} has column names that are not UTF-8 text; {advice}.") from None
    except pa.ArrowException as error:
        raise UnreadableSource(f"{name} cannot be read; {advice}: {one_line(error)}") from None
    except OSError as error:
        # Arrow reports damaged data as an OSError without a number; disks and networks set one.
        if type(error) is OSError and error.errno is None:
            raise UnreadableSource(f"{name} is damaged; {advice}: {one_line(error)}") from None
        number = errno.errorcode.get(error.errno or 0, type(error).__name__)
        raise StoreError(f"{name} could not be read ({number}): {one_line(error)}") from error
    except network_errors() as error:
        raise StoreError(f"{name} could not be reached: {one_line(error)}") from error


def open_file_system(url: str) -> tuple[Any, str]:
    """Return the file system of a path or URL, and the path in it."""
    scheme = parse_source_scheme(url)
    if scheme == "":
        # Not by fsspec's address parser: it would read "::" in a file's name as a chain.
        return LocalFileSystem(), str(Path(url).expanduser().absolute())
    options = S3Access.from_environment().for_s3fs() if scheme in {"s3", "s3a"} else azure_options(url)
    try:
        return cast("tuple[Any, str]", fsspec.core.url_to_fs(url, **options))
    except (ImportError, ValueError) as error:
        if isinstance(error, ImportError) or lacks_package(scheme):  # fsspec alone knows some schemes, and some not
            raise UnreadableSource(missing_package(scheme, one_line(error))) from None
        raise UnreadableSource(f"The source {url!r} cannot be opened: {one_line(error)}") from None


def _download_files(url: str) -> SourceFiles:
    """Return the one file of an http URL, downloaded."""
    query = Settings().source_query
    found = download(url, "" if query is None else query.get_secret_value())
    file = SourceFile("", urlsplit(url).path, found.size, found.etag)
    return SourceFiles(url, found, (file,))


def _listing(filesystem: Any, root: str, url: str) -> dict[str, Mapping[str, Any]]:
    information = filesystem.info(root)
    if information["type"] != "directory":
        return {root: information}
    found = filesystem.find(root, detail=True)
    files = {path: value for path, value in found.items() if value["type"] == "file"}
    files |= {
        path: _linked_file(filesystem, root, path)
        for path, value in found.items()
        if value["type"] == "other" and not _is_marker_file(_relative(root, path))
    }
    if any("/_delta_log/" in path for path in files):
        raise UnreadableSource(
            f"{url!r} is a Delta table, whose files hold dead rows too; read it as format delta, which is found out."
        )
    return {path: value for path, value in files.items() if not _is_marker_file(_relative(root, path))}


def _linked_file(filesystem: Any, root: str, path: str) -> Mapping[str, Any]:
    """Return what a local folder says of a link's target, which must be a file in the same folder, as mounts have it.

    Whoever delivers a folder could have any file of this machine read as a catalogue otherwise.
    """
    target = os.path.realpath(path)
    if not target.startswith(f"{os.path.realpath(root)}/") or not Path(target).is_file():
        raise UnreadableSource(
            f"{path!r} is a link that leads out of the folder, to a folder or to nothing, or no file at all; "
            "put the file itself there."
        )
    return cast("Mapping[str, Any]", filesystem.info(target))


def _relative(root: str, path: str) -> str:
    return path[len(root) :].strip("/")


def _is_marker_file(name: str) -> bool:
    return any(part.startswith(("_", ".")) and "=" not in part for part in name.split("/"))


def _source_file(root: str, path: str, information: Mapping[str, Any]) -> SourceFile:
    name = _relative(root, path)
    pairs = [part.split("=", 1) for part in name.split("/")[:-1] if "=" in part]
    partitions = tuple((unquote(key), None if value == HIVE_NULL else unquote(value)) for key, value in pairs)
    return described_file(name, path, information, partitions)


def described_file(
    name: str, path: str, information: Mapping[str, Any], partitions: tuple[tuple[str, str | None], ...]
) -> SourceFile:
    """Return a file with the size and version that its file system's listing gives."""
    size = int(information.get("size") or 0)
    return SourceFile(name, path, size, reported_version(information, size), partitions)


def _look_into_files(source_files: SourceFiles) -> SourceFiles:
    """Return the files, with the compression of each, and zip archives as the files that they hold."""
    found: list[SourceFile] = []
    for file in source_files.files:
        if file.path.lower().endswith((".parquet", ".pq")):
            found.append(file)
            continue
        name = source_files.display_name(file)
        with source_files.open(file) as stream:
            kind = compression_of(file.path, stream.read(4))
            members = zip_members(stream, name) if kind == "zip" else []
        if members:
            prefix = f"{file.name}/" if file.name else ""
            found += [
                replace(file, name=f"{prefix}{member}", compression=Compression("zip", member)) for member in members
            ]
        else:
            found.append(replace(file, compression=Compression(kind)) if kind else file)
    return replace(source_files, files=tuple(found))


def _check_files(source_files: SourceFiles) -> None:
    if not source_files.files:
        raise UnreadableSource(
            f"The folder {source_files.url!r} holds no data files; put Parquet, CSV or JSON lines there."
        )
    for file in source_files.files:
        if file.size == 0:
            raise UnreadableSource(f"{source_files.display_name(file)} is empty (0 bytes); export it again.")
        if [key for key, _ in file.partitions] != [key for key, _ in source_files.files[0].partitions]:
            raise UnreadableSource(
                f"{source_files.display_name(file)} has other partition folders than "
                f"{source_files.display_name(source_files.files[0])}; "
                "give every file the same key=value folders."
            )
