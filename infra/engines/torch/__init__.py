"""The torch engine: Z-Image through diffusers, with its accelerations, embeddings, placement and fp8 layers."""
