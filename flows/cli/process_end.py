"""End of the command's process: without the interpreter's own, which a thread of Arrow's can turn into an abort.

Inputs: an exit code. Outputs: none; the process ends. Arrow reads ahead from a Python file on threads of its own. Where
a command ends amid that, as on the first bad row, such a thread asks for the interpreter's lock when that is going
away; CPython (before 3.14) ends the thread then, and C++ ends the process by SIGABRT, in place of the command's exit
code. What the interpreter would do is done here before: threads are joined, exit functions run, output is flushed.
"""

import atexit
import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn


def end_process(code: int) -> NoReturn:
    """End this process with an exit code."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # whoever read it has gone: said before, or nobody is left to be told
            stream.flush()
    os._exit(code)
