"""Folders that tests read from, so that a test module can move without counting its parents."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The checkout."""

DATA = ROOT / "tests" / "data"
"""Files that tests read."""

SHARED = ROOT.parent / "shared"
"""Material that may lie beside a checkout of ours; it is not ours to commit."""
