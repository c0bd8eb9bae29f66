"""Amendments."""
