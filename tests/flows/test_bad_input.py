"""Bad input from outside: a sentence that says what is wrong and what to do, the right exit code, and nothing lost.

Every refusal is asked of the command line and of a refresh in the middle of a shop's life: afterwards the shop shows
what it showed, and nothing stands in the next good night's way.
"""

import io
import json
import shutil
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from catalogs import layout
from catalogs.errors import InputError, OptionError, RuleFileError, SettingsError
from catalogs.rule_files import read_packaged_rules
from catalogs.table_schemas import REJECTS
from flows.cli import main
from flows.parameters import RefreshParameters
from flows.refresh import run_refresh
from flows.run.dry_run import plan_refresh
from flows.run.executors import open_thread_executor
from infra.errors import InvalidStoreAddress, StoreError, UnreadableSource
from infra.settings import Settings
from infra.stores.parquet_objects import read_row_groups, read_table
from tests.fixtures.minimal_recipes import FIELDS, STUB_RECIPE, stub_recipe_text, write_torch_recipe
from tests.fixtures.refresh_harness import SETTINGS, RefreshHarness, Row, assert_published_images, write_csv
from tests.fixtures.run_shortcuts import warnings_of_the_run

pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")

WRONG = (InputError, UnreadableSource, InvalidStoreAddress)


@pytest.fixture(scope="module")
def first_release(tmp_path_factory: pytest.TempPathFactory) -> RefreshHarness:
    rows = [{"sku": f"thing-{number}", "title": f"Thing No. {number}"} for number in range(10)]
    shop = RefreshHarness(tmp_path_factory.mktemp("first"), rows, STUB_RECIPE)
    assert shop.refresh().slot_counts() == {"new": 10, "published": 10}
    return shop


@pytest.fixture
def harness(first_release: RefreshHarness, tmp_path: Path) -> RefreshHarness:
    shutil.copytree(first_release.folder / "store", tmp_path / "store")
    return RefreshHarness(tmp_path, list(first_release.rows), STUB_RECIPE)


