"""Models: the store's registry of model versions, their measured results, and built engines."""
