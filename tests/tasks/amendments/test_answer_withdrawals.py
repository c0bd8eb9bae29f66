"""Published images that people took back go in one commit, whatever dies; a night without new answers is quick."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.answers.answer import ImageTarget
from catalogs.keys import image_key
from catalogs.runs.commit_kinds import ANSWERS_KIND
from infra.testing.faulty_store import FaultInjector, FaultyStore, InjectedFault
from infra.testing.faulty_tables import FaultyTables
from tasks.amendments.answer_withdrawals import withdraw_taken_back
from tasks.amendments.manifest_change import ManifestChange, recover_all_changes
from tests.fixtures.answered_images import ACCEPT, REFUSE, RETRY, answer, image_in, prompt_in, readmission, undo
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario

Outcome = tuple[str, list[str], bool]


def shop(folder: Path) -> StoreScenario:
    scenario = StoreScenario(folder)
    scenario.release("r0", {"mug/front": "red", "cup/front": "red", "hat/front": "blue", "cap/front": "green"})
    return scenario


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return shop(tmp_path)


def target(scenario: StoreScenario, sku: str, **changes: Any) -> ImageTarget:
    (row,) = [row for row in live_rows(scenario) if row["sku"] == sku]
    key = bytes.fromhex(image_key(row["request_key"].hex(), row["attempt"]))
    return image_in(row | {"image_key": key}, sku=sku, **{"state": "publish"} | changes)


def live_rows(scenario: StoreScenario) -> list[dict[str, Any]]:
    return list(scenario.tables.read(layout.manifest_table(CATALOGUE)).to_pylist())


def live(scenario: StoreScenario) -> list[str]:
    return sorted(row["sku"] for row in live_rows(scenario))


def outcomes(scenario: StoreScenario) -> dict[str, Outcome]:
    rows = scenario.tables.read(layout.outcomes_table(CATALOGUE)).to_pylist()
    return {row["sku"]: (row["state"], row["reasons"], row["answer"] is not None) for row in rows}


def withdraw(scenario: StoreScenario) -> ManifestChange | None:
    return withdraw_taken_back(scenario.store, scenario.tables, CATALOGUE, 30)


def test_a_refused_image_goes_from_every_slot_in_one_commit_and_stays_bound(scenario: StoreScenario) -> None:
    refused = target(scenario, "mug")
    answer(scenario.store, refused, REFUSE, reason="colour")
    change = withdraw(scenario)
    assert change is not None
    assert (change.kind, change.dropped, change.withdrawn, change.version - change.previous) == (ANSWERS_KIND, 2, 2, 1)
    assert live(scenario) == ["cap", "hat"]
    assert outcomes(scenario) == dict.fromkeys(("mug", "cup"), ("blocked", ["person.colour"], True))
    pixels = set(scenario.tables.read(layout.outcomes_table(CATALOGUE))["pixel_sha"].to_pylist())
    assert pixels == {refused.pixel_sha}, "so that the refusal binds these pixels alone"
    assert withdraw(scenario) is None


def test_an_undone_acceptance_leaves_its_image_to_the_next_run_and_another_attempt_takes_nothing(
    scenario: StoreScenario,
) -> None:
    waited = target(scenario, "hat", state="review", reasons=("soft",))
    undo(scenario.store, answer(scenario.store, waited, ACCEPT))
    answer(scenario.store, target(scenario, "cap"), RETRY)
    assert withdraw(scenario) is not None
    assert live(scenario) == ["cap", "cup", "mug"]
    assert outcomes(scenario) == {"hat": ("review", ["soft"], False)}
    policies = scenario.tables.read(layout.outcomes_table(CATALOGUE))["policy_digest"].to_pylist()
    assert policies == [""], "no policy holds it"


def test_other_pixels_an_acceptance_and_a_readmitted_sku_stay(scenario: StoreScenario) -> None:
    answer(scenario.store, target(scenario, "hat", pixel_sha=b"other"), REFUSE, reason="colour")
    answer(scenario.store, target(scenario, "cap"), ACCEPT)
    answer(scenario.store, target(scenario, "mug"), REFUSE, reason="colour")
    readmission(scenario.store, "cup")
    withdraw(scenario)
    assert live(scenario) == ["cap", "cup", "hat"]


def test_a_prompt_that_a_person_took_back_takes_the_images_that_were_made_of_it(scenario: StoreScenario) -> None:
    row = next(row for row in live_rows(scenario) if row["sku"] == "hat")
    undo(scenario.store, answer(scenario.store, prompt_in(row), ACCEPT))
    assert withdraw(scenario) is not None
    assert (live(scenario), outcomes(scenario)) == (
        ["cap", "cup", "mug"],
        {"hat": ("review", ["person-undone"], False)},
    )


def test_what_a_commit_that_was_under_way_shows_goes_too_within_the_hour(scenario: StoreScenario) -> None:
    answer(scenario.store, target(scenario, "mug"), REFUSE, reason="colour")
    assert withdraw(scenario) is not None
    scenario.release("r1", {"jug/front": "red"})  # it was decided before anybody refused
    assert "jug" in live(scenario)
    assert withdraw(scenario) is not None
    assert live(scenario) == ["cap", "hat"]


class OperationNames(FaultInjector):
    """Keeps what was done."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def call(self, description: str, operation: Callable[[], Any]) -> Any:
        """Keep it, and do it."""
        self.names.append(description)
        return super().call(description, operation)


def counted(scenario: StoreScenario) -> int:
    return len(operations(scenario))


def operations(scenario: StoreScenario) -> list[str]:
    injector = OperationNames()
    store, tables = FaultyStore(scenario.store, injector), FaultyTables(scenario.tables, injector)
    withdraw_taken_back(store, tables, CATALOGUE, 30)
    return injector.names


def test_a_night_without_new_answers_scans_no_release(scenario: StoreScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    assert counted(scenario) <= 4, "the answers are read, and nothing else"
    answer(scenario.store, target(scenario, "mug"), REFUSE, reason="colour")
    first = counted(scenario)
    later = type(scenario.store).now(scenario.store).replace(year=2099)
    monkeypatch.setattr(type(scenario.store), "now", lambda _: later)
    counted(scenario)
    names = operations(scenario)
    idle = len(names)
    assert [name for name in names if name.startswith(("stream", "search", "read manifest"))] == []
    print(f"operations: {first} with a refusal, {idle} on a night without")  # noqa: T201 - a figure to be read
    assert idle <= 7
    assert idle < first / 2


@pytest.mark.slow
def test_a_kill_at_any_step_ends_in_the_same_release(tmp_path: Path) -> None:
    def prepared(name: str) -> StoreScenario:
        scenario = shop(tmp_path / name)
        answer(scenario.store, target(scenario, "mug"), REFUSE, reason="colour")
        return scenario

    undisturbed = prepared("undisturbed")
    steps = counted(undisturbed)
    expected = (live(undisturbed), outcomes(undisturbed))
    for step in range(1, steps + 1):
        scenario = prepared(f"step-{step}")
        injector = FaultInjector(step, "after" if step % 2 else "before")
        with pytest.raises(InjectedFault):
            withdraw_taken_back(
                FaultyStore(scenario.store, injector), FaultyTables(scenario.tables, injector), CATALOGUE, 30
            )
        recover_all_changes(scenario.store, scenario.tables, CATALOGUE, holds_lease=True)
        withdraw(scenario)
        assert (live(scenario), outcomes(scenario)) == expected, f"killed at operation {step}"
        kinds = [commit.metadata.get("kind") for commit in scenario.tables.history(layout.manifest_table(CATALOGUE))]
        assert kinds.count(ANSWERS_KIND) == 1
