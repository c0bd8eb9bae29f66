"""What a person has let go is not asked every night, until it becomes worse or was well in between."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.answers.answer import Answer, AnswerKind
from infra.stores.json_objects import write_json
from tasks.answers.answer_log import write_answer
from tasks.runs.standing_acceptances import find_standing
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario

NAME = "rejected-share"
WHEN = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    return StoreScenario(tmp_path)


def night(scenario: StoreScenario, run_id: str, observed: float | None, *, accepted: bool = False) -> None:
    """Commit a release whose audit observed a share; None: it was not audited."""
    scenario.release(run_id, {"shirt/front": run_id})
    checks = [] if observed is None else [{"name": NAME, "success": observed <= 0.1, "observed": observed}]
    write_json(scenario.store, layout.RunFiles(run_id).report, {"checks": checks})
    if accepted:
        details = {"run_id": run_id, "checks": [NAME]}
        write_answer(scenario.store, CATALOGUE, Answer(AnswerKind.RELEASE, "ada", WHEN, details=details))


def standing(scenario: StoreScenario, observed: float) -> dict[str, str]:
    return find_standing(scenario.store, scenario.tables, CATALOGUE, {NAME: observed})


def test_nothing_stands_that_nobody_has_accepted(scenario: StoreScenario) -> None:
    assert standing(scenario, 0.2) == {}
    night(scenario, "r1", 0.2)  # published under an older version, say
    assert standing(scenario, 0.2) == {}
    assert find_standing(scenario.store, scenario.tables, CATALOGUE, {}) == {}


def test_an_accepted_share_stands_over_nights_that_kept_it(scenario: StoreScenario) -> None:
    night(scenario, "r1", 0.2, accepted=True)
    night(scenario, "r2", 0.21)
    night(scenario, "r3", None)
    scenario.release("swept", {"shirt/side": "word"})
    assert standing(scenario, 0.22) == {NAME: "r1"}
    assert standing(scenario, 0.221) == {}, "a tenth of what a person saw, and not of what came after it"
    night(scenario, "r4", 0.05)
    assert standing(scenario, 0.2) == {}, "it was well in between"
    night(scenario, "r5", 0.3, accepted=True)
    assert standing(scenario, 0.3) == {NAME: "r5"}


def test_a_damaged_report_lets_nothing_go(scenario: StoreScenario) -> None:
    night(scenario, "r1", 0.2, accepted=True)
    scenario.store.write(layout.RunFiles("r1").report, b"{")
    assert standing(scenario, 0.2) == {}


@pytest.mark.parametrize(("commits", "found"), [(1, {}), (2, {NAME: "r1"})])
def test_only_the_newest_commits_are_looked_through(
    scenario: StoreScenario, commits: int, found: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.runs.standing_acceptances.MAX_COMMITS", commits)
    night(scenario, "r1", 0.2, accepted=True)
    night(scenario, "r2", 0.2)
    assert standing(scenario, 0.2) == found
