"""A shortcut through whole runs for the tests of tasks that amend what a run published."""

from tests.fixtures.run_shortcuts import reduced_audit

__all__ = ["reduced_audit"]
