"""S6: strangers' texts on the way to a terminal, in commands as they are: names, columns, rows, rules, keys, reasons.

What a command writes is looked at byte by byte: nothing but visible characters and line breaks leaves it.
"""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.cli import main
from tests.fixtures.command_line import CommandResult
from tests.fixtures.minimal_recipes import STUB_RECIPE
from tests.fixtures.refresh_harness import RefreshHarness
from tests.infra.test_visible_text import acts

HOSTILE = "\x1b[2Jx\x1b]0;PWNED\x07\x9b31m\x7f\u202e\u2028"
pytestmark = pytest.mark.usefixtures("reduced_audit", "inline_screening")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> RefreshHarness:
    rows = [{"sku": "thing-1", "title": f"Thing {HOSTILE}"}, {"sku": "thing-2", "title": "Thing Two"}]
    harness = RefreshHarness(tmp_path_factory.mktemp("shop"), rows, STUB_RECIPE)
    harness.refresh()
    return harness


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object) -> CommandResult:
    monkeypatch.setattr("sys.argv", ["packshot", *map(str, words)])
    with pytest.raises(SystemExit) as caught:
        main()
    shown = capsys.readouterr()
    return CommandResult(int(caught.value.code or 0), shown.out, shown.err)


def hostile_source(kind: str, folder: Path) -> Path:
    """Write a source whose reading fails at a hostile text."""
    path = folder / f"source.{'csv' if 'csv' in kind else kind.split()[0]}"
    if kind == "csv header":
        path.write_text(f"{HOSTILE}h2,{HOSTILE}h1\n1,2\n", "utf-8")
    elif kind == "csv row":
        path.write_text(f"sku,title\nA,x,{HOSTILE}extra\n", "utf-8")
    elif kind == "csv twice":
        path.write_text(f"sku,title,{HOSTILE},{HOSTILE}\n1,2,3,4\n", "utf-8")
    elif kind == "jsonl column":
        lines = [{"sku": "1", HOSTILE: 1}, {"sku": "2", HOSTILE: {"a": HOSTILE}}]
        path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    elif kind == "jsonl line":
        path.write_text(f'{{"sku": "1"}}\n{{"{HOSTILE}', "utf-8")
    elif kind == "parquet column":
        pq.write_table(pa.table({HOSTILE: ["1"], f"{HOSTILE}2": ["x"]}), path)
    elif kind == "csv name":
        path = folder / f"{HOSTILE.replace('/', '')}.csv"
        path.write_text("a,b\n1,2\n", "utf-8")
    return path


@pytest.mark.parametrize("kind", ["csv header", "csv row", "csv name", "jsonl column", "jsonl line", "parquet column"])
def test_s6_a_source_that_cannot_be_read_is_named_visibly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str
) -> None:
    source = hostile_source(kind, tmp_path)
    done = run(
        monkeypatch, capsys, "plan", source, "--store", tmp_path / "store", "--catalogue", "c", "--engine", "stub"
    )
    assert (done.exit_code, acts(done.stdout + done.stderr, allowed="\n")) == (2, [])
    assert done.stderr.count("\n") == 1
    assert "PWNED" in done.stderr or kind in {"jsonl line", "csv name"}


def test_s6_columns_that_no_recipe_reads_are_named_visibly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source = hostile_source("csv twice", tmp_path)
    words = ("--store", tmp_path / "store", "--catalogue", "c", "--engine", "stub")
    done = run(monkeypatch, capsys, "plan", source, *words)
    assert (done.exit_code, acts(done.stdout + done.stderr, allowed="\n")) == (0, [])
    assert "more than one column" in done.stdout


@pytest.mark.parametrize("option", ["--recipe", "--policy"])
@pytest.mark.parametrize("text", [f"{HOSTILE}: 1\n", f'"{"views"}": {json.dumps(HOSTILE)}\n', f"[{HOSTILE}"])
def test_s6_a_rule_file_that_is_refused_is_quoted_visibly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, option: str, text: str
) -> None:
    (tmp_path / "rules.yaml").write_text(text, "utf-8")
    (tmp_path / "c.csv").write_text("sku,title\n1,One\n", "utf-8")
    words = ("plan", tmp_path / "c.csv", "--store", tmp_path / "store", "--catalogue", "c", "--engine", "stub")
    done = run(monkeypatch, capsys, *words, option, tmp_path / "rules.yaml")
    assert (done.exit_code, acts(done.stdout + done.stderr, allowed="\n")) == (2, [])


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("why", "thing-1"), 0),
        (("why", f"absent{HOSTILE}"), 0),
        (("readmit", "thing-1", "--reason", HOSTILE), 0),
        (("rollback", "--sku", HOSTILE), 2),
        (("rollback", "--run", HOSTILE), 2),
        (("approve", HOSTILE, "--channel", f"c{HOSTILE}", "--reason", HOSTILE), 2),
        (("releases",), 0),
        (("verify",), 0),
        (("verify", "--catalogue", HOSTILE), 2),
        (("channels", HOSTILE), 2),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_s6_commands_answer_hostile_arguments_and_stored_texts_visibly(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shop: RefreshHarness,
    words: tuple[str, ...],
    code: int,
    as_json: bool,
) -> None:
    monkeypatch.setenv("PACKSHOT_STORE", shop.parameters().store)
    done = run(monkeypatch, capsys, *words, *(["--json"] if as_json else []))
    assert acts(done.stdout + done.stderr, allowed="\n") == []
    assert done.exit_code == code, done.stderr
    if as_json and done.stdout:
        json.loads(done.stdout)


def test_s6_json_of_a_hostile_title_is_exact(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shop: RefreshHarness
) -> None:
    done = run(monkeypatch, capsys, "why", "thing-1", "--store", shop.parameters().store, "--json")
    prompts = [slot["prompt"] for slot in done.document["slots"]]
    assert any("PWNED" in prompt for prompt in prompts), prompts


def test_s6_the_process_of_the_finding_writes_no_escape_byte(tmp_path: Path) -> None:
    source = hostile_source("csv header", tmp_path)
    words = ["plan", str(source), "--store", str(tmp_path / "store"), "--catalogue", "c", "--engine", "stub"]
    done = subprocess.run([sys.executable, "-m", "flows.cli", *words], capture_output=True, check=False)
    assert done.returncode == 2
    assert not {*range(32), 127} - {10} & set(done.stderr + done.stdout)
    assert b"it has '\\x1b[2Jx\\x1b]0;PWNED\\x07\\x9b31m\\x7f\\u202e\\u2028h2'" in done.stderr
