"""The stub engine: generated product cards, for rehearsals and tests without a model."""
