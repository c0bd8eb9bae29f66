"""Runs: their state in the store, what their tasks share, their budget and their releases."""
