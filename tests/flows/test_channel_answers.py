"""An answer about a channel is given in a store that can keep two writers apart, and is refused in another."""

from pathlib import Path

import pytest

from catalogs.errors import OptionError
from flows.channel_answers import give_answer
from infra.settings import Settings
from tasks.amendments.approve import ApprovalAnswer
from tests.fixtures.store_scenarios import CATALOGUE, StoreScenario


def test_it_is_committed_after_the_probe_which_leaves_nothing_behind(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    waiting = {"channels": [], "channel_reasons": ["showroom:needs-a-person"]}
    shop.release("r1", {"a/front": "red"}, **waiting)
    answer = ApprovalAnswer("showroom", ["a"], "seen", "ada")
    result = give_answer(shop.store, shop.tables, CATALOGUE, answer, Settings())
    assert [row["channels"] for row in result.rows] == [["showroom"]]
    assert shop.keys("probe/") == set()
    with pytest.raises(OptionError, match="has no live image"):
        give_answer(shop.store, shop.tables, CATALOGUE, ApprovalAnswer("showroom", ["b"], "seen", "ada"), Settings())
