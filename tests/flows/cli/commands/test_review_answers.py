"""`packshot review list, accept, refuse, retry, undo`: a person's answers without a browser."""

from pathlib import Path

import pytest

from infra.stores import open_store
from tasks.answers.answer_log import read_answers
from tests.fixtures.command_line import RunCli
from tests.fixtures.minimal_recipes import MINIMAL_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")


def test_a_person_lists_answers_takes_back_and_sees_it_published(run_cli: RunCli, tmp_path: Path) -> None:
    rows = [{"sku": "bag", "title": "Bag [blurred]"}, {"sku": "candle", "title": "Naked Flame Candle"}]
    shop = RefreshHarness(tmp_path, rows, MINIMAL_RECIPE)
    shop.refresh()
    place = ("--store", shop.url)
    listed = run_cli("review", "list", *place, "--json").document["items"]
    assert [(each["kind"], each["slots"][0]["sku"], each["picture"]) for each in listed] == [("prompt", "candle", None)]
    assert listed[0]["reasons"] == ["words.nudity"]
    (blocked,) = run_cli("review", "list", *place, "--blocked", "--json").document["items"]
    assert blocked["picture"].startswith("file://")
    assert "1 wait." in run_cli("review", "list", *place, "--reason", "words.nudity").stdout
    assert "Nothing waits" in run_cli("review", "list", *place, "--since", "2999-01-01").stdout

    wrong = run_cli("review", "accept", "candel", "bag", *place)
    assert (wrong.exit_code, "did you mean 'candle'?" in wrong.stderr) == (2, True)
    unsaid = run_cli("review", "accept", "bag", *place)
    assert (unsaid.exit_code, "--override" in unsaid.stderr) == (2, True)
    assert read_answers(shop.store, "shop") == []

    wordless = run_cli("review", "refuse", "candle", *place, "--reason", "other")
    assert (wordless.exit_code, "--why: the reason 'other' says nothing" in wordless.stderr) == (2, True)
    assert listed[0]["asked_at"][10] == "T", "a time is written as in every other document"
    refused = run_cli("review", "refuse", "candle", *place, "--reason", "offensive", "--as", "bert")
    assert (refused.exit_code, "refused" in refused.stdout, "1 answered" in refused.stdout) == (0, True, True)
    said = run_cli(
        "review", "accept", "bag", *place, "--override", "--why", "soft on purpose", "--as", "anna", "--json"
    )
    (answer,) = said.document["answers"]
    assert (answer["who"], answer["why"], answer["target"]["state"]) == ("anna", "soft on purpose", "blocked")
    assert "Taken back: refused, candle" in run_cli("review", "undo", *place, "--as", "bert").stdout
    retried = run_cli("review", "retry", "candle", *place, "--prompt", "A candle", "--as", "bert", "--json").document
    assert retried["answers"][0]["prompt"] == "A candle"

    assert run_cli("review", "apply", *place, "--json").document["answers"]["accepted"] == 1
    assert ("bag", "front", 0) in shop.manifest()


def test_the_first_batch_of_a_shop_is_held_listed_answered_and_let_go(run_cli: RunCli, tmp_path: Path) -> None:
    rows = [{"sku": "bag", "title": "Bag"}, {"sku": "cup", "title": "Cup"}]
    shop = RefreshHarness(tmp_path, rows, MINIMAL_RECIPE)
    run_id = shop.refresh(ask=True).report["run_id"]
    place = ("--store", shop.url)
    for words in ((), ("--catalogue", "shop")):
        (held,) = run_cli("releases", shop.url, *words, "--json").document["held"]
        assert (held["run_id"], held["checks"][0]["name"]) == (run_id, "look-before-live")
    listed = run_cli("review", "list", *place, "--json").document["items"]
    assert [(each["kind"], each["slots"][0]["sku"]) for each in listed] == [("held", "bag"), ("held", "cup")]
    said = run_cli("review", "accept", "cup", *place)
    assert (said.exit_code, "counts when `packshot release` lets the batch go" in said.stdout) == (0, True), said.stderr
    let_go = ("--accept", "look-before-live", "--reason", "the good one", "--accepted-only")
    assert run_cli("release", run_id, *place, *let_go).exit_code == 0
    assert list(shop.manifest()) == [("cup", "front", 0)]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("list", "--store", "{}/none"), "none holds no catalogue: nothing was published to it, and no run is open"),
        (("accept", "bag", "--store", "{}/none"), "holds no catalogue"),
        (("list", "--store", "{}/store", "--since", "2026-13-01"), "--since: '2026-13-01' is no day; give one as 2026"),
        (("list", "--store", "{}/file"), "/file' is a file. Give another"),
        (("accept", "bag", "--store", "{}/store", "--as", " "), "--as: ' ' is no name of a person"),
        (("export", "{}/x.csv", "--store", "{}/store", "--since", "2026-11"), "--since: it chooses among answers"),
    ],
)
def test_what_is_wrong_is_named(run_cli: RunCli, tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    store = open_store(f"file://{tmp_path}/store")
    store.write("open/home/r1.json", b"")
    (tmp_path / "file").write_bytes(b"")
    said = run_cli("review", *(word.format(tmp_path) for word in words))
    assert (said.exit_code, sentence in said.stderr) == (2, True), said.stderr
