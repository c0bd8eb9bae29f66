"""Flows: the order, fan-out and limits of the work. Read `flows.refresh` first."""
