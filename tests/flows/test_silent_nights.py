"""No night is silent: rejected rows, prompts that wait and what engines say end in an exit code and in words.

A furniture shop's export as it comes, with centimetres in `width` and a first column without a name; catalogues of
which a share is broken; prompts at which an engine fails. Everything runs as a person types it, or as the flow does.
"""

import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from catalogs.policy.audit_suite import built_in_audit_suite
from infra.nano import MODEL_FOLDER
from infra.stores import open_store
from infra.tables import open_tables
from tasks.reporting.sku_story import tell_story
from tests.fixtures.minimal_recipes import MINIMAL_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness

pytestmark = pytest.mark.usefixtures("inline_screening", "audit_of_totals")

RECIPE: dict[str, Any] = {
    **MINIMAL_RECIPE,
    "columns": {"sku": "sku", "title": "title", "width": "width", "negative_prompt": "negative"},
    "optional": ["width", "negative_prompt"],
    "required": ["sku", "title", "width"],
}
"""A recipe that cannot do without a width in pixels, so that its column of centimetres rejects the row."""

COLUMNS = ("", "sku", "title", "width", "negative")


def furniture(count: int, broken: int) -> list[dict[str, str]]:
    """Return rows of which the first ones have a width in centimetres."""
    return [
        dict(zip(COLUMNS, (str(number), f"SEAT-{number:04d}", f"Chair No. {number}", width, ""), strict=True))
        for number in range(count)
        for width in (f"{51 + number % 13}.0" if number < broken else "256",)
    ]


@pytest.fixture
def shop(tmp_path: Path) -> RefreshHarness:
    return RefreshHarness(tmp_path, furniture(6, broken=0), RECIPE)


