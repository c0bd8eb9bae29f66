"""Evaluation of engines: speed, floating-point operations, and numerical precision."""
