"""What a host, a store and a set of settings are good for, found out by trying.

Comes in: probes, each a name, a function and its own time. Goes out: findings in the probes' order. Probes run beside
each other in threads that nobody waits for longer than their time, and what one of them raises is its own finding: a
doctor who dies of the first illness finds no second one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Literal

from infra.errors import one_line

FindingState = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class DiagnosticFinding:
    """What was found about one thing, and what to do where it is not ok."""

    name: str
    state: FindingState
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Probe:
    """One question: `ask` answers with findings within `seconds`."""

    name: str
    run: Callable[[], Sequence[DiagnosticFinding]]
    seconds: float
    advice: str = "Look at what it says, put it right, and run the same command again."
    """What to do where it does not answer, or raises."""


def diagnose(probes: Sequence[Probe]) -> list[DiagnosticFinding]:
    """Ask all probes at once and return their findings; none of them can end the others, or take longer than its time.

    A probe that hangs is left behind in a daemon thread.
    """
    began = monotonic()
    answers: list[SimpleQueue[Sequence[DiagnosticFinding]]] = []
    for probe in probes:
        queue: SimpleQueue[Sequence[DiagnosticFinding]] = SimpleQueue()
        answers.append(queue)
        Thread(
            target=lambda probe=probe, queue=queue: queue.put(_run_probe(probe)), name=probe.name, daemon=True
        ).start()
    found: list[DiagnosticFinding] = []
    for probe, queue in zip(probes, answers, strict=True):
        try:
            found += queue.get(timeout=max(0.0, began + probe.seconds - monotonic()))
        except Empty:
            found.append(DiagnosticFinding(probe.name, "failed", f"no answer within {probe.seconds:g} s", probe.advice))
    return found


def _run_probe(probe: Probe) -> Sequence[DiagnosticFinding]:
    try:
        return probe.run()
    except Exception as error:  # one probe's failure must not cost the others' answers
        said = one_line(error)
        return [DiagnosticFinding(probe.name, "failed", said, probe.advice)]
