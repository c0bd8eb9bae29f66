"""An engine that several workers need is built once; a failed or refused build is not repeated at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from catalogs import layout
from catalogs.models.engine_selection import EngineRequirements, GpuPlatform
from infra.coordination.leases import Lease, acquire
from infra.coordination.running_process import SystemProcess
from infra.errors import StoreError
from infra.interfaces import ObjectStore
from tasks.models import engine_builds
from tasks.models.engine_builds import find_or_build_engine, requirements_digest
from tasks.models.engine_repository import add_engine, record_verification
from tests.fixtures.engine_artifacts import H100, H200, PASSED_PARITY, REQUIREMENTS, TRUST

SECONDS = 30.0


def test_workers_that_need_the_same_engine_build_it_once(
    store: ObjectStore, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(engine_builds, "POLL_SECONDS", 0.02)
    together, builds = Barrier(3), []

    def work(number: int) -> int | None:
        def build() -> None:
            builds.append(number)
            record_verification(store, add_engine(store, "turbo", folder, f"gpu-{number}"), PASSED_PARITY, TRUST)

        together.wait()
        card = find_or_build_engine(store, "turbo", REQUIREMENTS, build, f"gpu-{number}", SECONDS, TRUST).artifact
        return card.version if card else None

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(work, range(3))) == [1, 1, 1]
    assert len(builds) == 1


def never() -> None:
    pytest.fail("it was built")


def test_a_waiting_worker_uses_the_engine_that_another_one_built(
    store: ObjectStore, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    lease = acquire(store, layout.engine_lease("turbo", requirements_digest(REQUIREMENTS)), "gpu-1", SECONDS)
    looked = []

    def other_finishes(seconds: float) -> None:
        looked.append(seconds)
        record_verification(store, add_engine(store, "turbo", folder, "gpu-1"), PASSED_PARITY, TRUST)
        lease.release()

    monkeypatch.setattr(SystemProcess, "sleep", lambda _, seconds: other_finishes(seconds))
    assert find_or_build_engine(store, "turbo", REQUIREMENTS, never, "gpu-2", SECONDS, TRUST).artifact is not None
    assert looked == [engine_builds.POLL_SECONDS]


def test_an_engine_that_was_built_before_the_lease_was_acquired_is_used(
    store: ObjectStore, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def acquired_late(*arguments: Any) -> Lease:
        record_verification(store, add_engine(store, "turbo", folder, "gpu-1"), PASSED_PARITY, TRUST)
        return acquire(*arguments)

    monkeypatch.setattr(engine_builds, "acquire", acquired_late)
    assert find_or_build_engine(store, "turbo", REQUIREMENTS, never, "gpu-2", SECONDS, TRUST).artifact is not None


def test_a_refused_engine_is_not_built_again_by_the_next_worker(store: ObjectStore, folder: Path):
    record_verification(
        store, add_engine(store, "turbo", folder, "gpu-1"), PASSED_PARITY.model_copy(update={"passed": False}), TRUST
    )
    choice = find_or_build_engine(store, "turbo", REQUIREMENTS, never, "gpu-2", SECONDS, TRUST)
    assert (choice.artifact, list(choice.incompatibilities)) == (None, [1])


def test_nothing_is_built_where_there_is_no_tensorrt(store: ObjectStore):
    need = EngineRequirements(REQUIREMENTS.weights_digest, "bf16", (), None)
    assert find_or_build_engine(store, "turbo", need, never, "gpu-1", SECONDS, TRUST).artifact is None


def test_a_build_that_fails_releases_its_lease(store: ObjectStore):
    def build() -> None:
        raise StoreError("The disk is full.")

    with pytest.raises(StoreError, match="full"):
        find_or_build_engine(store, "turbo", REQUIREMENTS, build, "gpu-1", SECONDS, TRUST)
    acquire(store, layout.engine_lease("turbo", requirements_digest(REQUIREMENTS)), "gpu-2", SECONDS)


def test_requirements_of_two_machines_have_leases_of_their_own():
    other = EngineRequirements(REQUIREMENTS.weights_digest, REQUIREMENTS.precision, REQUIREMENTS.sizes, H100)
    same = EngineRequirements(
        REQUIREMENTS.weights_digest, REQUIREMENTS.precision, REQUIREMENTS.sizes, GpuPlatform(*vars(H200).values())
    )
    assert requirements_digest(REQUIREMENTS) == requirements_digest(same) != requirements_digest(other)
