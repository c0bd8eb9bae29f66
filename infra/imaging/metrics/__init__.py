"""Numbers measured on pixels: fingerprints for duplicates, metrics for quality."""
