"""The commands of `packshot`, one module per group."""
