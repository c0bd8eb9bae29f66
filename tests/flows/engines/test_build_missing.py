"""The engine that a run lacks is exported, built, verified and put into the store, in this order."""

import json
from pathlib import Path

import pytest

from catalogs.errors import OptionError
from catalogs.models.engine_artifacts import EngineArtifact
from catalogs.models.engine_selection import EngineRequirements, GpuPlatform
from flows.engines.build import BuildOptions
from flows.engines.build_missing import BuildSteps, build_missing_engine
from infra.interfaces import ObjectStore
from infra.onnx_graphs.graph_comparison import GraphComparison
from infra.onnx_graphs.graph_verification import GraphVerification
from infra.stores import open_store
from tasks.models.engine_repository import list_stored_engines
from tests.fixtures.engine_artifacts import TRUST, WEIGHTS_DIGEST, build_manifest


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "store"))


NEED = EngineRequirements(
    WEIGHTS_DIGEST, "bf16", ((1024, 1024), (768, 512)), GpuPlatform("11.4.0", "NVIDIA H200", (9, 0))
)


class FakeEngineBuilder:
    """Stands where a GPU would be: writes down what it is asked, and leaves the folders that the real ones leave."""

    def __init__(self, *, wrong: bool = False) -> None:
        self.wrong = wrong
        self.calls: list[tuple[str, ...]] = []

    def export(self, model: str, out: Path, precision: str, _: object) -> None:
        self.calls.append(("export", model, precision))
        out.mkdir()

    def build(self, order: BuildOptions, _: object) -> None:
        self.calls.append(("build", order.model, order.sizes, order.batch, order.precision, order.runtime))
        assert order.onnx.is_dir()
        for graph in ("transformer", "vae_decoder"):
            (order.out / graph).mkdir(parents=True)
            (order.out / graph / "model.plan").write_bytes(b"plan")
        (order.out / "card.json").write_text(json.dumps(build_manifest()))

    def open(self, engine: Path, graphs: Path) -> str:
        assert (engine / "card.json").is_file()
        return f"opener of {engine.name} with {graphs.name}"

    def verify(self, model: str, graphs: Path, _: object, opener: str) -> GraphVerification:
        self.calls.append(("verify", model, graphs.name, opener))
        case = GraphComparison("transformer", (1, 16, 8, 8), (9,), 0.75 if self.wrong else 0.001, 60.0)
        return GraphVerification("tensorrt", None, "bf16", 0.05, (case,))


def built_artifact(store: ObjectStore, builder: FakeEngineBuilder, scratch: Path) -> EngineArtifact:
    steps = BuildSteps(builder.export, builder.build, builder.open, builder.verify)
    build_missing_engine(store, "turbo", "/models/turbo", scratch, TRUST, NEED, steps)
    (card,) = list_stored_engines(store, "turbo")
    assert list(scratch.iterdir()) == []
    return card


def test_an_engine_is_exported_built_verified_where_it_lies_and_then_put_in(store: ObjectStore, tmp_path: Path) -> None:
    shop = FakeEngineBuilder()
    card = built_artifact(store, shop, tmp_path / "scratch")
    assert shop.calls == [
        ("export", "/models/turbo", "bf16"),
        ("build", "/models/turbo", "1024x1024,768x512", "1-4", "bf16", "tensorrt"),
        ("verify", "/models/turbo", "graphs", "opener of engine with graphs"),
    ]
    assert (card.version, card.state) == (1, "ready")
    assert TRUST.refusal(card) is None
    assert card.parity is not None
    assert (card.parity.max_abs_diff, card.parity.psnr) == (0.001, 60.0)


def test_an_engine_that_paints_something_else_is_put_in_as_refused(store: ObjectStore, tmp_path: Path) -> None:
    assert built_artifact(store, FakeEngineBuilder(wrong=True), tmp_path / "scratch").state == "refused"


def test_what_cannot_be_exported_says_so_and_leaves_no_scratch(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--model: The model"):
        build_missing_engine(store, "turbo", str(tmp_path / "gone"), tmp_path / "scratch", TRUST, NEED)
    assert list(list_stored_engines(store, "turbo")) == []
    assert list((tmp_path / "scratch").iterdir()) == []
