"""`packshot stage`: pictures are added, shown and answered, and what is wrong is named."""

from pathlib import Path

import pytest

from catalogs import layout
from infra.stores import open_store
from tasks.stages.stage_libraries import read_library
from tests.fixtures.command_line import RunCli
from tests.fixtures.stage_scenes import empty_scene, scene_file
from tests.fixtures.store_scenarios import StoreScenario


@pytest.fixture
def store(tmp_path: Path, run_cli: RunCli) -> str:
    """Return a store with the library `shop`: two proposed stages, oak and ash."""
    (tmp_path / "oak.png").write_bytes(scene_file(empty_scene()))
    (tmp_path / "ash.png").write_bytes(scene_file(empty_scene(200)))
    files = (tmp_path / "oak.png", tmp_path / "ash.png")
    place = f"file://{tmp_path}/store"
    assert run_cli("stage", "add", *files, "--library", "shop", "--create", "--store", place).exit_code == 0
    return place


def states(store: str) -> dict[str, str]:
    return {stage.name: str(stage.state) for stage in read_library(open_store(store), "shop").stages}


def test_a_person_approves_refuses_and_retires(run_cli: RunCli, store: str) -> None:
    words = ("--library", "shop", "--store", store)
    said = run_cli("stage", "approve", "oak", *words, "--by", "ann", "--json").document
    assert [(stage["name"], stage["state"], stage["answered_by"]) for stage in said["stages"]] == [
        ("oak", "approved", "ann")
    ]
    assert "ash is refused." in run_cli("stage", "refuse", "ash", *words).stdout
    assert "oak is retired; 0 live images keep it." in run_cli("stage", "retire", "oak", *words).stdout
    assert states(store) == {"oak": "retired", "ash": "refused"}


def test_retiring_says_how_many_live_images_keep_the_stage(run_cli: RunCli, store: str, tmp_path: Path) -> None:
    shop = StoreScenario(str(tmp_path / "store"))
    sha = read_library(open_store(store), "shop").find("oak").sha256
    shop.release("r1", {"a/front": "red", "b/front": "green"}, mode="backdrop", kept=f'{{"photo":"x","stage":"{sha}"}}')
    words = ("--library", "shop", "--store", store)
    run_cli("stage", "approve", "oak", *words)
    assert run_cli("stage", "retire", "oak", *words, "--json").document["stages"][0]["live_images"] == 2


def test_stages_are_listed_for_a_person_for_a_program_and_on_a_sheet(
    run_cli: RunCli, store: str, tmp_path: Path
) -> None:
    sheet = tmp_path / "new" / "sheet.html"
    said = run_cli("stage", "list", "--store", store, "--sheet", sheet)
    assert said.exit_code == 0
    assert "1100 x 1024" in said.stdout
    assert str(sheet) in said.stdout
    assert sheet.read_text("utf-8").count("<image ") == 2
    (library,) = run_cli("stage", "list", "--store", store, "--library", "shop", "--json").document["libraries"]
    assert (library["library"], library["number"]) == ("shop", 2)
    assert [stage["state"] for stage in library["stages"]] == ["proposed", "proposed"]
    assert "There is no stage" in run_cli("stage", "list", "--library", "other", "--store", store).stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("approve", "elm", "--library", "shop"), "The library 'shop' has no stage 'elm'"),
        (("retire", "oak", "--library", "shop"), "The stage 'oak' is proposed"),
        (("approve", "oak", "--library", "Shop"), "--library: 'Shop' must be"),
        (("approve", "oak", "--library", "shop", "--by", " "), "--by: ' ' is no name of a person"),
        (("list", "--library", "../x"), "--library: '../x' must be"),
        (("list", "--sheet", "/proc/x/y.html"), "--sheet: '/proc/x/y.html' cannot be written"),
    ],
)
def test_what_is_wrong_is_named(run_cli: RunCli, store: str, words: tuple[str, ...], sentence: str) -> None:
    said = run_cli("stage", *words, "--store", store)
    assert said.exit_code == 2
    assert sentence in said.stderr
    assert states(store) == {"oak": "proposed", "ash": "proposed"}


def test_a_damaged_library_ends_with_its_key_and_no_answer(run_cli: RunCli, store: str) -> None:
    open_store(store).write(layout.stage_change("shop", 3), b"{")
    said = run_cli("stage", "approve", "oak", "--library", "shop", "--store", store)
    assert (said.exit_code, "stages/libraries/shop/00000003.json is damaged" in said.stderr) == (3, True), said.stderr
