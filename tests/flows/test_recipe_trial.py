"""Recipe trial: old and new prompts, what is made again, and pictures of what differs; the store stays as it is."""

from pathlib import Path

import pytest

from flows.recipe_trial import try_recipe
from infra.imaging.codecs import decode
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.photo_files import whole_photos
from tests.fixtures.refresh_harness import SETTINGS, RefreshHarness

ROWS = [
    {"sku": "A", "title": "Tall Mug"},
    {"sku": "B", "title": "Toy Revolver"},
    {"sku": "C", "title": "Lamp"},
]


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> RefreshHarness:
    """Return a shop after its first night; no trial changes it."""
    shop = RefreshHarness(tmp_path_factory.mktemp("shop"), [dict(row) for row in ROWS], STUB_RECIPE)
    shop.refresh()
    return shop


def new_recipe(harness: RefreshHarness, template: str) -> str:
    file = harness.folder / "new.yaml"
    text = Path(harness.parameters().recipe).read_text("utf-8")
    defaults = {**STUB_RECIPE["defaults"], "template": template}
    import yaml

    file.write_text(yaml.safe_dump(yaml.safe_load(text) | {"defaults": defaults}))
    return str(file)


def test_the_same_recipe_makes_nothing_again(harness: RefreshHarness) -> None:
    trial = try_recipe(harness.parameters(), SETTINGS)
    assert trial["made_again"] == trial["new"]["images"] == 0
    assert trial["old"]["recipe"].startswith("run ")
    assert [(row["old"]["prompt"] == row["new"]["prompt"], row["made_again"]) for row in trial["rows"]] == [
        (True, False)
    ] * 3


def test_a_new_template_is_shown_beside_the_old_one_with_what_it_costs(harness: RefreshHarness) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in harness.folder.rglob("*"))
    asked = harness.parameters(recipe=new_recipe(harness, "A drawing of {{ title }}"), stub_seconds=2.0)
    created = harness.folder / "new.yaml"
    trial = try_recipe(asked, SETTINGS)
    assert (trial["made_again"], trial["new"]["images"], trial["new"]["gpu_seconds"]) == (2, 2, 4.0)
    assert trial["new"]["cost"] > trial["old"]["cost"] == 0
    assert [(row["sku"], row["new"]["prompt"], row["new"]["state"], row["made_again"]) for row in trial["rows"]] == [
        ("A", "A drawing of Tall Mug", "changed", True),
        ("B", "A drawing of Toy Revolver", "blocked", False),
        ("C", "A drawing of Lamp", "changed", True),
    ]
    after = sorted((path, path.stat().st_mtime_ns) for path in harness.folder.rglob("*") if path != created)
    assert {path for path, _ in before} == {path for path, _ in after}


def test_an_empty_store_is_compared_with_the_named_recipe(harness: RefreshHarness, tmp_path: Path) -> None:
    drawing = new_recipe(harness, "A drawing of {{ title }}")
    asked = harness.parameters(recipe=drawing, engine="stub", store=str(tmp_path))
    trial = try_recipe(asked, SETTINGS, against="default@1", sample=1)
    assert (trial["old"]["recipe"], trial["made_again"], len(trial["rows"])) == ("default@1", 0, 1)
    assert trial["rows"][0]["old"]["prompt"].startswith("Studio product photograph of Tall Mug")


def test_both_pictures_of_what_differs_are_drawn_and_none_of_a_blocked_prompt(harness: RefreshHarness) -> None:
    asked = harness.parameters(recipe=new_recipe(harness, "A drawing of {{ title }}"))
    trial = try_recipe(asked, SETTINGS, folder=harness.folder / "drawn")
    assert (trial["drawn"]["pairs"], trial["drawn"]["failed"]) == (3, {})
    names = sorted(path.name for path in (harness.folder / "drawn").iterdir())
    assert names == ["1-a-front-new.png", "1-a-front-old.png", "3-c-front-new.png", "3-c-front-old.png", "index.html"]
    old, new = (decode((harness.folder / "drawn" / f"1-a-front-{side}.png").read_bytes()) for side in ("old", "new"))
    assert old.shape == new.shape
    assert (old != new).any()
    page = (harness.folder / "drawn" / "index.html").read_text("utf-8")
    assert page.count("data:image/jpeg;base64,") == 4
    assert page.count("the gates block this prompt") == 2


def test_a_row_that_keeps_its_photo_is_compared_by_what_is_known_of_the_photo_and_never_drawn(tmp_path: Path) -> None:
    shop = RefreshHarness(tmp_path, [{**row, "reference_image": ""} for row in ROWS[:2]], STUB_RECIPE)
    (tmp_path / "a.png").write_bytes(whole_photos()["PNG"])
    shop.rows[0]["reference_image"] = "a.png"
    shop.recipe = STUB_RECIPE | {"photo": {"mode": "ignore"}}
    ignoring = shop.parameters().recipe
    (tmp_path / "ignoring.yaml").write_text(Path(ignoring).read_text("utf-8"), "utf-8")
    shop.recipe = STUB_RECIPE
    asked = shop.parameters(recipe=ignoring)
    trial = try_recipe(asked, SETTINGS, against=str(tmp_path / "ignoring.yaml"), folder=tmp_path / "drawn")
    [first, _] = trial["rows"]
    assert (first["old"]["prompt"], first["old"]["mode"]) == ("Photograph of Tall Mug, seen from the front", "")
    new = {name: first["new"][name] for name in ("prompt", "mode", "photo", "state", "reasons")}
    assert new == {"prompt": "", "mode": "white", "photo": "a.png", "state": "photo not read", "reasons": []}
    assert (trial["new"]["slots"]["photos_not_read"], trial["new"]["images"]) == (1, 0)
    assert trial["warnings"] == ["1 photos are not read yet: a dry run fetches none, and a refresh does"]
    assert not list((tmp_path / "drawn").glob("1-a-front-new.png"))
    assert "white ground, the product of a.png" in (tmp_path / "drawn" / "index.html").read_text("utf-8")
