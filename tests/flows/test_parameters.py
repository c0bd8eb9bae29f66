"""What a person types becomes a job: names, rules and models are found, and the catalogue gets its name."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from catalogs.errors import OptionError, RuleFileError
from flows.cli.options import parse_parameters
from flows.parameters import RefreshParameters, built_in_base, read_policy, read_recipe
from tests.fixtures.minimal_recipes import STUB_RECIPE


def asked(**values: Any) -> RefreshParameters:
    return RefreshParameters(**({"source": "exports/Summer 2026.parquet", "store": "store"} | values))


def test_a_catalogues_name_is_the_options_else_the_recipes_else_its_files(tmp_path: Path) -> None:
    (tmp_path / "named.yaml").write_text(json.dumps(STUB_RECIPE | {"catalogue": "winter"}))
    job, warnings = asked(catalogue="autumn", recipe=str(tmp_path / "named.yaml")).resolve_job()
    assert (job.catalogue, warnings) == ("autumn", [])
    job, warnings = asked(recipe=str(tmp_path / "named.yaml")).resolve_job()
    assert (job.catalogue, warnings) == ("winter", [])
    job, [warning] = asked().resolve_job()
    assert job.catalogue == "summer-2026"
    assert "taking 'summer-2026' from its file" in warning
    assert asked(source="s3://exports/Catálogo Nº 5/").resolve_job()[0].catalogue == "catalogo-no-5"


@pytest.mark.parametrize("name", ["", "-a", "A", "a_b", "a" * 64, "../a", "a/b", "é"])
def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match="must be 1 to 63 of a-z, 0-9 and dashes"):
        asked(source="???.csv", catalogue=name).resolve_job()


def test_the_recipes_that_ship_are_known_by_name_and_others_by_file() -> None:
    assert read_recipe("shopify").inherit is not None
    with pytest.raises(
        RuleFileError, match=r"'shopfy' cannot be read .* nor one of .*, shopify; did you mean 'shopify'\?"
    ):
        read_recipe("shopfy")
    with pytest.raises(OptionError, match="--policy: 'strict' cannot be read"):
        read_policy("strict")


def safetensors_bytes(data: bytes) -> bytes:
    """Return a file of one tensor that holds the data."""
    tensor = {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}
    header = json.dumps({"weight": tensor}).encode()
    return len(header).to_bytes(8, "little") + header + data


def test_a_local_folder_is_a_model_by_its_content_and_not_by_its_place(tmp_path: Path) -> None:
    for place in ("here", "there"):
        folder = tmp_path / place / "transformer"
        folder.mkdir(parents=True)
        index = {"_class_name": "ZImagePipeline", "transformer": ["diffusers", "ZImageTransformer2DModel"]}
        (folder.parent / "model_index.json").write_text(json.dumps(index))
        (folder / "weights.safetensors").write_bytes(safetensors_bytes(b"weights"))
    jobs = [asked(model=str(tmp_path / place)).resolve_job()[0] for place in ("here", "there")]
    names = [job.recipe.provenance_by_name["chosen"].model for job in jobs]
    assert names[0] == names[1]
    assert jobs[0].recipe.default_model == "chosen"
    (tmp_path / "there" / "transformer" / "weights.safetensors").write_bytes(safetensors_bytes(b"other weights"))
    assert asked(model=str(tmp_path / "there")).resolve_job()[0].recipe.provenance_by_name["chosen"].model != names[0]


def test_a_hub_model_needs_its_whole_commit() -> None:
    recipe = asked(model=f"owner/name@{'0' * 40}").resolve_job()[0].recipe
    assert (recipe.models["chosen"].source, recipe.models["chosen"].pinned) == ("owner/name", True)
    for revision in ("main", "0" * 7, "", "g" * 40, "0" * 41):
        with pytest.raises(OptionError, match="is no full hub commit"):
            asked(model=f"owner/name@{revision}").resolve_job()


def test_the_stub_needs_no_model_whatever_is_said() -> None:
    recipe = asked(engine="stub", model="/no/such/folder").resolve_job()[0].recipe
    assert {model.family for model in recipe.models.values()} == {"stub"}


def test_unknown_parameters_are_refused_and_values_are_not_repeated() -> None:
    with pytest.raises(ValidationError, match="secret") as caught:
        asked(secret="hunter2")  # noqa: S106 - a test's own
    assert "hunter2" not in str(caught.value)


def test_a_brand_library_is_found_beside_its_policy_and_given_as_a_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rules" / "marks").mkdir(parents=True)
    (tmp_path / "rules" / "shop.yaml").write_text("extends: default\noptional: [logos]\nlogos: {library: marks}\n")
    monkeypatch.chdir(tmp_path)
    policy = read_policy("rules/shop.yaml")
    assert policy.scanner_settings["logos"]["library"] == str(tmp_path / "rules" / "marks")
    (tmp_path / "rules" / "marks").rmdir()
    with pytest.raises(OptionError, match=r"--policy: rules/shop.yaml: logos.library: 'marks' is no folder"):
        read_policy("rules/shop.yaml")


@pytest.mark.parametrize(
    "source",
    [
        "https://shop.test/cat.csv?sig=hunter22",
        "https://ada:hunter22@shop.test/cat.csv",
        "zip://a.csv::http://ada:hunter22@shop.test/cat.zip",
        "s3://bucket/cat.csv?X-Amz-Signature=hunter22",
    ],
)
def test_s8_a_source_with_a_credential_is_refused_before_anything_keeps_it(source: str) -> None:
    with pytest.raises(ValidationError) as caught:
        asked(source=source)
    assert "hunter22" not in str(caught.value)
    with pytest.raises(OptionError, match="--source: The source's ") as refused:
        parse_parameters(source=source, store="store")
    assert "hunter22" not in str(refused.value)


def test_s8_a_models_url_is_refused_and_not_repeated() -> None:
    for model in (f"https://ada:hunter22@hub.test/owner/name@{'0' * 40}", "https://hub.test/name?token=hunter22"):
        with pytest.raises(OptionError, match="--model: a model is a folder, hub-id@commit or a name") as caught:
            asked(model=model).resolve_job()
        assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("extends: shopify@1\n", "shopify@1"), ("extends: default\n", "default@1"), ("columns: {sku: sku}\n", None)],
)
def test_the_built_in_recipe_behind_a_file_is_known(tmp_path: Path, text: str, expected: str | None) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(text)
    found = built_in_base(str(file))
    assert (found and str(found)) == expected
    assert str(built_in_base("default")) == "default@1"
