"""ONNX graphs of Z-Image: their inputs and outputs, preprocessing, export, runtime and verification.

Inputs: a diffusers pipeline. Outputs: two graphs (the transformer, the VAE decoder) that ONNX Runtime and TensorRT run,
and proof that they return what diffusers returns.
`graph_spec` names the graphs' inputs and outputs and needs no library; `preprocessing` needs torch; `export_modules`
and `graph_writer` need packshot[torch,onnx].
"""
