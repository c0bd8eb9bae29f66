"""Prefect: flow parameters, artifacts, child runs, local servers and workers."""
