"""The engine that a run lacks is made once, put into the store and verified; where that fails, torch paints."""

import json
import logging
from pathlib import Path

import pytest

from catalogs.engine_cards import Machine, Need
from flows import engine_making
from flows.engine_making import make_engine_for
from flows.engines import BuildOptions
from infra.engines.tensorrt.opening import EngineOpener
from infra.interfaces import ObjectStore
from infra.stores import open_store
from tasks.engine_store import engines, mark_engine, read_engine
from tests.catalogs.test_engine_cards import PASSED, WEIGHTS, built


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "store"))


NEED = Need(WEIGHTS, "bf16", ((1024, 1024), (768, 512)), Machine("11.4.0", "NVIDIA H200", (9, 0)))


class Workshop:
    """Stands where a GPU would be: writes down what it is asked, and leaves the folders that the real ones leave."""

    def __init__(self) -> None:
        self.done: list[tuple[str, ...]] = []

    def export(self, model: str, out: Path, precision: str, _: object) -> None:
        self.done.append(("export", model, precision))
        out.mkdir()

    def build(self, order: BuildOptions, _: object) -> None:
        self.done.append(("build", order.model, order.sizes, order.batch, order.precision, order.runtime))
        assert order.onnx.is_dir()
        (order.out / "transformer").mkdir(parents=True)
        (order.out / "transformer" / "model.plan").write_bytes(b"plan")
        (order.out / "card.json").write_text(json.dumps(built()))

    def verify(self, store: ObjectStore, engine: str, model: str, _: object, graphs: Path, opener: object) -> None:
        self.done.append(("verify", engine, model))
        assert graphs.is_dir()
        assert opener is EngineOpener
        mark_engine(store, read_engine(store, *_split(engine)), PASSED)


def _split(engine: str) -> tuple[str, int]:
    name, version = engine.split("/")
    return name, int(version)


def test_an_engine_is_exported_built_put_in_and_verified_and_leaves_no_scratch(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Workshop()
    monkeypatch.setattr(engine_making, "export_graphs", shop.export)
    monkeypatch.setattr(engine_making, "build_engine", shop.build)
    monkeypatch.setattr(engine_making, "verify_engine", shop.verify)
    make_engine_for(store, "turbo", "/models/turbo", NEED, tmp_path / "scratch")
    assert shop.done == [
        ("export", "/models/turbo", "bf16"),
        ("build", "/models/turbo", "1024x1024,768x512", "1-4", "bf16", "tensorrt"),
        ("verify", "turbo/1", "/models/turbo"),
    ]
    (card,) = engines(store, "turbo")
    assert (card.version, card.state) == (1, "ready")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_what_cannot_be_made_is_said_and_keeps_nobody_waiting(
    store: ObjectStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        make_engine_for(store, "tiny", str(tmp_path / "gone"), NEED, tmp_path / "scratch")
    assert "No TensorRT engine of 'tiny' could be made, so torch paints: --model: The model" in caplog.text
    assert list(engines(store, "tiny")) == []
