"""An engine specification travels between processes as plain values."""

import pickle
from dataclasses import FrozenInstanceError

import pytest

from infra.engines.spec import EngineSpec


def test_it_pickles_to_a_few_hundred_bytes() -> None:
    spec = EngineSpec("torch", "/models/z-image", weights_digest="ab" * 32, precision="bf16", acceleration="graphs")
    data = pickle.dumps(spec)
    assert len(data) < 500
    assert pickle.loads(data) == spec  # noqa: S301 - our own bytes


def test_it_cannot_be_changed_after_it_was_made() -> None:
    with pytest.raises(FrozenInstanceError):
        EngineSpec("stub").precision = "bf16"  # type: ignore[misc]
