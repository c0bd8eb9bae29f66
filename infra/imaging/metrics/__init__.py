"""Image metrics: raw numbers about pixels; a policy decides on them elsewhere."""
