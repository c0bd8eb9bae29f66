"""The private folder in which a Ray of this host's own keeps its files and sockets.

Inputs: TMPDIR. Outputs: the path for Ray's `_temp_dir`, and its removal at the end, also at an exit without one.
Ray opens its folders to every user of the machine (0777), and its workers speak pickle over the sockets there: whoever
can put a socket of his own in their place runs code in them. So Ray's folder lies below one that only this user enters.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from infra.errors import EngineError

SOCKET_PATH_BYTES = 107
"""How long the path of a Unix socket may be on Linux."""
LONGEST_SOCKET = "/packshot-ray-12345678/r/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
"""What is added to the path of a folder for temporary files: ours, and Ray's with the largest process id of Linux."""
SHORT_FOLDERS = ("/tmp", "/var/tmp")  # noqa: S108 - a folder of mode 0700 and a random name is made there


@contextmanager
def open_ray_folder() -> Iterator[str]:
    """Yield a path that does not exist yet, in a new folder of mode 0700, and remove both at the end.

    They lie below TMPDIR, or below /tmp where that is too long for sockets. Raises `EngineError` where neither does.
    """
    private = _make_private_folder()
    remove = partial(shutil.rmtree, private, ignore_errors=True)
    atexit.register(remove)
    try:
        yield f"{private}/r"
    finally:
        remove()
        atexit.unregister(remove)


def _make_private_folder() -> str:
    room = SOCKET_PATH_BYTES - len(LONGEST_SOCKET)
    for base in (tempfile.gettempdir(), *SHORT_FOLDERS):
        if len(os.fsencode(base)) <= room:
            with suppress(OSError):
                return tempfile.mkdtemp(prefix="packshot-ray-", dir=base)
    raise EngineError(
        f"Ray needs a folder for its sockets: set TMPDIR to one that can be written and whose path has at most {room}"
        " bytes; PACKSHOT_POOL=inline works without Ray."
    )
