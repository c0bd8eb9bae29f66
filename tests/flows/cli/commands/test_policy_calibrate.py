"""`packshot policy calibrate`: what it prints, what it writes, and what it leaves alone."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from catalogs.policy.schema import built_in_policy, load_policy
from infra.imaging.codecs import encode_png
from tests.fixtures.command_line import RunCli
from tests.fixtures.minimal_recipes import MINIMAL_RECIPE
from tests.fixtures.product_images import blurred, passing_images
from tests.fixtures.refresh_harness import RefreshHarness

SOFT = np.linspace(0.1, 1.1, 10)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty pictures that somebody accepted although some are a little soft."""
    place = tmp_path_factory.mktemp("accepted")
    for category, name in (("balls", "red ball"), ("lamps", "blue lamp"), ("[bold]odd", "pale ball")):
        (place / category).mkdir()
        for number, sigma in enumerate(SOFT):
            pixels = blurred(passing_images(128)[name], float(sigma))
            (place / category / f"{number}.png").write_bytes(encode_png(pixels))
    (place / "balls" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xd9")
    return place


def test_a_folder_can_loosen_a_threshold_and_the_file_says_so(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.yaml"
    said = run_cli("policy", "calibrate", "--from-folder", folder, "--quantile", 0.1, "--out", out, "--json")
    assert (said.exit_code, said.stderr) == (0, "")
    document = said.document
    assert (document["pictures"], document["quantile"], document["out"]) == (30, 0.1, str(out))
    (blur,) = [line for line in document["lines"] if line["score"] == "blur.foreground"]
    assert (blur["category"], blur["present"], blur["pictures"]) == (None, 7, 30)
    assert 4 < blur["proposed"] < 7
    assert 0.1 < blur["refused"] < 0.6
    assert document["too_few"] == {"[bold]odd": 10, "balls": 10, "lamps": 10}
    assert [left["name"] for left in document["left_out"]] == ["balls/broken.jpg"]
    proposed = load_policy(out.read_text("utf-8"), "mine.yaml")
    (rule,) = [rule for rule in proposed.image if rule.reason == "blurred"]
    assert (rule.review_below, rule.block_below, proposed.version) == (blur["proposed"], 4, 3)
    assert "30 images of the folder" in rule.source
    assert {"extends": "default@2"}.items() <= yaml.safe_load(out.read_text("utf-8")).items()
    again = run_cli("policy", "calibrate", "--from-folder", folder, "--quantile", 0.1, "--policy", out, "--json")
    assert again.document["refused"]["now"] == document["refused"]["then"]


def test_people_see_a_table_within_eighty_columns_and_no_markup_of_a_folders_name(
    run_cli: RunCli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = run_cli("policy", "calibrate", "--from-folder", folder, "--quantile", 0.1)
    assert said.exit_code == 0
    assert "blur.foreground" in said.stdout
    assert "Together they refuse" in said.stdout
    assert "[bold]odd (10)" in said.stdout
    assert "Left out: balls/broken.jpg" in said.stdout
    assert max(len(line) for line in said.stdout.splitlines() if not line.startswith("Note")) <= 80


def test_what_is_wrong_is_said_in_one_sentence_and_nothing_is_written(
    run_cli: RunCli, folder: Path, tmp_path: Path
) -> None:
    few = run_cli("policy", "calibrate", "--from-folder", folder, "--out", tmp_path / "mine.yaml")
    assert (few.exit_code, few.stdout) == (2, "")
    assert "needs 299 accepted images, and there are 30" in few.stderr
    (tmp_path / "there.yaml").write_text("mine")
    there = run_cli("policy", "calibrate", "--from-folder", folder, "--quantile", 0.1, "--out", tmp_path / "there.yaml")
    assert (there.exit_code, (tmp_path / "there.yaml").read_text()) == (2, "mine")
    assert "is there already" in there.stderr
    nowhere = run_cli("policy", "calibrate", "--from-folder", folder, "--quantile", 0.1, "--out", tmp_path / "no" / "x")
    assert (nowhere.exit_code, "cannot be written" in nowhere.stderr) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["there.yaml"]
    assert run_cli("policy", "calibrate").exit_code == 2


def test_what_is_published_is_calibrated_from_stored_scores(run_cli: RunCli, tmp_path: Path) -> None:
    shop = RefreshHarness(
        tmp_path, [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(6)], MINIMAL_RECIPE
    )
    shop.refresh()
    said = run_cli("policy", "calibrate", "--store", shop.url, "--quantile", 0.4, "--json")
    assert said.exit_code == 0, said.stderr
    assert said.document["pictures"] == len(shop.manifest())
    scores = {line["score"] for line in said.document["lines"]}
    assert {"blur.foreground", "fill.side", "background.cast"} <= scores
    assert scores <= {rule.score for rule in built_in_policy().image}
    assert said.document["refused"]["now"] == 0
    assert "can only suggest tighter ones" in said.document["notes"][0]
