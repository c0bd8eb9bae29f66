"""Every option that other programs set can come from the environment, and the command line's word wins."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from flows.cli import app
from flows.parameters import RefreshParameters
from tests.fixtures.command_line import RunCli

OWN_RECIPE = {
    "columns": {"sku": "sku", "title": "title"},
    "models": {"turbo": {"source": "owner/turbo"}, "base": {"source": "owner/base", "revision": "a" * 40}},
    "tiers": {"standard": {"width": 256, "height": 256}},
    "views": {"front": "seen from the front"},
    "defaults": {"template": "Photograph of {{ title }}", "views": ["front"]},
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "catalogue.csv").write_text("sku,title\na,Mug\nb,Bag\n")
    (tmp_path / "recipe.yaml").write_text(json.dumps(OWN_RECIPE))
    return tmp_path / "catalogue.csv"


def plan(run_cli: RunCli, source: Path, *words: object) -> dict[str, Any]:
    said = run_cli("plan", source, "--json", *words)
    assert said.exit_code == 0, said.stderr
    return said.document


def warned(report: dict[str, Any]) -> bool:
    """Tell whether the plan says that its model is not pinned: `turbo` is not, `base` is."""
    return any("is not pinned" in warning for warning in report["warnings"])


def test_every_option_reads_its_variable(run_cli: RunCli, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, store = source.parent / "recipe.yaml", source.parent / "store"
    for name, value in {"STORE": store, "CATALOGUE": "autumn", "RECIPE": recipe, "SCOPE": "partial"}.items():
        monkeypatch.setenv(f"PACKSHOT_{name}", str(value))
    report = plan(run_cli, source)
    assert (report["catalogue"], report["scope"], warned(report)) == ("autumn", "partial", True)
    assert report["estimate"]["gpu_seconds"] > 0
    monkeypatch.setenv("PACKSHOT_MODEL", "base")
    assert not warned(plan(run_cli, source))
    monkeypatch.delenv("PACKSHOT_MODEL")

    monkeypatch.setenv("PACKSHOT_ENGINE", "stub")
    monkeypatch.setenv("PACKSHOT_STUB_SECONDS", "3")
    report = plan(run_cli, source)
    assert (report["estimate"]["gpu_seconds"], warned(report)) == (6.0, False)
    monkeypatch.setenv("PACKSHOT_MAX_COST", "0.002")
    report = plan(run_cli, source)
    assert (report["images"]["planned"], report["limits"]["deferred"]) == (1, {"over-budget": 1})
    monkeypatch.setenv("PACKSHOT_MAX_HOURS", "0.0001")
    assert plan(run_cli, source)["limits"]["deferred"] == {"out-of-time": 2}


def test_the_command_line_wins_over_the_environment(
    run_cli: RunCli, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"STORE": "s3://elsewhere/x", "CATALOGUE": "autumn", "ENGINE": "torch", "SCOPE": "full"}.items():
        monkeypatch.setenv(f"PACKSHOT_{name}", value)
    words = ("--store", source.parent / "store", "--catalogue", "winter", "--engine", "stub", "--scope", "partial")
    report = plan(run_cli, source, *words)
    assert (report["catalogue"], report["scope"], warned(report)) == ("winter", "partial", False)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ENGINE", "tpu", "--engine: "),
        ("PRECISION", "int4", "--precision: "),
        ("SCOPE", "most", "--scope: "),
        ("POLICY", "nowhere.yaml", "--policy: 'nowhere.yaml' cannot be read"),
        ("MODEL", "nobody", "--model: 'nobody' is no folder"),
        ("STUB_SECONDS", "soon", "PACKSHOT_STUB_SECONDS"),
        ("MAX_COST", "-1", "--max-cost: "),
        ("MAX_COST", "nan", "--max-cost: "),
        ("MAX_HOURS", "0", "--max-hours: "),
    ],
)
def test_a_variable_that_cannot_be_is_refused(
    run_cli: RunCli, source: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"PACKSHOT_{name}", value)
    answer = run_cli("plan", source, "--store", source.parent / "store")
    assert (answer.exit_code, said in answer.stderr) == (2, True), answer.stderr


def test_a_store_is_asked_for_by_its_variables_name(run_cli: RunCli, source: Path) -> None:
    answer = run_cli("plan", source)
    assert (answer.exit_code, "PACKSHOT_STORE" in answer.stderr) == (2, True)


@pytest.mark.parametrize("command", ["plan", "refresh"])
def test_every_field_of_a_refresh_is_an_option_with_the_form_s_words(command: str) -> None:
    options = {option.name: option for option in get_command(app).commands[command].params}  # type: ignore[attr-defined]
    for name, field in RefreshParameters.model_fields.items():
        if (command, name) == ("plan", "wait"):  # a plan takes no lease
            assert name not in options
            continue
        option = options.pop(name)
        assert (option.help, option.required) == (field.description, field.is_required())
        assert option.default == (None if field.is_required() else field.default)
        assert option.envvar == (None if name in ("source", "wait", "ask") else f"PACKSHOT_{name.upper()}")
    assert list(options) == (["prompts", "as_json"] if command == "plan" else ["as_json"])
