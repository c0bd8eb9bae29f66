"""A card says what its engine is, and one that contradicts itself is at fault."""

from typing import Any

import pytest
from pydantic import ValidationError

from catalogs.errors import OptionError
from catalogs.models.engine_artifacts import StoredFile, artifact_fault, config_pbtxt, parse_engine_facts, triton_path
from tests.fixtures.engine_artifacts import build_manifest, export_manifest, make_engine_artifact

GRAPH = build_manifest()["transformer"]


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


def test_a_card_that_agrees_with_itself_has_no_fault():
    exported = export_manifest()
    files = tuple(StoredFile(path=file["path"], bytes=1, sha256=file["sha256"]) for file in exported["files"])
    for card in (make_engine_artifact(), make_engine_artifact(document=exported, files=files),
                 make_engine_artifact(files=(), state="building")):  # fmt: skip
        assert artifact_fault(card) is None


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (build_manifest(gpu="NVIDIA L4"), "its document has other facts"),
        (build_manifest(runtime="onnxruntime"), "neither of an export nor of a built engine"),
        ({}, "neither of an export nor of a built engine"),
        (build_manifest(transformer={**GRAPH, "file": "timing.cache"}), "names 'timing.cache', which is not among"),
        *(
            (build_manifest(transformer={**GRAPH, "file": file}), "names files that are not in its folder")
            for file in ("/etc/hostname", "../../x/model.plan", "transformer//model.plan", "", 7, None)
        ),
    ],
)
def test_s4_a_card_whose_document_says_something_else_is_at_fault(document: dict[str, Any], reason: str):
    """The facts decide whether it is taken, and the document what is opened."""
    card = make_engine_artifact().model_copy(update={"document": document})
    assert reason in (artifact_fault(card) or "")


def test_s4_an_export_whose_files_are_other_ones_is_at_fault():
    exported = export_manifest()
    files = tuple(StoredFile(path=file["path"], bytes=1, sha256="0" * 64) for file in exported["files"])
    fault = artifact_fault(make_engine_artifact(document=exported, files=files))
    assert fault == "its document names 'transformer/model.onnx', which is not among the card's files"
