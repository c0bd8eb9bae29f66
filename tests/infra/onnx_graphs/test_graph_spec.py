"""The graphs' names and shapes: plain data that any machine can read."""

import subprocess
import sys

from infra.onnx_graphs.graph_spec import TRANSFORMER, VAE_DECODER, fixed_axis_sizes, padded_length


def test_the_contract_needs_neither_torch_nor_onnx():
    heavy = "{'torch', 'onnx', 'onnxruntime', 'diffusers'} & set(sys.modules)"
    code = f"import sys, infra.onnx_graphs.graph_spec; print({heavy} or 'none')"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "none"


def test_sizes_that_a_model_fixes_stand_in_its_shapes_and_the_others_keep_their_names():
    z_image = {"in_channels": 16, "cap_feat_dim": 2560, "dim": 3840, "n_heads": 30}
    sizes = fixed_axis_sizes(z_image, {"latent_channels": 16})
    shapes = {port.name: port.shape(sizes) for port in (*TRANSFORMER.inputs, *VAE_DECODER.outputs)}
    assert shapes["image_patches"] == ("batch", "image_tokens", 64)
    assert shapes["caption_features"] == ("batch", "caption_tokens", 2560)
    assert shapes["image_cosines"] == ("image_tokens", 64)
    assert shapes["images"] == ("batch", 3, "image_rows", "image_columns")


def test_tokens_are_padded_to_the_next_multiple_of_32():
    assert [padded_length(tokens) for tokens in (1, 31, 32, 33, 512)] == [32, 32, 32, 64, 512]
