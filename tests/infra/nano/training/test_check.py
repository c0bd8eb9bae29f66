"""The check of the model: what it counts, and what it refuses to begin with."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from infra.nano.drawing.captions import Subject
from infra.nano.drawing.rendering import Look
from infra.nano.training.check import SUBJECT_GROUPS, main

COMMAND = typer.Typer()
COMMAND.command()(main)


def test_pictures_are_counted_by_all_that_was_asked_for() -> None:
    subject = Subject("mug", "side", Look("red", "striped"))
    assert {kind: of(subject) for kind, of in SUBJECT_GROUPS.items()} == {
        "product": "mug",
        "view": "side",
        "colour": "red",
        "pattern": "striped",
    }


@pytest.mark.parametrize(("option", "value"), [("--samples", "20"), ("--model", "nowhere")])
def test_too_few_samples_and_a_missing_model_are_refused(tmp_path: Path, option: str, value: str) -> None:
    given = {"--model": str(tmp_path), "--samples": "200"} | {option: value}
    done = CliRunner().invoke(COMMAND, [word for pair in given.items() for word in pair])
    assert (done.exit_code, done.stdout) == (2, "")
    assert option in done.stderr
