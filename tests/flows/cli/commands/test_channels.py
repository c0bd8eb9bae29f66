"""`packshot channels`: the rules that pictures are judged by, for people and for scripts."""

from pathlib import Path

import pytest

from catalogs.policy.channels import built_in_channels
from tests.fixtures.command_line import RunCli
from tests.fixtures.minimal_recipes import MINIMAL_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")


def test_every_rule_is_shown_with_threshold_source_and_date(run_cli: RunCli) -> None:
    said = run_cli("channels", "google-merchant")
    assert (said.exit_code, said.stderr) == (0, "")
    words = " ".join(said.stdout.split())
    assert "google-merchant Google Merchant Center, image link" in words
    for shown in ("picture.short_side", "≥ 500", "≤ 16,000,000", "too-small", "2026-11-22", "no-mark", "advised: WebP"):
        assert shown in words


def test_a_channel_that_needs_a_person_says_why(run_cli: RunCli) -> None:
    words = " ".join(run_cli("channels", "amazon-main").stdout.split())
    assert "a person's approval: Amazon's main image must show the very product" in words


def test_all_of_them_are_told_to_scripts(run_cli: RunCli) -> None:
    document = run_cli("channels", "--json").document
    assert set(document["channels"]) == set(built_in_channels())
    rule = document["channels"]["zalando"]["rules"][0]
    assert (rule["score"], rule["at_least"], rule["reason"]) == ("picture.width", 762, "too-small")


def test_an_unknown_channel_is_told_which_there_are(run_cli: RunCli) -> None:
    said = run_cli("channels", "etsy")
    assert said.exit_code == 2
    assert "There is no channel 'etsy'; choose from amazon-main" in said.stderr


def test_a_person_says_which_pictures_may_be_used(run_cli: RunCli, tmp_path: Path) -> None:
    shop = RefreshHarness(
        tmp_path, [{"sku": "thing", "title": "Thing"}], MINIMAL_RECIPE | {"channels": ["amazon-main"]}
    )
    shop.refresh()
    words = ("approve", "thing", "--channel", "amazon-main", "--store", shop.url)
    done = run_cli(*words, "--reason", "held beside it", "--json")
    assert (done.exit_code, done.document["release"]) == (0, {"version": 2, "previous": 1})
    [picture] = done.document["pictures"]
    assert (picture["sku"], picture["usable"]) == ("thing", False)
    assert "amazon-main:needs-a-person" not in picture["reasons"]
    shown = " ".join(run_cli(*words, "--reason", "held beside it").stdout.split())
    assert "thing front a 0 not usable" in shown
    assert "Release 2 said so already." in shown
    refused = run_cli("approve", "gone", "--channel", "amazon-main", "--store", shop.url, "--reason", "x")
    assert (refused.exit_code, "The SKU 'gone' has no live image" in refused.stderr) == (2, True)
    back = run_cli(*words, "--reason", "wrong one", "--take-back", "--json").document
    assert back["pictures"][0]["reasons"][:1] == ["amazon-main:needs-a-person"]
