"""The end of a command's process: what the interpreter would do at its end is done, and its exit code is kept."""

import subprocess
import sys

from tests.paths import ROOT

PROGRAM = """
import atexit, sys, threading, time
import pyarrow.csv
from flows.cli.process_end import end_process

class Slow:
    closed = False
    def __init__(self): self.read_blocks = 0
    def read(self, size):
        self.read_blocks += 1
        if self.read_blocks > 2:
            time.sleep(0.02)
        return b"a,b\\n" * 300_000 if self.read_blocks < 50 else b""
    def readable(self): return True
    def close(self): pass

reader = pyarrow.csv.open_csv(pyarrow.PythonFile(Slow(), mode="r"))
reader.read_next_batch()
atexit.register(lambda: print("exit functions ran"))
threading.Thread(target=lambda: (time.sleep(0.2), print("threads were joined"))).start()
sys.stdout.write("output was flushed\\n")
END
"""


def ended(end: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("END", end)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines()


def test_s7_a_command_that_ends_while_arrow_reads_ahead_keeps_its_exit_code() -> None:
    for _ in range(3):
        assert ended("end_process(2)") == (2, ["output was flushed", "threads were joined", "exit functions ran"])
