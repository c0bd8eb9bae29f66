"""Composition: adapters are chosen and opened here."""
