"""Whether a process of this machine is surely dead.

Comes in: what a process once wrote about itself. Goes out: True only where there is no doubt, so that what a killed
process held can be taken over at once instead of after its lease's time. Process ids alone would not do: they are used
again, and containers number their own. Linux only; elsewhere nothing is ever sure.
"""

import os
import socket
from pathlib import Path

_PROC = Path("/proc")


def host_name() -> str:
    """Return this machine's name, for people."""
    return socket.gethostname()


def process_identity() -> str:
    """Return what tells this process from every other, or an empty text where the system does not say."""
    world, started = _boot_and_pid_namespace(), _start_ticks(os.getpid())
    return f"{world} {started}" if world and started else ""


def is_surely_dead(pid: int, recorded_identity: str) -> bool:
    """Tell whether the process that had `pid` and called itself `told` cannot be running any more."""
    world, _, started = recorded_identity.rpartition(" ")
    if not world or world != _boot_and_pid_namespace():
        return False
    now = _start_ticks(pid)
    return not _pid_exists(pid) if now is None else now != started


def child_pids(pid: int) -> list[int]:
    """Return the processes that a process has started and that are alive; none where the system does not say."""
    found = []
    for place in _PROC.glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended while we looked
        if fields[0] not in {"Z", "X"} and int(fields[1]) == pid:
            found.append(int(place.name))
    return found


def _boot_and_pid_namespace() -> str:
    """Return this boot of this machine, and the container's numbering of processes."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _start_ticks(pid: int) -> str | None:
    """Return the clock tick at which a process began: empty for mere remains, None where it cannot be read."""
    try:
        # The name, in parentheses, may itself hold spaces and parentheses.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return "" if fields[0] in {"Z", "X"} else fields[19]


def _pid_exists(pid: int) -> bool:
    # Some systems hide other users' processes from /proc; a signal that is not sent still finds them.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