@pytest.fixture(scope="module")
def audit_of_totals() -> Iterator[None]:
    """Audit by the checks of the totals alone: those of each slot are tested elsewhere, and take seconds."""
    suite = built_in_audit_suite().model_copy(update={"slots": (), "published": (), "reasons": ()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.pipeline.audit.built_in_audit_suite", lambda _: suite)
        yield


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def packshot(prefect_api: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command as a person types it; return its exit code and what it printed."""
    monkeypatch.setattr("flows.cli.__main__.end_process", sys.exit)  # this process goes on
    monkeypatch.setenv("COLUMNS", "200")
    [script] = entry_points(group="console_scripts", name="packshot")
    main = script.load()

    def run(harness: RefreshHarness, command: str, *more: str) -> tuple[int, str]:
        parameters = harness.parameters()
        words = (parameters.source, "--store", parameters.store, "--recipe", parameters.recipe, "--catalogue", "shop")
        monkeypatch.setattr(sys, "argv", ["packshot", command, *map(str, words), *more])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().out

    return run


def test_a_night_in_which_every_row_is_rejected_ends_with_2_and_says_why(shop: RefreshHarness, packshot: Run) -> None:
    assert packshot(shop, "refresh")[0] == 0
    shop.rows = furniture(6, broken=6)
    code, planned = packshot(shop, "plan")
    assert code == 2
    assert "A refresh will be held by rows-accepted: no row was accepted: all 6 rows that were read were" in planned
    code, document = packshot(shop, "refresh", "--json")
    report = json.loads(document)
    assert (code, report["held"], report["rows"]["rejected"]) == (2, ["rows-accepted"], 6)
    [check] = [check for check in report["checks"] if not check["success"]]
    assert check["reason"] == "no row was accepted: all 6 rows that were read were rejected"
    assert any(warning.startswith("Rejected rows: 6 for width (row 1: ") for warning in report["warnings"])
    assert len(shop.manifest()) == 6, "the shop keeps what it has"
    page = (shop.folder / "store" / "runs" / report["run_id"] / "report.html").read_text("utf-8")
    assert "no row was accepted: all 6 rows that were read were rejected" in page
    code, shown = packshot(shop, "refresh")
    assert code == 2
    assert "rows-accepted: no row was accepted: all 6 rows" in shown
    shop.rows = furniture(6, broken=0)
    code, shown = packshot(shop, "refresh")
    assert code == 0
    assert "Nothing to publish: release" in shown
    assert "Nothing is new or changed: 6 unchanged." in " ".join(shown.split())


def chairs(count: int, broken: int) -> list[dict[str, str]]:
    """Return rows that share one image."""
    return [{**row, "title": "Chair"} for row in furniture(count, broken)]


def test_a_share_of_rejected_rows_holds_a_batch_until_a_person_lets_it_go(shop: RefreshHarness) -> None:
    shop.rows = chairs(240, broken=25)
    night = shop.refresh()
    assert night.report["held"] == ["rejected-share"]
    assert (night.report["slots"]["published"], shop.manifest()) == (215, {})
    again = shop.refresh()
    assert again.report["held"] == ["rejected-share"], "the same again is no answer"
    night = shop.release(again.report["run_id"], ["rejected-share"])
    assert (len(shop.manifest()), night.report["rows"]["rejected"]) == (215, 25)
    shop.rows = chairs(240, broken=26)
    night = shop.refresh()
    assert night.report["held"] == [], "a person has let go as much before"
    said = f"accepted for run {again.report['run_id']}, and no more than a tenth more since"
    assert any(said in warning for warning in night.report["warnings"])
    shop.rows = chairs(240, broken=28)
    assert shop.refresh().report["held"] == ["rejected-share"], "more than a tenth more is asked again"
    shop.rows = chairs(240, broken=24)
    assert shop.refresh().report["held"] == []


def test_a_partial_run_is_held_to_the_same(shop: RefreshHarness) -> None:
    shop.refresh()
    shop.rows = furniture(3, broken=3)
    night = shop.refresh(scope="partial")
    assert (night.report["held"], len(shop.manifest())) == (["rows-accepted"], 6)
    assert shop.refresh(scope="partial", source=shop.parameters().source).report["held"] == ["rows-accepted"]
    shop.rows = furniture(6, broken=1)
    assert shop.refresh().report["held"] == []


def test_what_the_engine_says_reaches_report_outcomes_and_story(shop: RefreshHarness) -> None:
    for row, word in zip(shop.rows, ("[poison]", "[poison]", "", "", "", ""), strict=True):
        row["title"] += f" {word}"
    report = shop.refresh().report
    said = "engine-failed: PoisonedPrompt: The prompt contains the word [poison]."
    assert (report["reasons"], report["slots"]["failed"]) == ({"engine-failed": 2}, 2)
    assert f"2 × engine-failed, first of 'SEAT-0000': {said}" in report["warnings"]
    rows = open_tables(shop.url).read("outcomes/shop", ("sku", "state", "sentence")).to_pylist()
    assert [(row["state"], row["sentence"]) for row in rows] == [("failed", said)] * 2
    story = tell_story(open_store(shop.url), open_tables(shop.url), "shop", "SEAT-0001")
    assert [outcome["sentence"] for slot in story["slots"] for outcome in slot["outcomes"]] == [said]


def test_a_caption_that_is_too_long_is_one_reject_where_the_model_is_at_hand(shop: RefreshHarness) -> None:
    pytest.importorskip("transformers")
    recipe = {
        **RECIPE,
        "engine": "torch",
        "required": ["sku", "title"],
        "models": {"nano": {"family": "z-image", "precision": "fp32", "source": str(MODEL_FOLDER)}},
    }
    shop.edit_recipe(**recipe)
    shop.rows = furniture(3, broken=0)
    shop.rows[1]["title"] = "A red ceramic mug with small speckles " * 60
    from flows.run.dry_run import plan_refresh

    report = plan_refresh(shop.parameters(), shop.settings)
    [reject] = report["rejects"]
    assert (reject["row"], reject["sku"], reject["column"]) == (2, "SEAT-0001", "prompt")
    assert reject["reason"].startswith("the prompt cannot be made: A caption has ")
    assert reject["reason"].endswith(" tokens and the model reads 512: shorten the template or the prompt.")
    shop.edit_recipe(models={"far": {"family": "z-image", "source": "nobody/at-all", "revision": "0a" * 20}})
    report = plan_refresh(shop.parameters(), shop.settings)
    assert report["rejects"] == []
    assert any(
        warning.startswith("1 × a prompt may be longer than the model 'far' reads") for warning in report["warnings"]
    )


def test_a_negative_prompt_without_effect_is_named_and_its_edit_makes_nothing(shop: RefreshHarness) -> None:
    shop.rows[0]["negative"] = "text"
    first = shop.refresh().report
    assert first["images"]["generated"] == 6
    [warning] = [warning for warning in first["warnings"] if "negative" in warning]
    assert warning.startswith("1 × the negative prompt has no effect, since guidance is 0 (such as 'text' of 'SEAT-00")
    for row in shop.rows:
        row["negative"] = "people, logo"
    night = shop.refresh()
    assert (night.slot_counts(), night.image_counts()) == ({}, {"generated": 0, "reused": 0})
    assert len(night.refreshed) == 6
    assert shop.refresh().prompts_rendered == 0
