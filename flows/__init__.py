"""Sentences: order, fan-out and limits. `flows.refresh` is the one to read first."""
