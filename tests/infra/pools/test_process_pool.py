"""Processes that die, hang and outlive: each costs its own work alone, and none is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from infra.cutout.onnx_model import open_onnx_file
from infra.errors import EngineError, WorkQuarantined
from infra.interfaces import Engine, Photo
from infra.pools.process_pool import ProcessPool
from tests.fixtures import pool_work as works
from tests.fixtures.waiting import eventually
from tests.infra.cutout.networks import write_network
from tests.paths import ROOT

PATIENCE = works.TIMEOUT_SECONDS


def sleep(engine: Engine, seconds: float) -> int:
    """Work without a sign of life."""
    time.sleep(seconds)
    return os.getpid()


def interrupt_group(engine: Engine, shard: object) -> int:
    """Get what Ctrl-C sends to a whole group."""
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    return os.getpid()


SCHEDULED = Path("/proc/self/task")
BUSY_NANOSECONDS = 10_000_000


def count_busy_threads(engine: Engine, network: str) -> tuple[int, int]:
    """Multiply, filter and run a network; return how many threads took CPU time for it, and OpenCV's number of them."""
    product = np.ones((1200, 1200)) @ np.ones((1200, 1200))
    cv2.GaussianBlur(np.asarray(product, np.float32), (0, 0), 9)
    cutter = open_onnx_file(Path(network))
    for _ in range(5):
        cutter.cut(Photo(np.zeros((600, 600, 3), np.uint8), None, ""))
    spent = [int((task / "schedstat").read_text().split()[0]) for task in SCHEDULED.iterdir()]
    return sum(nanoseconds > BUSY_NANOSECONDS for nanoseconds in spent), cv2.getNumThreads()


@pytest.mark.skipif(not (SCHEDULED / str(os.getpid()) / "schedstat").is_file(), reason="as Linux counts threads' time")
def test_blas_opencv_and_onnx_runtime_use_one_thread_of_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "3")
    pool = ProcessPool(works.open_stub, 1)
    network = str(write_network(tmp_path / "network.onnx", side=2048))
    assert pool.submit(count_busy_threads, network).result(PATIENCE) == (1, 1)
    pool.close()


def test_a_work_that_kills_its_process_is_tried_again_and_then_set_aside_and_harms_no_other(tmp_path: Path) -> None:
    pool = ProcessPool(works.open_stub, 2)
    poison = pool.submit(works.kill_process, None)
    others = [pool.submit(works.generate_keys, [str(number)]) for number in range(6)]
    assert [future.result(PATIENCE) for future in others] == [[str(number)] for number in range(6)]
    with pytest.raises(WorkQuarantined, match=r"2 processes died with this work.* crashed with exit code -9"):
        poison.result(PATIENCE)
    assert pool.submit(works.kill_process_once, str(tmp_path)).result(PATIENCE) > 0
    pool.close()


def test_an_engine_that_is_lost_is_opened_anew_in_another_process(tmp_path: Path) -> None:
    pool = ProcessPool(works.open_stub, 1)
    first, second = pool.submit(works.lose_device_once, str(tmp_path)).result(PATIENCE)
    assert first != second
    pool.close()


def test_a_work_that_gives_no_sign_of_life_is_killed_and_the_next_one_is_done() -> None:
    pool = ProcessPool(works.open_stub, 1, silent_seconds=4, tries=1)
    hanging, next_one = pool.submit(sleep, 60.0), pool.submit(sleep, 0.0)
    with pytest.raises(WorkQuarantined, match=r"gave no sign of life for 4 s and was killed"):
        hanging.result(PATIENCE)
    assert next_one.result(PATIENCE) > 0
    pool.close()


def test_a_signal_to_the_whole_group_ends_no_process_but_its_pool_does() -> None:
    pool = ProcessPool(works.open_stub, 1)
    process = pool.submit(interrupt_group, None).result(PATIENCE)
    assert pool.submit(works.report_process_id, None).result(PATIENCE) == process
    pool.close()
    assert not psutil.pid_exists(process)


def test_an_answer_or_an_error_that_cannot_travel_is_its_works_own_error() -> None:
    pool = ProcessPool(works.open_stub, 1)
    with pytest.raises(Exception, match="pickle"):
        pool.submit(works.return_unpicklable, None).result(PATIENCE)
    with pytest.raises(ValueError, match="no number"):
        pool.submit(works.return_unreadable, None).result(PATIENCE)
    with pytest.raises(RuntimeError, match="odd error"):
        pool.submit(works.raise_unreadable_error, None).result(PATIENCE)
    pool.close()


def test_a_killed_driver_leaves_no_process(tmp_path: Path) -> None:
    script = (
        "from infra.pools.process_pool import ProcessPool\n"
        "from tests.fixtures import pool_work as works\n"
        "pool = ProcessPool(works.open_stub, 1)\n"
        "print(pool.submit(works.report_process_id, None).result(60), flush=True)\n"
        f"pool.submit(works.generate_until_killed, {str(tmp_path)!r}).result(60)\n"
    )
    driver = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    process = int(driver.stdout.readline())
    eventually(lambda: any(tmp_path.iterdir()))
    driver.kill()
    driver.wait()
    eventually(lambda: not psutil.pid_exists(process))


def test_a_pool_needs_a_process_and_an_opener_that_travels() -> None:
    with pytest.raises(ValueError, match="at least one process"):
        ProcessPool(works.open_stub, 0)
    with pytest.raises(Exception, match="pickle"):
        ProcessPool(lambda: works.open_stub(), 1)


def test_work_that_was_given_up_by_closing_says_so() -> None:
    pool = ProcessPool(works.open_stub, 1)
    future = pool.submit(sleep, 60.0)
    eventually(future.running)
    pool.close()
    with pytest.raises(EngineError, match="was closed before this work was done"):
        future.result(PATIENCE)
