"""A dry run estimates what a night would make and cost, and touches nothing."""

import importlib.util
import io
from pathlib import Path

import pytest
from rich.console import Console

from catalogs.runs.report_schema import RunReport
from flows.cli.views.reports import show_plan
from flows.run.dry_run import plan_refresh
from infra.settings import Settings
from tests.fixtures.minimal_recipes import STUB_RECIPE, write_torch_recipe
from tests.fixtures.photo_files import whole_photos
from tests.fixtures.refresh_harness import SETTINGS, RefreshHarness
from tests.fixtures.run_shortcuts import warnings_of_the_run


@pytest.fixture
def harness(tmp_path: Path) -> RefreshHarness:
    return RefreshHarness(
        tmp_path, [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(6)], STUB_RECIPE
    )


def test_a_plan_and_the_night_after_it_agree(harness: RefreshHarness) -> None:
    harness.rows.append({"sku": "twin", "title": "Thing No. 1"})
    plan = plan_refresh(harness.parameters(), SETTINGS)
    night = harness.refresh().report
    assert {name: plan["slots"][name] for name in ("new", "changed", "unchanged", "retired")} == {
        name: night["slots"][name] for name in ("new", "changed", "unchanged", "retired")
    }
    assert (plan["images"]["planned"], plan["images"]["shared"]) == (6, 1)
    assert (night["images"]["generated"], night["images"]["shared"]) == (6, 1)
    again = plan_refresh(harness.parameters(), SETTINGS)
    assert (again["slots"]["unchanged"], again["images"]["planned"], again["estimate"]["cost"]) == (7, 0, 0.0)


def test_the_stubs_seconds_are_the_options_else_the_settings(harness: RefreshHarness) -> None:
    slow = SETTINGS.model_copy(update={"stub_seconds": 2.0})
    assert plan_refresh(harness.parameters(), slow)["estimate"]["gpu_seconds"] == 12.0
    assert plan_refresh(harness.parameters(stub_seconds=0.5), slow)["estimate"]["gpu_seconds"] == 3.0


def test_a_real_model_is_estimated_by_megapixels_and_the_gpus_price(harness: RefreshHarness) -> None:
    asked = harness.parameters(recipe=write_torch_recipe(harness))
    estimates = {name: plan_refresh(asked, Settings(gpu=name))["estimate"] for name in ("a100", "h100")}
    # Six pictures of 1024 x 1024: 6.29 megapixels at 2 s and at 0.75 s each.
    assert estimates["a100"]["gpu_seconds"] == pytest.approx(6 * 1.048576 * 2.0)
    assert estimates["h100"]["gpu_seconds"] == pytest.approx(6 * 1.048576 * 0.75)
    assert estimates["a100"]["cost"] == pytest.approx(6 * 1.048576 * 2.0 * 2.0 / 3600)


def test_only_a_model_that_a_night_would_refuse_is_warned_of(harness: RefreshHarness) -> None:
    asked = harness.parameters(recipe=write_torch_recipe(harness))
    [warning] = warnings_of_the_run(plan_refresh(asked, SETTINGS))
    assert warning.startswith("A refresh will be refused. The model 'turbo'")
    pinned = asked.model_copy(update={"model": f"owner/name@{'a' * 40}"})
    assert warnings_of_the_run(plan_refresh(pinned, SETTINGS)) == []


def test_a_scanner_that_the_policy_names_and_that_is_not_here_is_warned_of(
    harness: RefreshHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = harness.folder / "policy.yaml"
    policy.write_text("extends: default\nrequired: [words, pixels, fingerprint, nudity]\noptional: [text]\n")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    required, optional = plan_refresh(harness.parameters(policy=str(policy)), SETTINGS)["warnings"]
    assert required.startswith("The policy requires the scanner 'nudity': without it every image goes to review.")
    assert "pip install 'packshot[nudity]'" in required
    assert optional.startswith("The policy names the optional scanner 'text'; images are judged without it.")


def test_photos_that_a_dry_run_has_not_read_are_said_to_be_that_and_the_sums_hold(harness: RefreshHarness) -> None:
    (harness.folder / "photos").mkdir()
    for name in ("a", "b"):
        (harness.folder / "photos" / f"{name}.png").write_bytes(whole_photos()["PNG"])
    photos = {"thing-0": "photos/a.png", "thing-1": "photos/b.png", "thing-2": "photos/gone.png"}
    for row in harness.rows:
        row["reference_image"] = photos.get(row["sku"], "")
    plan = plan_refresh(harness.parameters(), SETTINGS)
    slots = {name: count for name, count in plan["slots"].items() if count}
    assert slots == {"new": 6, "photos_not_read": 2, "blocked": 1}
    assert slots["new"] == plan["images"]["planned"] + slots["photos_not_read"] + slots["blocked"]
    assert plan["reasons"] == {"photo.missing": 1}
    assert "2 photos are not read yet: a dry run fetches none, and a refresh does" in plan["warnings"]
    file = io.StringIO()
    show_plan(Console(file=file, width=100), RunReport.from_json(plan))
    said = " ".join(file.getvalue().split())
    assert "photo not read 2" in said
    assert "prompt blocked 1" in said


def test_nothing_is_touched(harness: RefreshHarness) -> None:
    asked = harness.parameters()
    before = sorted(harness.folder.rglob("*"))
    plan_refresh(asked, SETTINGS)
    assert sorted(harness.folder.rglob("*")) == before
    harness.refresh()
    harness.rows[0]["title"] = "Another Thing"
    asked = harness.parameters()
    files = {path: path.stat().st_mtime_ns for path in (harness.folder / "store").rglob("*")}
    assert plan_refresh(asked, SETTINGS)["slots"]["changed"] == 1
    assert {path: path.stat().st_mtime_ns for path in (harness.folder / "store").rglob("*")} == files
