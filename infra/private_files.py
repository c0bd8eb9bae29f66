"""Private files and folders: secrets and databases of this machine, for their owner alone.

Inputs: paths and bytes. Outputs: files of mode 0600, written completely or not at all, and folders of mode 0700; or
what stands against it. A folder counts as private where nobody but its owner (and root) can list it, change what lies
in it, or put another in its place.
"""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, flock
from pathlib import Path

FOLDER_MODE, FILE_MODE = 0o700, 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@contextmanager
def locked_folder(folder: Path, lock_file: str) -> Iterator[None]:
    """Make the folder where it is missing, and hold its lock: of several processes, one at a time works inside."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / lock_file).open("ab") as lock:
        flock(lock, LOCK_EX)  # until it is closed
        yield


def write_private_file(path: Path, data: bytes) -> None:
    """Write a file that its owner alone can read, in place of an earlier one."""
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def make_private_folder(folder: Path) -> None:
    """Make a folder of mode 0700, or narrow the one that is there, where owner and file system allow it."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    narrow(folder)


def make_private_file(file: Path) -> None:
    """Make an empty file of mode 0600, or narrow the one that is there."""
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL, FILE_MODE))
    except FileExistsError:
        narrow(file)


def narrow(path: Path) -> None:
    """Take the rights of the group and of others away, where owner and file system allow it."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & _OTHERS:
        with suppress(OSError):
            path.chmod(mode & ~_OTHERS)


def find_exposure(folder: Path) -> str | None:
    """Say why other users could read or change what lies in a folder; None where they cannot.

    Looked at are the folder, a link that leads there, and those above it, where others could put another in its place.
    """
    if folder.lstat().st_uid != os.geteuid():
        return f"{folder} belongs to another user"
    path = folder.resolve()
    found = path.stat()
    if found.st_uid != os.geteuid():
        return f"{path} belongs to another user"
    if found.st_mode & _OTHERS:
        return f"{path} has mode {stat.S_IMODE(found.st_mode):04o}, which its file system does not let change"
    for above in path.parents:
        mode = above.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            return f"{above} can be written by everybody"
    return None
