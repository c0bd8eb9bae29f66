"""A process that was told to gives freed memory back, though small things that it keeps lie between."""

import subprocess
import sys

import pytest

from tests.paths import ROOT

PROGRAM = """
import resource
import numpy as np
import pyarrow as pa
from infra.process_memory import return_freed_memory

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20

if {is_told}:
    return_freed_memory()
    return_freed_memory()
np.ones(2**20)  # freed at once: glibc takes its size for one that comes again
begin, kept, large = resident_mb(), [], []
for number in range(400):
    large.append(np.ones(32 * 1024))
    kept.append(bytearray(100_000))
full = resident_mb()
del large
print(pa.default_memory_pool().backend_name, round(full - begin), round(full - resident_mb()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the resident memory is read from /proc")
@pytest.mark.parametrize("is_told", [True, False])
def test_large_blocks_are_given_back(is_told: bool) -> None:
    command = [sys.executable, "-c", PROGRAM.format(is_told=is_told)]
    pool, taken, returned = subprocess.check_output(command, cwd=ROOT, text=True).split()
    assert int(taken) > 130, "400 blocks of 256 KB, and what is kept"
    if is_told:
        assert (pool, int(returned) >= 95) == ("system", True), f"{returned} of 100 MB came back"
    else:
        assert int(returned) < 50, "the C library gives it back by itself: the module is not needed any more"
