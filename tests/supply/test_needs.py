"""What the Makefile installs by hash before the checkout: the requirements of the project and of the chosen extras."""

import tomllib

import pytest

from supply.needs import requirements
from tests.paths import ROOT

PYPROJECT = ROOT / "pyproject.toml"
PROJECT = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]


def test_without_extras_only_the_project_itself_is_needed() -> None:
    assert requirements("", PYPROJECT) == PROJECT["dependencies"]


def test_each_extra_adds_its_own() -> None:
    assert requirements("s3, ocr", PYPROJECT) == [
        *PROJECT["dependencies"], *PROJECT["optional-dependencies"]["s3"], *PROJECT["optional-dependencies"]["ocr"],
    ]  # fmt: skip


def test_an_extra_that_there_is_not_is_named_with_those_there_are() -> None:
    with pytest.raises(
        SystemExit,
        match="there is no extra cuda; there are cutout, explicit, nudity, ocr, onnx, ray, s3, tensorrt, torch",
    ):
        requirements("s3,cuda", PYPROJECT)
