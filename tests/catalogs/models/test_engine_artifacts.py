"""An engine fits a machine, or there is a reason why not; nothing of it is ever loaded to find out."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from catalogs.errors import OptionError
from catalogs.models.engine_artifacts import (
    EngineArtifact,
    EngineRequirements,
    GpuPlatform,
    StoredFile,
    config_pbtxt,
    explain_selection,
    parse_engine_facts,
    select_engine,
    triton_path,
)
from tests.fixtures.engine_artifacts import H100, H200, PASSED_PARITY, REQUIREMENTS, WEIGHTS_DIGEST, build_manifest

L4 = GpuPlatform("11.4.0", "NVIDIA L4", (8, 9))
T4 = GpuPlatform("11.4.0", "Tesla T4", (7, 5))


def export_manifest() -> dict[str, Any]:
    files = [{"path": f"{graph}/{name}", "sha256": sha * 64} for graph, name, sha in
             (("transformer", "model.onnx", "1"), ("transformer", "model.onnx.data", "2"), ("vae_decoder", "model.onnx", "3"))]  # fmt: skip  # noqa: E501
    graphs = {"transformer": {}, "vae_decoder": {}}
    return {"kind": "onnx", "weights_digest": WEIGHTS_DIGEST, "precision": "bf16", "graphs": graphs, "files": files}


def make_engine_artifact(version: int = 1, document: dict[str, Any] | None = None, **changes: Any) -> EngineArtifact:
    document = document or build_manifest()
    whole = (StoredFile(path="transformer/model.plan", bytes=5, sha256="c" * 64),)
    fields = {"state": "ready", "files": whole, "parity": PASSED_PARITY, **changes}
    return EngineArtifact(
        model="turbo", version=version, by="gpu-1", added_at=datetime.now(UTC), facts=parse_engine_facts(document),
        document=document, **fields,
    )  # fmt: skip


def test_the_facts_of_a_built_engine_are_those_of_its_card():
    facts = parse_engine_facts(build_manifest())
    assert (facts.runtime, facts.tensorrt, facts.gpu, facts.compute_capability, facts.driver) == (
        "tensorrt", "11.4.0", "NVIDIA H200", (9, 0), "580.1",
    )  # fmt: skip
    assert facts.onnx_digests == {"transformer": "a" * 64, "vae_decoder": "b" * 64}
    assert facts.profiles["transformer"] == ({"batch": (1, 4, 4)},)
    assert (facts.sizes, facts.batch) == (((1024, 1024), (768, 1024)), 4)


def test_a_graphs_digest_covers_its_weights_and_no_other_graph():
    facts, other = parse_engine_facts(export_manifest()), export_manifest()
    other["files"][1]["sha256"] = "9" * 64
    moved = parse_engine_facts(other)
    assert facts.onnx_digests["transformer"] != moved.onnx_digests["transformer"]
    assert facts.onnx_digests["vae_decoder"] == moved.onnx_digests["vae_decoder"]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"kind": "onnx"},
        build_manifest(compatibility="all"),
        build_manifest(batch=4),
        build_manifest(runtime="onnxruntime"),
    ],
)
def test_what_is_neither_an_export_nor_an_engine_is_refused(document: dict[str, Any]):
    with pytest.raises(OptionError, match="neither of an export nor of a built engine"):
        parse_engine_facts(document)


def test_the_newest_engine_that_fits_is_taken():
    cards = [
        make_engine_artifact(1),
        make_engine_artifact(2),
        make_engine_artifact(3, build_manifest(gpu="NVIDIA L4", compute_capability=[8, 9])),
    ]
    choice = select_engine(cards, REQUIREMENTS)
    assert choice.artifact is not None
    assert choice.artifact.version == 2
    assert choice.incompatibilities == {3: "it was built for NVIDIA L4, and this is NVIDIA H200"}


@pytest.mark.parametrize(
    ("card", "need", "reason"),
    [
        (make_engine_artifact(), EngineRequirements("e" * 64, "bf16", (), H200), "it is of other weights"),
        (
            make_engine_artifact(),
            EngineRequirements(WEIGHTS_DIGEST, "fp32", (), H200),
            "it computes in bf16, not in fp32",
        ),
        (make_engine_artifact(document=export_manifest()), REQUIREMENTS, "it holds graphs and no plans"),
        (
            make_engine_artifact(),
            EngineRequirements(WEIGHTS_DIGEST, "bf16", (), None),
            "there is no TensorRT on this machine",
        ),
        (
            make_engine_artifact(document=build_manifest(tensorrt="11.5.0")),
            REQUIREMENTS,
            "it was built by TensorRT 11.5.0, and this is 11.4.0",
        ),
        (
            make_engine_artifact(),
            EngineRequirements(WEIGHTS_DIGEST, "bf16", (), H100),
            "it was built for NVIDIA H200, and this is NVIDIA H100",
        ),
        (
            make_engine_artifact(),
            EngineRequirements(WEIGHTS_DIGEST, "bf16", ((512, 512), (64, 64)), H200),
            "it has no profile for 512x512, 64x64",
        ),
        (
            make_engine_artifact(files=(), state="building"),
            REQUIREMENTS,
            "gpu-1 is putting it in, or was stopped while doing so",
        ),
        (
            make_engine_artifact(state="building", parity=None),
            REQUIREMENTS,
            "it is not verified: `packshot engine verify` does",
        ),
        (
            make_engine_artifact(
                state="refused", parity=PASSED_PARITY.model_copy(update={"passed": False, "max_abs_diff": 0.26})
            ),
            REQUIREMENTS,
            "it is refused: it differs by 0.26, and 0.05 is allowed",
        ),
        (
            make_engine_artifact(
                state="refused", parity=PASSED_PARITY.model_copy(update={"passed": False, "max_abs_diff": None})
            ),
            REQUIREMENTS,
            "it is refused: its outputs are not numbers",
        ),
    ],
)
def test_an_engine_that_does_not_fit_says_why(card: EngineArtifact, need: EngineRequirements, reason: str):
    assert select_engine([card], need).incompatibilities == {1: reason}
    assert select_engine([card], need).artifact is None


@pytest.mark.parametrize(
    ("compatibility", "fitting"),
    [("none", {H200}), ("same-compute-capability", {H200, H100}), ("ampere-plus", {H200, H100, L4})],
)
def test_how_far_a_plan_reaches_is_what_it_was_built_for(compatibility: str, fitting: set[GpuPlatform]):
    card = make_engine_artifact(document=build_manifest(compatibility=compatibility))
    found = {
        each
        for each in (H200, H100, L4, T4)
        if select_engine([card], EngineRequirements(WEIGHTS_DIGEST, "bf16", (), each)).artifact is not None
    }
    assert found == fitting


def test_a_report_hears_of_every_engine_that_was_passed_over():
    cards = [
        make_engine_artifact(1, build_manifest(tensorrt="11.5.0")),
        make_engine_artifact(2, state="building", parity=None),
    ]
    assert explain_selection("turbo", select_engine(cards, REQUIREMENTS)) == (
        "no engine of 'turbo' fits (version 1: it was built by TensorRT 11.5.0, and this is 11.4.0; "
        "version 2: it is not verified: `packshot engine verify` does)"
    )
    assert explain_selection("turbo", select_engine([], REQUIREMENTS)) == "there is no engine of 'turbo' in the store"


def test_a_graphs_file_lies_where_triton_looks():
    assert triton_path("transformer/model.plan") == "transformer/1/model.plan"
    assert triton_path("vae_decoder/model.onnx.data") == "vae_decoder/1/model.onnx.data"
    assert triton_path("timing.cache") == "timing.cache"


def test_tritons_configuration_names_every_axis_that_is_fixed():
    ports = {
        "inputs": [{"name": "image_patches", "type": "bf16", "shape": ["batch", "image_tokens", 64]}],
        "outputs": [{"name": "velocity", "type": "bf16", "shape": ["batch", "image_tokens", 64]}],
    }
    assert config_pbtxt("transformer", "onnxruntime", ports).splitlines() == [
        'name: "transformer"',
        'backend: "onnxruntime"',
        "max_batch_size: 0",
        'input { name: "image_patches" data_type: TYPE_BF16 dims: [ -1, -1, 64 ] }',
        'output { name: "velocity" data_type: TYPE_BF16 dims: [ -1, -1, 64 ] }',
    ]
    assert config_pbtxt("vae_decoder", "tensorrt", None).splitlines()[1:] == [
        'backend: "tensorrt"',
        "max_batch_size: 0",
    ]


@pytest.mark.parametrize("path", ["/etc/passwd", "../card.json", "a/../../b", "a//b", "", "a\\..\\b", "."])
def test_a_card_cannot_name_a_file_outside_of_its_folder(path: str):
    with pytest.raises(ValidationError, match="not a relative path"):
        StoredFile(path=path, bytes=1, sha256="a" * 64)


@given(
    st.lists(st.sampled_from(["ready", "building", "refused"]), max_size=6),
    st.sampled_from([H200, H100, T4, None]),
    st.sampled_from(["bf16", "fp32"]),
)
def test_every_engine_is_chosen_or_explained_and_only_ready_ones_are_chosen(
    states: list[Any], machine: GpuPlatform | None, precision: str
):
    cards = [make_engine_artifact(number, state=state) for number, state in enumerate(states, 1)]
    choice = select_engine(cards, EngineRequirements(WEIGHTS_DIGEST, precision, ((1024, 1024),), machine))
    fitting = set(range(1, len(cards) + 1)) - choice.incompatibilities.keys()
    assert all(states[number - 1] == "ready" for number in fitting)
    assert (choice.artifact.version if choice.artifact else None) == max(fitting, default=None)
