"""The rehearsal's store gets its two backdrops once, approved by what is no person."""

from importlib import resources
from pathlib import Path

import pytest

from catalogs.policy.schema import built_in_policy
from catalogs.stages.stage import StageState
from flows.rehearsal_stages import LIBRARY, add_rehearsal_stages
from flows.wiring.open_store import open_for_writing
from infra.settings import Settings
from infra.stores import open_store
from tasks.stages.stage_changes import SceneTerms, StageOffers, answer_stages
from tasks.stages.stage_gate import StageGate
from tasks.stages.stage_libraries import read_library
from tasks.stages.stage_pictures import decode_stage_picture


@pytest.fixture
def folder() -> Path:
    return Path(str(resources.files("catalogs") / "data" / "stages"))


def test_both_are_approved_and_a_store_that_has_them_is_left_as_it_is(tmp_path: Path, folder: Path) -> None:
    url = str(tmp_path / "store")
    numbers = []
    for _ in range(2):
        add_rehearsal_stages(url, folder, built_in_policy(), Settings())
        library = read_library(open_store(url), LIBRARY)
        numbers.append(library.number)
        assert [(stage.name, stage.state, stage.origin, stage.answered_by) for stage in library.stages] == [
            ("boards", StageState.APPROVED, "photo", "rehearsal"),
            ("wall", StageState.APPROVED, "photo", "rehearsal"),
        ]
    assert numbers[0] == numbers[1]


def test_what_was_added_before_a_kill_is_approved_and_what_was_retired_stays_so(tmp_path: Path, folder: Path) -> None:
    url = str(tmp_path / "store")
    store, _ = open_for_writing(url, Settings(), create=True)
    offers = StageOffers(store, LIBRARY, StageGate(built_in_policy()), SceneTerms("photo", LIBRARY))
    offers.offer("boards", decode_stage_picture((folder / "boards.jpg").read_bytes()), {})
    add_rehearsal_stages(url, folder, built_in_policy(), Settings())
    assert [stage.state for stage in read_library(store, LIBRARY).stages] == [StageState.APPROVED] * 2
    answer_stages(store, LIBRARY, ["wall"], StageState.RETIRED, "ann")
    add_rehearsal_stages(url, folder, built_in_policy(), Settings())
    assert read_library(store, LIBRARY).find("wall").state is StageState.RETIRED
