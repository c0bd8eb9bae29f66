"""engine bench: a table or a document, and options that are refused before anything is opened."""

import json
from pathlib import Path

import pytest

from tests.fixtures.command_line import RunCli

TINY = ("engine", "bench", "--random-weights", "turbo", "--tiny", "--sizes", "32", "--batch", "1", "--steps", "1")
TINY += ("--rounds", "1", "--backends", "eager,graphs")


@pytest.mark.slow
def test_a_tiny_bench_prints_one_document_and_keeps_it(run_cli: RunCli, tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    said = run_cli(*TINY, "--out", tmp_path / "bench.json", "--json")
    assert (said.exit_code, said.stderr) == (0, "")
    assert json.loads((tmp_path / "bench.json").read_text("utf-8")) == said.document
    assert (said.document["model"], said.document["steps"]) == ("random weights, tiny", 1)
    assert [row["backend"] for row in said.document["rows"]] == ["diffusers", "eager", "graphs"]
    assert said.document["rows"][1]["images_per_second"] > 0


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "--model or --random-weights: give one of the two"),
        (("--model", "a", "--random-weights", "turbo"), "give one of the two"),
        (("--model", "a", "--tiny"), "--tiny: it goes with --random-weights"),
        (("--random-weights", "turbo", "--sizes", "100"), "100 is not a multiple of 16"),
        (("--random-weights", "turbo", "--batch", "0"), "0 is not between 1 and 64"),
        (("--random-weights", "turbo", "--backends", "fast"), "'fast' is none of eager, compile, graphs"),
        (("--random-weights", "turbo", "--out", "/no/such/folder/a.json"), "'/no/such/folder' is no folder"),
        (("--model", "no-such-folder"), "--model"),
    ],
)
def test_options_that_are_wrong_end_it_with_exit_code_two(run_cli: RunCli, words: tuple[str, ...], reason: str) -> None:
    pytest.importorskip("diffusers")
    said = run_cli("engine", "bench", *words)
    assert said.exit_code == 2
    assert reason in said.stderr
