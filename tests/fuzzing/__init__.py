"""Fuzzing: every parser of bytes that strangers, or writers of a store, may choose.

`targets.py` names the parsers, `seeds.py` gives valid inputs, `mutations.py` changes them by structure, and
`__main__.py` runs one target under libFuzzer: `python -m tests.fuzzing --list`. What was found stands in
`tests/data/fuzzing` and is replayed by `test_cases.py`.
"""

from tests.paths import ROOT

CASES = ROOT / "tests" / "data" / "fuzzing"
"""Where the inputs that once broke a parser are kept, in a folder for each target."""
