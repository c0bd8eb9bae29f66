"""Tell whether a process of this machine is certainly dead.

Inputs: a process id, and the identity that the process recorded about itself. Outputs: True only where it is certain.
Invariant: doubt means alive. A killed process's lease can then be taken over at once instead of after its term, and a
running one never loses its lease. A process id alone proves nothing: ids are reused, and containers number their own.
The identity is the boot id, the container's process numbering, and the clock tick at which the process started. Only
Linux tells them; elsewhere nothing is ever certain. psutil does not serve here: it knows neither of the first two, its
start time moves when the clock is set, and it reports a process that /proc hides from this user as missing.
"""

import os
import socket
from pathlib import Path

_PROC = Path("/proc")
_DEAD_STATES = {"Z", "X"}


def host_name() -> str:
    """Return this machine's name, for people."""
    return socket.gethostname()


def process_identity() -> str:
    """Return text that tells this process from every other one; empty where the system does not provide it.

    Leases keep it on disk, so its form (boot id, process numbering, start tick, separated by spaces) must not change.
    """
    numbering, start_tick = _boot_and_pid_namespace(), _start_tick(os.getpid())
    return f"{numbering} {start_tick}" if numbering and start_tick else ""


def is_surely_dead(pid: int, recorded_identity: str) -> bool:
    """Tell whether the process that had `pid` and recorded this identity cannot be running any more."""
    numbering, _, start_tick = recorded_identity.rpartition(" ")
    if not numbering or numbering != _boot_and_pid_namespace():
        return False
    current_tick = _start_tick(pid)
    return not _pid_exists(pid) if current_tick is None else current_tick != start_tick


def _boot_and_pid_namespace() -> str:
    """Return this boot of this machine, and the container's numbering of processes."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _start_tick(pid: int) -> str | None:
    """Return the clock tick at which a process started: empty for a zombie, None where it cannot be read."""
    try:
        # The name, in parentheses, may itself hold spaces and parentheses.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return "" if fields[0] in _DEAD_STATES else fields[19]


def _pid_exists(pid: int) -> bool:
    # Some systems hide other users' processes from /proc; signal 0 still reaches them.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
