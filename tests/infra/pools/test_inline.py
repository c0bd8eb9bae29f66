"""Work beside one engine in this process, beyond what `test_contract.py` asks of every pool."""

import threading
from concurrent.futures import CancelledError

import pytest

from infra.engines.threaded import ThreadedEngine
from infra.errors import EngineError
from infra.interfaces import Engine, Prompt
from infra.pools.inline import InlinePool
from infra.testing.faulty_engine import FaultyBackend

PATIENCE = 20


def faulty_engine(painter: FaultyBackend | None = None) -> Engine:
    return ThreadedEngine(painter or FaultyBackend(), 2, 8)


def paint(engine: Engine, keys: list[str]) -> list[str]:
    return sorted(answer.key for answer in engine.generate(Prompt(key, key, 1, 4, 4) for key in keys))


def test_work_gets_its_shard_and_the_one_engine() -> None:
    engines: list[Engine] = []

    def opening() -> Engine:
        engines.append(faulty_engine())
        return engines[-1]

    pool = InlinePool(opening)
    assert engines == []
    assert pool.busy_seconds() == 0
    futures = [pool.submit(paint, [f"{shard}{number}" for number in range(3)]) for shard in "abcdef"]
    assert [future.result(PATIENCE) for future in futures] == [[f"{s}0", f"{s}1", f"{s}2"] for s in "abcdef"]
    assert len(engines) == 1
    assert pool.busy_seconds() == engines[0].busy_seconds() > 0
    pool.close()
    assert pool.busy_seconds() > 0


def test_two_works_run_at_a_time_and_no_more() -> None:
    running, most = [0], [0]
    lock, both, go = threading.Lock(), threading.Event(), threading.Event()

    def work(engine: Engine, shard: int) -> int:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
            if running[0] == 2:
                both.set()
        assert go.wait(PATIENCE)
        with lock:
            running[0] -= 1
        return shard

    pool = InlinePool(faulty_engine, jobs_per_engine=2)
    futures = [pool.submit(work, shard) for shard in range(6)]
    assert both.wait(PATIENCE)
    go.set()
    assert [future.result(PATIENCE) for future in futures] == list(range(6))
    assert most == [2]
    pool.close()


def test_an_engine_that_cannot_be_opened_is_tried_once_and_every_work_hears_why() -> None:
    tries: list[int] = []

    def opening() -> Engine:
        tries.append(1)
        return faulty_engine(FaultyBackend(load_succeeds=False))

    pool = InlinePool(opening)
    for future in [pool.submit(paint, ["a"]) for _ in range(4)]:
        with pytest.raises(EngineError, match="ordered not to load"):
            future.result(PATIENCE)
    assert tries == [1]
    pool.close()


def test_closing_cancels_what_waits_and_ends_what_runs() -> None:
    painter = FaultyBackend(wait_for_permits=True)
    pool = InlinePool(lambda: faulty_engine(painter), jobs_per_engine=2)
    futures = [pool.submit(paint, [f"{shard}{number}" for number in range(50)]) for shard in "abcd"]
    while not painter.calls[1:]:
        threading.Event().wait(0.001)
    closing = threading.Thread(target=pool.close, daemon=True)
    closing.start()
    painter.permit_batches(1)
    closing.join(PATIENCE)
    assert not closing.is_alive()
    for future in futures[:2]:
        with pytest.raises(EngineError, match="closed"):
            future.result(PATIENCE)
    for future in futures[2:]:
        with pytest.raises(CancelledError):
            future.result(PATIENCE)
    pool.close()
    with pytest.raises(EngineError, match="pool is closed"):
        pool.submit(paint, ["late"])
    assert painter.calls[-1][0] == "close"


def test_an_abandoned_pool_does_not_keep_the_interpreter_alive() -> None:
    import subprocess
    import sys

    program = (
        "from infra.engines import open_engine\n"
        "from infra.engines.spec import EngineSpec\n"
        "from infra.interfaces import Prompt\n"
        "from infra.pools.inline import InlinePool\n"
        "pool = InlinePool(lambda: open_engine(EngineSpec('stub', stub_seconds=0.2)))\n"
        "prompts = [Prompt(str(n), 'mug', n, 32, 32) for n in range(100000)]\n"
        "pool.submit(lambda engine, shard: next(engine.generate(shard)).key, prompts).result()\n"
        "[pool.submit(lambda engine, shard: list(engine.generate(shard)), prompts) for _ in range(4)]\n"
        "raise SystemExit(7)\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert finished.returncode == 7, finished.stderr.decode()
