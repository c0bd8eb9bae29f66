"""Runs: jobs, work items, attempts, the batch to release, and the report."""