@pytest.fixture
def run_failing_cli(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Return what runs a command in this process and gives its exit code and its words on stderr."""

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["packshot", *words])
        with pytest.raises(SystemExit) as caught:
            main()
        shown = capsys.readouterr()
        assert shown.out == ""
        code = caught.value.code
        assert isinstance(code, int)
        return code, shown.err

    return run


RunFailingCli = Callable[..., tuple[int, str]]


def assert_refused(
    harness: RefreshHarness, run_failing_cli: RunFailingCli, words: tuple[str, ...], **changes: str
) -> str:
    """Ask plan and refresh, which must refuse in the same words and lose nothing; return those of the command."""
    before, asked = harness.manifest(), harness.parameters().model_copy(update=changes)
    code, said = run_failing_cli("plan", asked.source, *options_of(asked))
    assert code == 2, said
    assert said.startswith("packshot: ")
    assert len(said.strip().splitlines()) == 1, said
    assert [word for word in words if word not in said] == []
    with pytest.raises(WRONG) as caught, open_thread_executor() as hands:
        run_refresh(RefreshParameters(**asked.model_dump()), SETTINGS, hands)
    assert [word for word in words if word not in str(caught.value)] == []
    if "source" in changes:
        assert_nothing_lost(harness, before)
    else:  # the options are wrong, so no run was begun that a good night would have to clear away
        assert (harness.manifest(), harness.open_run_markers()) == (before, [])
    return said


def options_of(asked: RefreshParameters) -> list[str]:
    """Return the command's options that stand for what is asked."""
    values = asked.model_dump(exclude_defaults=True)
    return [f"--{name}={value}" for name, value in values.items() if name != "source"]


def assert_nothing_lost(harness: RefreshHarness, before: dict[Any, Any]) -> None:
    assert harness.manifest() == before
    assert_published_images(harness.store, before)
    night = harness.refresh()
    assert night.slot_counts() == {}
    assert night.report["slots"]["unchanged"] == len(before)
    assert harness.open_run_markers() == []


# The catalogue as a whole


def parquet(rows: int) -> bytes:
    sink = pa.BufferOutputStream()
    columns = {"sku": [f"{number}" for number in range(rows)], "title": [f"Title {number}" for number in range(rows)]}
    pq.write_table(pa.table(columns, schema=pa.schema([("sku", pa.string()), ("title", pa.string())])), sink)
    return bytes(sink.getvalue())


def workbook() -> bytes:
    """Return the beginnings of an Excel workbook: its parts, empty."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in ("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml", "xl/worksheets/sheet1.xml"):
            archive.writestr(name, "<x/>")
    return content.getvalue()


WHOLE = parquet(5_000)
OPEN_QUOTE = b"sku,title\n" + b'a,"b"\n' * 2_000 + b'c,"never closed\n' + b"d,e\n" * 100
SOURCES: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "letter.parquet": (b"Dear shop, the export is attached.", ("letter.parquet", "is not Parquet", "export it again")),
    "cut.parquet": (WHOLE[: len(WHOLE) // 2], ("cut.parquet", "its end is missing", "export it again")),
    "rotten.parquet": (WHOLE[:200] + WHOLE[260:], ("rotten.parquet", "Row group 1 of 1", "export it again")),
    "none.parquet": (parquet(0), ("none.parquet", "has no rows", "nothing is retired")),
    "header.csv": (b"sku,title\n", ("header.csv", "has no rows", "nothing is retired")),
    "empty.csv": (b"", ("empty.csv", "is empty (0 bytes)", "export it again")),
    "untitled.csv": (b"sku,name\nthing-1,Thing\n", ("no column 'title'", "it has sku, name", "Map it under columns")),
    "open.csv": (OPEN_QUOTE, ("open.csv", "a quote opens in row 2002", "double the quotes inside them")),
    "bytes.csv": (bytes(range(256)) * 8, ("bytes.csv", "holds binary data", "export it again")),
    "broken.jsonl": (b'{"sku": "a", "title": "b"}\n{"sku":\n', ("broken.jsonl", "row 2", "export it again")),
    "book.xlsx": (workbook(), ("book.xlsx", "Excel workbook", "save its sheet as CSV")),
    "cut.zip": (workbook()[:-30], ("cut.zip", "is damaged or no zip", "export it again")),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_catalogue_that_cannot_be_read_is_refused_and_nothing_is_lost(
    harness: RefreshHarness, run_failing_cli: RunFailingCli, name: str
) -> None:
    content, words = SOURCES[name]
    (harness.folder / name).write_bytes(content)
    assert_refused(harness, run_failing_cli, words, source=str(harness.folder / name))


def test_a_catalogue_that_is_not_there_is_refused(harness: RefreshHarness, run_failing_cli: RunFailingCli) -> None:
    assert_refused(
        harness,
        run_failing_cli,
        ("no file or folder", "gone.parquet", "check the path"),
        source=str(harness.folder / "gone.parquet"),
    )
    (harness.folder / "folder").mkdir()
    assert_refused(
        harness, run_failing_cli, ("holds no data files", "put Parquet, CSV"), source=str(harness.folder / "folder")
    )


def test_an_export_that_lost_most_of_its_rows_is_held_by_name_and_retires_nothing(harness: RefreshHarness) -> None:
    all_rows = harness.rows
    harness.rows = harness.rows[:1]
    night = harness.refresh()
    assert night.report["held"] == ["retired-share"]
    assert (night.report["slots"]["retired"], night.after) == (9, night.before)
    [check] = [check for check in night.report["checks"] if not check["success"]]
    assert (check["name"], check["observed"]) == ("retired-share", 0.9)

    # A worse export the night after takes no batch's place; a good one does.
    (harness.folder / "empty.csv").write_text("sku,title\n")
    with pytest.raises(InputError, match="has no rows"):
        harness.refresh(source=str(harness.folder / "empty.csv"))
    assert any(night.report["run_id"] in marker for marker in harness.open_run_markers())
    harness.rows = all_rows
    assert_nothing_lost(harness, night.before)


def test_a_held_batch_can_still_be_released_after_a_night_that_could_not_be_read(harness: RefreshHarness) -> None:
    harness.rows = harness.rows[:8]
    held = harness.refresh()
    (harness.folder / "untitled.csv").write_text("sku,name\nthing-1,Thing\n")
    with pytest.raises(InputError, match="no column 'title'"):
        harness.refresh(source=str(harness.folder / "untitled.csv"))
    released = harness.release(held.report["run_id"], ["retired-share"])
    assert len(released.removed) == 2
    assert harness.refresh().slot_counts() == {}
    assert harness.open_run_markers() == []


# Single rows


def test_awkward_rows_are_rejected_with_their_reason_and_the_others_are_published(harness: RefreshHarness) -> None:
    wrong: list[tuple[dict[str, str], str, str]] = [
        ({"sku": ""}, "sku", "sku is missing"),
        ({"sku": " \t "}, "sku", "holds invisible control characters"),
        ({"sku": "bell\a"}, "sku", r"the SKU 'bell\x07' holds invisible control characters"),
        ({"sku": "zero\u200bwidth"}, "sku", "holds invisible control characters"),
        ({"sku": "turned\u202eback"}, "sku", "holds invisible control characters"),
        ({"sku": "x" * 201}, "sku", "longer than 200 characters"),
        ({"sku": "thing-3"}, "sku", "the SKU 'thing-3' was given before, in row 4"),
        ({"sku": unicodedata.normalize("NFD", "café")}, "sku", "the SKU 'café' was given before, in row 11"),
        ({"title": ""}, "title", "title is missing"),
        ({"title": "\x00\x1f"}, "title", "title is missing"),
        ({"title": "long " * 200_000}, "title", "title is 999,999 characters long; the limit is 20,000"),
        ({"title": "word " * 2_000}, "prompt", "it is 10,0"),
        ({"width": "1003"}, "width", "the size '1003' is no multiple of 16 from 64 to 4096 pixels"),
        ({"width": "100000", "height": "16"}, "width", "the size '100000' is no multiple"),
        ({"views": "front;inside"}, "views", "'inside' is no view of the recipe: front"),
        ({"reference_image": "x" * 20_001}, "reference_image", "reference_image is 20,001 characters long"),
    ]
    right: list[Row] = [
        {"sku": "café", "title": "Café Crème Cup"},
        {"sku": "../../etc", "title": "Basket"},
        {"sku": "/etc/passwd", "title": "Password Book"},
        {"sku": "🎉🎉", "title": "Party Ball 🎉"},
        {"sku": "THING-1", "title": "Another Thing"},
        {"sku": "code", "title": "{{ 7 * 7 }}{% for x in y %} <script>alert(1)</script> Box"},
        {"sku": "sql'; drop table --", "title": "Shirt"},
        {"sku": "sized", "title": "Wide Mug", "width": "320.0", "height": "256"},
        {"sku": "long", "title": "a very " * 400 + "long Boot"},
    ]
    unusable = [
        {"height": "-512"},
        {"height": "1e400"},
        {"height": "tall"},
        {"seed": "-1"},
        {"seed": str(2**60)},
        {"num_images": "1000000"},
        {"quality": "mega"},
        {"model": "/etc/passwd"},
        {"created_at": "yesterday"},
    ]
    right += [{"sku": f"kept-{number}", "title": f"Kept {number}"} | cell for number, cell in enumerate(unusable)]
    plain = harness.rows
    full = dict.fromkeys(FIELDS, "")
    bad = [
        full | {"sku": f"bad-{number}", "title": f"Bad {number}"} | cell for number, (cell, _, _) in enumerate(wrong)
    ]
    harness.rows = [full | row for row in plain] + [full | row for row in right] + bad
    night = harness.refresh()

    assert night.report["rows"] == {"input": 44, "accepted": 28, "rejected": 16, "ignored": 0}
    assert night.slot_counts() == {"new": 18, "published": 18}
    assert {name[0] for name in night.added} == {row["sku"] for row in right}
    rejects = read_table(harness.store, layout.RunFiles(night.report["run_id"]).rejects, REJECTS).to_pylist()
    for reject, (number, (_, column, reason)) in zip(rejects, enumerate(wrong, start=29), strict=True):
        assert (reject["row"], reject["column"]) == (number, column)
        assert reason in reject["reason"]
    warnings = warnings_of_the_run(night.report)
    assert [warning.split(":")[0].split(";")[0] for warning in warnings] == [
        "1 × SKUs that differ from another one by upper and lower case only",
        "4 × height is no size in pixels (a multiple of 16 from 64 to 4096) and was left out",
        "2 × seed is no whole number from 0 to 2^52 and was left out",
        "1 × num_images is no number of images from 1 to 16 and was left out",
        "1 × quality is no tier of the recipe and was left out",
        "1 × model is no model of the recipe and was left out",
        "1 × created_at is no time that can mean one thing only and was left out",
        "2 × SKUs were given by an earlier row",
        "6 rejected rows have no readable SKU",
    ]
    assert "'-512' in row 20, '1e400' in row 21, 'tall' in row 22" in warnings[1]
    assert_published_images(harness.store, night.after)
    assert_safe_names(harness, {name[0]: row["object"] for name, row in night.after.items()})
    prompts = [text for table in read_row_groups(harness.store, layout.RunFiles(night.report["run_id"]).requests_prefix)
               for text in table["prompt"].to_pylist()]  # fmt: skip
    assert "Photograph of {{ 7 * 7 }}{% for x in y %} <script>alert(1)</script> Box, seen from the front" in prompts


def assert_safe_names(harness: RefreshHarness, objects: dict[str, str]) -> None:
    """Fail where a SKU led an object out of its catalogue's folder, or two SKUs into one."""
    folders = {sku: key.split("/")[2] for sku, key in objects.items()}
    assert {key.split("/")[:2] == ["published", "shop"] and key.count("/") for key in objects.values()} == {3}
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for name in folders.values()), folders
    assert len({name.casefold() for name in folders.values()}) == len(folders)
    assert {path.name for path in harness.folder.iterdir()} == {"store", "catalogue.csv", "recipe.yaml"}


