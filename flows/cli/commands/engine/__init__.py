"""The `packshot engine` commands, one per module."""
