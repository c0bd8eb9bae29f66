"""Start a child of a test within bounds: memory and time that no case may need, so that a bomb costs the child alone.

Inputs: a command's arguments. Outputs: the finished child. Linux counts address space, which the libraries map
generously, so the bound is far above what is used.
"""

import resource
import subprocess
import sys
from collections.abc import Sequence

from tests.paths import ROOT

ADDRESS_SPACE_BYTES = 12 << 30


def run_bounded(arguments: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    """Run `python -m ...` in a child; -9 is the return code of one that took too long."""
    command = [sys.executable, "-X", "faulthandler", "-m", *arguments]
    try:
        return subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            preexec_fn=_bound,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        said = [stream.decode("utf-8", "replace") if stream else "" for stream in (late.stdout, late.stderr)]
        return subprocess.CompletedProcess(command, -9, *said)


def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