def test_nulls_of_every_kind_are_rejected_and_stop_all_retiring(harness: RefreshHarness) -> None:
    harness.parameters()
    columns = {
        "sku": pa.array([None, "thing-1", "new"], pa.string()),
        "title": pa.array(["No SKU", None, "New Lamp"], pa.string()),
        "width": pa.array([None, 512.0, float("nan")], pa.float64()),
        "views": pa.array([None, None, ["front"]], pa.list_(pa.string())),
        "seed": pa.nulls(3),
    }
    pq.write_table(pa.table(columns), harness.folder / "nulls.parquet")
    night = harness.refresh(source=str(harness.folder / "nulls.parquet"))
    assert night.slot_counts() == {"new": 1, "published": 1}
    assert [(reject["row"], reject["sku"], reject["column"]) for reject in night.report["rejects"]] == [
        (1, None, "sku"),
        (2, "thing-1", "title"),
    ]
    assert {name[0] for name in night.added} == {"new"}
    assert night.removed == set()


# The rules


def template(text: str) -> str:
    return stub_recipe_text(defaults={"views": ["front"], "template": text})


RECIPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "loops": (template("{% for n in range(10**9) %}x{% endfor %}"), ("defaults.template", "may not use `for`")),
    "recursion": (template("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), ("may not use `macro`",)),
    "attributes": (template("{{ title.__class__.__mro__ }}"), ("defaults.template", "may not use `getattr`")),
    "items": (template("{{ title['__class__'] }}"), ("may not use `getitem`",)),
    "calls": (template("{{ title.format(1) }}"), ("may not use `call`",)),
    "attr": (template("{{ title | attr('__class__') }}"), ("may not use the filter `attr`",)),
    "sums": (template("{{ title * 1000000000 }}"), ("may not use `mul`",)),
    "files": (template("{% include '/etc/passwd' %}"), ("may not use `include`",)),
    "unfinished": (template("{{ title"), ("defaults.template", "does not parse (line 1)")),
    "unknown-name": (template("{{ colour }}"), ("uses colour", "it may use: ")),
    "empty": (template("  "), ("defaults.template", "it is empty; leave it out, or describe the image")),
    "not-yaml": ("columns: [sku, title", ("not YAML", "line 1")),
    "yaml-code": ("!!python/object/apply:os.system ['true']", ("not YAML", "python/object/apply")),
    "a-list": ("- sku\n- title\n", ("must hold a mapping of fields", "this is a list")),
    "unknown-field": (stub_recipe_text(colour="red"), ("colour: Extra inputs are not permitted",)),
    "unknown-inner-field": (
        stub_recipe_text(finish={"qualty": 90}),
        ("finish.qualty: Extra inputs are not permitted",),
    ),
    "odd-size": (stub_recipe_text(tiers={"standard": {"width": 1000}}), ("tiers.standard.width", "multiple of 16")),
    "absurd-size": (stub_recipe_text(tiers={"standard": {"height": 16_000_000}}), ("tiers.standard.height", "4096")),
    "unknown-view": (stub_recipe_text(defaults={"views": ["inside"], "template": "x"}), ("defaults.views", "'front'")),
    "unmapped": (stub_recipe_text(required=["sku", "brand"]), ("the field 'brand' is used but has no column",)),
    "wrong-engine": (
        stub_recipe_text(engine="torch"),
        ("models.stub", "'torch' does not run models"),
    ),
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_that_cannot_be_followed_is_refused_with_its_file_and_field(
    harness: RefreshHarness, run_failing_cli: RunFailingCli, name: str
) -> None:
    text, words = RECIPES[name]
    path = harness.folder / f"{name}.yaml"
    path.write_text(text, "utf-8")
    assert_refused(harness, run_failing_cli, (f"{name}.yaml", *words), recipe=str(path))


def policy(**changes: Any) -> str:
    return json.dumps(yaml.safe_load(read_packaged_rules("policy")) | changes)


POLICIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "unknown-field": (policy(strictness=9), ("policy.txt: strictness: Extra inputs are not permitted",)),
    "no-words": ("version: 1\nimage: []\n", ("policy.txt: words: Field required",)),
    "written-twice": (
        read_packaged_rules("policy") + "\nwords: {categories: {}}\n",
        ("the key 'words' is written twice",),
    ),
    "unknown-score": (
        policy(image=[{"score": "beauty", "reason": "ugly", "block_below": 1}]),
        ("'beauty' is none of",),
    ),
    "falling": (
        policy(image=[{"score": "blur.foreground", "reason": "blurred", "block_below": 9, "review_below": 3}]),
        ("image.0", "thresholds must rise"),
    ),
    "unknown-suite": (policy(audit="nightly"), ("no built-in rules named 'nightly'",)),
    "not-yaml": ("words: {", ("policy.txt: not YAML",)),
}


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_that_cannot_be_followed_is_refused_with_its_file_and_field(
    harness: RefreshHarness, run_failing_cli: RunFailingCli, name: str
) -> None:
    text, words = POLICIES[name]
    (harness.folder / "policy.txt").write_text(text, "utf-8")
    assert_refused(harness, run_failing_cli, words, policy=str(harness.folder / "policy.txt"))


# Options and settings


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"engine": "tpu"}, ("--engine", "'torch', 'tensorrt' or 'stub'")),
        ({"precision": "int4"}, ("--precision", "'fp32', 'bf16' or 'fp8'")),
        ({"scope": "most"}, ("--scope", "'full' or 'partial'")),
        ({"catalogue": "../other"}, ("--catalogue", "'../other'", "a-z, 0-9 and dashes")),
        ({"recipe": "nowhere.yaml"}, ("--recipe", "'nowhere.yaml' cannot be read", "nor one of default")),
        ({"policy": "nowhere.yaml"}, ("--policy", "'nowhere.yaml' cannot be read")),
        ({"store": "https://shop/images"}, ("'https://'", "use one of file://")),
        ({"store": "memory://shop"}, ("memory:// store keeps no tables", "use a folder")),
        ({"store": "s3://bucket/x?key=hunter2"}, ("'?' or '#'", "remove it")),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_is_refused_by_name(
    harness: RefreshHarness, run_failing_cli: RunFailingCli, changes: dict[str, str], words: tuple[str, ...]
) -> None:
    before = harness.manifest()
    asked = harness.parameters().model_copy(update=changes)
    code, said = run_failing_cli("plan", asked.source, *options_of(asked))
    assert (code, [word for word in words if word not in said]) == (2, [])
    assert "hunter2" not in said
    assert (harness.manifest(), harness.open_run_markers()) == (before, [])


