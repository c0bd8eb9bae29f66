"""The TensorRT engine: Z-Image with plans in place of its transformer and VAE decoder.

Inputs: the graphs that `infra.onnx_graphs` writes. Outputs: a folder with two plans and a manifest (`engine_build`),
and a backend that runs them under diffusers' own pipeline (`tensorrt_backend`).
`profiles` decides which shapes there are; `plan_build` alone makes plans and `plan_runtime` alone runs them. Both are
tested on a CPU by `infra.testing.fake_tensorrt`, which answers to TensorRT's names and computes by ONNX Runtime.
"""
