"""What Packshot costs on this machine, in seconds, CPU seconds and memory, each beside a plain loop.

Comes in: `python -m bench [plan|overhead|busy] [--quick] [--json]`. Goes out: tables, or one JSON document.
"""
