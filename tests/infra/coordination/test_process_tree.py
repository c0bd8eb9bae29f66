"""No descendant is left running, whether it honours SIGTERM or not."""

import subprocess
import sys

import psutil
import pytest

ROOT_PROGRAM = """
import subprocess, sys, time
from infra.coordination.process_tree import terminate_children
child = "import signal, subprocess, sys, time\\n"
if sys.argv[1] == "stubborn":
    child += "signal.signal(signal.SIGTERM, signal.SIG_IGN)\\n"
child += "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']) if sys.argv[1:] else None\\n"
child += "print('ready', flush=True); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", child] + (["parent"] if sys.argv[1] == "stubborn" else []))
sys.stdin.readline()
began = time.monotonic()
terminate_children(float(sys.argv[2]))
print(f"{time.monotonic() - began:.2f}", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("kind", "grace", "family_size"), [("polite", 30.0, 1), ("stubborn", 0.3, 2)])
def test_every_descendant_ends(kind: str, grace: float, family_size: int) -> None:
    root = subprocess.Popen(
        [sys.executable, "-c", ROOT_PROGRAM, kind, str(grace)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert root.stdin is not None
    assert root.stdout is not None
    assert root.stdout.readline() == "ready\n"
    family = psutil.Process(root.pid).children(recursive=True)
    assert len(family) == family_size
    root.stdin.write("go\n")
    root.stdin.flush()
    assert float(root.stdout.readline()) < 10
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    root.kill()
    root.wait()
    root.stdin.close()
    root.stdout.close()


def test_a_process_without_children_returns_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from infra.coordination.process_tree import terminate_children as t; t(60)"],
        timeout=20,
        check=False,
    )
    assert done.returncode == 0
