"""Engines by name: options are read or refused before a model is opened."""

from pathlib import Path

import pytest

from catalogs.errors import OptionError, RuleFileError
from flows.engines.benchmark import (
    parse_backends,
    parse_batch_sizes,
    parse_names,
    parse_sides,
    random_weights,
    resolve_engine_option,
)
from infra.settings import Settings


def test_sizes_and_batches_are_read_in_order_and_once_each() -> None:
    assert parse_sides("1024, 512,512") == [512, 1024]
    assert parse_batch_sizes("4,1") == [1, 4]


@pytest.mark.parametrize("text", ["", "512;768", "a", "-16", "512,", "1e3"])
def test_what_is_no_list_of_numbers_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"--sizes: .* is no size"):
        parse_sides(text)


@pytest.mark.parametrize("text", ["72", "0", "4112"])
def test_a_size_that_the_model_cannot_paint_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=f"--sizes: {text} is not a multiple of 16 up to 4096"):
        parse_sides(text)


def test_a_batch_of_none_is_refused() -> None:
    with pytest.raises(OptionError, match="--batch: 0 is not between 1 and 64"):
        parse_batch_sizes("0,1")


def test_names_must_be_known() -> None:
    assert parse_names("--backends", "b, a,b", ("a", "b")) == ["b", "a"]
    with pytest.raises(OptionError, match="--backends: 'c' is none of a, b"):
        parse_names("--backends", "a,c", ("a", "b"))


def test_a_model_is_named_as_refresh_names_it() -> None:
    settings = Settings(acceleration="compile", unverified=True)
    spec = resolve_engine_option(f"owner/name@{'a' * 40}", "fp8", settings)
    assert (spec.name, spec.source, spec.revision, spec.precision) == ("torch", "owner/name", "a" * 40, "fp8")
    assert (spec.acceleration, spec.unverified) == ("compile", True)
    with pytest.raises(RuleFileError, match="is not pinned"):
        resolve_engine_option("turbo", None, settings)
    with pytest.raises(RuleFileError, match="--model: '/nowhere/at/all' is no folder"):
        resolve_engine_option("/nowhere/at/all", None, settings)


def test_a_large_random_model_needs_a_gpu_and_the_tiny_one_does_not() -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(OptionError, match="'turbo' needs a GPU, and there is none here; add --tiny"):
        random_weights("turbo", tiny=False)
    with pytest.raises(OptionError, match="'omni' is none of turbo, tiny"):
        random_weights("omni", tiny=True)
    assert random_weights("turbo", tiny=True) == random_weights("tiny", tiny=False)


def test_the_backend_tensorrt_needs_an_engine_and_an_engine_is_measured(tmp_path: Path) -> None:
    pytest.importorskip("diffusers")
    assert list(parse_backends("graphs, eager", None)) == ["graphs", "eager"]
    with pytest.raises(OptionError, match="--backends: tensorrt needs --engine DIR"):
        parse_backends("eager,tensorrt", None)
    with pytest.raises(OptionError, match=r"--engine: .* lacks card\.json"):
        parse_backends("eager", tmp_path)
