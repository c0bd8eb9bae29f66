"""Private files: secrets of this machine, readable by their owner alone.

Inputs: a path and bytes. Outputs: a file of mode 0600 in a folder of mode 0700, written completely or not at all.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path


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
