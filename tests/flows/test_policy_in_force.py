"""A3: a batch is published under the policy that is in force at its commit, and under no other.

Another policy is applied while a run is under way: from an observer, when the run begins a stage.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalogs import layout
from catalogs.errors import OptionError, PolicyChanged
from catalogs.policy.schema import load_policy
from flows.parameters import read_policy
from flows.policy_changes import PolicyProposal, enforce_policy, list_policies, read_recorded_policy
from flows.refresh import run_refresh
from flows.run.dry_run import plan_refresh
from flows.run.executors import open_thread_executor
from flows.run.observers import NullObserver
from infra.stores.json_objects import read_json
from infra.tables import open_tables
from tasks.runs.policy_records import PolicyRecords
from tests.fixtures.minimal_recipes import MINIMAL_RECIPE
from tests.fixtures.refresh_harness import SETTINGS, RefreshHarness, Row

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")

NO_OXFORD = "extends: default@2\nversion: 9\nwords:\n  categories:\n    brands: {verdict: BLOCK, terms: [oxford]}\n"


class AtStage(NullObserver):
    """Does something, once, when a run begins a stage."""

    def __init__(self, stage: str, action: Callable[[], object]) -> None:
        self._stage, self._action = stage, action
        self.generated = 0

    def on_stage(self, name: str) -> None:
        """Do it."""
        if name == self._stage:
            self._stage = ""
            self._action()

    def on_images_planned(self, images: int) -> None:
        """Count."""
        self.generated += images


def row(sku: str, title: str) -> Row:
    return {"sku": sku, "title": title}


@pytest.fixture
def harness(tmp_path: Path) -> RefreshHarness:
    """Return a shop of 24 SKUs after its first night, under the built-in policy."""
    shop = RefreshHarness(tmp_path, [row(f"thing-{n:02d}", f"Thing No. {n}") for n in range(24)], MINIMAL_RECIPE)
    shop.refresh()
    (tmp_path / "strict.yaml").write_text(NO_OXFORD)
    return shop


def apply(harness: RefreshHarness, name: str = "strict.yaml", **more: Any) -> dict[str, Any]:
    file = str(harness.folder / name) if name.endswith(".yaml") else name
    proposal = PolicyProposal(read_policy(file), file, "ada", **more)
    return enforce_policy(harness.store, open_tables(harness.url), harness.catalogue, proposal, SETTINGS)


def refresh(harness: RefreshHarness, observer: NullObserver, **changes: Any) -> dict[str, Any]:
    with open_thread_executor() as executor:
        return run_refresh(harness.parameters(**changes), harness.settings, executor, observer)


def skus(harness: RefreshHarness) -> set[str]:
    return {sku for sku, *_ in harness.manifest()}


@pytest.mark.parametrize("stage", ["plan", "decide", "audit", "publish"])
def test_a_batch_that_was_decided_before_another_policy_is_decided_again_under_it(
    harness: RefreshHarness, stage: str
) -> None:
    harness.rows += [row("oxford", "Oxford Shirt"), row("plain", "Plain Shirt")]
    observer = AtStage(stage, lambda: apply(harness))
    report = refresh(harness, observer, scope="partial")
    assert skus(harness) & {"oxford", "plain"} == {"plain"}
    assert (report["slots"]["published"], report["slots"]["blocked"]) == (1, 1)
    assert report["images"]["generated"] == 0, "its images and scores are found by content"
    [warning] = [text for text in report["warnings"] if "Started again" in text]
    assert "policy 2" in warning
    [first] = [run for run in closed_runs(harness) if run["state"] == "superseded"]
    assert "policy 2" in first["reason"]
    assert harness.open_run_markers() == []
    night = harness.refresh()
    assert (night.report["slots"]["published"], "oxford" in skus(harness)) == (0, False)


def closed_runs(harness: RefreshHarness) -> list[dict[str, Any]]:
    keys = [info.key for info in harness.store.list(layout.RUNS) if info.key.endswith("/closed.json")]
    return [read_json(harness.store, key) for key in keys]


def test_what_a_partial_run_publishes_while_a_policy_is_evaluated_is_judged_by_its_commit(
    harness: RefreshHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.rows.append(row("oxford", "Oxford Shirt"))
    claim = PolicyRecords.claim

    def publish_first(records: PolicyRecords, record: Any) -> bool:
        monkeypatch.setattr(PolicyRecords, "claim", claim)
        harness.refresh(scope="partial")
        assert "oxford" in skus(harness)
        return claim(records, record)

    monkeypatch.setattr(PolicyRecords, "claim", publish_first)
    done = apply(harness)
    assert (done["trial"]["matrix"]["PASS"]["BLOCK"], done["withdrawn"]["pictures"]) == (0, 1)
    assert "oxford" not in skus(harness)
    assert harness.refresh().report["slots"]["published"] == 0


def test_a_refresh_takes_the_policy_in_force_and_no_other(harness: RefreshHarness) -> None:
    apply(harness, reason="the brand asked")
    harness.rows.append(row("oxford", "Oxford Shirt"))
    assert plan_refresh(harness.parameters(), SETTINGS)["reasons"] == {"words.brands": 1}
    assert harness.refresh().report["slots"]["blocked"] == 1
    assert harness.refresh(policy=str(harness.folder / "strict.yaml")).report["slots"]["waiting"] == 1
    for ask in (lambda: harness.refresh(policy="default"), lambda: plan_refresh(named_default(harness), SETTINGS)):
        with pytest.raises(
            OptionError, match=r"'default' .* is not in force in 'shop': policy 2 .*policy apply default"
        ):
            ask()
    lines = list_policies(harness.store, open_tables(harness.url), "shop")
    assert [(line["number"], line["who"] == "ada", line["why"], line["in_force"]) for line in lines] == [
        (2, True, "the brand asked", True),
        (1, lines[1]["who"] == "ada", "first run", False),
    ]
    assert lines[1]["file"] == "default@2"
    strict = load_policy(NO_OXFORD, "strict.yaml")
    assert read_recorded_policy(harness.store, open_tables(harness.url), "shop", None).policy == strict
    with pytest.raises(OptionError, match="There is no policy 3 in 'shop'; it has: 1 to 2"):
        read_recorded_policy(harness.store, open_tables(harness.url), "shop", 3)


def named_default(harness: RefreshHarness) -> Any:
    return harness.parameters(policy="default")


def test_a_held_batch_of_an_older_policy_is_decided_anew_by_the_next_refresh(harness: RefreshHarness) -> None:
    harness.rows = [*harness.rows[:-4], row("oxford", "Oxford Shirt")]
    held = harness.refresh().report
    assert held["held"] == ["retired-share"]
    apply(harness)
    with pytest.raises(PolicyChanged, match=r"policy 2 .*refresh again"):
        harness.release(held["run_id"], ["retired-share"])
    again = harness.refresh().report
    assert (again["held"], again["images"]["generated"], again["slots"]["blocked"]) == (["retired-share"], 0, 1)
    harness.release(again["run_id"], ["retired-share"])
    assert "oxford" not in skus(harness)


def test_a_newer_built_in_policy_is_announced_and_never_taken(harness: RefreshHarness) -> None:
    key = layout.policy_record("shop", 1)
    record = read_json(harness.store, key)
    record["policy"]["version"] = 1_000  # as if another version of Packshot had shipped it
    harness.store.delete([key])
    harness.store.write(key, json.dumps(record).encode())
    report = harness.refresh().report
    [warning] = [text for text in report["warnings"] if "built-in policy" in text]
    assert "packshot policy apply" in warning
    assert PolicyRecords(harness.store, "shop").latest_number() == 1
    assert report["slots"]["unchanged"] == 24
