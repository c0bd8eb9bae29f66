"""Z-Image through TensorRT: plans are built from ONNX graphs, and painted with in place of transformer and VAE decoder.

Comes in: the graphs that `infra.onnx_graphs` writes. Goes out: a folder with two plans and a card (`making`), and what
runs them under diffusers' own pipeline (`accelerating`). `profiles` decides which shapes there are; `building` alone
makes plans and `execution` alone runs them, and both are driven on a CPU by `recording`, which answers to TensorRT's
names and computes by ONNX Runtime.
"""
