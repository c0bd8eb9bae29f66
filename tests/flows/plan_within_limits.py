"""Run the command in a process of its own, and write the most memory that it had as the last line of stderr.

Inputs: the bytes of address space that the process may have, then the command's words. Outputs: those of the command.
"""

import resource
import sys
from pathlib import Path

from flows.cli import main
from flows.cli.process_end import end_process


def run(limit: str, *words: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
    sys.argv = ["packshot", *words]
    code = 0
    try:
        main()
    except SystemExit as ending:
        code = int(ending.code or 0)
    finally:
        status = Path("/proc/self/status").read_text("ascii")
        sys.stderr.write(next(line for line in status.splitlines() if line.startswith("VmHWM:")) + "\n")
    end_process(code)  # as the command does: Arrow may still read ahead


if __name__ == "__main__":
    run(*sys.argv[1:])
