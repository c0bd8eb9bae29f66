"""Every command line of the documentation is run against a rehearsal's store where that needs no GPU, cluster, bucket
or server, and otherwise checked against the command line's own options, the Makefile, the extras or the deployments.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pyarrow.csv as pa_csv
import pytest
import typer
import yaml
from deltalake import DeltaTable, write_deltalake
from typer.testing import CliRunner

from flows.cli import app
from flows.parameters import RefreshParameters
from infra.settings import Settings
from tests.docs.documents import CommandLine, command_lines, inline_commands
from tests.paths import ROOT

RUN_COMMANDS = {
    "plan", "releases", "verify", "sweep", "rollback", "channels", "provenance", "policy try", "policy apply",
    "engine list", "engine models", "engine register", "engine promote", "engine canary", "engine rollback",
}  # fmt: skip
"""Commands that are run. The others need a GPU, a model, a cluster, a bucket or a person."""

SUBSTITUTES = {
    "s3://shop-images": "rehearsal/store",
    "./store": "rehearsal/store",
    "woocommerce.csv": str(ROOT / "catalogs/data/sample.csv"),
    "s3://lake/products": "lake",
    "catalogue.parquet": str(ROOT / "catalogs/data/sample.csv"),
    "home.yaml": "sample",
    "home": "sample",
    "/models/z-image-turbo": "stub/1",
    "/models/z-image-turbo-2": "stub/2",
    "41": "1",
}
"""What stands in a command of the documentation, and what it is run with."""

EXIT_CODES = {"packshot engine promote z-image-turbo 2 --store s3://shop-images": 1}
"""Commands that end with another code than 0: the stored runs hold too little of the candidate."""

POLICY = "extends: default\nimage:\n  - {score: fill.side, reason: small-in-frame, review_below: 0.4, source: a test}\n"


COMMAND_LINE: Any = typer.main.get_command(app)


def _command(words: tuple[str, ...] | list[str]) -> tuple[str, Any, list[str]]:
    """Return a command line's command by name, and the words after it."""
    command, rest, names = COMMAND_LINE, list(words[1:]), []
    while hasattr(command, "commands") and rest and rest[0] in command.commands:
        command = command.commands[rest[0]]
        names.append(rest.pop(0))
    return " ".join(names), command, rest


PACKSHOT_LINES = [line for line in command_lines() if line.words and line.words[0] == "packshot"]
RUN_LINES = [line for line in PACKSHOT_LINES if _command(line.words)[0] in RUN_COMMANDS and not line.variables]
RUN_PAGES = sorted({line.page for line in RUN_LINES})


def test_the_command_lines_are_counted() -> None:
    others = [line for line in command_lines() if line not in PACKSHOT_LINES]
    checked = len(PACKSHOT_LINES) - len(RUN_LINES) + len(others)
    print(f"documentation: {len(RUN_LINES)} commands run, {checked} checked, {len(inline_commands())} in running text")  # noqa: T201 - to be read
    assert len(RUN_LINES) >= 25
    assert checked >= 25
    assert {line.words[0] for line in others if line.words} <= {"make", "pip", "prefect", "export"}


@pytest.mark.parametrize("line", PACKSHOT_LINES, ids=[f"{at}-{line.page}" for at, line in enumerate(PACKSHOT_LINES)])
def test_a_packshot_command_is_understood_as_it_is_typed(line: CommandLine) -> None:
    name, command, rest = _command(line.words)
    assert name, line
    command.make_context(name, rest)  # raises where an option, a value or an argument is wrong
    assert {variable.partition("=")[0] for variable in line.variables} <= _known_variables(), line


@pytest.mark.parametrize("page", RUN_PAGES)
def test_the_commands_of_a_page_run(page: str, store_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(store_copy.parents[1])
    Path("new.yaml").write_text(POLICY, "utf-8")
    write_nested_sources()
    published = DeltaTable(str(store_copy / "manifest/sample")).to_pyarrow_table(columns=["object"])
    picture = str(store_copy / published["object"][0].as_py())
    for line in (line for line in RUN_LINES if line.page == page):
        words = [SUBSTITUTES.get(word, picture if word == "picture.jpg" else word) for word in line.words[1:]]
        if line.words[1] == "plan":
            words = [*_without_option(words, "--engine", "--recipe"), "--recipe", "sample"]
        result = CliRunner().invoke(app, words, catch_exceptions=False)
        expected = EXIT_CODES.get(" ".join(line.words), 0)
        assert result.exit_code == expected, f"{line}\n{result.output}"


def write_nested_sources() -> None:
    """Write the sample catalogue as a JSON document and as a Delta table of four versions."""
    table = pa_csv.read_csv(ROOT / "catalogs/data/sample.csv")
    Path("products.json").write_text(json.dumps({"data": {"products": table.to_pylist()}}, default=str), "utf-8")
    for _ in range(4):
        write_deltalake("lake", table, mode="overwrite")


def _without_option(words: list[str], *options: str) -> list[str]:
    return [word for at, word in enumerate(words) if word not in options and not (at and words[at - 1] in options)]


def _known_variables() -> set[str]:
    settings = {f"PACKSHOT_{name.upper()}" for name in Settings.model_fields}
    options = {
        str(one.envvar)
        for line in PACKSHOT_LINES
        for one in _command(line.words)[1].params
        if getattr(one, "envvar", None)
    }
    return settings | options | {"PREFECT_API_URL", "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"}


@pytest.mark.parametrize(
    "line", [line for line in command_lines() if line not in PACKSHOT_LINES], ids=lambda line: str(line)[:90]
)
def test_another_command_names_what_exists(line: CommandLine) -> None:
    words = line.words
    if not words or words[0] == "export":
        variables = {word.partition("=")[0] for word in (*line.variables, *words[1:])}
        assert variables <= _known_variables()
    elif words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    elif words[0] == "pip":
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        extras = re.fullmatch(r"packshot\[([\w,]+)\]", words[2])
        assert extras is not None
        assert set(extras[1].split(",")) <= set(project["optional-dependencies"])
    else:
        assert words[:3] == ("prefect", "deployment", "run")
        document = yaml.safe_load((ROOT / "infra/deploy/prefect.yaml").read_text("utf-8"))
        assert words[3].partition("/")[2] in {deployment["name"] for deployment in document["deployments"]}
        given = {words[at + 1].partition("=")[0] for at, word in enumerate(words) if word == "-p"}
        assert given <= set(RefreshParameters.model_fields)


def test_commands_in_running_text_and_their_options_exist() -> None:
    wrong = []
    for page, words in inline_commands():
        name, command, _ = _command(words)
        options = {option for one in getattr(command, "params", ()) for option in (*one.opts, *one.secondary_opts)}
        placeholder = words[1].isupper()  # `packshot COMMAND --help`
        if not placeholder and (
            not name or not {word for word in words if word.startswith("--")} <= options | {"--help"}
        ):
            wrong.append(f"{page}: {' '.join(words)}")
    assert wrong == []
