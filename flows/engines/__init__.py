"""Engines as commands and runs need them: selection, build, benchmark, model versions."""
