"""Z-Image as ONNX graphs: what they are, how they are fed, how they are written, run and compared.

Comes in: a diffusers pipeline. Goes out: two graphs (the transformer, the VAE's decoder) that ONNX Runtime and
TensorRT can run, and proof that they give what diffusers gives. `contract` names the graphs' inputs and outputs and
needs no library; `front_end` needs torch; `modules` and `writing` need packshot[torch,onnx].
"""
