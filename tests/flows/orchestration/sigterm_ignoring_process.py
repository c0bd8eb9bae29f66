"""A process tree that ignores SIGTERM: `python -m tests.flows.orchestration.sigterm_ignoring_process PARENT`."""

import subprocess
import sys
import time

from flows.orchestration import supervised_process as attended

CHILD_DEPTH = 3
CHILD_CODE = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
code, depth = sys.argv[1], int(sys.argv[2])
if depth > 1:
    subprocess.Popen([sys.executable, "-c", code, code, str(depth - 1)])
else:
    print("ready", flush=True)
time.sleep(600)
"""


def main() -> None:
    """Sleep until the parent is gone."""
    attended.GRACE_SECONDS = 1.0
    attended.exit_with_parent(int(sys.argv[1]))
    subprocess.Popen([sys.executable, "-c", CHILD_CODE, CHILD_CODE, str(CHILD_DEPTH)])
    time.sleep(600)


if __name__ == "__main__":
    main()
