"""What a commit compares its batch with is that of the version it builds on, and of no other."""

from dataclasses import replace
from pathlib import Path

import pytest

from catalogs import layout
from catalogs.keys import slot_id
from tasks.amendments.rollback import rollback
from tasks.gates.commit_context import CommitContext
from tests.fixtures.run_rows import decision_row, make_release_batch, write_policy
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario, finish_digest_of, request_key_of

SHIRT, MUG = slot_id("shirt", "front", "a", 0), slot_id("mug", "front", "a", 0)


@pytest.fixture
def scenario(tmp_path: Path) -> StoreScenario:
    """A store whose release 2 has a shirt, which a rollback then takes away."""
    scenario = StoreScenario(tmp_path)
    write_policy(scenario.store)
    scenario.release("r1", {"bag/front": "green"})
    scenario.release("r2", {"shirt/front": "red"})
    rollback(scenario.store, scenario.tables, CATALOGUE, drop_new=True)
    return scenario


def test_a_context_is_of_its_version(scenario: StoreScenario) -> None:
    batch = make_release_batch([decision_row("shirt/front", "red"), decision_row("mug/front", "blue")])
    current = scenario.tables.version(layout.manifest_table(CATALOGUE))
    assert current is not None
    before, after = (
        CommitContext.read(scenario.store, scenario.tables, batch, version) for version in (current - 1, current)
    )
    assert (set(before.live_rows), before.withdrawn) == ({SHIRT}, frozenset())
    assert (set(after.live_rows), after.withdrawn) == (set(), {(SHIRT, request_key_of("red"), finish_digest_of("red"))})
    assert after.compute_totals(batch).superseded == {SHIRT}
    assert before.compute_totals(batch).superseded == {SHIRT}, "it was planned against an empty slot"


def test_a_copy_of_what_came_since_the_plan_is_superseded_at_the_version_that_shows_it(scenario: StoreScenario) -> None:
    """A7: it was compared with nothing that came after its plan."""
    copy = decision_row("mug/front", "red", request_key=b"another request")
    batch = replace(make_release_batch([copy]), base_version=1)
    superseded = [
        CommitContext.read(scenario.store, scenario.tables, batch, version).compute_totals(batch).superseded
        for version in (1, 2, 3)
    ]
    assert superseded == [frozenset(), {MUG}, frozenset()], "release 2 shows the shirt in red, and release 3 does not"


def test_channels_are_read_only_where_rows_are_to_be_written(scenario: StoreScenario) -> None:
    batch = make_release_batch([decision_row("mug/front", "blue")])
    assert CommitContext.read(scenario.store, scenario.tables, batch, 1, channels=False).channels == {}
