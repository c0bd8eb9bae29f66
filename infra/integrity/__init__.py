"""Integrity: keyed tags on stored work, so that what lies in a store is believed only as far as it can be checked."""
