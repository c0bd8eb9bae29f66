"""Ingest: source rows to accepted rows, rejects and ignored rows."""
