"""Open resources of a run: what holds where a caller names no rules of its own."""

from pathlib import Path

from catalogs.policy.schema import built_in_policy
from infra.screening.inline import InlineScreener
from infra.screening.measure import BUILTIN_SCANNER_VERSIONS
from tasks.runs.resources import ScreeningContext
from tests.fixtures.store_scenarios import StoreScenario


def test_a_screening_context_runs_the_built_in_scanners_and_shares_no_default_with_another(tmp_path: Path) -> None:
    store = StoreScenario(tmp_path).store
    one, other = (ScreeningContext(store, InlineScreener(store), built_in_policy(), {}, 60.0) for _ in range(2))
    assert one.scanners == BUILTIN_SCANNER_VERSIONS
    assert one.scanners is not other.scanners
    assert one.channels is not other.channels
