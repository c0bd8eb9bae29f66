"""All questions are asked, whatever becomes of one of them."""

from threading import Event

from infra.diagnosis import DiagnosticFinding, Probe, diagnose


def test_a_probe_that_fails_or_hangs_is_a_finding_and_spares_the_others() -> None:
    never = Event()

    def hang() -> list[DiagnosticFinding]:
        never.wait()
        return []

    def fail() -> list[DiagnosticFinding]:
        raise OSError("the disk is away")

    probes = [
        Probe("hangs", hang, 0.2, "Pull the plug."),
        Probe("fails", fail, 5),
        Probe("works", lambda: [DiagnosticFinding("one", "ok", "1"), DiagnosticFinding("two", "ok", "2")], 5),
    ]
    assert [(each.name, each.state, each.found) for each in diagnose(probes)] == [
        ("hangs", "failed", "no answer within 0.2 s"), ("fails", "failed", "the disk is away"),
        ("one", "ok", "1"), ("two", "ok", "2"),
    ]  # fmt: skip
    never.set()
