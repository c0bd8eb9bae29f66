"""Cutting products out of photos."""
