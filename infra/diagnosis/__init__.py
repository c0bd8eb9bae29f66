"""Diagnose a host, a store and its settings by trying them.

Inputs: probes, each a name, a function and a time limit. Outputs: findings in the probes' order. Probes run
concurrently; one that hangs or raises gets a finding of its own, and never hides another's result.
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
    """The state of one thing, what was observed, and what to do where it is not ok."""

    name: str
    state: FindingState
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Probe:
    """One check: `run` returns findings within `seconds`."""

    name: str
    run: Callable[[], Sequence[DiagnosticFinding]]
    seconds: float
    advice: str = "Correct what the message names, and run the same command again."
    """What to do where the probe hangs or raises."""


def diagnose(probes: Sequence[Probe]) -> list[DiagnosticFinding]:
    """Run all probes concurrently and return their findings; none can stop another or exceed its time limit.

    A probe that hangs is left behind in a daemon thread.
    """
    began = monotonic()
    queues: list[SimpleQueue[Sequence[DiagnosticFinding]]] = []
    for probe in probes:
        queue: SimpleQueue[Sequence[DiagnosticFinding]] = SimpleQueue()
        queues.append(queue)
        Thread(
            target=lambda probe=probe, queue=queue: queue.put(_run_probe(probe)), name=probe.name, daemon=True
        ).start()
    findings: list[DiagnosticFinding] = []
    for probe, queue in zip(probes, queues, strict=True):
        try:
            findings += queue.get(timeout=max(0.0, began + probe.seconds - monotonic()))
        except Empty:
            findings.append(
                DiagnosticFinding(probe.name, "failed", f"no answer within {probe.seconds:g} s", probe.advice)
            )
    return findings


def _run_probe(probe: Probe) -> Sequence[DiagnosticFinding]:
    try:
        return probe.run()
    except Exception as error:  # one probe's failure must not hide the others' results
        return [DiagnosticFinding(probe.name, "failed", one_line(error), probe.advice)]
