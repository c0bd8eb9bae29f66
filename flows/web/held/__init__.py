"""Held batches in the console: what waits for a look, old beside new, and letting it go."""
