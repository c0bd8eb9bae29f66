"""A process that starts another which does not listen to SIGTERM: `python -m tests.flows.stubborn PARENT`."""

import subprocess
import sys
import time

from flows import attended

CHILD = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)


def main() -> None:
    """Sleep until the parent is gone."""
    attended.GRACE_SECONDS = 1.0
    attended.end_with_parent(int(sys.argv[1]))
    subprocess.Popen([sys.executable, "-c", CHILD])
    time.sleep(600)


if __name__ == "__main__":
    main()
