"""Read a source to its end in a process of its own, and print what came of it and what it took.

Inputs: a path, and the bytes of address space that the process may have. Outputs: JSON with `rows` or `error`, and
`peak_mb`. A parser that crashes ends this process by its signal instead.
"""

import json
import resource
import sys
from pathlib import Path

from flows.cli.process_end import end_process
from infra.errors import UnreadableSource
from infra.sources import open_source


def peak_mb() -> float:
    """Return the most memory that this process had; `ru_maxrss` begins with that of the process which forked it."""
    status = Path("/proc/self/status").read_text("ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def main(path: str, limit: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
    answer: dict[str, object] = {}
    try:
        source = open_source(path)
        columns = [name for name in ("sku", "title", "views", "inside.text", "t.t") if source.has(name)]
        answer["rows"] = sum(batch.rows.num_rows for batch in source.batches(columns))
    except UnreadableSource as error:
        answer["error"] = str(error)
    answer["peak_mb"] = peak_mb()
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
    end_process(0)  # as a command ends: Arrow may still read ahead
