"""Training of packshot-nano: the autoencoder, the transformer with its text encoder, and their evaluation."""
