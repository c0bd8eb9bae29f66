"""Benchmarks of Packshot on this machine: seconds, CPU seconds and memory, each beside a plain loop.

Inputs: `python -m bench [PART] [--quick] [--json]`. Outputs: tables, or one JSON document.
"""