@pytest.mark.parametrize("place", ["store", "source"])
def test_a_url_with_a_password_is_refused_without_repeating_it(
    harness: RefreshHarness, run_failing_cli: RunFailingCli, place: str
) -> None:
    url = "s3://shop:hunter2@bucket/prefix"
    asked = harness.parameters().model_copy(update={place: url})
    code, said = run_failing_cli("plan", asked.source, *options_of(asked))
    assert (code, "by the environment" in said or "from the environment" in said) == (2, True)
    assert "hunter2" not in said
    with pytest.raises(ValueError, match=r"a user or (a )?password") as caught:
        RefreshParameters(**(harness.parameters().model_dump() | {place: url}))
    assert "hunter2" not in str(caught.value)


def test_a_model_that_is_not_pinned_is_planned_with_a_warning_and_refused_before_anything_is_bought(
    harness: RefreshHarness,
) -> None:
    before = harness.manifest()
    asked = harness.parameters(recipe=write_torch_recipe(harness))
    [warning] = warnings_of_the_run(plan_refresh(asked, SETTINGS))
    assert warning.startswith("A refresh will be refused. The model 'turbo' (Tongyi-MAI/Z-Image-Turbo) is not pinned")
    unpinned = r"'turbo' .* is not pinned: set `revision` to a full hub commit"
    with pytest.raises(RuleFileError, match=unpinned), open_thread_executor() as hands:
        run_refresh(asked, SETTINGS, hands)
    assert harness.open_run_markers() == []
    assert_nothing_lost(harness, before)


