"""Live images are counted by the stage that they stand on, over all catalogues, and no others."""

from pathlib import Path

from catalogs.photos.kept_request import kept_result_text
from tasks.reporting.stage_usage import count_live_images
from tests.fixtures.store_scenarios import StoreScenario

OAK, ASH, ELM = "aa" * 32, "bb" * 32, "cc" * 32


def kept(stage: str) -> str:
    return kept_result_text(
        mode="backdrop", photo="dd" * 32, choice="fit", cutter="c", cutter_version="1", scores={}, proof={}, stage=stage
    )


def test_only_what_is_live_counts(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    shop.release("r1", {"a/front": "red", "b/front": "green"}, mode="backdrop", kept=kept(OAK))
    shop.release("r2", {"c/front": "blue"}, mode="backdrop", kept=kept(ASH))
    shop.release("r3", {"d/front": "white"}, mode="white", kept=kept(""))
    shop.release("r4", {"e/front": "black"})
    shop.release("r5", {"b/front": None})
    other = StoreScenario(tmp_path, "hats")
    other.release("h1", {"hat/front": "red"}, mode="backdrop", kept=kept(OAK))
    assert count_live_images(shop.store, shop.tables, [OAK, ELM]) == {OAK: 2, ELM: 0}


def test_a_store_without_releases_has_none(tmp_path: Path) -> None:
    shop = StoreScenario(tmp_path)
    assert count_live_images(shop.store, shop.tables, [OAK]) == {OAK: 0}
