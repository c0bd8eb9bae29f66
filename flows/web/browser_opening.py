"""Browser opening: lead this machine's browser to a console, without showing the start link's secret to other users.

Inputs: the address to open. Outputs: an opened browser, or word that there is none. Every user of a machine can
read the arguments of a process, and the secret stands in the address; so the browser is given a file that its owner
alone can read, which leads on.
"""

import tempfile
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path

from infra.private_files import write_private_file

PAGE = """\
<!doctype html>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0;url={address}">
<title>Packshot</title>
"""


@contextmanager
def opened_browser(
    address: str, tell_none: Callable[[], None], *, wanted: bool, open_url: Callable[[str], bool] = webbrowser.open
) -> Iterator[None]:
    """Open a browser beside the block, where that is wanted; its file goes with the block.

    Where there is none, `tell_none` is called.
    """
    if not wanted:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="packshot-open-") as folder:  # mode 0700
        page = Path(folder) / "open.html"
        write_private_file(page, PAGE.format(address=escape(address)).encode())
        # Beside the block: a browser in a terminal ends only when its person does.
        threading.Thread(target=_open, args=(page.as_uri(), open_url, tell_none), daemon=True).start()
        yield


def _open(url: str, open_url: Callable[[str], bool], tell_none: Callable[[], None]) -> None:
    if not open_url(url):
        tell_none()