def test_a_model_folder_with_pickled_weights_is_refused(
    harness: RefreshHarness, run_failing_cli: RunFailingCli
) -> None:
    folder = harness.folder / "model"
    (folder / "transformer").mkdir(parents=True)
    index = {"_class_name": "ZImagePipeline", "transformer": ["diffusers", "ZImageTransformer2DModel"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "transformer" / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04.")
    words = ("--model", "transformer/diffusion_pytorch_model.bin", "only safetensors", "Convert the model")
    assert_refused(harness, run_failing_cli, words, recipe=write_torch_recipe(harness), model=str(folder))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("nobody", "'nobody' is no folder, no id@revision, and none of ['turbo']"),
        ("owner/name@main", "the revision 'main' is no full hub commit (40 hex digits)"),
        ("{folder}/store", "has no readable model_index.json"),
    ],
)
def test_a_model_that_is_no_model_is_refused(
    harness: RefreshHarness, run_failing_cli: RunFailingCli, model: str, words: str
) -> None:
    recipe = write_torch_recipe(harness)
    assert_refused(
        harness, run_failing_cli, ("--model", words), recipe=recipe, model=model.format(folder=harness.folder)
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SHARD_SIZE", "0", "PACKSHOT_SHARD_SIZE: Input should be greater than or equal to 1; it was '0'"),
        ("IN_FLIGHT", "many", "PACKSHOT_IN_FLIGHT: Input should be a valid integer"),
        ("GPU", "abacus", "PACKSHOT_GPU: 'abacus' is none of rtx-4090"),
        ("PRICES", "nowhere.yaml", "PACKSHOT_PRICES: 'nowhere.yaml' cannot be read"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_its_variable(
    harness: RefreshHarness,
    run_failing_cli: RunFailingCli,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    words: str,
) -> None:
    monkeypatch.setenv(f"PACKSHOT_{name}", value)
    asked = harness.parameters()
    code, said = run_failing_cli("plan", asked.source, *options_of(asked))
    assert (code, words in said) == (2, True), said


def test_a_price_list_without_the_gpu_is_said_before_the_night_and_not_after_it(harness: RefreshHarness) -> None:
    before = harness.manifest()
    harness.rows.append({"sku": "new", "title": "New Lamp"})
    with pytest.raises(SettingsError, match="PACKSHOT_GPU: 'abacus'"), open_thread_executor() as hands:
        run_refresh(harness.parameters(), Settings(gpu="abacus"), hands)
    assert (harness.manifest(), harness.open_run_markers()) == (before, [])


def test_a_store_that_cannot_be_written_is_the_worlds_fault_and_named(
    tmp_path: Path, first_release: RefreshHarness
) -> None:
    (tmp_path / "store").write_text("a file in the way")
    shop = RefreshHarness(tmp_path, list(first_release.rows), STUB_RECIPE)
    with (
        pytest.raises(StoreError, match=r"store file://.*/store cannot be used: .*Not a directory"),
        open_thread_executor() as hands,
    ):
        run_refresh(shop.parameters(), SETTINGS, hands)
    assert (tmp_path / "store").read_text() == "a file in the way"
    (tmp_path / "store").unlink()
    assert shop.refresh().slot_counts() == {"new": 10, "published": 10}


def test_releasing_a_run_that_is_not_there_is_refused(harness: RefreshHarness, run_failing_cli: RunFailingCli) -> None:
    for run in ("20260101T000000-00000000", "../../etc", ""):
        code, said = run_failing_cli(
            "release", run, "--store", str(harness.folder / "store"), "--accept=x", "--reason=y"
        )
        assert (code, f"has no run {run!r}" in said) == (2, True), said
    with pytest.raises(OptionError):
        harness.release("nobody", ["retired-share"])


def test_two_rows_of_one_sku_keep_the_first_and_its_picture(harness: RefreshHarness) -> None:
    harness.rows = [*harness.rows, {"sku": "thing-1", "title": "A usurper"}]
    write_csv(harness.folder / "catalogue.csv", harness.rows)
    night = harness.refresh()
    assert (night.slot_counts(), night.after) == ({}, night.before)
    assert [reject["reason"] for reject in night.report["rejects"]] == [
        "the SKU 'thing-1' was given before, in row 2"
    ]  # fmt: skip
