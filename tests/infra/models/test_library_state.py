"""A17: two models of one process were loaded at once, and got each other's dtype; loads take turns now."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest

from infra.models.library_state import LibraryState, library_state

WAIT_SECONDS = 30
NEVER_SECONDS = 0.1


def test_loads_take_turns() -> None:
    state, inside, most = LibraryState(), [0], [0]
    gate = Barrier(8, timeout=WAIT_SECONDS)

    def load(_: int) -> None:
        gate.wait()
        with state.loading():
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            threading.Event().wait(0.005)
            inside[0] -= 1

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(load, range(8)))
    assert most[0] == 1, f"{most[0]} models were loaded at once"


def test_batches_run_side_by_side() -> None:
    state, both_inside = LibraryState(), Barrier(2, timeout=WAIT_SECONDS)

    def compute(_: int) -> None:
        with state.computing():
            both_inside.wait()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(compute, range(2)))


def test_a_load_waits_for_the_batch_that_runs_and_goes_before_the_next() -> None:
    state, order = LibraryState(), []
    loading, computed = Event(), Event()

    def load() -> None:
        with state.loading():
            order.append("load")
            loading.set()

    def compute() -> None:
        with state.computing():
            order.append("next batch")
            computed.set()

    with state.computing():
        loader = threading.Thread(target=load, daemon=True)
        loader.start()
        assert not loading.wait(NEVER_SECONDS), "a model was loaded while a batch was computed"
        next_batch = threading.Thread(target=compute, daemon=True)
        next_batch.start()
        assert not computed.wait(NEVER_SECONDS), "a load that waits would never begin under a busy engine"
    loader.join(WAIT_SECONDS)
    next_batch.join(WAIT_SECONDS)
    assert order == ["load", "next batch"]


def test_a_load_that_fails_lets_the_next_one_begin() -> None:
    state = LibraryState()
    with pytest.raises(ValueError, match="damaged"), state.loading():
        raise ValueError("damaged")
    with state.computing():
        pass
    with state.loading():
        pass


def test_two_models_whose_loads_overlap_each_get_their_own_dtype(tiny_model: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    from infra.models.loading import StoredPipeline

    gate = Barrier(2, timeout=WAIT_SECONDS)

    def load(dtype: Any) -> Any:
        gate.wait()
        return StoredPipeline(str(tiny_model)).load_pipeline(dtype)  # which checks the dtype of every weight

    with ThreadPoolExecutor(2) as threads:
        for _ in range(5):
            pipelines = list(threads.map(load, [torch.float32, torch.bfloat16]))
            assert [pipeline.text_encoder.dtype for pipeline in pipelines] == [torch.float32, torch.bfloat16]


def test_a_batch_never_computes_under_another_model_s_default_dtype(tiny_model: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    from infra.models.loading import StoredPipeline

    seen, loaded = set(), Event()

    def compute() -> None:
        while not loaded.is_set():
            with library_state.computing():
                seen.add(torch.get_default_dtype())

    computing = threading.Thread(target=compute, daemon=True)
    computing.start()
    try:
        for _ in range(3):
            StoredPipeline(str(tiny_model)).load_pipeline(torch.bfloat16)
    finally:
        loaded.set()
    computing.join(WAIT_SECONDS)
    assert seen == {torch.float32}
