"""Amendments: changes of what is live without a refresh, each one manifest commit."""
