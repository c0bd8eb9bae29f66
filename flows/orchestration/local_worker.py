"""Local Prefect worker: `python -m flows.orchestration.local_worker PARENT WORK_POOL`.

Inputs: a work pool's name; the server is the one of `PREFECT_API_URL`. Outputs: its flow runs, each in a process that
is ended with the worker, which is ended with its parent.
"""

import asyncio
import sys

from flows.orchestration.supervised_process import exit_with_parent
from infra.log_records import install_safe_log_records


def main() -> None:
    """Run flow runs until the parent process exits."""
    parent, pool = int(sys.argv[1]), sys.argv[2]
    from prefect.workers.process import ProcessWorker

    install_safe_log_records()
    exit_with_parent(parent)
    asyncio.run(ProcessWorker(work_pool_name=pool, name=f"local-{pool}").start())


if __name__ == "__main__":
    main()
