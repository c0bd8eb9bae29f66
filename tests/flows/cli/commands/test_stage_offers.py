"""`packshot stage add` and `make`: each file and each scene is judged for itself, and none stops the others."""

from os import mkfifo
from pathlib import Path

import pytest

from infra.stores import open_store
from tasks.stages.stage_libraries import read_library
from tests.fixtures.command_line import RunCli
from tests.fixtures.stage_scenes import empty_scene, occupied_scene, scene_file


@pytest.fixture
def files(tmp_path: Path) -> Path:
    pictures = {"Oak Table.png": empty_scene(), "ball.png": occupied_scene(), "small.png": empty_scene()[:500, :500]}
    for name, pixels in pictures.items():
        (tmp_path / name).write_bytes(scene_file(pixels))
    (tmp_path / "notes.txt").write_text("no picture")
    mkfifo(tmp_path / "pipe.png")
    return tmp_path


def test_each_file_is_judged_and_those_that_pass_are_added(run_cli: RunCli, files: Path) -> None:
    store = f"file://{files}/store"
    names = ("Oak Table.png", "ball.png", "small.png", "notes.txt", "absent.png", "pipe.png", "Oak Table.png")
    said = run_cli(
        "stage", "add", *(files / name for name in names), "--library", "shop", "--create", "--store", store,
        "--category", "mugs", "--category", "bowls", "--light", "right", "--foot", 0.8, "--by", "ann", "--json",
    )  # fmt: skip
    assert said.exit_code == 1, "not all were taken"
    found = [(scene["name"], scene["added"], scene["reasons"]) for scene in said.document["scenes"]]
    assert found == [
        ("oak-table", True, []),
        ("ball", False, ["stage.zone-occupied"]),
        ("small", False, ["stage.too-small"]),
        ("notes", False, ["photo.wrong-format"]),
        ("absent", False, ["photo.missing"]),
        ("pipe", False, ["photo.missing"]),
        ("oak-table", False, ["stage.known"]),
    ]
    (stage,) = read_library(open_store(store), "shop").stages
    assert (stage.categories, stage.light, stage.foot, stage.origin) == (("mugs", "bowls"), "right", 0.8, "photo")
    assert (stage.added_by, stage.source) == ("ann", {"file": "Oak Table.png"})


def test_a_picture_of_a_model_is_said_to_be_one(run_cli: RunCli, files: Path) -> None:
    words = ("--library", "shop", "--create", "--store", f"file://{files}/store", "--name", "first", "--made")
    said = run_cli("stage", "add", files / "Oak Table.png", *words)
    assert said.exit_code == 0
    assert "1 added to 'shop' as proposals, 0 not taken." in said.stdout
    (stage,) = read_library(open_store(f"file://{files}/store"), "shop").stages
    assert (stage.name, stage.origin) == ("first", "made")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--library", "A"), "--library: 'A' must be"),
        (("--library", "shop", "--name", "Oak"), "--name: "),
        (("--library", "shop", "--light", "front"), "--light: 'front' is none of left, right"),
        (("--library", "shop", "--fill", "2"), "--fill: "),
        (("--library", "shop", "--foot", "0.5"), "fill 0.6 does not fit above foot 0.5"),
        (("--library", "shop", "--policy", "none"), "--policy"),
    ],
)
def test_a_wrong_option_is_named_before_anything_is_made(
    run_cli: RunCli, files: Path, words: tuple[str, ...], sentence: str
) -> None:
    said = run_cli("stage", "add", files / "Oak Table.png", *words, "--create", "--store", files / "store")
    assert said.exit_code == 2
    assert sentence in said.stderr
    assert not (files / "store").exists()


def test_several_files_have_no_common_name_and_a_mistyped_store_is_not_made(run_cli: RunCli, files: Path) -> None:
    both = (files / "Oak Table.png", files / "ball.png")
    said = run_cli("stage", "add", *both, "--name", "x", "--library", "shop", "--store", files / "none")
    assert (said.exit_code, "--name: 2 files" in said.stderr) == (2, True)
    said = run_cli("stage", "add", *both, "--library", "shop", "--store", files / "none")
    assert (said.exit_code, "--store: there is no store" in said.stderr) == (2, True)
    assert "or make a store there: --create" in said.stderr
    assert not (files / "none").exists()


def test_scenes_are_made_by_the_recipes_engine_and_judged(run_cli: RunCli, files: Path) -> None:
    """The stub draws product cards, which are no empty scenes."""
    store = f"file://{files}/store"
    said = run_cli(
        "stage", "make", "--library", "shop", "--recipe", "default@1", "--engine", "stub", "--prompt", "An oak table",
        "-n", 2, "--seed", 7, "--create", "--store", store, "--json",
    )  # fmt: skip
    assert said.exit_code == 1
    scenes = said.document["scenes"]
    assert [(scene["name"], scene["decision"]) for scene in scenes] == [
        ("an-oak-table-7", "BLOCK"),
        ("an-oak-table-8", "BLOCK"),
    ]
    assert "stage.zone-occupied" in scenes[0]["reasons"]
    assert read_library(open_store(store), "shop").stages == ()
